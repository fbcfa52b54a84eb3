"""How is a job shown over HTTP?"""

from datetime import datetime
from typing import cast
from uuid import UUID

from ninja import Schema

from webapp.accounts.schemas import PersonOut
from webapp.jobs import selectors
from webapp.jobs.contract import Progress
from webapp.jobs.models import Job, Status
from webapp.jobs.services import StatusName


class JobErrorOut(Schema):
    code: str
    detail: str


class JobOut(Schema):
    """One unit of GPU work, and how it stands."""

    id: UUID
    kind: str
    status: StatusName
    image_id: UUID | None
    project_id: UUID | None
    owner: PersonOut
    created_at: datetime
    finished_at: datetime | None
    progress: Progress | None
    place_in_queue: int | None
    seconds_left: float | None
    revision_id: UUID | None
    error: JobErrorOut | None

    @classmethod
    def of(cls, job: Job, *, now: datetime) -> "JobOut":
        """Show a job; its place is known if it came from `selectors`."""
        progress = None if job.progress is None else Progress.model_validate(job.progress)
        num_ahead: int | None = getattr(job, "num_ahead", None)
        is_waiting = job.status == Status.QUEUED and num_ahead is not None
        return cls(
            id=job.id,
            kind=job.kind,
            status=cast(StatusName, str(job.status)),
            image_id=job.image_id,
            project_id=job.project_id,
            owner=PersonOut.of(job.owner),
            created_at=job.created_at,
            finished_at=job.finished_at,
            progress=progress,
            place_in_queue=(num_ahead or 0) + 1 if is_waiting else None,
            seconds_left=selectors.estimate_seconds_left(
                progress, started_at=job.started_at, now=now
            )
            if job.status == Status.RUNNING
            else None,
            revision_id=job.revision_id,
            error=JobErrorOut(code=job.error_code, detail=job.error_detail)
            if job.error_code
            else None,
        )
