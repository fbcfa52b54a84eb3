"""How does a link carry a permission? It names a row and is signed; nothing else is kept.

A link can be shown again to whoever may see the row, dies with the row, and cannot be
guessed. What it permits, and until when, the row says.
"""

import base64
import binascii
from uuid import UUID

from django.core.signing import BadSignature, Signer

from webapp.common.errors import NotFoundError


class BadLinkError(NotFoundError):
    """The link is not one of ours, or was copied incompletely."""

    code = "links.bad"

    def __init__(self) -> None:
        super().__init__("This link is not complete or not valid. Ask for a new one.")


def _signer(kind: str) -> Signer:
    return Signer(salt=f"webapp.common.links.{kind}", sep="~")  # a dot would look like a file


def seal(kind: str, row_id: UUID) -> str:
    """Return the secret part of a link to a row of this kind."""
    return _signer(kind).sign(base64.urlsafe_b64encode(row_id.bytes).decode().rstrip("="))


def unseal(kind: str, secret: str) -> UUID:
    """Return the row that a link names.

    Raises:
        BadLinkError: the signature does not fit.
    """
    try:
        text = _signer(kind).unsign(secret[:200])
        return UUID(bytes=base64.urlsafe_b64decode(text + "=="))
    except (BadSignature, binascii.Error, ValueError):
        raise BadLinkError from None
