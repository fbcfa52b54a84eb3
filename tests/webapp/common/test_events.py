"""Hints to rooms and teams, on the wire that the channel layer reads."""

from typing import Any
from uuid import uuid4

import msgpack
import pytest
import redis
from django.db import transaction

from webapp.common import events
from webapp.common.messages import TeamEvent
from webapp.common.redis import client

pytestmark = pytest.mark.django_db


def heard(subscription: Any) -> list[dict[str, Any]]:
    found = []
    while message := subscription.get_message(timeout=0.2):
        if message["type"] == "message":
            found.append(msgpack.unpackb(message["data"]))
    return found


def test_a_team_hears_after_the_commit_and_not_before(
    django_capture_on_commit_callbacks: Any,
) -> None:
    team, thing = uuid4(), uuid4()
    event = TeamEvent(topic="images", object_id=thing)
    with client().pubsub() as subscription:
        subscription.subscribe(f"asgi__group__team.{team.hex}")
        with django_capture_on_commit_callbacks() as callbacks:
            events.announce_team(team, event)
        assert heard(subscription) == []

        for callback in callbacks:
            callback()

        assert heard(subscription) == [
            {"type": "team.message", "text": event.model_dump_json()}
        ]


def test_nobody_hears_of_what_was_rolled_back(
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        try:
            with transaction.atomic():
                events.announce_room(uuid4(), TeamEvent(topic="jobs", object_id=uuid4()))
                raise RuntimeError
        except RuntimeError:
            pass

    assert callbacks == []


def test_an_outage_of_redis_is_logged_and_never_raised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = redis.Redis(host="127.0.0.1", port=1)
    monkeypatch.setattr(events, "client", lambda: nowhere)

    events.publish("team.x", {"type": "team.message"})

    assert "lost" in caplog.text
