"""The two sockets: one per open picture, one per signed-in browser for what its teams do.

Everything that arrives over the layer is a hint, and losing any one is harmless: ops are
counted, so that a missing one shows and is read again; frames lie in slots; presence is
read from its store. No handler touches the ORM but through `db_call`.
"""

import contextlib
import json
from collections import OrderedDict
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from redis import RedisError

from webapp.accounts.models import Team, User
from webapp.common import events
from webapp.common.errors import DomainError, NotFoundError
from webapp.common.frames import HEADER
from webapp.jobs import selectors as jobs
from webapp.jobs.contract import PreviewRequest, Stack
from webapp.library import selectors as library
from webapp.library.selectors import DuplicateVectorError
from webapp.rooms import handshake, policies, presence, selectors, services, volatile
from webapp.rooms.db import db_call
from webapp.rooms.flow import Follower, FrameGate, Step
from webapp.rooms.messages import (
    PROTOCOL,
    AckFrame,
    Claim,
    DrawStroke,
    DrawUndo,
    FromBrowser,
    Hello,
    Op,
    OpDone,
    Person,
    Ping,
    Pong,
    Presence,
    Preview,
    RestStack,
    Resync,
    Stroke,
    Watch,
    Welcome,
)
from webapp.rooms.sockets import CloseCode, Socket

HELLO_SECONDS = 10.0
LOOK_SECONDS = 10.0  # how often presence is read although nobody hinted at a change
SLOT_SECONDS = 30
MAX_WAITING = 1024
MAX_BASES = 32


class UnknownRevisionError(NotFoundError):
    """The preview's base is no revision of this picture."""

    code = "rooms.unknown_base"


class UnknownJobError(NotFoundError):
    """The job is none of this picture."""

    code = "rooms.unknown_job"


class PictureSocket(Socket):
    """One person's view of one picture."""

    def __init__(self) -> None:
        super().__init__()
        self.opened_at = self.now()
        self.user_id = 0
        self.grant: policies.Grant | None = None
        self.follower: Follower | None = None  # None until the hello
        self.epoch = 0
        self.stream = uuid4()  # of this socket's previews
        self.preview_seq = -1
        self.bases: OrderedDict[UUID, str] = OrderedDict()  # revision -> artifact of its code
        self.allowed: dict[tuple[UUID, ...], DomainError | None] = {}  # stacks checked
        self.gates: dict[UUID, FrameGate] = {}
        self.watched: UUID | None = None
        self.entry: presence.Entry | None = None
        self.told_people: tuple[Person, ...] | None = None
        self.looked_at = 0.0

    @property
    def image_id(self) -> UUID:
        found: UUID = self.scope["url_route"]["kwargs"]["image_id"]
        return found

    # ---- who, and may they ---------------------------------------------------------------

    def _grant(self) -> policies.Grant:
        return policies.grant(handshake.person(self.session_key), self.image_id)

    async def open(self) -> None:
        self.user_id = await db_call(lambda: handshake.person(self.session_key).pk)
        await self.join(events.user_group(self.user_id))  # before reading: no change is missed
        self.grant = await db_call(self._grant)

    async def revalidate(self) -> None:
        before, self.grant = self.grant, await db_call(self._grant)
        self.allowed.clear()
        if before is not None and before.may_edit != self.grant.may_edit:
            # The browser comes back at once and is welcomed with what it may do now.
            await self.close(CloseCode.RESYNC, "your role changed")

    # ---- what the browser says -----------------------------------------------------------

    async def heard(self, message: FromBrowser) -> None:
        if isinstance(message, Hello):
            await self._hello(message)
        elif self.follower is None:
            await self.refuse("rooms.no_hello", "Say hello first.", message)
        elif isinstance(message, Preview):
            await self._preview(message)
        elif isinstance(message, AckFrame):
            await self._acknowledged(message)
        elif isinstance(message, DrawStroke):
            await self._draw(message.epoch, message.stroke, message)
        elif isinstance(message, DrawUndo):
            await self._draw(message.epoch, message.undo, message)
        elif isinstance(message, Claim):
            if not await self._is_read_only(message):
                await self._claim(message.part)
        elif isinstance(message, RestStack):
            await self._rest(message)
        elif isinstance(message, Watch):
            await self._watch(message.job_id)
        elif isinstance(message, Ping):
            await self._ping()

    async def _hello(self, message: Hello) -> None:
        if message.protocol != PROTOCOL:
            await self.close(CloseCode.OLD_PROTOCOL, "reload")
            return
        if self.follower is not None:
            return
        grant = self.grant
        assert grant is not None, "an open socket has a grant"
        # First subscribe, then read: nothing can happen in between unheard.
        await self.join(events.room_group(self.image_id))
        await self.join(events.stream_group(self.stream))
        self.gates[self.stream] = FrameGate()
        standing = await db_call(selectors.standing, self.image_id)
        self.epoch = standing.epoch
        self.follower = Follower(seq=standing.seq)
        await self.say(
            Welcome(
                protocol=PROTOCOL,
                user_id=grant.user_id,
                may_edit=grant.may_edit,
                preview_stream=self.stream,
                epoch=standing.epoch,
                seq=standing.seq,
            )
        )
        now = self.now()
        self.entry = presence.Entry(
            user_id=grant.user_id,
            name=grant.name,
            initials=grant.initials,
            color=grant.color,
            joined_at=now,
            seen_at=now,
        )
        await self._keep_entry(tell=True)

    async def _ping(self) -> None:
        assert self.follower is not None, "after hello"
        assert self.entry is not None, "after hello"
        self.entry = self.entry.seen(self.now())
        await self._keep_entry(tell=False)
        standing = await db_call(selectors.standing, self.image_id)
        self.epoch = standing.epoch
        if standing.seq > self.follower.seq:
            await self._catch_up()
        await self.say(Pong(seq=standing.seq, epoch=standing.epoch))

    # ---- strokes -------------------------------------------------------------------------

    async def _draw(self, epoch: int, op: Any, message: FromBrowser) -> None:
        if await self._is_read_only(message):
            return
        placed = await db_call(
            services.add_op,
            actor_id=self.user_id,
            image_id=self.image_id,
            epoch=epoch,
            op=op,
            now=datetime.now(UTC),
        )
        if placed.is_new:
            await self._deliver(placed.op.seq, OpDone(op=placed.op).model_dump_json())
        else:
            await self.say(OpDone(op=placed.op))  # the sender asks again: it missed the first
        if isinstance(op, Stroke) and op.tool != "restore":
            await self._claim(op.part)

    async def _is_read_only(self, message: FromBrowser) -> bool:
        """Return whether this person may only look, having told them so."""
        if self.grant is not None and self.grant.may_edit:
            return False
        await self.refuse("rooms.read_only", "You can look at this picture.", message)
        return True

    async def room_op(self, message: MutableMapping[str, Any]) -> None:
        """Somebody's op got its place."""
        await self._deliver(message["seq"], message["text"])

    async def _deliver(self, seq: int, text: str) -> None:
        """Tell the browser of an op, in order and once, with those it missed before it."""
        if self.follower is None:
            return  # its hello failed half-way
        step = self.follower.judge(seq)
        if step is Step.NEXT:
            self.follower.told(seq)
            await self.say_text(text)
        elif step is Step.GAP:
            await self._catch_up()

    async def _catch_up(self) -> None:
        assert self.follower is not None, "after hello"
        missed: list[Op] | None = await db_call(
            selectors.missed, self.image_id, after=self.follower.seq
        )
        if missed is None:
            standing = await db_call(selectors.standing, self.image_id)
            self.follower.told(standing.seq)
            await self.say(Resync())
            return
        for op in missed:
            self.follower.told(op.seq)
            await self.say(OpDone(op=op))

    # ---- the stack at rest, and what others announce --------------------------------------

    async def _rest(self, message: RestStack) -> None:
        if await self._is_read_only(message):
            return
        await db_call(
            services.rest_stack,
            actor_id=self.user_id,
            image_id=self.image_id,
            stack=message.stack,
        )

    async def room_message(self, message: MutableMapping[str, Any]) -> None:
        """A job, a revision, a stack, a new head: the browser gets it as it stands."""
        text: str = message["text"]
        if '"type":"room"' in text:
            self.epoch = max(self.epoch, int(json.loads(text)["epoch"]))
        await self.say_text(text)

    # ---- previews and frames ---------------------------------------------------------------

    async def _preview(self, wish: Preview) -> None:
        """Overwrite this socket's slot with the newest wish, and ring for the worker."""
        if wish.seq <= self.preview_seq:
            return
        self.preview_seq = wish.seq
        assert self.grant is not None, "an open socket has a grant"
        w_plus = await self._code_of(wish.base_revision_id)
        await self._check_stack(wish.stack)
        request = PreviewRequest(
            stream=self.stream,
            epoch=self.epoch,
            seq=wish.seq,
            bundle=self.grant.bundle,
            base_revision_id=wish.base_revision_id,
            w_plus=w_plus,
            stack=wish.stack,
        )
        slot = f"preview:slot:{self.stream.hex}"
        async with volatile.client().pipeline(transaction=False) as pipeline:
            pipeline.set(slot, request.model_dump_json(), ex=SLOT_SECONDS)
            pipeline.rpush("preview:waiting", self.stream.hex)
            pipeline.ltrim("preview:waiting", -MAX_WAITING, -1)
            pipeline.expire("preview:waiting", SLOT_SECONDS)
            await pipeline.execute()

    async def _code_of(self, revision_id: UUID) -> str:
        if revision_id not in self.bases:
            found = await db_call(selectors.code_of, self.image_id, revision_id)
            if found is None:
                raise UnknownRevisionError("This revision is none of this picture.")
            self.bases[revision_id] = found
            if len(self.bases) > MAX_BASES:
                self.bases.popitem(last=False)
        return self.bases[revision_id]

    async def _check_stack(self, stack: Stack) -> None:
        """Refuse a stack that may not be applied; a set of vectors is looked up once."""
        ids = [use.edit_vector_version_id for use in stack]
        if len(set(ids)) < len(ids):
            raise DuplicateVectorError("A vector is in this stack twice.")
        wanted = tuple(sorted(ids))
        if wanted not in self.allowed:
            if len(self.allowed) >= MAX_BASES:
                self.allowed.clear()
            self.allowed[wanted] = await db_call(self._refusal_of, stack)
        refusal = self.allowed[wanted]
        if refusal is not None:
            raise refusal

    def _refusal_of(self, stack: Stack) -> DomainError | None:
        assert self.grant is not None, "an open socket has a grant"
        try:
            user = policies.active_person(self.user_id)
            library.check_stack(user, bundle=self.grant.bundle, stack=stack)
        except DomainError as refusal:
            return refusal
        return None

    async def _watch(self, job_id: UUID | None) -> None:
        if self.watched is not None and self.watched != job_id:
            await self.leave(events.stream_group(self.watched))
            self.gates.pop(self.watched, None)
            self.watched = None
        if job_id is None or job_id == self.watched:
            return
        await db_call(self._check_job, job_id)
        await self.join(events.stream_group(job_id))
        self.watched = job_id
        self.gates[job_id] = FrameGate()
        await self._send_frame(job_id)  # what lies in the slot already

    def _check_job(self, job_id: UUID) -> None:
        job = jobs.job(policies.active_person(self.user_id), job_id)
        if job is None or job.image_id != self.image_id:
            raise UnknownJobError("This job is none of this picture.")

    async def frame_hint(self, message: MutableMapping[str, Any]) -> None:
        """A newer frame lies in a stream's slot."""
        stream = UUID(message["stream"])
        gate = self.gates.get(stream)
        if gate is not None:
            gate.hint((message["epoch"], message["seq"]))
            if gate.is_open:
                await self._send_frame(stream)

    async def _acknowledged(self, message: AckFrame) -> None:
        gate = self.gates.get(message.stream)
        if gate is not None:
            gate.acknowledge(message.seq)
            if gate.is_open:
                await self._send_frame(message.stream)

    async def _send_frame(self, stream: UUID) -> None:
        """Send the stream's newest frame, if it is newer than the last and there is credit."""
        data = await volatile.client().get(f"frame:{stream.hex}")
        gate = self.gates.get(stream)
        if not isinstance(data, bytes) or gate is None or len(data) <= HEADER.size:
            return
        _, _, _, _, epoch, seq, _, _ = HEADER.unpack_from(data)
        if gate.send((epoch, seq), now=self.now()):
            await self.say_bytes(data)

    # ---- presence --------------------------------------------------------------------------

    async def _claim(self, part: int | None) -> None:
        assert self.entry is not None, "after hello"
        now = self.now()
        is_news = self.entry.part_at(now) != part
        self.entry = self.entry.claiming(part, now)
        await self._keep_entry(tell=is_news)

    async def _keep_entry(self, *, tell: bool) -> None:
        assert self.entry is not None, "after hello"
        redis = volatile.client()
        await presence.put(redis, self.image_id, self.channel_name, self.entry)
        if tell:
            await self._hint_presence()

    async def _hint_presence(self) -> None:
        group = events.room_group(self.image_id)
        await self.channel_layer.group_send(group, {"type": "presence.hint"})

    async def presence_hint(self, message: MutableMapping[str, Any]) -> None:
        """Somebody came, left or claims another part."""
        await self._tell_people()

    async def _tell_people(self) -> None:
        now = self.looked_at = self.now()
        people = await presence.people(volatile.client(), self.image_id, now=now)
        if people != self.told_people:
            self.told_people = people
            await self.say(Presence(people=people))

    # ---- time passes, the end comes ----------------------------------------------------------

    async def tick(self) -> None:
        now = self.now()
        if self.follower is None:
            if now - self.opened_at > HELLO_SECONDS:
                await self.close(CloseCode.MALFORMED, "no hello")
            return
        if any(gate.is_stuck(now=now) for gate in self.gates.values()):
            await self.close(CloseCode.RESYNC, "frames not acknowledged")
            return
        assert self.entry is not None, "after hello"
        if self.entry.part is not None and self.entry.part_at(now) is None:
            self.entry = self.entry.claiming(None, self.entry.seen_at)
            await self._keep_entry(tell=True)
        if now - self.looked_at >= LOOK_SECONDS:
            await self._tell_people()

    async def left(self) -> None:
        if self.entry is not None:
            self.entry = None
            with contextlib.suppress(RedisError):
                await presence.remove(volatile.client(), self.image_id, self.channel_name)
                await self._hint_presence()


class EventsSocket(Socket):
    """What changes in the person's teams: pages read it again over HTTP."""

    def _groups(self) -> set[str]:
        user: User = handshake.person(self.session_key)
        teams = Team.objects.visible_to(user).values_list("pk", flat=True)
        return {events.user_group(user.pk), *map(events.team_group, teams)}

    async def open(self) -> None:
        await self.revalidate()

    async def revalidate(self) -> None:
        """Hear of the teams that the person belongs to now, and of no other."""
        wanted = await db_call(self._groups)
        for group in set(self.groups) - wanted:
            await self.leave(group)
        for group in wanted:
            await self.join(group)

    async def heard(self, message: FromBrowser) -> None:
        if isinstance(message, Ping):
            await self.say(Pong(seq=0, epoch=0))

    async def team_message(self, message: MutableMapping[str, Any]) -> None:
        await self.say_text(message["text"])
