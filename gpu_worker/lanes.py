"""What happens to a job between its claim and its end?

`work` claims the jobs of one lane until it is empty. Every job ends in exactly one way:
finished, refused, failed, canceled or released; what happens to it when this process dies
instead is written in the row's lease.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from typing import Literal, TypeVar

import redis
from django.db import InterfaceError, OperationalError

from editing.errors import EditingError
from gpu_worker import refusals, runners
from gpu_worker.bundles import Bundles
from gpu_worker.device import (
    Device,
    DeviceLostError,
    DeviceStoppedError,
    OutOfMemoryError,
    Urgency,
)
from gpu_worker.settings import WorkerSettings
from gpu_worker.workbench import CanceledError, StoppingError, Workbench, now
from webapp.common.errors import DomainError
from webapp.jobs import worker
from webapp.jobs.contract import JobResult
from webapp.jobs.worker import ClaimedJob, LostLeaseError

log = logging.getLogger(__name__)

Lane = Literal["interactive", "batch", "workshop"]
URGENCY: dict[str, Urgency] = {
    "interactive": Urgency.INTERACTIVE,
    "batch": Urgency.BATCH,
    "workshop": Urgency.BATCH,  # of a process of its own, see `gpu_worker.service`
}
# Jobs of a lane at once. While the device draws a picture of an album, a second thread reads
# and keeps those beside it; more would only wait for the device.
WIDTH: dict[str, int] = {"interactive": 1, "batch": 2, "workshop": 1}
EXIT_DEVICE_LOST = 70
T = TypeVar("T")


class Lanes:
    """The work of this process: a lane is worked by as many threads as `WIDTH` says."""

    def __init__(
        self,
        *,
        settings: WorkerSettings,
        device: Device,
        bundles: Bundles,
        die: Callable[[int], None] = os._exit,
    ) -> None:
        self._settings = settings
        self._device = device
        self._bundles = bundles
        self._die = die
        self._stopping = threading.Event()
        self._places = {lane: threading.Semaphore(WIDTH[lane]) for lane in URGENCY}
        self._num_working = dict.fromkeys(URGENCY, 0)
        self._counting = threading.Lock()
        self._rung = {lane: threading.Event() for lane in URGENCY}

    def stop(self) -> None:
        """Claim no more; jobs under way are released after their step."""
        self._stopping.set()

    @property
    def is_idle(self) -> bool:
        return not any(self._num_working.values())

    def work(self, lane: str) -> int:
        """Run the jobs of `lane` until it is empty; return how many were claimed.

        Returns at once if the lane has its threads: they look again.
        """
        rung, places = self._rung[lane], self._places[lane]
        rung.set()
        num_claimed = 0
        while rung.is_set() and places.acquire(blocking=False):
            try:
                self._count(lane, 1)
                rung.clear()
                num_claimed += self._until_empty(lane)
            finally:
                self._count(lane, -1)
                places.release()
        return num_claimed

    def _count(self, lane: str, change: int) -> None:
        with self._counting:
            self._num_working[lane] += change

    def _until_empty(self, lane: str) -> int:
        num_claimed = 0
        while not self._stopping.is_set():
            job = worker.claim(lane, now=now(), lease_seconds=self._settings.LEASE_SECONDS)
            if job is None:
                break
            num_claimed += 1
            self._settle(job, URGENCY[lane])
        return num_claimed

    def _settle(self, job: ClaimedJob, urgency: Urgency) -> None:
        """Run one job and end it; an exception that escapes is a bug of ours."""
        started = time.monotonic()
        try:
            result = self._run(job, urgency)
            through_outage(lambda: worker.finish(job, result, now=now()))
            log.info(
                "job %s %s done in %.2f s", job.id, job.request.kind, time.monotonic() - started
            )
        except CanceledError:
            through_outage(lambda: worker.confirm_cancel(job, now=now()))
        except (StoppingError, DeviceStoppedError):
            worker.release(job, now=now())
        except LostLeaseError:
            log.warning("job %s was lost to another worker", job.id)
        except EditingError as error:
            self._fail(job, error.code, refusals.sentence(error))
        except DomainError as error:
            self._fail(job, error.code, error.detail)
        except OutOfMemoryError:
            self._fail(
                job, "device.memory", "The device has no memory for this.", retryable=True
            )
        except DeviceLostError as error:
            log.critical("the device is lost, ending this process: %s", error)
            self._fail(job, "device.lost", "The device failed.", retryable=True)
            self._die(EXIT_DEVICE_LOST)
        except (OperationalError, InterfaceError, redis.RedisError) as error:
            # Not ours to end now: the lease runs out and the sweep rings for it.
            log.warning("job %s left to its lease, a server is away: %s", job.id, error)
        except Exception:
            reference = uuid.uuid4().hex[:12]
            log.exception("job %s failed, reference %s", job.id, reference)
            self._fail(
                job, "job.bug", f"Something went wrong on our side. Reference: {reference}."
            )

    def _run(self, job: ClaimedJob, urgency: Urgency) -> JobResult:
        bench = Workbench(
            job=job,
            urgency=urgency,
            device=self._device,
            bundles=self._bundles,
            lease_seconds=self._settings.LEASE_SECONDS,
            frame_seconds=1 / self._settings.FRAMES_PER_SECOND,
            is_stopping=self._stopping.is_set,
            workshop=self._settings.WORKSHOP_DIR,
            families=self._settings.FAMILIES_DIR,
            slice_seconds=self._settings.SLICE_SECONDS,
            checkpoint_seconds=self._settings.CHECKPOINT_SECONDS,
        )
        try:
            return runners.run(bench)
        except OutOfMemoryError:
            log.warning("job %s tries again with an empty cache", job.id)
            bench.on_device(self._device.empty_cache)
            return runners.run(bench)

    @staticmethod
    def _fail(job: ClaimedJob, code: str, detail: str, *, retryable: bool = False) -> None:
        through_outage(lambda: worker.fail(job, code, detail, retryable=retryable, now=now()))


def through_outage(write: Callable[[], T], *, seconds: float = 60.0) -> T:
    """Return what `write` returns, trying again while the database is away.

    Safe to repeat, because every such write holds only while the fencing token does.

    Raises:
        DatabaseError: it was away for longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    pause = 0.2
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("the database is away, trying again: %s", error)
            time.sleep(pause)
            pause = min(3.0, 2 * pause)
