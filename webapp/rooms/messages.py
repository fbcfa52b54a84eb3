"""What travels over the socket of an open picture, in both directions.

Text frames are one JSON message each, told apart by `type`. Binary frames are pictures
with the fixed header of `webapp.common.frames`. Unknown types are counted and ignored, so
a newer browser can talk to an older server. Protocol number: `PROTOCOL`.

A change in this module shows as a diff of `tests/contract/messages.json`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from webapp.common.messages import SocketMessage as SocketMessage
from webapp.common.messages import TeamEvent as TeamEvent
from webapp.images.messages import RevisionAdded as RevisionAdded
from webapp.images.messages import RoomChanged as RoomChanged
from webapp.jobs.contract import Stack
from webapp.jobs.messages import JobChanged as JobChanged

PROTOCOL = 1
MAX_POINTS = 4096


# ---- strokes ------------------------------------------------------------------------

# Label-map pixels times 16: integers, so that every replica rasterises alike.
Subpixel = Annotated[int, Field(ge=-65536, le=65536)]
Point = tuple[Subpixel, Subpixel]


class Stroke(SocketMessage):
    """One finished gesture on the label map. `fill` floods from its single point."""

    op_id: UUID
    tool: Literal["brush", "polygon", "fill", "restore"]  # restore: the eraser, back to base
    part: Annotated[int, Field(ge=0, le=255)]
    radius: Annotated[int, Field(ge=1, le=4096)]  # sixteenths of a label-map pixel
    points: Annotated[tuple[Point, ...], Field(min_length=1, max_length=MAX_POINTS)]
    rasteriser: Literal[1] = 1


class Undo(SocketMessage):
    """Takes back one of the sender's own strokes; `undone` false brings it back."""

    op_id: UUID
    target: UUID
    undone: bool = True


class Op(SocketMessage):
    """A stroke or an undo with its place in the server's order."""

    epoch: int
    seq: int
    author_id: int
    stroke: Stroke | None = None
    undo: Undo | None = None


# ---- browser to server ----------------------------------------------------------------


class Hello(SocketMessage):
    type: Literal["hello"] = "hello"
    protocol: int


class DrawStroke(SocketMessage):
    type: Literal["stroke"] = "stroke"
    epoch: int
    stroke: Stroke


class DrawUndo(SocketMessage):
    type: Literal["undo"] = "undo"
    epoch: int
    undo: Undo


class Claim(SocketMessage):
    """Says which part the sender is painting; None gives the claim back."""

    type: Literal["claim"] = "claim"
    part: Annotated[int, Field(ge=0, le=255)] | None


class Preview(SocketMessage):
    """Asks for the picture with a stack applied. `seq` rises per socket; the newest wins."""

    type: Literal["preview"] = "preview"
    seq: Annotated[int, Field(ge=0, le=4294967295)]
    base_revision_id: UUID
    stack: Stack


class RestStack(SocketMessage):
    """The stack came to rest: keep it as the room's state."""

    type: Literal["rest"] = "rest"
    stack: Stack


class Watch(SocketMessage):
    """Asks for the frames of a running job of this picture; None stops."""

    type: Literal["watch"] = "watch"
    job_id: UUID | None


class AckFrame(SocketMessage):
    """Gives one credit back for a frame that was shown or dropped."""

    type: Literal["ack"] = "ack"
    stream: UUID
    seq: int


class Ping(SocketMessage):
    type: Literal["ping"] = "ping"


FromBrowser = Annotated[
    Hello | DrawStroke | DrawUndo | Claim | Preview | RestStack | Watch | AckFrame | Ping,
    Field(discriminator="type"),
]

# ---- server to browser ----------------------------------------------------------------


class Person(SocketMessage):
    user_id: int
    name: str
    initials: str
    color: str
    part: int | None = None  # soft claim


class Welcome(SocketMessage):
    """Answers hello. Then the browser reads the snapshot and goes on from its `seq`."""

    type: Literal["welcome"] = "welcome"
    protocol: int
    user_id: int
    may_edit: bool
    preview_stream: UUID
    epoch: int
    seq: int


class OpDone(SocketMessage):
    """An op got its place. Its sender takes this as the acknowledgment."""

    type: Literal["op"] = "op"
    op: Op


class Presence(SocketMessage):
    type: Literal["presence"] = "presence"
    people: tuple[Person, ...]


class StackRested(SocketMessage):
    type: Literal["stack"] = "stack"
    author_id: int
    stack: Stack


class Refused(SocketMessage):
    """A message could not be carried out; `op_id` names the stroke it was, if any."""

    type: Literal["refused"] = "refused"
    code: str
    detail: str
    op_id: UUID | None = None


class Resync(SocketMessage):
    """Something was missed: read the snapshot again."""

    type: Literal["resync"] = "resync"


class Pong(SocketMessage):
    type: Literal["pong"] = "pong"
    seq: int
    epoch: int


FromServer = Annotated[
    Welcome
    | OpDone
    | Presence
    | StackRested
    | JobChanged
    | RoomChanged
    | RevisionAdded
    | Refused
    | Resync
    | Pong,
    Field(discriminator="type"),
]

# ---- the events socket: one per signed-in browser, for gallery, library and activity ----
