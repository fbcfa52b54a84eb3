"""Who is in a picture."""

from uuid import uuid4

import pytest
from redis.asyncio import Redis

from webapp.rooms import presence
from webapp.rooms.presence import Entry

T0 = 1_700_000_000.0


def entry(user_id=1, *, at=T0, **more) -> Entry:
    return Entry(
        user_id=user_id, name=f"Person {user_id}", initials="P", color="#fff",
        **{"joined_at": at, "seen_at": at, **more},
    )  # fmt: skip


@pytest.fixture
async def redis(settings):
    async with Redis.from_url(settings.REDIS_URL) as client:
        yield client


def test_a_person_with_two_tabs_is_shown_once_with_the_newest_claim():
    tabs = [
        entry(1).claiming(2, T0),
        entry(1).claiming(5, T0 + 1),
        entry(2, at=T0 + 3),
    ]

    people = presence.merged(tabs, now=T0 + 3)

    assert [(person.user_id, person.part) for person in people] == [(2, None), (1, 5)]


def test_a_claim_ends_five_seconds_after_the_last_stroke():
    claimed = entry().claiming(2, T0)

    assert claimed.part_at(T0 + 4.9) == 2
    assert claimed.part_at(T0 + 5) is None
    assert claimed.claiming(2, T0 + 4).part_at(T0 + 8) == 2
    assert claimed.claiming(None, T0 + 1).part_at(T0 + 1) is None


async def test_who_is_silent_for_thirty_seconds_is_swept_away(redis):
    image = uuid4()
    await presence.put(redis, image, "a", entry(1, at=T0))
    await presence.put(redis, image, "b", entry(2, at=T0 + 20))

    people = await presence.people(redis, image, now=T0 + 31)

    assert [person.user_id for person in people] == [2]
    assert await redis.hkeys(presence.key(image)) == [b"b"]
    assert 0 < await redis.ttl(presence.key(image)) <= 60


async def test_an_entry_of_another_version_does_not_hide_the_others(redis):
    image = uuid4()
    await presence.put(redis, image, "a", entry(1))
    await redis.hset(presence.key(image), "b", b'{"nonsense": 1}')

    people = await presence.people(redis, image, now=T0)

    assert [person.user_id for person in people] == [1]


async def test_who_leaves_is_gone_at_once(redis):
    image = uuid4()
    await presence.put(redis, image, "a", entry(1))
    await presence.remove(redis, image, "a")

    assert await presence.people(redis, image, now=T0) == ()
