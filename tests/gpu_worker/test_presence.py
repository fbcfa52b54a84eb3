import json
import os
import threading
import time

import pytest

from gpu_worker.bundles import Bundles
from gpu_worker.device import Device, Urgency
from gpu_worker.presence import ANY_WORKER, Presence
from tests.servers import Servers
from webapp.common.redis import client


@pytest.fixture
def ended() -> list[int]:
    return []


@pytest.fixture
def presence(
    real_servers: Servers, device: Device, bundles: Bundles, ended: list[int]
) -> Presence:
    return Presence(
        redis_url=real_servers.redis.url, device=device, bundles=bundles, step_seconds=0.05,
        die=ended.append,
    )  # fmt: skip


def test_nobody_is_told_of_a_worker_before_it_is_ready(presence: Presence) -> None:
    presence.say("starting")

    assert client().get(ANY_WORKER) is None

    presence.say("ready")

    said = json.loads(client().get(ANY_WORKER) or b"{}")  # type: ignore[arg-type]
    assert (said["state"], said["pid"]) == ("ready", os.getpid())
    assert 0 < client().ttl(ANY_WORKER) <= 8  # type: ignore[operator]


def test_a_worker_that_stops_takes_its_keys_back(presence: Presence) -> None:
    presence.say("ready")

    presence.stop()

    assert client().keys("worker:*") == []


def test_a_step_that_never_returns_ends_the_process(
    presence: Presence, device: Device, ended: list[int]
) -> None:
    release = threading.Event()
    thread = threading.Thread(
        target=lambda: device.run(lambda: release.wait(5), urgency=Urgency.BATCH)
    )
    thread.start()
    while device.busy_seconds < 0.1:
        time.sleep(0.01)

    presence.check()
    release.set()
    thread.join(5)

    assert ended == [71]
