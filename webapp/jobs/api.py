"""Jobs over HTTP: follow and cancel. Starting one is the part of the app that wants it."""

from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from webapp.accounts import auth
from webapp.jobs import policies, selectors, services
from webapp.jobs.schemas import JobOut

router = Router(tags=["jobs"])


@router.get("/jobs", response=list[JobOut])
def list_jobs(
    request: HttpRequest,
    image_id: UUID | None = None,
    project_id: UUID | None = None,
    active: bool = False,
) -> list[JobOut]:
    """The newest jobs of the person's teams."""
    found = selectors.jobs(
        auth.person(request), image_id=image_id, project_id=project_id, active=active
    )
    now = timezone.now()
    return [JobOut.of(job, now=now) for job in found]


@router.get("/jobs/{job_id}", response=JobOut)
def get_job(request: HttpRequest, job_id: UUID) -> JobOut:
    """One job, with its place in the queue while it waits."""
    found = selectors.job(auth.person(request), job_id)
    if found is None:
        raise policies.UnknownJobError("We cannot find this job.")
    return JobOut.of(found, now=timezone.now())


@router.post("/jobs/{job_id}/cancel", response=JobOut)
def cancel_job(request: HttpRequest, job_id: UUID) -> JobOut:
    """Stop a job; it shows `canceling` until the worker confirms."""
    now = timezone.now()
    job = services.cancel(actor=auth.person(request), job_id=job_id, now=now)
    return JobOut.of(job, now=now)
