"""How is a run over an album shown over HTTP?"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from webapp.accounts.schemas import PersonOut
from webapp.albums.models import MAX_PICTURES, Run, RunPicture
from webapp.common import artifacts
from webapp.jobs.contract import MAX_STACK, VectorUse
from webapp.jobs.models import Status

State = Literal["waiting", "running", "done", "failed", "canceled"]
STATES: dict[str, State] = {
    Status.QUEUED: "waiting",
    Status.LEASED: "running",
    Status.RUNNING: "running",
    Status.CANCELING: "canceled",
    Status.SUCCEEDED: "done",
    Status.FAILED: "failed",
    Status.CANCELED: "canceled",
}


class RunRequest(Schema):
    image_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_PICTURES)]
    stack: Annotated[list[VectorUse], Field(min_length=1, max_length=MAX_STACK)]


class RunPictureOut(Schema):
    """How it stands with one picture of a run."""

    image_id: UUID
    name: str
    state: State
    before_url: str
    after_url: str | None
    revision_id: UUID | None
    refusal: str | None

    @classmethod
    def of(cls, found: RunPicture, *, after: str | None) -> "RunPictureOut":
        """Show a picture whose image, job and base revision are at hand."""
        webp = "image/webp"
        return cls(
            image_id=found.image_id,
            name=found.image.name,
            state=STATES[found.job.status],
            before_url=artifacts.url(found.base_revision.thumbnail_id, content_type=webp),
            after_url=artifacts.url(after, content_type=webp) if after else None,
            revision_id=found.job.revision_id,
            refusal=found.job.error_detail or None,
        )


class RunOut(Schema):
    """One stack on many pictures, and how far it is."""

    id: UUID
    owner: PersonOut
    created_at: datetime
    stack: list[VectorUse]
    num_pictures: int
    num_done: int
    num_failed: int
    num_canceled: int
    is_over: bool

    @classmethod
    def of(cls, found: Run) -> "RunOut":
        """Show a run with the counts that `selectors` annotates."""
        counts = {name: getattr(found, name) for name in COUNTS}
        over = counts["num_done"] + counts["num_failed"] + counts["num_canceled"]
        return cls(
            id=found.pk,
            owner=PersonOut.of(found.owner),
            created_at=found.created_at,
            stack=[VectorUse.model_validate(use, strict=False) for use in found.stack],
            is_over=over == counts["num_pictures"],
            **counts,
        )


COUNTS = ("num_pictures", "num_done", "num_failed", "num_canceled")


class RunPageOut(Schema):
    run: RunOut
    pictures: list[RunPictureOut]
