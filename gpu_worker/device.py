"""How do jobs and previews share one device, and what does each device error mean?

One thread touches the device. Others hand it units of work, a single step of an
optimization or one batch of previews, and wait. Between two units the most urgent waiting
one is taken: previews before interactive jobs before batch jobs. A unit that has waited
long goes first, so nothing starves.

An exhausted memory is survivable. A failed assertion or an illegal access inside CUDA ruins
the process for good; whoever sees `DeviceLostError` must end it.
"""

import gc
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from typing import Any, TypeVar

import torch

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5
# A unit that lets others through waits this long for the next of them, if one came lately,
# and not longer than that in all.
LATELY_SECONDS = 0.5
LINGER_SECONDS = 0.15
BREATH_SECONDS = 1.0
STICKY = ("device-side assert", "illegal memory access", "unspecified launch failure",
          "CUDA error", "cudaError", "misaligned address")  # fmt: skip

T = TypeVar("T")


class Urgency(IntEnum):
    """What is served first between two units; lower is more urgent."""

    PREVIEW = 0
    INTERACTIVE = 1
    BATCH = 2


class OutOfMemoryError(Exception):
    """The device has no memory for this unit, not even with its cache emptied."""


class DeviceLostError(Exception):
    """The device can no longer be used by this process."""


class DeviceStoppedError(Exception):
    """The process is ending; the unit was not begun."""


class _Unit:
    __slots__ = ("future", "number", "since", "urgency", "work")

    def __init__(self, work: Callable[[], Any], urgency: Urgency, number: int) -> None:
        self.work = work
        self.urgency = urgency
        self.number = number
        self.since = time.monotonic()
        self.future: Future[Any] = Future()

    def rank(self, now: float) -> tuple[int, int]:
        has_waited_long = now - self.since > PATIENCE_SECONDS
        return (-1 if has_waited_long else int(self.urgency), self.number)


def choose(name: str) -> torch.device:
    """Return the device that a setting of `auto`, `cpu` or `cuda` stands for."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def translate(error: BaseException) -> BaseException:
    """Return what an error raised on the device means to us, or the error itself."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return OutOfMemoryError(str(error))
    if isinstance(error, RuntimeError):
        text = str(error)
        if "out of memory" in text or "can't allocate memory" in text:
            return OutOfMemoryError(text)
        if any(sign in text for sign in STICKY):
            return DeviceLostError(text)
    return error


class Device:
    """The thread that owns the device. `run` may be called from any other thread."""

    def __init__(self, *, device: torch.device, num_threads: int) -> None:
        self.device = device
        self._num_threads = num_threads
        self._numbers = itertools.count()
        self._waiting: list[_Unit] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._busy_since: float | None = None
        self._current: _Unit | None = None
        self._urgent_at = float("-inf")  # when a unit last ended that batch work gives way to
        self._thread = threading.Thread(target=self._serve, name="device", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the unit under way, refuse all others, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout=30)

    def run(self, work: Callable[[], T], *, urgency: Urgency) -> T:
        """Return what `work` returns, run on the device's thread when its turn comes.

        Raises:
            OutOfMemoryError: also after the cache was emptied and the unit tried again.
            DeviceLostError: this process cannot go on.
            DeviceStoppedError: the process is ending.
        """
        assert threading.current_thread() is not self._thread, "a unit cannot wait for a unit"
        unit = _Unit(work, urgency, next(self._numbers))
        with self._changed:
            if self._stopping:
                raise DeviceStoppedError
            self._waiting.append(unit)
            self._changed.notify_all()
        result: T = unit.future.result()
        return result

    @property
    def busy_seconds(self) -> float:
        """How long the unit under way has run; 0 if there is none."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def empty_cache(self) -> None:
        """Give back what is cached; to be called on the device's thread."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _take(self) -> _Unit | None:
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            if self._stopping:
                for unit in self._waiting:
                    unit.future.set_exception(DeviceStoppedError())
                self._waiting.clear()
                return None
            now = time.monotonic()
            unit = min(self._waiting, key=lambda waiting: waiting.rank(now))
            self._waiting.remove(unit)
            return unit

    def breathe(self) -> None:
        """Run what is more urgent than the unit under way; to be called from inside it.

        For work that cannot be cut into units: it stays one, and lets others through. While
        a slider moves or a job runs, the next request comes a moment after the last, so this
        waits that moment; but not longer than `BREATH_SECONDS`, for then it is our turn.
        """
        assert threading.current_thread() is self._thread, "only a unit can let others through"
        assert self._current is not None
        end = time.monotonic() + BREATH_SECONDS
        while (unit := self._take_urgent(than=self._current, until=end)) is not None:
            self._do(unit)

    def _take_urgent(self, *, than: _Unit, until: float) -> _Unit | None:
        def waiting() -> list[_Unit]:
            return [unit for unit in self._waiting if unit.urgency < than.urgency]

        with self._changed:
            now = time.monotonic()
            if now >= until or self._stopping:
                return None
            if now - self._urgent_at < LATELY_SECONDS:
                self._changed.wait_for(waiting, timeout=min(LINGER_SECONDS, until - now))
            urgent = waiting()
            if not urgent or self._stopping:
                return None
            unit = min(urgent, key=lambda one: (one.urgency, one.number))
            self._waiting.remove(unit)
            return unit

    def _serve(self) -> None:
        torch.set_num_threads(self._num_threads)  # counts for the calling thread
        while (unit := self._take()) is not None:
            self._do(unit)

    def _do(self, unit: _Unit) -> None:
        interrupted, since = self._current, self._busy_since
        self._current, self._busy_since = unit, time.monotonic()
        try:
            unit.future.set_result(unit.work())
        except BaseException as error:
            meaning = translate(error)
            if isinstance(meaning, OutOfMemoryError):
                self.empty_cache()
            unit.future.set_exception(meaning)
        finally:
            self._current = interrupted
            if unit.urgency < Urgency.BATCH:
                self._urgent_at = time.monotonic()
            # What it let through does not count against it.
            self._busy_since = None if since is None else time.monotonic()
