"""Who may do what in a team?"""

from uuid import UUID

from webapp.accounts.models import Membership, Role, Team, User


def is_member(user: User, team_id: UUID) -> bool:
    """Return whether `user` is active and belongs to the team."""
    return user.is_active and Membership.objects.filter(user=user, team_id=team_id).exists()


def is_owner(user: User, team_id: UUID) -> bool:
    """Return whether `user` is one of the team's owners."""
    return Membership.objects.filter(user=user, team_id=team_id, role=Role.OWNER).exists()


def team_of(user: User) -> Team | None:
    """Return the team that `user` works in: the one joined first."""
    return Team.objects.visible_to(user).order_by("memberships__created_at").first()
