"""How are people and teams shown over HTTP?"""

from uuid import UUID

from ninja import Schema

from webapp.accounts.models import Membership, User


class PersonOut(Schema):
    """A person as seen by teammates."""

    id: int
    name: str
    initials: str
    color: str

    @classmethod
    def of(cls, user: User) -> "PersonOut":
        return cls(id=user.pk, name=user.display_name, initials=user.initials, color=user.color)


class OwnPersonOut(PersonOut):
    """A person as seen by themselves."""

    email: str


class TeamOut(Schema):
    id: UUID
    name: str
    role: str


class SessionOut(Schema):
    """Who is signed in, and where they work."""

    user: OwnPersonOut | None
    teams: list[TeamOut]
    team_id: UUID | None


class MemberOut(PersonOut):
    email: str
    role: str

    @classmethod
    def of_membership(cls, membership: Membership) -> "MemberOut":
        user = membership.user
        return cls(
            id=user.pk, name=user.display_name, initials=user.initials, color=user.color,
            email=user.email, role=membership.role,
        )  # fmt: skip


class TeamWithMembersOut(Schema):
    id: UUID
    name: str
    members: list[MemberOut]
