"""What does a step say while it runs, and how does one that takes a callback become one?"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from editing.training.run import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one step is.

    Args:
        fraction: of this step, from 0 to 1.
        sentence: what happens, for people.
        seconds_left: at the pace so far, None where nobody can tell yet.
        sheet: picture that has just been written or written anew.
        figures: what was measured so far, by name.
    """

    fraction: float
    sentence: str
    seconds_left: float | None = None
    sheet: Path | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


class Pace:
    """Tells the seconds left of a step by what it has taken since this object was made."""

    def __init__(self, clock: Clock, *, fraction: float = 0.0) -> None:
        """Start at `fraction` of the step, which earlier runs may have done."""
        self._clock, self._from, self._since = clock, fraction, clock()

    def at(
        self,
        fraction: float,
        sentence: str,
        *,
        sheet: Path | None = None,
        figures: Mapping[str, float] | None = None,
    ) -> Progress:
        """Return the progress at `fraction`, with the seconds left at the pace so far."""
        done, spent = fraction - self._from, self._clock() - self._since
        left = spent * (1 - fraction) / done if done > 0 else None
        return Progress(fraction, sentence, left, sheet, figures or {})


class _StoppedError(Exception):
    """The iterator was closed, and the call in the other thread has to end."""


def following(call: Callable[[Callable[[T], None]], object]) -> Iterator[T]:
    """Yield what `call` tells its callback, while `call` runs in a thread of its own.

    Closing the iterator raises inside the callback, so that `call` cleans up and ends. What
    `call` raises is raised here.
    """
    told: queue.SimpleQueue[tuple[str, T | BaseException | None]] = queue.SimpleQueue()
    is_closed = threading.Event()

    def tell(value: T) -> None:
        if is_closed.is_set():
            raise _StoppedError
        told.put(("said", value))

    def run() -> None:
        try:
            call(tell)
        except BaseException as error:
            told.put(("failed", error))
        else:
            told.put(("done", None))

    thread = threading.Thread(target=run, name="own-family-step", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = told.get()
            if kind == "done":
                return
            if kind == "failed":
                assert isinstance(value, BaseException)
                raise value
            yield value  # type: ignore[misc]  # what was said is a T
    finally:
        is_closed.set()
        thread.join()
