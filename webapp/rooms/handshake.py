"""May this socket be opened? From our own pages only, by somebody signed in.

Cookies travel from any origin, so the origin is checked first, against an explicit list,
before anything is read or subscribed. The person is read from the session in a database
thread; Channels' own middleware would do that in the one thread that all share.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from webapp.accounts.models import User
from webapp.common.errors import SignInRequiredError

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str | None:
    """Return the only value of a header; None where it is absent or came twice."""
    values = [value for key, value in scope.get("headers", ()) if key.lower() == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def is_own_origin(scope: Scope) -> bool:
    """Return whether the handshake comes from one of our pages; absent and null do not."""
    return header(scope, b"origin") in settings.ORIGINS


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Turn a handshake down; the browser gets HTTP 403."""
    await receive()
    await send({"type": "websocket.close", "code": 4403})


def from_own_pages(application: Application) -> Application:
    """Return `application`, open to handshakes from our own pages only."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if is_own_origin(scope):
            await application(scope, receive, send)
        else:
            log.warning("socket from %s refused", header(scope, b"origin"))
            await refuse(scope, receive, send)

    return guarded


def session_key(scope: Scope) -> str | None:
    """Return the session that the handshake's cookies name."""
    cookies = parse_cookie(header(scope, b"cookie") or "")
    return cookies.get(settings.SESSION_COOKIE_NAME) or None


def person(key: str | None) -> User:
    """Return who is signed in to a session, as it stands in the database now.

    Raises:
        SignInRequiredError: nobody, or the account is switched off.
    """
    if key is not None:
        request = HttpRequest()
        request.session = SessionStore(key)
        if SESSION_KEY in request.session:
            user = get_user(request)
            if isinstance(user, User) and user.is_active:
                return user
    raise SignInRequiredError("Your sign-in has ended. Sign in again to go on.")
