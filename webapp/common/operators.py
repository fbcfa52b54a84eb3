"""Who may enter the operators' pages? Staff, by our sign-in with its second factor.

Django's own sign-in form asks for a password alone, so it is never shown.
"""

from urllib.parse import urlencode

from django.contrib.admin import AdminSite
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


site = OperatorSite(name="operators")
