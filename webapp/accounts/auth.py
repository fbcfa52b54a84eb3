"""Who sends this request, and on behalf of which team?

The answers are for API operations: they raise refusals that HTTP knows how to word.
"""

from django.http import HttpRequest
from ninja.security import SessionAuth

from webapp.accounts import policies
from webapp.accounts.models import Team, User
from webapp.common.errors import ForbiddenError, SignInRequiredError

signed_in = SessionAuth()  # by cookie, so it checks the cross-site token, too


class NoTeamError(ForbiddenError):
    """The person belongs to no team, so there is nowhere to put this."""

    code = "accounts.no_team"


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
