"""Use cases that change people and teams."""

from django.db import transaction

from webapp.accounts.models import COLORS, Membership, Role, Team, User


@transaction.atomic
def found_team(*, name: str, owner: User) -> Team:
    """Return a new team that `owner` owns."""
    team = Team.objects.create(name=name)
    add_member(team=team, user=owner, role=Role.OWNER)
    return team


@transaction.atomic
def add_member(*, team: Team, user: User, role: Role = Role.MEMBER) -> Membership:
    """Make `user` a member of `team`; a person who is one already only gets the role.

    The first team gives a person their color, in order of joining.
    """
    Team.objects.select_for_update().get(pk=team.pk)
    if not user.memberships.exists():
        user.color = COLORS[team.memberships.count() % len(COLORS)]
        user.save(update_fields=["color"])
    membership, _ = Membership.objects.update_or_create(
        team=team, user=user, defaults={"role": role}
    )
    return membership


def welcome(*, user: User) -> Team:
    """Give a person who has just signed up a name and a team of their own."""
    if not user.name:
        user.name = user.display_name.replace(".", " ").title()[:80]
        user.save(update_fields=["name"])
    return found_team(name=f"{user.name}'s pictures"[:80], owner=user)
