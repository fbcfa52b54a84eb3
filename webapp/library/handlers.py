"""What does a measured edit vector mean for the library? Its card."""

from datetime import datetime
from uuid import UUID

from webapp.jobs import registry, sources
from webapp.jobs import services as jobs
from webapp.jobs.contract import JobResult, Measured, MeasureEditVector
from webapp.jobs.models import Job
from webapp.library import selectors, services


def register() -> None:
    """Tell jobs what to do with our kind and where offsets are; called once at start-up."""
    registry.register("measure", on_success=measured)
    sources.register(sources.EDIT_VECTOR_VERSION, selectors.offset)


def measured(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Keep the card; there is no revision."""
    assert isinstance(result, Measured), "measuring ends with Measured"
    request = jobs.REQUESTS.validate_python(job.request, strict=False)
    assert isinstance(request, MeasureEditVector)
    services.keep_card(version_id=request.edit_vector_version_id, card=result)
    return None
