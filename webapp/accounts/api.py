"""People and teams over HTTP. Signing in and out is allauth's, under `/_allauth/`."""

from django.http import HttpRequest
from django.middleware.csrf import get_token
from ninja import Router

from webapp.accounts import auth, selectors
from webapp.accounts.models import User
from webapp.accounts.schemas import (
    MemberOut,
    OwnPersonOut,
    SessionOut,
    TeamOut,
    TeamWithMembersOut,
)

router = Router(tags=["accounts"])


@router.get("/session", response=SessionOut, auth=None)
def session(request: HttpRequest) -> SessionOut:
    """Who is signed in; also hands the browser its cross-site token."""
    get_token(request)
    user = request.user
    if not isinstance(user, User):
        return SessionOut(user=None, teams=[], team_id=None)
    memberships = selectors.memberships_of(user)
    return SessionOut(
        user=OwnPersonOut(
            id=user.pk,
            name=user.display_name,
            initials=user.initials,
            color=user.color,
            email=user.email,
        ),
        teams=[TeamOut(id=m.team_id, name=m.team.name, role=m.role) for m in memberships],
        team_id=memberships[0].team_id if memberships else None,
    )


@router.get("/team", response=TeamWithMembersOut)
def team(request: HttpRequest) -> TeamWithMembersOut:
    """The team that the person works in, with its members in order of joining."""
    found = auth.team(request)
    members = selectors.members(found)
    return TeamWithMembersOut(
        id=found.id,
        name=found.name,
        members=[MemberOut.of_membership(member) for member in members],
    )
