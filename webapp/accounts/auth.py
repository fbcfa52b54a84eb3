"""Who sends this request, on behalf of which team, and how far does a token reach?

People come with a cookie, which brings the cross-site check; programs with a token, and
then cookies are ignored. A token needs the scope of the operation: `read` for GET and HEAD,
`edit` for the rest, unless the operation names another with `auth=`.

The functions are for API operations: they raise refusals that HTTP knows how to word.
"""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer, SessionAuth
from ninja.security.base import AuthBase

from webapp.accounts import policies
from webapp.accounts.models import ApiToken, Scope, Team, User
from webapp.common.errors import ForbiddenError, SignInRequiredError

SAFE = ("GET", "HEAD")


class NoTeamError(ForbiddenError):
    """The person belongs to no team, so there is nowhere to put this."""

    code = "accounts.no_team"


class ScopeError(ForbiddenError):
    """The token does not reach as far as this operation."""

    code = "accounts.scope"


class BadTokenError(SignInRequiredError):
    """The token is unknown, revoked or expired."""

    code = "accounts.bad_token"

    def __init__(self) -> None:
        super().__init__("This token is not valid. It may be revoked or expired; make another.")


class BearerToken(HttpBearer):
    """Accepts a token with enough scope. The middleware has looked the token up already."""

    def __init__(self, scope: Scope | None) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> User:
        found: ApiToken | None = getattr(request, "api_token", None)
        if found is None:
            raise BadTokenError
        wanted = self.scope or (Scope.READ if request.method in SAFE else Scope.EDIT)
        if wanted not in found.scopes:
            raise ScopeError(f"This token lacks the scope {wanted}. Make one that has it.")
        return found.user


class NoToken(HttpBearer):
    """Turns tokens away: for what a person has to do in person."""

    def authenticate(self, request: HttpRequest, token: str) -> None:
        raise ScopeError("No token reaches this. Sign in to the pages and do it there.")


class ByCookie(SessionAuth):
    """Accepts who is signed in by cookie; never a request that brought a token."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return super().authenticate(request, key) if is_by_cookie(request) else None


def is_by_cookie(request: HttpRequest) -> bool:
    """Return whether this request has to be judged by its cookies."""
    return "Authorization" not in request.headers


def _by(*ways: AuthBase) -> Sequence[AuthBase]:
    return ways


signed_in = _by(BearerToken(None), ByCookie())
publishing = _by(BearerToken(Scope.PUBLISH), ByCookie())
administering = _by(BearerToken(Scope.ADMIN), ByCookie())
in_person = _by(NoToken(), ByCookie())


def person(request: HttpRequest) -> User:
    """Return who is signed in.

    Raises:
        SignInRequiredError: nobody is.
    """
    if not request.user.is_authenticated:
        raise SignInRequiredError("Your sign-in has ended. Sign in again to go on.")
    return request.user


def team(request: HttpRequest) -> Team:
    """Return the team that the person works in.

    Raises:
        SignInRequiredError: nobody is signed in.
        NoTeamError: the person belongs to no team.
    """
    found = policies.team_of(person(request))
    if found is None:
        raise NoTeamError("You belong to no team yet. Ask to be invited to one.")
    return found
