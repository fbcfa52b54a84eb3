"""How does a program sign in? With a token, of which we keep the SHA-256 alone.

The secret is random (256 bits), so a plain hash is enough: there is nothing to guess. Its
beginning is kept readable, so that a person, or a scanner that finds one, can tell which.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from webapp.accounts.models import ApiToken, Scope, User
from webapp.common.errors import ConflictError, NotFoundError

MARK = "atl_"
SHOWN = len(MARK) + 8
MAX_TOKENS = 50
USE_SECONDS = 60  # how exact `last_used_at` is: not every request writes


class UnknownTokenError(NotFoundError):
    """The person has no such token."""

    code = "accounts.unknown_token"

    def __init__(self) -> None:
        super().__init__("We cannot find this token. It may have been revoked already.")


class TooManyTokensError(ConflictError):
    """The person has as many tokens as there may be."""

    code = "accounts.too_many_tokens"

    def __init__(self) -> None:
        super().__init__(f"You have {MAX_TOKENS} tokens. Revoke one that you no longer use.")


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def create(
    *, actor: User, name: str, scopes: set[Scope], days: int | None, now: datetime
) -> tuple[ApiToken, str]:
    """Return a new token and its secret, which nobody can read again.

    Raises:
        TooManyTokensError: the person has too many.
    """
    User.objects.select_for_update().get(pk=actor.pk)
    if ApiToken.objects.visible_to(actor).valid(now=now).count() >= MAX_TOKENS:
        raise TooManyTokensError
    secret = MARK + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=actor,
        name=name,
        prefix=secret[:SHOWN],
        digest=digest(secret),
        scopes=[str(scope) for scope in Scope if scope in scopes],
        expires_at=None if days is None else now + timedelta(days=days),
        created_at=now,
    )
    return token, secret


def revoke(*, actor: User, token_id: UUID, now: datetime) -> None:
    """End a token; twice changes nothing.

    Raises:
        UnknownTokenError: the person has no such token.
    """
    mine = ApiToken.objects.visible_to(actor).filter(pk=token_id)
    if not mine.exists():
        raise UnknownTokenError
    mine.filter(revoked_at__isnull=True).update(revoked_at=now)


def of_person(actor: User) -> list[ApiToken]:
    """Return the tokens of a person that were not revoked, newest first."""
    mine = ApiToken.objects.visible_to(actor).filter(revoked_at__isnull=True)
    return list(mine.order_by("-pk")[: 2 * MAX_TOKENS])


def find(secret: str, *, now: datetime) -> ApiToken | None:
    """Return the valid token with this secret, its person at hand, and note its use."""
    if not secret.startswith(MARK):
        return None
    token = (
        ApiToken.objects.valid(now=now)
        .select_related("user")
        .filter(digest=digest(secret))
        .first()
    )
    if token is None:
        return None
    stale = now - timedelta(seconds=USE_SECONDS)
    if token.last_used_at is None or token.last_used_at < stale:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token
