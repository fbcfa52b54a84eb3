"""What may a GPU worker do to jobs? Everything it needs, and nothing else of webapp.

`claim` a job, `advance` it while its steps go on, and end it with `finish`, `fail`,
`confirm_cancel` or `release`. Each is conditional on the claim's fencing token: a worker
that lost its lease can change nothing, and hears of it by `LostLeaseError`. Previews and
frames pass through latest-wins slots in Redis and touch no row.

Every call returns its database connection to the pool, so threads may live for days.
"""

import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar, cast
from uuid import UUID

import msgpack
import redis
from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce
from pydantic import ValidationError

from webapp.common import artifacts, events
from webapp.common.errors import DomainError
from webapp.common.frames import Frame
from webapp.common.redis import client
from webapp.jobs import policies, selectors, services, sources
from webapp.jobs.contract import (
    JobRequest,
    JobResult,
    PreviewRequest,
    Progress,
    SearchScope,
)
from webapp.jobs.messages import JobChanged
from webapp.jobs.models import HELD, LANES, MAX_ATTEMPTS, Job, Status
from webapp.jobs.registry import JobError
from webapp.jobs.sources import Candidate as Candidate
from webapp.jobs.sources import OffsetRecord as OffsetRecord

log = logging.getLogger(__name__)

ANNOUNCE_EVERY = timedelta(seconds=0.1)
TELL_TEAM_EVERY = timedelta(seconds=1)
WRITE_EVERY = timedelta(seconds=0.5)
LOOK_EVERY = timedelta(seconds=1)
FRAME_SECONDS = 30
PREVIEWS_WAITING = "preview:waiting"
MAX_PREVIEWS = 256

UNREADABLE = JobError(
    code="job.unreadable", detail="This was asked for by another version. Please ask again."
)
NOT_ALLOWED = JobError(
    code="job.not_allowed", detail="Who asked for this no longer belongs to the team."
)

CLAIM = """
WITH pick AS (
  SELECT j.id FROM jobs_job j
  LEFT JOIN jobs_turn t ON t.owner_id = j.owner_id AND t.lane = j.lane
  WHERE j.lane = %(lane)s AND j.num_attempts < %(max_attempts)s
    AND (j.status = 'queued'
         OR (j.status IN ('leased', 'running') AND j.lease_expires_at < %(now)s))
  ORDER BY t.served_at NULLS FIRST, j.priority DESC, j.created_at
  LIMIT 1 FOR UPDATE OF j SKIP LOCKED),
got AS (
  UPDATE jobs_job j SET status = 'leased', lease_expires_at = %(until)s, started_at = NULL,
         progress = NULL, fencing_token = fencing_token + 1, num_attempts = num_attempts + 1
  FROM pick WHERE j.id = pick.id RETURNING j.*),
mark AS (
  INSERT INTO jobs_turn (owner_id, lane, served_at)
  SELECT owner_id, lane, clock_timestamp() FROM got
  ON CONFLICT (owner_id, lane) DO UPDATE SET served_at = excluded.served_at)
SELECT * FROM got
"""


class LostLeaseError(Exception):
    """Another worker has this job now, or it has ended: stop working on it."""


@dataclass(slots=True)
class Pace:
    """When this claim last announced, wrote and looked; kept by the facade alone."""

    started_at: datetime | None = None
    announced_at: datetime | None = None
    written_at: datetime | None = None
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this worker holds until its lease runs out."""

    id: UUID
    token: int
    owner_id: int
    team_id: UUID
    image_id: UUID | None
    request: JobRequest
    num_attempts: int = 1
    project_id: UUID | None = None
    pace: Pace = field(default_factory=Pace, compare=False, repr=False)


P = ParamSpec("P")
R = TypeVar("R")


def _returns_connection(function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return wrapped


# ---- claiming --------------------------------------------------------------------------


@_returns_connection
def claim(lane: str, *, now: datetime, lease_seconds: float) -> ClaimedJob | None:
    """Return the job of `lane` that is due, held until the lease runs out, or None.

    The least recently served owner comes first, then priority, then age. A job whose owner
    has left the team, or whose request cannot be read, is ended here and passed over.
    """
    while True:
        with transaction.atomic():
            until = now + timedelta(seconds=lease_seconds)
            rows = list(
                Job.objects.raw(
                    CLAIM,
                    {"lane": lane, "now": now, "until": until, "max_attempts": MAX_ATTEMPTS},
                )
            )
            if not rows:
                return None
            job = rows[0]
            if not policies.may_still_run(job):
                services.end(job, now=now, error=NOT_ALLOWED)
                continue
            try:
                request = services.REQUESTS.validate_python(job.request, strict=False)
            except ValidationError:
                log.exception("request of job %s cannot be read", job.id)
                services.end(job, now=now, error=UNREADABLE)
                continue
            services.announce(job)
        return ClaimedJob(
            id=job.id,
            token=job.fencing_token,
            owner_id=job.owner_id,
            team_id=job.team_id,
            image_id=job.image_id,
            request=request,
            num_attempts=job.num_attempts,
            project_id=job.project_id,
        )


# ---- while it runs ---------------------------------------------------------------------


def _is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    return last is None or now - last >= every


@_returns_connection
def advance(
    job: ClaimedJob, progress: Progress, *, now: datetime, lease_seconds: float
) -> None:
    """Say how far the job is. The row and the lease are written at most twice a second.

    Raises:
        LostLeaseError: this claim no longer holds the job.
    """
    pace = job.pace
    if pace.started_at is None:
        pace.started_at = now
    is_last = progress.step >= progress.num_steps
    if is_last or _is_due(pace.written_at, WRITE_EVERY, now):
        pace.written_at = now
        _write_progress(job, progress, now=now, lease_seconds=lease_seconds)
    every = ANNOUNCE_EVERY if job.image_id is not None else TELL_TEAM_EVERY
    if job.image_id is None and job.project_id is None:
        return
    if is_last or _is_due(pace.announced_at, every, now):
        pace.announced_at = now
        message = JobChanged(
            job_id=job.id,
            kind=job.request.kind,
            status="running",
            owner_id=job.owner_id,
            project_id=job.project_id,
            progress=progress,
            seconds_left=selectors.estimate_seconds_left(
                progress, started_at=pace.started_at, now=now
            ),
        )
        text = message.model_dump_json()
        if job.project_id is not None:
            events.publish_to_team(job.team_id, text)
        if job.image_id is not None:
            group = events.room_group(job.image_id)
            events.publish(group, {"type": "room.message", "text": text})


@_returns_connection
def renew(job: ClaimedJob, *, now: datetime, lease_seconds: float) -> None:
    """Keep the job for another lease: for a step that takes long, from beside it.

    Raises:
        LostLeaseError: this claim no longer holds the job.
    """
    held = Job.objects.filter(pk=job.id, fencing_token=job.token, status__in=HELD)
    if not held.update(lease_expires_at=now + timedelta(seconds=lease_seconds)):
        raise LostLeaseError(str(job.id))


def _write_progress(
    job: ClaimedJob, progress: Progress, *, now: datetime, lease_seconds: float
) -> None:
    canceling = When(status=Status.CANCELING, then=Value(Status.CANCELING.value))
    changed = Job.objects.filter(pk=job.id, fencing_token=job.token, status__in=HELD).update(
        status=Case(canceling, default=Value(Status.RUNNING.value)),
        lease_expires_at=now + timedelta(seconds=lease_seconds),
        progress=progress.model_dump(mode="json"),
        started_at=Coalesce(F("started_at"), Value(now)),
    )
    if not changed:
        raise LostLeaseError(str(job.id))


@_returns_connection
def is_cancel_requested(job: ClaimedJob, *, now: datetime) -> bool:
    """Return whether somebody wants the job stopped; cheap enough to ask at every step.

    Raises:
        LostLeaseError: this claim no longer holds the job.
    """
    try:
        if client().exists(services.cancel_flag(job.id)):
            return True
    except redis.RedisError:
        pass  # the row knows as well
    if not _is_due(job.pace.looked_at, LOOK_EVERY, now):
        return False
    job.pace.looked_at = now
    status = (
        Job.objects.filter(pk=job.id, fencing_token=job.token, status__in=HELD)
        .values_list("status", flat=True)
        .first()
    )
    if status is None:
        raise LostLeaseError(str(job.id))
    return status == Status.CANCELING


@_returns_connection
def others_wait(job: ClaimedJob) -> bool:
    """Return whether somebody else's job waits in the lane of this one."""
    waiting = Job.objects.filter(lane=LANES[job.request.kind], status=Status.QUEUED)
    return waiting.exclude(owner_id=job.owner_id).exists()


# ---- how it ends -----------------------------------------------------------------------


@_returns_connection
def finish(job: ClaimedJob, result: JobResult, *, now: datetime) -> bool:
    """Commit the result with what it makes; return False if it came too late and was dropped.

    A job that somebody canceled meanwhile ends as canceled. A refusal by the app that asked
    for the job ends it as failed, with that refusal's code.
    """
    try:
        with transaction.atomic():
            row = services.held(job.id, token=job.token)
            if row is None:
                log.warning("late result of job %s dropped", job.id)
                return False
            if row.status == Status.CANCELING:
                services.end(row, now=now, error=services.CANCELED)
            elif not policies.may_still_run(row):
                services.end(row, now=now, error=NOT_ALLOWED)
            else:
                services.end(row, now=now, result=result)
            return True
    except DomainError as error:
        fail(job, error.code, error.detail, retryable=False, now=now)
        return True


@_returns_connection
def fail(job: ClaimedJob, code: str, detail: str, *, retryable: bool, now: datetime) -> bool:
    """End the job as failed, or put it back if trying again may help and attempts are left.

    Returns False if this claim no longer holds the job.
    """
    with transaction.atomic():
        row = services.held(job.id, token=job.token)
        if row is None:
            return False
        if row.status == Status.CANCELING:
            services.end(row, now=now, error=services.CANCELED)
        elif retryable and row.num_attempts < MAX_ATTEMPTS:
            services.requeue(row, gives_attempt_back=False)
        else:
            services.end(row, now=now, error=JobError(code=code, detail=detail))
        return True


@_returns_connection
def confirm_cancel(job: ClaimedJob, *, now: datetime) -> bool:
    """Say that work has stopped as asked; returns False if this claim lost the job."""
    with transaction.atomic():
        row = services.held(job.id, token=job.token)
        if row is None:
            return False
        services.end(row, now=now, error=services.CANCELED)
        return True


@_returns_connection
def release(job: ClaimedJob, *, now: datetime) -> bool:
    """Put the job back with its attempt, because this worker is about to stop."""
    with transaction.atomic():
        row = services.held(job.id, token=job.token)
        if row is None:
            return False
        if row.status == Status.CANCELING:
            services.end(row, now=now, error=services.CANCELED)
        else:
            services.requeue(row, gives_attempt_back=True)
        return True


# ---- bytes -------------------------------------------------------------------------------


def read_artifact(digest: str) -> bytes:
    """Return the bytes of an artifact; see `artifacts.read` for what may be raised."""
    return artifacts.read(digest)


@_returns_connection
def put_artifact(data: bytes, content_type: str) -> str:
    """Store bytes and return their name."""
    return artifacts.put(data, content_type=content_type)


@_returns_connection
def put_artifacts(items: Sequence[tuple[bytes, str]]) -> list[str]:
    """Store bytes, each with its content type, and return their names in order."""
    return artifacts.put_all(items)


@_returns_connection
def read_offset(version_id: UUID) -> OffsetRecord:
    """Return the offset of an edit vector version.

    Raises:
        NotFoundError: there is no such version.
    """
    return sources.read_offset(version_id)


@_returns_connection
def find_candidates(
    job: ClaimedJob, *, signature: Sequence[float], bundle: str, scope: SearchScope, limit: int
) -> list[Candidate]:
    """Return the edit vectors that the job's owner may apply, nearest to an effect first."""
    return sources.find_candidates(
        owner_id=job.owner_id, signature=signature, bundle=bundle, scope=scope, limit=limit
    )


# ---- previews and frames -------------------------------------------------------------------


def take_previews(timeout: float) -> list[PreviewRequest]:
    """Return the newest wish of every stream that waits, at most `timeout` seconds later.

    What cannot be read is logged and dropped; asking again is the browser's part.
    """
    first = client().blpop([PREVIEWS_WAITING], timeout=timeout)
    if first is None:
        return []
    more = client().lpop(PREVIEWS_WAITING, MAX_PREVIEWS) or []
    names = [cast(bytes, first[1]), *cast(list[bytes], more)]
    streams = list(dict.fromkeys(name.decode("ascii", "replace") for name in names))
    pipeline = client().pipeline(transaction=False)
    for stream in streams:
        pipeline.getdel(f"preview:slot:{stream}")
    wishes: list[PreviewRequest] = []
    for body in pipeline.execute():
        if body is None:
            continue  # a ring for a slot that an earlier round has taken
        try:
            wishes.append(PreviewRequest.model_validate_json(body))
        except ValidationError as error:
            log.warning("preview request dropped: %s", error)
    return wishes


def put_frame(frame: Frame) -> None:
    """Make `frame` the newest of its stream and hint at it to whoever watches."""
    stream = frame.stream.hex
    hint = {"type": "frame.hint", "stream": stream, "epoch": frame.epoch, "seq": frame.seq}
    pipeline = client().pipeline(transaction=False)
    pipeline.set(f"frame:{stream}", frame.pack(), ex=FRAME_SECONDS)
    pipeline.publish(
        f"asgi__group__{events.stream_group(frame.stream)}",
        msgpack.packb(hint, use_bin_type=True),
    )
    try:
        pipeline.execute()
    except redis.RedisError as error:
        log.warning("frame of %s lost: %s", stream, error)  # frames are disposable
