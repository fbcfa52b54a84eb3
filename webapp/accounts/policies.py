"""Who may do what in a team? Owners run it, editors change what it has, viewers look.

Strangers are told "not found", members who may not do something are told so.
"""

from datetime import datetime
from uuid import UUID

from webapp.accounts.models import EDITING, Invitation, Membership, Role, Team, User
from webapp.common.errors import ForbiddenError, NotFoundError


class UnknownTeamError(NotFoundError):
    """There is no such team, or the asker does not belong to it."""

    code = "accounts.unknown_team"

    def __init__(self) -> None:
        super().__init__("We cannot find this team, or you do not belong to it.")


class UnknownMemberError(NotFoundError):
    """The person does not belong to the team."""

    code = "accounts.unknown_member"

    def __init__(self) -> None:
        super().__init__("This person does not belong to the team.")


class UnknownInvitationError(NotFoundError):
    """There is no such invitation, or the asker may not know of it."""

    code = "accounts.unknown_invitation"

    def __init__(self) -> None:
        super().__init__("We cannot find this invitation. Ask for a new one.")


class OwnersOnlyError(ForbiddenError):
    """The actor is a member, but no owner."""

    code = "accounts.owners_only"

    def __init__(self) -> None:
        super().__init__("Only owners of the team can do this.")


class ReadOnlyError(ForbiddenError):
    """The actor may look, but change nothing."""

    code = "accounts.read_only"

    def __init__(self) -> None:
        super().__init__(
            "You may look here, not change anything. Ask an owner to make you an editor."
        )


class ModeratorsOnlyError(ForbiddenError):
    """The actor is no moderator."""

    code = "accounts.moderators_only"

    def __init__(self) -> None:
        super().__init__("Only moderators can do this.")


def is_member(user: User, team_id: UUID) -> bool:
    """Return whether `user` is active and belongs to the team."""
    return user.is_active and Membership.objects.filter(user=user, team_id=team_id).exists()


def is_owner(user: User, team_id: UUID) -> bool:
    """Return whether `user` is one of the team's owners."""
    return Membership.objects.filter(user=user, team_id=team_id, role=Role.OWNER).exists()


def may_edit_in(user: User, team_id: UUID) -> bool:
    """Return whether `user` is active and may change what the team has."""
    return (
        user.is_active
        and Membership.objects.filter(user=user, team_id=team_id, role__in=EDITING).exists()
    )


def require_editor(user: User, team_id: UUID) -> None:
    """Return if `user`, who can see the team, may change what it has.

    Raises:
        ReadOnlyError: they are a viewer.
    """
    if not may_edit_in(user, team_id):
        raise ReadOnlyError


def require_moderator(user: User) -> None:
    """Return if `user` works the queue of reports.

    Raises:
        ModeratorsOnlyError: they do not.
    """
    if not (user.is_active and user.is_moderator):
        raise ModeratorsOnlyError


def team_of(user: User) -> Team | None:
    """Return the team that `user` works in: the one chosen last, else the one joined first."""
    mine = Team.objects.visible_to(user)
    if user.current_team_id is not None:
        chosen = mine.filter(pk=user.current_team_id).first()
        if chosen is not None:
            return chosen
    return mine.order_by("memberships__created_at").first()


def visible_team(actor: User, team_id: UUID) -> Team:
    """Return a team that `actor` belongs to.

    Raises:
        UnknownTeamError: there is none.
    """
    found = Team.objects.visible_to(actor).filter(pk=team_id).first()
    if found is None:
        raise UnknownTeamError
    return found


def owned_team(actor: User, team_id: UUID, *, for_update: bool = False) -> Team:
    """Return a team that `actor` owns.

    Raises:
        UnknownTeamError: the actor does not belong to it.
        OwnersOnlyError: the actor is a member, but no owner.
    """
    found = visible_team(actor, team_id)
    if for_update:
        found = Team.objects.select_for_update().get(pk=found.pk)
    if not is_owner(actor, team_id):
        raise OwnersOnlyError
    return found


def membership(team: Team, user_id: int) -> Membership:
    """Return somebody's place in a team.

    Raises:
        UnknownMemberError: they have none.
    """
    found = Membership.objects.filter(team=team, user_id=user_id).select_related("user").first()
    if found is None:
        raise UnknownMemberError
    return found


def owned_invitation(actor: User, invitation_id: UUID) -> Invitation:
    """Return an invitation to a team that `actor` owns.

    Raises:
        UnknownInvitationError: there is none.
    """
    found = (
        Invitation.objects.visible_to(actor)
        .select_related("team", "invited_by")
        .filter(pk=invitation_id)
        .first()
    )
    if found is None:
        raise UnknownInvitationError
    return found


def open_invitation(invitation_id: UUID, *, now: datetime) -> Invitation:
    """Return an invitation that can still be accepted, for whoever holds its link.

    Raises:
        UnknownInvitationError: it was taken back, has expired or was accepted.
    """
    found = (
        Invitation.objects.open(now=now)
        .select_related("team", "invited_by")
        .filter(pk=invitation_id)
        .first()
    )
    if found is None:
        raise UnknownInvitationError
    return found
