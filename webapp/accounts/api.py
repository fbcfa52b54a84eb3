"""People and teams over HTTP. Signing up, in and out is allauth's, under `/_allauth/`."""

from typing import Annotated, cast
from uuid import UUID

from allauth.mfa.adapter import get_adapter as mfa_adapter
from allauth.mfa.totp.internal.auth import get_totp_secret
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.utils import timezone
from ninja import Query, Router, Status

from webapp.accounts import audit, auth, policies, quotas, selectors, services, tokens
from webapp.accounts.models import Role, Scope, Team, User
from webapp.accounts.schemas import (
    AuditEventOut,
    AuditPage,
    HandOver,
    InvitationOut,
    InvitationPreview,
    InvitationRequest,
    NewTokenOut,
    OwnPersonOut,
    PersonChange,
    QuotaOut,
    RoleChange,
    RoleName,
    SecretIn,
    SessionOut,
    TeamChange,
    TeamChoice,
    TeamOut,
    TeamWithMembersOut,
    TokenOut,
    TokenRequest,
)
from webapp.common import links

router = Router(tags=["accounts"])


# ---- who is here -------------------------------------------------------------------------


@router.get("/session", response=SessionOut, auth=None)
def session(request: HttpRequest) -> SessionOut:
    """Who is signed in; also hands the browser its cross-site token."""
    get_token(request)
    return _session(request.user if isinstance(request.user, User) else None)


def _session(user: User | None) -> SessionOut:
    if user is None:
        return SessionOut(user=None, teams=[], team_id=None)
    memberships = selectors.memberships_of(user)
    ids = [membership.team_id for membership in memberships]
    chosen = user.current_team_id if user.current_team_id in ids else None
    return SessionOut(
        user=OwnPersonOut.of(user),
        teams=[
            TeamOut(id=m.team_id, name=m.team.name, role=cast(RoleName, m.role))
            for m in memberships
        ],
        team_id=chosen or (ids[0] if ids else None),
    )


@router.put("/session/team", response=SessionOut)
def choose_team(request: HttpRequest, choice: TeamChoice) -> SessionOut:
    """Work in another of one's teams."""
    actor = auth.person(request)
    services.choose_team(actor=actor, team_id=choice.team_id)
    return _session(actor)


@router.patch("/session", response=SessionOut, auth=auth.administering)
def change_person(request: HttpRequest, change: PersonChange) -> SessionOut:
    """Change one's own name, and whether notifications come by mail."""
    actor = services.change_person(
        actor=auth.person(request), name=change.name, wants_digest=change.wants_digest
    )
    return _session(actor)


@router.get("/session/totp.svg", auth=auth.in_person)
def totp_picture(request: HttpRequest) -> HttpResponse:
    """The square that an authenticator app scans, for the secret of this sign-in."""
    adapter = mfa_adapter()
    url = adapter.build_totp_url(auth.person(request), get_totp_secret(regenerate=False))
    picture = HttpResponse(adapter.build_totp_svg(url), content_type="image/svg+xml")
    picture["Cache-Control"] = "no-store"
    return picture


# ---- teams and members -------------------------------------------------------------------


def _shown(team: Team, asker: User) -> TeamWithMembersOut:
    return TeamWithMembersOut.of(team, selectors.members(team), asker=asker)


@router.get("/team", response=TeamWithMembersOut)
def team(request: HttpRequest) -> TeamWithMembersOut:
    """The team that the person works in, with its members in order of joining."""
    return _shown(auth.team(request), auth.person(request))


@router.post("/teams", response={201: TeamWithMembersOut}, auth=auth.administering)
def found_team(request: HttpRequest, wish: TeamChange) -> Status[TeamWithMembersOut]:
    """Found a team, own it and work in it."""
    actor = auth.person(request)
    made = services.found_team(name=wish.name, owner=actor)
    services.choose_team(actor=actor, team_id=made.pk)
    return Status(201, _shown(made, actor))


@router.get("/teams/{team_id}", response=TeamWithMembersOut)
def get_team(request: HttpRequest, team_id: UUID) -> TeamWithMembersOut:
    """One of the person's teams, with its members."""
    actor = auth.person(request)
    return _shown(policies.visible_team(actor, team_id), actor)


@router.patch("/teams/{team_id}", response=TeamWithMembersOut, auth=auth.administering)
def rename_team(request: HttpRequest, team_id: UUID, change: TeamChange) -> TeamWithMembersOut:
    """Rename a team; owners only."""
    actor = auth.person(request)
    return _shown(services.rename_team(actor=actor, team_id=team_id, name=change.name), actor)


@router.patch(
    "/teams/{team_id}/members/{user_id}", response=TeamWithMembersOut, auth=auth.administering
)
def change_role(
    request: HttpRequest, team_id: UUID, user_id: int, change: RoleChange
) -> TeamWithMembersOut:
    """Give a member another role; owners only. It reaches what they have open at once."""
    actor = auth.person(request)
    services.change_role(actor=actor, team_id=team_id, user_id=user_id, role=Role(change.role))
    return _shown(policies.visible_team(actor, team_id), actor)


@router.delete(
    "/teams/{team_id}/members/{user_id}", response={204: None}, auth=auth.administering
)
def remove_member(request: HttpRequest, team_id: UUID, user_id: int) -> Status[None]:
    """Take a member out of a team (owners), or leave it (oneself)."""
    services.remove_member(
        actor=auth.person(request), team_id=team_id, user_id=user_id, now=timezone.now()
    )
    return Status(204, None)


@router.post("/teams/{team_id}/hand-over", response=TeamWithMembersOut, auth=auth.administering)
def hand_over_team(request: HttpRequest, team_id: UUID, wish: HandOver) -> TeamWithMembersOut:
    """Make another member the owner, and oneself an editor."""
    actor = auth.person(request)
    handed = services.hand_over(actor=actor, team_id=team_id, user_id=wish.user_id)
    return _shown(handed, actor)


@router.get("/teams/{team_id}/quotas", response=list[QuotaOut])
def list_quotas(request: HttpRequest, team_id: UUID) -> list[QuotaOut]:
    """How much of each amount a team has used."""
    found = policies.visible_team(auth.person(request), team_id)
    return [QuotaOut.of(use) for use in quotas.uses(found)]


# ---- invitations -------------------------------------------------------------------------


@router.get(
    "/teams/{team_id}/invitations", response=list[InvitationOut], auth=auth.administering
)
def list_invitations(request: HttpRequest, team_id: UUID) -> list[InvitationOut]:
    """The open invitations to a team; owners only."""
    found = selectors.invitations(auth.person(request), team_id, now=timezone.now())
    return [InvitationOut.of(invitation) for invitation in found]


@router.post(
    "/teams/{team_id}/invitations", response={201: InvitationOut}, auth=auth.administering
)
def invite(
    request: HttpRequest, team_id: UUID, wish: InvitationRequest
) -> Status[InvitationOut]:
    """Invite an address by mail, or make a link that lets in whoever has it."""
    made = services.invite(
        actor=auth.person(request),
        team_id=team_id,
        email=wish.email or "",
        role=Role(wish.role),
        days=wish.days,
        now=timezone.now(),
    )
    return Status(201, InvitationOut.of(made))


@router.delete("/invitations/{invitation_id}", response={204: None}, auth=auth.administering)
def revoke_invitation(request: HttpRequest, invitation_id: UUID) -> Status[None]:
    """Take an invitation back."""
    services.revoke_invitation(
        actor=auth.person(request), invitation_id=invitation_id, now=timezone.now()
    )
    return Status(204, None)


@router.post("/invitation-links/preview", response=InvitationPreview, auth=None)
def preview_invitation(request: HttpRequest, wish: SecretIn) -> InvitationPreview:
    """What a link invites to; for whoever holds it, signed in or not."""
    invitation_id = links.unseal(services.INVITATION, wish.secret)
    found = policies.open_invitation(invitation_id, now=timezone.now())
    return InvitationPreview(
        team=found.team.name,
        invited_by=found.invited_by.display_name,
        role=cast(RoleName, found.role),
        by_mail=bool(found.email),
        expires_at=found.expires_at,
    )


@router.post("/invitation-links/accept", response=SessionOut, auth=auth.administering)
def accept_invitation(request: HttpRequest, wish: SecretIn) -> SessionOut:
    """Join the team that a link invites to, and work in it."""
    actor = auth.person(request)
    services.accept_invitation(actor=actor, secret=wish.secret, now=timezone.now())
    return _session(actor)


# ---- audit log ---------------------------------------------------------------------------


@router.get("/teams/{team_id}/audit", response=AuditPage, auth=auth.administering)
def list_audit_events(
    request: HttpRequest, team_id: UUID, cursor: str | None = None
) -> AuditPage:
    """Who changed what in a team, newest first; owners only."""
    events, following = audit.events(auth.person(request), team_id, cursor=cursor)
    return AuditPage(items=[AuditEventOut.of(event) for event in events], next=following)


@router.get("/teams/{team_id}/audit/export", auth=auth.administering)
def export_audit_events(
    request: HttpRequest, team_id: UUID, form: Annotated[audit.Format, Query()] = "csv"
) -> StreamingHttpResponse:
    """The whole log as a file, oldest first: CSV, or JSON lines."""
    lines = audit.export(auth.person(request), team_id, form=form)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
    response = StreamingHttpResponse(lines, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="audit-{team_id}.{form}"'
    return response


# ---- tokens ------------------------------------------------------------------------------


@router.get("/tokens", response=list[TokenOut], auth=auth.in_person)
def list_tokens(request: HttpRequest) -> list[TokenOut]:
    """One's own tokens, newest first, expired ones included."""
    return [TokenOut.of(token) for token in tokens.of_person(auth.person(request))]


@router.post("/tokens", response={201: NewTokenOut}, auth=auth.in_person)
def create_token(request: HttpRequest, wish: TokenRequest) -> Status[NewTokenOut]:
    """Make a token; its secret is in this answer and never again."""
    made, secret = tokens.create(
        actor=auth.person(request),
        name=wish.name,
        scopes={Scope(scope) for scope in wish.scopes},
        days=wish.days,
        now=timezone.now(),
    )
    return Status(201, NewTokenOut(**TokenOut.of(made).model_dump(), secret=secret))


@router.delete("/tokens/{token_id}", response={204: None}, auth=auth.in_person)
def revoke_token(request: HttpRequest, token_id: UUID) -> Status[None]:
    """End a token at once."""
    tokens.revoke(actor=auth.person(request), token_id=token_id, now=timezone.now())
    return Status(204, None)
