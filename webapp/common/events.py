"""Who hears of a change? Rooms and teams, by hints over the pub/sub layer.

A hint may be lost: receivers read the truth over HTTP. It is published after the commit,
through a synchronous client, so that threads of a worker never meet an event loop.
"""

import logging
from typing import Any
from uuid import UUID

import msgpack
import redis
from django.db import transaction
from pydantic import BaseModel

from webapp.common.messages import TeamEvent
from webapp.common.redis import client

log = logging.getLogger(__name__)


def room_group(image_id: UUID) -> str:
    """Return the layer group of everybody who has this picture open."""
    return f"room.{image_id.hex}"


def team_group(team_id: UUID) -> str:
    """Return the layer group of everybody signed in to this team."""
    return f"team.{team_id.hex}"


def stream_group(stream: UUID) -> str:
    """Return the layer group of everybody who watches this stream of frames."""
    return f"stream.{stream.hex}"


def user_group(user_id: int) -> str:
    """Return the layer group of all sockets of one person."""
    return f"user.{user_id}"


def publish(group: str, message: dict[str, Any]) -> None:
    """Send one layer message to a group now. An outage is logged, never raised."""
    try:
        client().publish(f"asgi__group__{group}", msgpack.packb(message, use_bin_type=True))
    except redis.RedisError as error:
        log.warning("hint to %s lost: %s", group, error)


def announce_room(image_id: UUID, message: BaseModel) -> None:
    """Tell everybody who has the picture open, once the transaction has committed."""
    text = message.model_dump_json()
    group = room_group(image_id)
    transaction.on_commit(
        lambda: publish(group, {"type": "room.message", "text": text}), robust=True
    )


def announce_team(team_id: UUID, event: TeamEvent) -> None:
    """Tell everybody of the team, once the transaction has committed."""
    announce_to_team(team_id, event)


def announce_to_team(team_id: UUID, message: BaseModel) -> None:
    """Send a message to everybody of the team, once the transaction has committed."""
    text = message.model_dump_json()
    transaction.on_commit(lambda: publish_to_team(team_id, text), robust=True)


def publish_to_team(team_id: UUID, text: str) -> None:
    """Send the JSON of a message to everybody of the team now."""
    publish(team_group(team_id), {"type": "team.message", "text": text})


def announce_access(user_id: int) -> None:
    """Have a person's sockets look at their rights again, after the commit."""
    group = user_group(user_id)
    transaction.on_commit(lambda: publish(group, {"type": "auth.changed"}), robust=True)


def announce_room_access(image_id: UUID) -> None:
    """Have everybody's sockets in a picture look at their rights again, after the commit."""
    group = room_group(image_id)
    transaction.on_commit(lambda: publish(group, {"type": "auth.changed"}), robust=True)
