"""What do all sockets have in common? Limits, a clock, a database that cannot freeze them.

Channels cleans up database connections in one shared thread before every message, which
lets a single slow query freeze all sockets of the process. `Socket` hands messages straight
to their handlers; whoever needs rows calls `db_call`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from pydantic import BaseModel
from redis import RedisError

from webapp.common.errors import DomainError, NotFoundError, SignInRequiredError
from webapp.rooms import handshake, parser
from webapp.rooms.flow import Budget
from webapp.rooms.messages import FromBrowser, Refused

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
REVALIDATE_SECONDS = 30.0
MAX_MALFORMED = 20


class CloseCode:
    """Why we close a socket; the browser acts on it."""

    TOO_LONG = 1009
    FAULT = 1011
    BUSY = 1013  # a server is away: try again
    MALFORMED = 4400
    NO_SESSION = 4401
    NO_ACCESS = 4403
    UNKNOWN = 4404
    RESYNC = 4408
    OLD_PROTOCOL = 4426
    TOO_MUCH = 4429


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Base of our sockets. Subclasses open, receive checked messages, and tick.

    Handlers of one socket run one after the other; `tick` runs beside them.
    """

    tick_seconds = TICK_SECONDS
    revalidate_seconds = REVALIDATE_SECONDS

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget()
        self.num_unknown = 0
        self.num_malformed = 0
        self.is_open = False
        self.checked_at = 0.0
        self.ticking: asyncio.Task[None] | None = None

    # ---- for subclasses --------------------------------------------------------------

    async def open(self) -> None:
        """Find out who this is; raising a refusal closes the socket."""
        raise NotImplementedError

    async def revalidate(self) -> None:
        """Find out whether they may still be here; raising a refusal closes the socket."""
        raise NotImplementedError

    async def heard(self, message: FromBrowser) -> None:
        """Act on a checked message; raising a refusal tells the browser."""
        raise NotImplementedError

    async def tick(self) -> None:
        """Do what is due about once a second."""

    async def left(self) -> None:
        """Clean up after the end; may never run."""

    @property
    def session_key(self) -> str | None:
        return handshake.session_key(self.scope)

    @staticmethod
    def now() -> float:
        """Return seconds since 1970: compared with entries that other processes wrote."""
        return time.time()

    # ---- a message comes in ----------------------------------------------------------

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Also when the server cancels us, which calls no disconnect handler.
            await self._end()

    async def dispatch(self, message: MutableMapping[str, Any]) -> None:
        """Call the handler of a message at once; see the top of this module."""
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            log.warning("layer message of type %s has no handler", message.get("type"))
            return
        try:
            await handler(message)
        except StopConsumer:
            raise
        except (RedisError, DatabaseError) as error:
            log.warning("a server is away, socket closed: %s", error)
            await self.close(CloseCode.BUSY)
        except Exception:
            log.exception("a socket failed")
            await self.close(CloseCode.FAULT)

    async def websocket_connect(self, message: MutableMapping[str, Any]) -> None:
        await self.accept()  # first, since only an open socket can be closed with a code
        self.is_open = True
        try:
            await self.open()
        except DomainError as refusal:
            await self.close(_code_of(refusal))
            return
        self.checked_at = self.now()
        self.ticking = asyncio.create_task(self._tick_for_ever())

    async def websocket_receive(self, message: MutableMapping[str, Any]) -> None:
        if not self.is_open:
            return
        text = message.get("text")
        size = len(text) if text is not None else len(message.get("bytes") or b"")
        if size > parser.MAX_BYTES:
            await self.close(CloseCode.TOO_LONG)
        elif not self.budget.spend(size, now=self.now()):
            await self.close(CloseCode.TOO_MUCH)
        elif text is None:
            await self._malformed("Binary messages go one way only.")
        else:
            await self._hear(text)

    async def _hear(self, text: str) -> None:
        try:
            message = parser.parse(text)
        except parser.UnknownKindError:
            self.num_unknown += 1
        except parser.TooLongError:
            await self.close(CloseCode.TOO_LONG)
        except parser.MalformedError as error:
            await self._malformed(str(error))
        else:
            try:
                await self.heard(message)
            except SignInRequiredError:
                await self.close(CloseCode.NO_SESSION)
            except DomainError as refusal:
                await self.refuse(refusal.code, refusal.detail, message)

    async def _malformed(self, detail: str) -> None:
        self.num_malformed += 1
        if self.num_malformed >= MAX_MALFORMED:
            await self.close(CloseCode.MALFORMED)
        else:
            await self.refuse("rooms.malformed", detail, None)

    async def refuse(self, code: str, detail: str, message: FromBrowser | None) -> None:
        """Tell the browser that its message could not be carried out."""
        op = getattr(message, "stroke", None) or getattr(message, "undo", None)
        await self.say(Refused(code=code, detail=detail, op_id=getattr(op, "op_id", None)))

    # ---- a message goes out ----------------------------------------------------------

    async def say(self, message: BaseModel) -> None:
        """Send one message, unless the socket has been closed."""
        await self.say_text(message.model_dump_json())

    async def say_text(self, text: str) -> None:
        if self.is_open:
            await self.send(text_data=text)

    async def say_bytes(self, data: bytes) -> None:
        if self.is_open:
            await self.send(bytes_data=data)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close once; what comes later is neither read nor sent."""
        if self.is_open:
            self.is_open = False
            await super().close(code, reason)

    # ---- time passes, the end comes ----------------------------------------------------

    async def _tick_for_ever(self) -> None:
        while self.is_open:
            await asyncio.sleep(self.tick_seconds)
            async with self._closing_on_refusal():
                if self.now() - self.checked_at >= self.revalidate_seconds:
                    self.checked_at = self.now()
                    await self.revalidate()
                await self.tick()

    async def auth_changed(self, message: MutableMapping[str, Any]) -> None:
        """Somebody changed what this person may do: find out at once, not at the next sweep."""
        async with self._closing_on_refusal():
            self.checked_at = self.now()
            await self.revalidate()

    @contextlib.asynccontextmanager
    async def _closing_on_refusal(self) -> AsyncIterator[None]:
        """Close the socket of who may not be here any more; outages close none."""
        try:
            yield
        except SignInRequiredError:
            await self.close(CloseCode.NO_SESSION)
        except DomainError:
            await self.close(CloseCode.NO_ACCESS)
        except (RedisError, DatabaseError) as error:
            # People who are here stay: an unreadable database takes no rights away.
            log.warning("a server is away: %s", error)
        except Exception:
            log.exception("a socket's clock failed")
            await self.close(CloseCode.FAULT)

    async def websocket_disconnect(self, message: MutableMapping[str, Any]) -> None:
        raise StopConsumer  # `__call__` ends it

    async def _end(self) -> None:
        self.is_open = False
        if self.ticking is not None:
            self.ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.ticking
            self.ticking = None
        try:
            await self.left()
            await self.leave_groups()
        except RedisError as error:
            log.warning("left without saying so: %s", error)

    async def join(self, group: str) -> None:
        """Receive what is sent to a group from now on."""
        if group not in self.groups:
            self.groups.append(group)
            await self.channel_layer.group_add(group, self.channel_name)

    async def leave(self, group: str) -> None:
        """Receive what is sent to a group no more."""
        if group in self.groups:
            self.groups.remove(group)
            await self.channel_layer.group_discard(group, self.channel_name)

    async def leave_groups(self) -> None:
        for group in list(self.groups):
            await self.leave(group)


def _code_of(refusal: DomainError) -> int:
    if isinstance(refusal, SignInRequiredError):
        return CloseCode.NO_SESSION
    if isinstance(refusal, NotFoundError):
        return CloseCode.UNKNOWN
    return CloseCode.NO_ACCESS
