"""What can be read about people and teams?"""

from datetime import datetime
from uuid import UUID

from webapp.accounts import policies
from webapp.accounts.models import Invitation, Membership, Team, User


def memberships_of(user: User) -> list[Membership]:
    """Return the memberships of `user` with their teams, joined first on top."""
    return list(
        Membership.objects.visible_to(user)
        .filter(user=user)
        .select_related("team")
        .order_by("created_at")
    )


def members(team: Team) -> list[Membership]:
    """Return who belongs to `team`, in order of joining."""
    return list(
        Membership.objects.filter(team=team).select_related("user").order_by("created_at")
    )


def invitations(user: User, team_id: UUID, *, now: datetime) -> list[Invitation]:
    """Return the open invitations to a team, newest first.

    Raises:
        UnknownTeamError, OwnersOnlyError: `user` may not see them.
    """
    team = policies.owned_team(user, team_id)
    mine = Invitation.objects.visible_to(user).filter(team=team).open(now=now)
    return list(mine.select_related("invited_by", "team").order_by("-pk"))
