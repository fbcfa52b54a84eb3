"""What does a finished job mean to the app that asked for it?

The higher app registers its handlers at start-up; they run in the transaction that finishes
the job, so that a job and what it made become true together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from webapp.jobs.contract import JobResult
from webapp.jobs.models import Job


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job ended without success. A canceled one has code `job.canceled`."""

    code: str
    detail: str


class OnSuccess(Protocol):
    def __call__(self, *, job: Job, result: JobResult, now: datetime) -> UUID | None:
        """Make what the job was for; return the id of the revision it made, if any."""


class OnFailure(Protocol):
    def __call__(self, *, job: Job, error: JobError, now: datetime) -> None:
        """Undo or mark what waited for the job."""


@dataclass(frozen=True, slots=True)
class Handlers:
    on_success: OnSuccess
    on_failure: OnFailure | None


_handlers: dict[str, Handlers] = {}


def register(kind: str, *, on_success: OnSuccess, on_failure: OnFailure | None = None) -> None:
    """Name the handlers of a job kind; called once at start-up by the app it belongs to."""
    assert kind not in _handlers, f"two apps want the results of {kind}"
    _handlers[kind] = Handlers(on_success=on_success, on_failure=on_failure)


def handlers(kind: str) -> Handlers:
    """Return the handlers of a job kind; that none are registered is a bug."""
    return _handlers[kind]


def swap(kind: str, new: Handlers | None) -> Callable[[], None]:
    """Put other handlers in place and return what puts the old ones back; for tests."""
    old = _handlers.pop(kind, None)
    if new is not None:
        _handlers[kind] = new

    def back() -> None:
        _handlers.pop(kind, None)
        if old is not None:
            _handlers[kind] = old

    return back
