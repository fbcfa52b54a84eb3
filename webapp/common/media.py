"""At which address does a browser get an artifact, and what if it may not?"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from webapp.common import artifacts, problems
from webapp.common.errors import DomainError


@require_safe
def media(request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """Answer with the artifact that the signed address names."""
    try:
        return artifacts.serve(request, digest, extension)
    except DomainError as error:
        return problems.of_domain_error(error)
