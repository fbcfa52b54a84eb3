"""How are people and teams shown over HTTP?"""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ninja import Schema
from pydantic import AfterValidator, Field, StringConstraints

from webapp.accounts import services
from webapp.accounts.models import (
    ApiToken,
    AuditEvent,
    Invitation,
    Membership,
    Team,
    User,
)
from webapp.accounts.quotas import Use

RoleName = Literal["owner", "editor", "viewer"]
ScopeName = Literal["read", "edit", "publish", "admin"]
TeamName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


def _address(text: str) -> str:
    text = text.strip().lower()
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError("must be a mail address such as ana@example.com") from None
    return text


Address = Annotated[str, Field(max_length=254), AfterValidator(_address)]
Days = Annotated[int, Field(ge=1, le=365)]


# ---- what may be sent --------------------------------------------------------------------


class TeamChange(Schema):
    name: TeamName


class TeamChoice(Schema):
    team_id: UUID


class PersonChange(Schema):
    """What to change; what is left out stays."""

    name: TeamName | None = None
    wants_digest: bool | None = None


class RoleChange(Schema):
    role: RoleName


class HandOver(Schema):
    user_id: int


class InvitationRequest(Schema):
    """With an address, a mail goes there; without, the answer's link is what lets people in."""

    email: Address | None = None
    role: RoleName = "editor"
    days: Annotated[int, Field(ge=1, le=90)] = 14


class SecretIn(Schema):
    secret: Annotated[str, Field(min_length=1, max_length=200)]


class TokenRequest(Schema):
    name: TeamName
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=4)]
    days: Days | None = 90


# ---- what is shown -----------------------------------------------------------------------


class PersonOut(Schema):
    """A person as seen by teammates."""

    id: int
    name: str
    initials: str
    color: str

    @classmethod
    def of(cls, user: User) -> "PersonOut":
        return cls.model_construct(
            id=user.pk, name=user.display_name, initials=user.initials, color=user.color
        )


class OwnPersonOut(PersonOut):
    """A person as seen by themselves."""

    email: str
    is_moderator: bool
    is_operator: bool
    wants_digest: bool

    @classmethod
    def of(cls, user: User) -> "OwnPersonOut":
        return cls(
            id=user.pk, name=user.display_name, initials=user.initials, color=user.color,
            email=user.email, is_moderator=user.is_moderator, is_operator=user.is_staff,
            wants_digest=user.wants_digest,
        )  # fmt: skip


class TeamOut(Schema):
    id: UUID
    name: str
    role: RoleName


class SessionOut(Schema):
    """Who is signed in, and where they work."""

    user: OwnPersonOut | None
    teams: list[TeamOut]
    team_id: UUID | None


class MemberOut(PersonOut):
    email: str
    role: RoleName
    joined_at: datetime

    @classmethod
    def of_membership(cls, membership: Membership) -> "MemberOut":
        user = membership.user
        return cls(
            id=user.pk, name=user.display_name, initials=user.initials, color=user.color,
            email=user.email, role=cast(RoleName, membership.role),
            joined_at=membership.created_at,
        )  # fmt: skip


class TeamWithMembersOut(Schema):
    id: UUID
    name: str
    role: RoleName  # of who asks
    members: list[MemberOut]

    @classmethod
    def of(cls, team: Team, members: list[Membership], *, asker: User) -> "TeamWithMembersOut":
        roles = {member.user_id: member.role for member in members}
        return cls(
            id=team.pk,
            name=team.name,
            role=cast(RoleName, roles[asker.pk]),
            members=[MemberOut.of_membership(member) for member in members],
        )


class InvitationOut(Schema):
    """An invitation as its team's owners see it."""

    id: UUID
    email: str | None
    role: RoleName
    url: str
    invited_by: PersonOut
    created_at: datetime
    expires_at: datetime
    mailed_at: datetime | None
    num_uses: int

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationOut":
        return cls(
            id=invitation.pk,
            email=invitation.email or None,
            role=cast(RoleName, invitation.role),
            url=join_url(invitation),
            invited_by=PersonOut.of(invitation.invited_by),
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
            mailed_at=invitation.mailed_at,
            num_uses=invitation.num_uses,
        )


def join_url(invitation: Invitation) -> str:
    """Return the page at which an invitation is accepted."""
    return f"{settings.PUBLIC_URL}/join/{services.invitation_link(invitation)}"


class InvitationPreview(Schema):
    """What the holder of a link sees before joining."""

    team: str
    invited_by: str
    role: RoleName
    by_mail: bool
    expires_at: datetime


class TokenOut(Schema):
    id: UUID
    name: str
    prefix: str
    scopes: list[ScopeName]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> "TokenOut":
        return cls(
            id=token.pk, name=token.name, prefix=token.prefix,
            scopes=cast(list[ScopeName], token.scopes), created_at=token.created_at,
            expires_at=token.expires_at, last_used_at=token.last_used_at,
        )  # fmt: skip


class NewTokenOut(TokenOut):
    """A token, this once with its secret."""

    secret: str


class AuditEventOut(Schema):
    id: UUID
    at: datetime
    actor: PersonOut | None
    action: str
    target: str
    title: str
    before: Any
    after: Any

    @classmethod
    def of(cls, event: AuditEvent) -> "AuditEventOut":
        return cls(
            id=event.pk, at=event.created_at,
            actor=PersonOut.of(event.actor) if event.actor else None, action=event.action,
            target=event.target, title=event.title, before=event.before, after=event.after,
        )  # fmt: skip


class AuditPage(Schema):
    items: list[AuditEventOut]
    next: str | None


class QuotaOut(Schema):
    name: str
    title: str
    used: int
    limit: int

    @classmethod
    def of(cls, use: Use) -> "QuotaOut":
        return cls(name=use.name, title=use.title, used=use.used, limit=use.limit)
