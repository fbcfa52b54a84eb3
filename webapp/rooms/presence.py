"""Who has this picture open right now? Entries in Redis that fade unless refreshed.

One entry per socket, since disconnect handlers may never run. A person with several tabs is
shown once. Nothing here is a row, and a lost entry comes back with the next ping.
"""

import json
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from redis.asyncio import Redis

from webapp.rooms.messages import Person

LIFETIME_SECONDS = 30.0
CLAIM_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One open socket; times are seconds since 1970."""

    user_id: int
    name: str
    initials: str
    color: str
    joined_at: float
    seen_at: float
    part: int | None = None  # soft claim, until `claimed_until`
    claimed_until: float = 0.0

    def seen(self, now: float) -> "Entry":
        """Return the entry as refreshed now."""
        return replace(self, seen_at=now)

    def claiming(self, part: int | None, now: float) -> "Entry":
        """Return the entry with a claim that ends `CLAIM_SECONDS` from now."""
        until = now + CLAIM_SECONDS if part is not None else 0.0
        return replace(self, seen_at=now, part=part, claimed_until=until)

    def part_at(self, now: float) -> int | None:
        """Return the part that is claimed at `now`."""
        return self.part if now < self.claimed_until else None


def key(image_id: UUID) -> str:
    """Return the Redis key of the people in a picture."""
    return f"presence:{image_id.hex}"


async def put(redis: "Redis", image_id: UUID, socket: str, entry: Entry) -> None:
    """Write or refresh the entry of a socket."""
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset(key(image_id), socket, json.dumps(asdict(entry)))
        pipeline.expire(key(image_id), int(2 * LIFETIME_SECONDS))
        await pipeline.execute()


async def remove(redis: "Redis", image_id: UUID, socket: str) -> None:
    """Take the entry of a socket away."""
    await redis.hdel(key(image_id), socket)


async def people(redis: "Redis", image_id: UUID, *, now: float) -> tuple[Person, ...]:
    """Return who is there, who came last first, and sweep away entries that have faded."""
    found = await redis.hgetall(key(image_id))
    faded: list[bytes | str] = []
    entries: list[Entry] = []
    for socket, body in found.items():
        entry = _read(body)
        if entry is None or now - entry.seen_at > LIFETIME_SECONDS:
            faded.append(socket)
        else:
            entries.append(entry)
    if faded:
        await redis.hdel(key(image_id), *faded)
    return merged(entries, now=now)


def merged(entries: list[Entry], *, now: float) -> tuple[Person, ...]:
    """Return one person per user, with the claim made last in any of their tabs."""
    tabs: dict[int, list[Entry]] = {}
    for entry in entries:
        tabs.setdefault(entry.user_id, []).append(entry)
    shown: list[tuple[float, Person]] = []
    for mine in tabs.values():
        newest = max(mine, key=lambda entry: entry.seen_at)
        claim = max(mine, key=lambda entry: entry.claimed_until)
        person = Person(
            user_id=newest.user_id,
            name=newest.name,
            initials=newest.initials,
            color=newest.color,
            part=claim.part_at(now),
        )
        shown.append((min(entry.joined_at for entry in mine), person))
    return tuple(
        person for _, person in sorted(shown, key=lambda each: (-each[0], each[1].user_id))
    )


def _read(body: bytes | str) -> Entry | None:
    try:
        return Entry(**json.loads(body))
    except (ValueError, TypeError):
        return None  # written by another version: fades like an old one
