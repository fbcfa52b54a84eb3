"""Who has which sample open right now? Entries in Redis that fade unless refreshed."""

import time
from uuid import UUID

import redis

from webapp.common.redis import client

LIFETIME_SECONDS = 30.0


def _key(project_id: UUID) -> str:
    return f"workshop:here:{project_id.hex}"


def come(project_id: UUID, *, sample_id: UUID, user_id: int) -> bool:
    """Say that somebody has a sample open; return whether that is news.

    An outage is no news: presence is a courtesy.
    """
    key, field = _key(project_id), str(user_id)
    try:
        before = client().hget(key, field)
        pipeline = client().pipeline(transaction=False)
        pipeline.hset(key, field, f"{sample_id.hex} {time.time()}")
        pipeline.expire(key, int(2 * LIFETIME_SECONDS))
        pipeline.execute()
    except redis.RedisError:
        return False
    return _read(before) != sample_id


def here(project_id: UUID) -> dict[int, UUID]:
    """Return which sample each person has open, by the person's id."""
    try:
        found: dict[bytes, bytes] = client().hgetall(_key(project_id))  # type: ignore[assignment]  # a synchronous client
    except redis.RedisError:
        return {}
    samples = {int(user): _read(entry) for user, entry in found.items()}
    return {user: sample for user, sample in samples.items() if sample is not None}


def _read(entry: object) -> UUID | None:
    """Return the sample of an entry that has not faded."""
    if not isinstance(entry, bytes):
        return None
    sample, _, at = entry.decode().partition(" ")
    return UUID(sample) if time.time() - float(at) < LIFETIME_SECONDS else None
