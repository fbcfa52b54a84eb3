"""How is a room shown over HTTP?"""

from uuid import UUID

from ninja import Schema

from webapp.rooms.messages import Op


class StackItemOut(Schema):
    """An edit vector in the stack at rest."""

    edit_vector_version_id: UUID
    strength: float
    title: str | None


class RoomOut(Schema):
    """The painting on top of the head. Ops that come later have a higher `seq`."""

    epoch: int
    seq: int
    base_revision_id: UUID | None  # None until the picture has been understood
    ops: list[Op]
    stack: list[StackItemOut]
    may_edit: bool
