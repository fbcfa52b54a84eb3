"""What does a finished job mean for the library? A card, or an answer kept on the job."""

from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from webapp.jobs import registry, sources
from webapp.jobs import services as jobs
from webapp.jobs.contract import JobResult, Matched, Measured, MeasureEditVector
from webapp.jobs.models import Job
from webapp.library import search, selectors, services


def register() -> None:
    """Tell jobs what to do with our kind and where offsets are; called once at start-up."""
    registry.register("measure", on_success=measured, on_failure=not_measured)
    registry.register("match", on_success=matched)
    sources.register(sources.EDIT_VECTOR_VERSION, selectors.offset)
    sources.register_finder(search.candidates)


def measured(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Keep the card; there is no revision."""
    assert isinstance(result, Measured), "measuring ends with Measured"
    request = jobs.REQUESTS.validate_python(job.request, strict=False)
    assert isinstance(request, MeasureEditVector)
    services.keep_card(version_id=request.edit_vector_version_id, card=result, now=now)
    return None


def not_measured(*, job: Job, error: registry.JobError, now: datetime) -> None:
    """Tell who waits for the card that it will not come."""
    try:
        request = jobs.REQUESTS.validate_python(job.request, strict=False)
    except ValidationError:
        return  # of another version of this program; nobody waits
    assert isinstance(request, MeasureEditVector)
    services.lose_card(version_id=request.edit_vector_version_id, reason=error.detail, now=now)


def matched(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Leave the answer on the job's row, where who asked reads it; there is no revision."""
    assert isinstance(result, Matched), "matching ends with Matched"
    return None
