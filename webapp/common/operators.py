"""Who may enter the operators' pages? Staff, by our sign-in with its second factor.

Django's own sign-in form asks for a password alone, so it is never shown.
"""

from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect


class OperatorSite(AdminSite):
    """Django's admin site under our name and behind our sign-in."""

    site_title = site_header = "Atelier, operators"
    index_title = "What is here"
    site_url = "/pictures"

    def login(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        """Send who is not signed in to our sign-in, and everybody else to their pictures."""
        if request.user.is_authenticated:
            return HttpResponseRedirect("/pictures")
        wanted = request.GET.get("next", "/operators/")
        return HttpResponseRedirect("/sign-in?" + urlencode({"next": wanted}))


Row = TypeVar("Row", bound=Model)


class ReadOnlyAdmin(ModelAdmin[Row]):
    """Rows that operators look at and nobody changes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


class ScopedAdmin(ReadOnlyAdmin[Row]):
    """What people made: an operator sees of it what they may see as a person, no more.

    Running an installation is no reason to look into the pictures of its teams.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows: Any = self.model._default_manager
        found: QuerySet[Row] = rows.visible_to(request.user)
        return found


site = OperatorSite(name="operators")
