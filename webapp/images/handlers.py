"""What does a finished job mean for an image? A revision, in the job's own transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from webapp.families import selectors as families
from webapp.images import services
from webapp.images.models import Image, ImageStatus, Revision, RevisionKind
from webapp.images.policies import UnknownImageError
from webapp.jobs import registry
from webapp.jobs import services as jobs
from webapp.jobs.contract import (
    Edited,
    Inverted,
    InvertImage,
    JobResult,
    OptimizeEdit,
    RefineEdit,
    RenderEdit,
    UncertaintyFound,
)
from webapp.jobs.models import Job
from webapp.jobs.registry import JobError


def register() -> None:
    """Tell jobs what to do with our kinds; called once at start-up."""
    registry.register("invert", on_success=inverted, on_failure=not_inverted)
    for kind in ("optimize", "refine", "render"):
        registry.register(kind, on_success=edited)
    registry.register("uncertainty", on_success=answered)


def _locked(job: Job) -> Image:
    assert job.image_id is not None, "jobs of images name theirs"
    image = Image.objects.select_for_update().live().filter(pk=job.image_id).first()
    if image is None:
        raise UnknownImageError  # removed meanwhile: the job ends as failed
    return image


def inverted(*, job: Job, result: JobResult, now: datetime) -> UUID:
    """Make the reconstruction the head, and keep the figures that say how close it is."""
    assert isinstance(result, Inverted), "an inversion ends with Inverted"
    request = jobs.REQUESTS.validate_python(job.request, strict=False)
    assert isinstance(request, InvertImage)
    image = _locked(job)
    image.inversion = {
        "error": result.error,
        "psnr_db": result.psnr_db,
        "perceptual": result.perceptual,
        "distance_to_w": result.distance_to_w,
        "usual_error": list(result.usual_error),
    }
    image.residual_id = result.residual
    image.save(update_fields=["inversion", "residual", "updated_at"])
    revision = services.add_revision(
        image=image,
        author=job.owner,
        kind=RevisionKind.INVERT,
        picture=result.picture,
        parent=None,
        parameters={"steps": request.steps},
        figures=image.inversion,
        job=job,
        now=now,
    )
    return revision.id


def not_inverted(*, job: Job, error: JobError, now: datetime) -> None:
    """Mark an image without any revision as failed; others stay as they are."""
    assert job.image_id is not None, "jobs of images name theirs"
    Image.objects.filter(pk=job.image_id, head__isnull=True).update(
        status=ImageStatus.FAILED, updated_at=now
    )


def edited(*, job: Job, result: JobResult, now: datetime) -> UUID:
    """Make the edited picture the head; its parent is what the edit began from."""
    assert isinstance(result, Edited), "an edit ends with Edited"
    request = jobs.REQUESTS.validate_python(job.request, strict=False)
    assert isinstance(request, OptimizeEdit | RefineEdit | RenderEdit)
    image = _locked(job)
    info = families.get(image.bundle)
    parameters: dict[str, Any] = {
        "parts": list(result.parts),
        "part_names": list(info.part_names(result.parts)),
        "steps_done": result.steps_done,
        "best_step": result.best_step,
    }
    if not isinstance(request, RenderEdit):
        parameters["steps"] = request.steps
    if isinstance(request, OptimizeEdit):
        parameters["painting"] = request.label_map
    revision = services.add_revision(
        image=image,
        author=job.owner,
        kind=RevisionKind(result.kind),
        picture=result.picture,
        parent=Revision.objects.get(pk=request.base_revision_id),
        stack=() if isinstance(request, OptimizeEdit) else request.stack,
        parameters=parameters,
        figures={
            **result.figures.model_dump(),
            "changed_share": result.changed_share,
            "outside_change": result.outside_change,
        },
        job=job,
        frozen_seq=request.frozen_seq if isinstance(request, OptimizeEdit) else 0,
        now=now,
    )
    return revision.id


def answered(*, job: Job, result: JobResult, now: datetime) -> UUID | None:
    """Leave the answer on the job's row, where who asked reads it; there is no revision."""
    assert isinstance(result, UncertaintyFound), "such a question ends with UncertaintyFound"
    return None
