"""How do others know that this worker is there, and who notices when it hangs?

A key in Redis with a lifetime says `starting` or `ready`; the web process reads it to tell
people that they wait for a worker. The same thread watches the device: a step that never
returns cannot be interrupted from Python, so the process ends itself and is started anew.
"""

import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import Literal

import redis

from gpu_worker.bundles import Bundles
from gpu_worker.device import Device

log = logging.getLogger(__name__)

# Whoever waits for any worker looks here; each worker also has a key of its own.
ANY_WORKER = "worker:ready"
EVERY_SECONDS = 2.0
LIFETIME_SECONDS = 8
EXIT_HUNG = 71

State = Literal["starting", "ready", "stopping"]


class Presence:
    """The thread that says this worker is alive, as long as it is."""

    def __init__(
        self,
        *,
        redis_url: str,
        device: Device,
        bundles: Bundles,
        step_seconds: float,
        serves_people: bool = True,
        die: Callable[[int], None] = os._exit,
    ) -> None:
        self._client = redis.Redis.from_url(redis_url, socket_timeout=5)
        self._key = f"worker:{socket.gethostname()}:{os.getpid()}"
        self._device = device
        self._bundles = bundles
        self._step_seconds = step_seconds
        self._serves_people = serves_people
        self._die = die
        self._state: State = "starting"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="presence", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def say(self, state: State) -> None:
        """Say `state` now and from now on."""
        self._state = state
        self.announce()

    def stop(self) -> None:
        """Take the keys back and end the thread."""
        self._stopping.set()
        try:
            self._client.delete(self._key, *([ANY_WORKER] if self._serves_people else []))
        except redis.RedisError as error:
            log.info("keys left to their lifetime: %s", error)

    def announce(self) -> None:
        """Write the keys; an outage is logged, the next round tries again."""
        body = json.dumps(
            {
                "state": self._state,
                "device": str(self._device.device),
                "bundles": self._bundles.warm(),
                "pid": os.getpid(),
            }
        )
        try:
            self._client.set(self._key, body, ex=LIFETIME_SECONDS)
            if self._state == "ready" and self._serves_people:
                self._client.set(ANY_WORKER, body, ex=LIFETIME_SECONDS)
        except redis.RedisError as error:
            log.warning("presence not announced: %s", error)

    def check(self) -> None:
        """End the process if the device has been busy with one step for too long."""
        if self._device.busy_seconds > self._step_seconds:
            log.critical("a step takes longer than %s s, ending", self._step_seconds)
            self._die(EXIT_HUNG)

    def _serve(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            self.check()
            self.announce()
