"""Which address leads where?"""

from django.urls import include, path, re_path

from webapp.common import media, operators, pages, problems
from webapp.config.api import api
from webapp.config.health import health

urlpatterns = [
    path("api/health", health),
    path("api/", api.urls),
    path("_allauth/", include("allauth.headless.urls")),
    path("accounts/", include("allauth.urls")),  # where an identity provider sends people back
    path("operators/", operators.site.urls),
    re_path(r"^media/(?P<digest>[0-9a-f]{64})\.(?P<extension>[a-z]{1,12})$", media.media),
    # Everything else is a page, unless it has the name of a file.
    re_path(
        r"^(?!api/|_allauth/|accounts/|operators/|media/|ws/|assets/|static/)(?!.*\.\w+$).*$",
        pages.application,
    ),
]

handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.page_not_found
handler500 = problems.server_error
