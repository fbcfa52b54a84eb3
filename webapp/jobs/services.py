"""Use cases that change jobs: enqueue, cancel, end, sweep.

All ends of a job go through `end`: it writes the row, runs the registered handler in the
same transaction, and announces after the commit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

import redis
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from pydantic import TypeAdapter

from webapp.accounts.models import Team, User
from webapp.common import events
from webapp.common.errors import ConflictError, RateLimitedError
from webapp.common.messages import TeamEvent
from webapp.common.redis import client
from webapp.jobs import doorbell, policies, selectors
from webapp.jobs.contract import JobRequest, JobResult, Progress
from webapp.jobs.messages import JobChanged
from webapp.jobs.models import (
    HELD,
    LANES,
    MAX_ATTEMPTS,
    QUESTIONS,
    TERMINAL,
    Job,
    Lane,
    Status,
)
from webapp.jobs.registry import JobError, handlers

CANCELED = JobError(code="job.canceled", detail="Canceled.")
POISON = JobError(
    code="job.poison",
    detail="This was tried 3 times and the worker stopped each time. It was given up.",
)
REQUESTS: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)

StatusName = Literal[
    "queued", "leased", "running", "canceling", "succeeded", "failed", "canceled"
]


MAX_PER_MINUTE = 20
NOUNS = {"optimize": "optimizations", "refine": "refinements"}


class TooManyJobsError(RateLimitedError):
    """The person started as many jobs of this kind as a minute allows."""

    code = "jobs.too_many"


class ReusedKeyError(ConflictError):
    """The idempotency key was used before, for another request."""

    code = "jobs.reused_key"


def cancel_flag(job_id: UUID) -> str:
    """Return the Redis key that tells a worker of a cancel sooner than the row does."""
    return f"job:cancel:{job_id.hex}"


# ---- announcing --------------------------------------------------------------------------


def changed(
    job: Job, *, progress: Progress | None = None, seconds_left: float | None = None
) -> JobChanged:
    """Return the message that tells an open picture how the job stands."""
    if progress is None and job.progress is not None:
        progress = Progress.model_validate(job.progress)
    return JobChanged(
        job_id=job.id,
        kind=job.kind,
        status=cast(StatusName, str(job.status)),
        owner_id=job.owner_id,
        progress=progress,
        seconds_left=seconds_left,
        revision_id=job.revision_id,
        project_id=job.project_id,
        error_code=job.error_code or None,
        error_detail=job.error_detail or None,
    )


def announce(job: Job) -> None:
    """Tell the open picture and the team, after the commit; of a question, nobody."""
    if job.kind in QUESTIONS:
        return
    if job.image_id is not None:
        events.announce_room(job.image_id, changed(job))
    if job.project_id is not None:
        events.announce_to_team(job.team_id, changed(job))
    events.announce_team(job.team_id, TeamEvent(topic="jobs", object_id=job.id))


def _ring_after_commit(lane: str) -> None:
    transaction.on_commit(lambda: doorbell.ring(lane), robust=True)


# ---- beginning ---------------------------------------------------------------------------


@transaction.atomic
def enqueue(
    *,
    owner: User,
    team: Team,
    request: JobRequest,
    now: datetime,
    idempotency_key: str | None = None,
    image_id: UUID | None = None,
    project_id: UUID | None = None,
    priority: int = 0,
    lane: Lane | None = None,
) -> Job:
    """Return the job for `request`, waiting in its lane; workers hear of it at the commit.

    The lane is the kind's, unless another is named. Asking again under the same key returns
    the job of the first time.

    Raises:
        ReusedKeyError: the key was used for another request.
        TooManyJobsError: the owner started too many of this kind within a minute.
    """
    body = request.model_dump(mode="json")
    earlier = selectors.by_key(owner, idempotency_key)
    if earlier is None:
        _check_pace(owner, request.kind, now=now)
        job = Job(
            owner=owner,
            team=team,
            kind=request.kind,
            lane=lane or LANES[request.kind],
            priority=priority,
            request=body,
            image_id=image_id,
            project_id=project_id,
            parent_revision_id=getattr(request, "base_revision_id", None),
            idempotency_key=idempotency_key or None,
            created_at=now,
        )
        try:
            with transaction.atomic():
                job.save(force_insert=True)
        except IntegrityError:
            earlier = selectors.by_key(owner, idempotency_key)
            if earlier is None:
                raise
        else:
            _ring_after_commit(job.lane)
            announce(job)
            return job
    if earlier.request != body:
        raise ReusedKeyError("This key was used for another request. Send a new one.")
    return earlier


def _check_pace(owner: User, kind: str, *, now: datetime) -> None:
    if kind not in NOUNS:
        return
    window = timedelta(minutes=1)
    started = selectors.starts(owner, kind, since=now - window, limit=MAX_PER_MINUTE)
    if len(started) == MAX_PER_MINUTE:
        seconds = max(1, math.ceil((started[-1] + window - now).total_seconds()))
        raise TooManyJobsError(
            f"That was {MAX_PER_MINUTE} {NOUNS[kind]} in a minute. "
            f"You can go on in {seconds} s.",
            retry_after=seconds,
        )


# ---- ending ------------------------------------------------------------------------------


def end(
    job: Job,
    *,
    now: datetime,
    result: JobResult | None = None,
    error: JobError | None = None,
) -> None:
    """End a job whose row the caller has locked, and run its handler in this transaction.

    Exactly one of `result` and `error` is given. A job that has ended stays as it is.
    """
    assert (result is None) != (error is None), "a job ends with a result or an error"
    assert transaction.get_connection().in_atomic_block, "the caller holds the row's lock"
    if job.status in TERMINAL:
        return
    job.lease_expires_at = None
    job.finished_at = now
    if result is not None:
        job.revision_id = handlers(job.kind).on_success(job=job, result=result, now=now)
        job.status = Status.SUCCEEDED
        job.result = result.model_dump(mode="json")
    if error is not None:
        job.status = Status.CANCELED if error.code == CANCELED.code else Status.FAILED
        job.error_code = "" if error.code == CANCELED.code else error.code[:64]
        job.error_detail = "" if error.code == CANCELED.code else error.detail[:500]
        on_failure = handlers(job.kind).on_failure
        if on_failure is not None:
            on_failure(job=job, error=error, now=now)
    job.save()
    announce(job)


@transaction.atomic
def cancel(*, actor: User, job_id: UUID, now: datetime) -> Job:
    """Stop a job: at once if it waits, else as soon as its worker looks up.

    Canceling twice, or after the end, is allowed and changes nothing.

    Raises:
        UnknownJobError: the actor can see no such job.
        NotYourJobError: the actor neither started it nor owns the team.
    """
    return stop(policies.cancelable_job(actor, job_id), now=now)


def stop(job: Job, *, now: datetime) -> Job:
    """Stop a job whose row the caller has locked, for somebody who may."""
    if job.status == Status.QUEUED:
        end(job, now=now, error=CANCELED)
    elif job.status in (Status.LEASED, Status.RUNNING):
        job.status = Status.CANCELING
        job.save(update_fields=["status"])
        transaction.on_commit(lambda: _raise_flag(job.pk), robust=True)
        announce(job)
    return job


def _raise_flag(job_id: UUID) -> None:
    try:
        client().set(cancel_flag(job_id), b"1", ex=3600)
    except redis.RedisError:
        return  # the row says so, too; the worker looks there once a second


# ---- sweeping ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep did."""

    lanes_rung: tuple[str, ...]
    num_poisoned: int
    num_canceled: int


def sweep(*, now: datetime, stale_after: timedelta = timedelta(seconds=2)) -> Sweep:
    """Mend what was lost: ring for waiting work, end what nobody will end.

    Rows whose lease ran out are claimable again, so ringing is enough for them; those that
    used up their attempts fail with `job.poison`; `canceling` ones are canceled.
    """
    late = Job.objects.filter(lease_expires_at__lt=now)
    spent = Job.objects.filter(num_attempts__gte=MAX_ATTEMPTS)
    num_poisoned = _end_each(
        lambda: (
            spent.filter(status__in=(Status.LEASED, Status.RUNNING), lease_expires_at__lt=now)
            | spent.filter(status=Status.QUEUED)
        ),
        error=POISON,
        now=now,
    )
    num_canceled = _end_each(
        lambda: late.filter(status=Status.CANCELING), error=CANCELED, now=now
    )
    waiting = Job.objects.filter(num_attempts__lt=MAX_ATTEMPTS)
    lanes = waiting.filter(status=Status.QUEUED, created_at__lte=now - stale_after).values_list(
        "lane"
    )
    lanes = lanes.union(
        waiting.filter(
            status__in=(Status.LEASED, Status.RUNNING), lease_expires_at__lt=now
        ).values_list("lane")
    )
    rung = tuple(sorted(lane for (lane,) in lanes))
    for lane in rung:
        doorbell.ring(lane)
    return Sweep(lanes_rung=rung, num_poisoned=num_poisoned, num_canceled=num_canceled)


def _end_each(find: Callable[[], QuerySet[Job]], *, error: JobError, now: datetime) -> int:
    """End the jobs found, each in a transaction of its own, passing over locked ones."""
    number = 0
    for pk in list(find().values_list("pk", flat=True)[:100]):
        with transaction.atomic():
            job = (
                find()
                .filter(pk=pk)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("owner")
                .first()
            )
            if job is not None:
                end(job, now=now, error=error)
                number += 1
    return number


def held(job_id: UUID, *, token: int) -> Job | None:
    """Return the row that this claim still holds, locked, or None if it was lost."""
    return (
        Job.objects.select_for_update(of=("self",))
        .select_related("owner", "team")
        .filter(pk=job_id, fencing_token=token, status__in=HELD)
        .first()
    )


def requeue(job: Job, *, gives_attempt_back: bool) -> None:
    """Put a held job back into its lane; the caller has locked its row."""
    job.status = Status.QUEUED
    job.lease_expires_at = None
    job.progress = None
    if gives_attempt_back:
        job.num_attempts = max(0, job.num_attempts - 1)
    job.save()
    _ring_after_commit(job.lane)
    announce(job)
