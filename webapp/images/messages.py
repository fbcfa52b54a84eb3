"""How does an open picture hear that its history grew?"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from webapp.common.messages import SocketMessage


class RoomChanged(SocketMessage):
    """The picture has a new head revision: read the snapshot again."""

    type: Literal["room"] = "room"
    epoch: int
    base_revision_id: UUID


class RevisionAdded(SocketMessage):
    """A revision was added to this picture."""

    type: Literal["revision"] = "revision"
    revision_id: UUID
    at: datetime
