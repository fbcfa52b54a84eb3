"""What does every message over a socket have in common?

Each app defines the messages it announces itself; `webapp.rooms.messages` gathers them.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class SocketMessage(BaseModel):
    """Base of what travels over sockets: frozen; names it does not know are ignored."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", json_schema_serialization_defaults_required=True
    )


class TeamEvent(SocketMessage):
    """Something in one of the person's teams changed; the page reads it again over HTTP."""

    type: Literal["team"] = "team"
    topic: Literal["images", "library", "jobs", "team", "notifications", "families"]
    object_id: UUID
