"""What can be read about people and teams?"""

from webapp.accounts.models import Membership, Team, User


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
