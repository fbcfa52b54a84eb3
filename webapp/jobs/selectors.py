"""What can be read about jobs?"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from webapp.accounts.models import User
from webapp.jobs.contract import Progress
from webapp.jobs.models import QUESTIONS, Job, Status

MIN_STEPS_FOR_ESTIMATE = 5
PAGE = 50


def estimate_seconds_left(
    progress: Progress | None, *, started_at: datetime | None, now: datetime
) -> float | None:
    """Return the time left: as the work says, else at the pace so far.

    None before the fifth step.
    """
    if progress is not None and progress.sentence is not None:
        return progress.seconds_left  # this work is not of steps that are alike
    if progress is None or started_at is None or progress.step < MIN_STEPS_FOR_ESTIMATE:
        return None
    pace = (now - started_at).total_seconds() / progress.step
    return max(0.0, pace * (progress.num_steps - progress.step))


def _with_place(jobs: QuerySet[Job]) -> QuerySet[Job]:
    ahead = (
        Job.objects.filter(
            lane=OuterRef("lane"), status=Status.QUEUED, created_at__lt=OuterRef("created_at")
        )
        .order_by()
        .values("lane")
        .annotate(number=Count("pk"))
        .values("number")
    )
    place = Coalesce(Subquery(ahead, output_field=IntegerField()), 0)
    return jobs.select_related("owner").annotate(num_ahead=place)


def job(user: User, job_id: UUID) -> Job | None:
    """Return a job that `user` may see, with its place in the queue, or None."""
    return _with_place(Job.objects.visible_to(user)).filter(pk=job_id).first()


def jobs(
    user: User,
    *,
    image_id: UUID | None = None,
    project_id: UUID | None = None,
    active: bool = False,
) -> list[Job]:
    """Return the newest jobs that `user` may see, at most a page of them."""
    work = Job.objects.visible_to(user).exclude(kind__in=QUESTIONS)
    found = _with_place(work).order_by("-created_at")
    if image_id is not None:
        found = found.filter(image_id=image_id)
    if project_id is not None:
        found = found.filter(project_id=project_id)
    if active:
        found = found.active()  # type: ignore[attr-defined]  # annotate loses the queryset class
    return list(found[:PAGE])


def newest_of_projects(ids: Collection[UUID]) -> dict[UUID, dict[str, Job]]:
    """Return the newest job of each kind of each of these projects; one query."""
    found = _with_place(Job.objects.filter(project_id__in=ids))
    newest = found.order_by("project_id", "kind", "-created_at").distinct("project_id", "kind")
    jobs_of: dict[UUID, dict[str, Job]] = {}
    for job in newest:
        assert job.project_id is not None, "filtered by it"
        jobs_of.setdefault(job.project_id, {})[job.kind] = job
    return jobs_of


def by_key(owner: User, key: str | None) -> Job | None:
    """Return the job that `owner` has already asked for under this idempotency key."""
    if not key:
        return None
    return Job.objects.filter(owner=owner, idempotency_key=key).select_related("owner").first()


def starts(owner: User, kind: str, *, since: datetime, limit: int) -> list[datetime]:
    """Return when `owner` started the newest jobs of a kind, newest first."""
    found = Job.objects.filter(owner=owner, kind=kind, created_at__gt=since)
    return list(found.order_by("-created_at").values_list("created_at", flat=True)[:limit])
