"""Use cases that change people and teams.

Whoever changes a role locks the team's row first, so that two owners who leave at once
cannot leave a team without one. Every such change is in the audit log, and reaches the
open sockets of the person as soon as it is committed.
"""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import F, Q

from webapp.accounts import audit, policies, quotas
from webapp.accounts.models import COLORS, Invitation, Membership, Role, Team, User
from webapp.common import events, links
from webapp.common.errors import ConflictError, ForbiddenError
from webapp.common.messages import TeamEvent

INVITATION = "invitation"
MAX_OPEN_INVITATIONS = 100


class LastOwnerError(ConflictError):
    """The team would be left without an owner."""

    code = "accounts.last_owner"

    def __init__(self) -> None:
        super().__init__("A team needs an owner. Hand it over to somebody first.")


class OtherAddressError(ForbiddenError):
    """The invitation was sent to an address that the actor has not confirmed as theirs."""

    code = "accounts.other_address"


class TooManyInvitationsError(ConflictError):
    """The team has as many open invitations as there may be."""

    code = "accounts.too_many_invitations"

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_OPEN_INVITATIONS} invitations are open. Take one back before the next."
        )


def _told(team_id: UUID, *user_ids: int) -> None:
    """Tell the sockets of these people to look at their rights again, and the team's pages."""
    for user_id in user_ids:
        events.announce_access(user_id)
    events.announce_team(team_id, TeamEvent(topic="team", object_id=team_id))


# ---- teams ---------------------------------------------------------------------------------


@transaction.atomic
def found_team(*, name: str, owner: User) -> Team:
    """Return a new team that `owner` owns."""
    team = Team.objects.create(name=name)
    add_member(team=team, user=owner, role=Role.OWNER)
    audit.record(team=team, actor=owner, action="team.founded", target=team.pk, title=name)
    return team


@transaction.atomic
def rename_team(*, actor: User, team_id: UUID, name: str) -> Team:
    """Give a team another name.

    Raises:
        UnknownTeamError, OwnersOnlyError: the actor may not.
    """
    team = policies.owned_team(actor, team_id, for_update=True)
    before, team.name = team.name, name
    team.save(update_fields=["name"])
    audit.record(
        team=team, actor=actor, action="team.renamed", target=team.pk, title=name,
        before=before, after=name,
    )  # fmt: skip
    _told(team.pk)
    return team


@transaction.atomic
def choose_team(*, actor: User, team_id: UUID) -> Team:
    """Make a team the one that `actor` works in.

    Raises:
        UnknownTeamError: the actor does not belong to it.
    """
    team = policies.visible_team(actor, team_id)
    User.objects.filter(pk=actor.pk).update(current_team=team)
    actor.current_team = team
    return team


# ---- members -------------------------------------------------------------------------------


@transaction.atomic
def add_member(*, team: Team, user: User, role: Role = Role.EDITOR) -> Membership:
    """Make `user` a member of `team`; a person who is one already only gets the role.

    Teammates are told apart by their colors: somebody who has one that a member has already,
    or none of their own yet, gets the one that the fewest members have.
    """
    Team.objects.select_for_update().get(pk=team.pk)
    others = team.members.exclude(pk=user.pk)
    taken = Counter(others.values_list("color", flat=True))
    if user.color in taken or not user.memberships.exists():
        user.color = min(COLORS, key=lambda color: taken[color])
        user.save(update_fields=["color"])
    membership, _ = Membership.objects.update_or_create(
        team=team, user=user, defaults={"role": role}
    )
    _told(team.pk, user.pk)
    return membership


def _keep_an_owner(team: Team, *, without: Membership) -> None:
    owners = Membership.objects.filter(team=team, role=Role.OWNER).exclude(pk=without.pk)
    if without.role == Role.OWNER and not owners.exists():
        raise LastOwnerError


@transaction.atomic
def change_role(*, actor: User, team_id: UUID, user_id: int, role: Role) -> Membership:
    """Give a member another role; owners only.

    Raises:
        UnknownTeamError, OwnersOnlyError, UnknownMemberError: see `policies`.
        LastOwnerError: nobody else would own the team.
    """
    team = policies.owned_team(actor, team_id, for_update=True)
    membership = policies.membership(team, user_id)
    if membership.role == role:
        return membership
    if role != Role.OWNER:
        _keep_an_owner(team, without=membership)
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    audit.record(
        team=team, actor=actor, action="team.role_changed", target=user_id,
        title=membership.user.display_name, before=str(before), after=str(role),
    )  # fmt: skip
    _told(team.pk, user_id)
    return membership


@transaction.atomic
def remove_member(*, actor: User, team_id: UUID, user_id: int, now: datetime) -> None:
    """Take a member out of a team: owners anybody, everybody themselves.

    Open invitations through which they could come back are revoked with it.

    Raises:
        UnknownTeamError, OwnersOnlyError, UnknownMemberError: see `policies`.
        LastOwnerError: nobody else would own the team.
    """
    is_leaving = user_id == actor.pk
    if is_leaving:
        team = policies.visible_team(actor, team_id)
        team = Team.objects.select_for_update().get(pk=team.pk)
    else:
        team = policies.owned_team(actor, team_id, for_update=True)
    membership = policies.membership(team, user_id)
    _keep_an_owner(team, without=membership)
    membership.delete()
    audit.record(
        team=team, actor=actor, target=user_id, title=membership.user.display_name,
        action="team.member_left" if is_leaving else "team.member_removed",
        before=str(membership.role),
    )  # fmt: skip
    _revoke_known(membership, actor=actor, now=now)
    _told(team.pk, user_id)


def _revoke_known(membership: Membership, *, actor: User, now: datetime) -> None:
    """Revoke the open invitations that a former member made, holds, or, as owner, has seen."""
    user = membership.user
    addresses = EmailAddress.objects.filter(user=user, verified=True)
    known = Q(invited_by=user) | Q(email__in=[each.email.lower() for each in addresses])
    if membership.role == Role.OWNER:
        known |= Q(email="")  # links that are good for whoever has them
    for invitation in Invitation.objects.filter(known, team=membership.team).open(now=now):
        _revoke(invitation, actor=actor, now=now)


@transaction.atomic
def hand_over(*, actor: User, team_id: UUID, user_id: int) -> Team:
    """Make another member the owner; `actor` stays as an editor.

    Raises:
        UnknownTeamError, OwnersOnlyError, UnknownMemberError: see `policies`.
    """
    team = policies.owned_team(actor, team_id, for_update=True)
    heir = policies.membership(team, user_id)
    if heir.user_id == actor.pk:
        return team
    heir.role = Role.OWNER
    heir.save(update_fields=["role"])
    Membership.objects.filter(team=team, user=actor).update(role=Role.EDITOR)
    audit.record(
        team=team, actor=actor, action="team.handed_over", target=user_id,
        title=heir.user.display_name, before=actor.pk, after=user_id,
    )  # fmt: skip
    _told(team.pk, actor.pk, user_id)
    return team


# ---- invitations ---------------------------------------------------------------------------


def invitation_link(invitation: Invitation) -> str:
    """Return the secret part of the invitation's address, for its team's owners."""
    return links.seal(INVITATION, invitation.pk)


@transaction.atomic
def invite(
    *, actor: User, team_id: UUID, email: str, role: Role, days: int, now: datetime
) -> Invitation:
    """Return a new invitation. With an address it is mailed there and is good for it alone.

    Raises:
        UnknownTeamError, OwnersOnlyError: the actor may not invite.
        TooManyInvitationsError: too many are open.
    """
    team = policies.owned_team(actor, team_id, for_update=True)
    mine = Invitation.objects.filter(team=team).open(now=now)
    if mine.count() >= MAX_OPEN_INVITATIONS:
        raise TooManyInvitationsError
    invitation = Invitation.objects.create(
        team=team, email=email.strip().lower(), role=role, invited_by=actor,
        expires_at=now + timedelta(days=days), created_at=now,
    )  # fmt: skip
    audit.record(
        team=team, actor=actor, action="team.invited", target=invitation.pk,
        title=invitation.email or "by link", after=str(role),
    )  # fmt: skip
    _told(team.pk)
    return invitation


@transaction.atomic
def revoke_invitation(*, actor: User, invitation_id: UUID, now: datetime) -> None:
    """Take an invitation back; twice changes nothing.

    Raises:
        UnknownInvitationError: the actor owns no team with such an invitation.
    """
    invitation = policies.owned_invitation(actor, invitation_id)
    if invitation.revoked_at is None:
        _revoke(invitation, actor=actor, now=now)


def _revoke(invitation: Invitation, *, actor: User, now: datetime) -> None:
    """Take an open invitation back, for somebody who may."""
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    audit.record(
        team=invitation.team_id, actor=actor, action="team.invitation_revoked",
        target=invitation.pk, title=invitation.email or "by link",
    )  # fmt: skip
    _told(invitation.team_id)


@transaction.atomic
def accept_invitation(*, actor: User, secret: str, now: datetime) -> Team:
    """Let the holder of an invitation's link into the team, and have them work there.

    Who belongs to the team already keeps their role.

    Raises:
        BadLinkError, UnknownInvitationError: the link is not, or no longer, good.
        OtherAddressError: it was sent to an address that is not confirmed as the actor's.
        QuotaExceededError: the team is full.
    """
    invitation = policies.open_invitation(links.unseal(INVITATION, secret), now=now)
    team = Team.objects.select_for_update().get(pk=invitation.team_id)
    invitation = policies.open_invitation(invitation.pk, now=now)  # as it is under the lock
    if invitation.email and not _owns_address(actor, invitation.email):
        raise OtherAddressError(
            "This invitation was sent to another address. Sign in with the account of that "
            "address, or add the address to yours."
        )
    if not Membership.objects.filter(team=team, user=actor).exists():
        quotas.check(team, "members")
        add_member(team=team, user=actor, role=Role(invitation.role))
        audit.record(
            team=team, actor=actor, action="team.joined", target=invitation.pk,
            title=actor.display_name, after=str(invitation.role),
        )  # fmt: skip
        Invitation.objects.filter(pk=invitation.pk).update(num_uses=F("num_uses") + 1)
    if invitation.email:
        Invitation.objects.filter(pk=invitation.pk).update(accepted_at=now)
    choose_team(actor=actor, team_id=team.pk)
    return team


def _owns_address(user: User, email: str) -> bool:
    confirmed: bool = EmailAddress.objects.filter(
        user=user, verified=True, email__iexact=email
    ).exists()
    return confirmed


# ---- people --------------------------------------------------------------------------------


def welcome(*, user: User) -> Team:
    """Give a person who has just signed up a name and a team of their own."""
    if not user.name:
        user.name = user.display_name.replace(".", " ").title()[:80]
        user.save(update_fields=["name"])
    return found_team(name=f"{user.name}'s pictures"[:80], owner=user)


def confirm_address(user: User) -> None:
    """Take a person's address as confirmed: for accounts that an operator or the demo makes."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def change_person(*, actor: User, name: str | None, wants_digest: bool | None) -> User:
    """Change how a person is called, and whether they get mail; None leaves as is."""
    if name is not None:
        actor.name = name
    if wants_digest is not None:
        actor.wants_digest = wants_digest
    actor.save(update_fields=["name", "wants_digest"])
    return actor
