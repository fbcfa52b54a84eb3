"""How are families in the making shown over HTTP, and what may be sent?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, StringConstraints

from webapp.accounts.models import User
from webapp.accounts.schemas import PersonOut
from webapp.common import artifacts
from webapp.families.models import OwnFamily
from webapp.jobs.contract import PartSpec
from webapp.jobs.schemas import JobOut
from webapp.workshop.models import (
    MAX_TITLE,
    FamilyProject,
    FamilySample,
    FamilyTry,
    FamilyUpload,
)

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE)
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
LicenseText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
KindName = Literal["checkpoint", "pictures"]
StepKey = Literal["bring", "sample", "schema", "label", "branch", "encoder", "publish"]
StepState = Literal["locked", "ready", "running", "done", "stale", "failed"]
Which = Literal["all", "chosen", "labeled", "predicted"]
Form = Literal["png", "coco"]


# ---- what may be sent --------------------------------------------------------------------


class ProjectIn(Schema):
    title: Title


class ProjectChange(Schema):
    """What is not given stays as it is."""

    title: Title | None = None
    description: Text | None = None
    license: LicenseText | None = None


class UploadIn(Schema):
    file_name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    size: Annotated[int, Field(ge=1)]
    kind: KindName


class BringRequest(Schema):
    """`resolution` and `minutes` are for learning from pictures.

    Without an upload the last one is gone on with.
    """

    upload_id: UUID | None = None
    license: LicenseText = ""
    resolution: Literal[16, 32, 64, 128, 256] = 64
    minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)] = 60.0


class SampleRequest(Schema):
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class FamilyPartIn(Schema):
    """A part as it is to be; `id` is that of a part there is, none that of a new one."""

    id: Annotated[int, Field(ge=0, le=254)] | None = None
    name: str
    title: str
    color: str
    group: str = "parts"
    is_background: bool = False


class SchemaRequest(Schema):
    """The whole list of parts. `merged` says what the pixels of removed parts become.

    Its keys are ids of removed parts, its values ids of parts that stay, or null: unlabelled.
    """

    schema_version: int
    parts: Annotated[list[FamilyPartIn], Field(max_length=255)]
    merged: Annotated[dict[int, int | None], Field(default_factory=dict)]


class SampleChange(Schema):
    """What is not given stays. `take` lets somebody have a sample that another has."""

    is_chosen: bool | None = None
    assignee_id: int | None = None
    take: bool = False


class CopyRequest(Schema):
    """Without a sample to copy from, what the branch predicts for this one is taken."""

    version: int
    from_sample_id: UUID | None = None


class EncoderRequest(Schema):
    minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 10.0


class FamilyPublishRequest(Schema):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    title: Title
    description: Text = ""
    license: LicenseText | None = None


# ---- what is shown -----------------------------------------------------------------------


class FamilyStepOut(Schema):
    """One of the seven steps, how it stands and why; `job` is its newest."""

    key: StepKey
    state: StepState
    why: str
    job: JobOut | None


class SkippedOut(Schema):
    name: str
    reason: str


class GeneratorOut(Schema):
    source: KindName
    file_name: str
    resolution: int
    label_size: int
    num_layers: int
    w_dim: int
    fingerprint: str
    warnings: list[str]
    skipped: list[SkippedOut]  # the first of them
    num_skipped: int


class BranchOut(Schema):
    """`is_stale`: labels or parts have changed since it was trained."""

    trained_at: datetime
    num_labels: int
    figures: dict[str, float]
    explanation: str
    is_stale: bool


class ReconstructionOut(Schema):
    original_url: str
    reconstruction_url: str
    error: float | None


class EncoderOut(Schema):
    trained_at: datetime
    figures: dict[str, float]
    reconstructions: list[ReconstructionOut]
    sheet_url: str | None


class PublishedOut(Schema):
    name: str
    title: str
    version: int
    published_at: datetime

    @classmethod
    def of(cls, found: OwnFamily) -> "PublishedOut":
        return cls(
            name=found.bundle,
            title=found.title,
            version=found.version,
            published_at=found.created_at,
        )


class FamilyPartOut(Schema):
    """`id` is its value in label maps; it never changes, and ids may have gaps."""

    id: int
    name: str
    title: str
    color: str
    group: str
    is_background: bool

    @classmethod
    def of(cls, part: PartSpec) -> "FamilyPartOut":
        return cls(**part.model_dump())


class TemplateOut(Schema):
    key: str
    title: str
    parts: list[FamilyPartOut]


class FamilyProjectOut(Schema):
    """A family in the making: its parts, its seven steps, and what they made."""

    id: UUID
    team_id: UUID
    title: str
    description: str
    license: str
    owner: PersonOut
    created_at: datetime
    updated_at: datetime
    may_edit: bool
    may_remove: bool
    schema_version: int
    parts: list[FamilyPartOut]
    steps: list[FamilyStepOut]
    generator: GeneratorOut | None
    num_samples: int
    num_proposed: int
    num_chosen: int
    num_labeled: int
    branch: BranchOut | None
    encoder: EncoderOut | None
    published: list[PublishedOut]

    @classmethod
    def of(
        cls,
        found: FamilyProject,
        *,
        user: User,
        role: str | None,
        parts: Sequence[PartSpec],
        steps: list[FamilyStepOut],
        published: Sequence[OwnFamily],
    ) -> "FamilyProjectOut":
        """Show `found`, with all that `selectors` reads beside it at hand."""
        may_edit = role in ("owner", "editor")
        return cls(
            id=found.pk,
            team_id=found.team_id,
            title=found.title,
            description=found.description,
            license=found.license,
            owner=PersonOut.of(found.owner),
            created_at=found.created_at,
            updated_at=found.updated_at,
            may_edit=may_edit,
            may_remove=role == "owner" or (may_edit and found.owner_id == user.pk),
            schema_version=found.schema_version,
            parts=[FamilyPartOut.of(part) for part in parts],
            steps=steps,
            generator=GeneratorOut(**found.generator) if found.generator else None,
            num_samples=found.num_samples,
            num_proposed=found.num_proposed,
            num_chosen=found.num_chosen,
            num_labeled=found.num_labeled,
            branch=_branch(found),
            encoder=_encoder(found.encoder) if found.encoder else None,
            published=[PublishedOut.of(row) for row in published],
        )


def is_branch_stale(found: FamilyProject) -> bool:
    """Return whether labels or parts have changed since the branch was trained."""
    return found.branch is not None and (
        found.branch["schema_version"],
        found.branch["labels_version"],
    ) != (found.schema_version, found.labels_version)


def _branch(found: FamilyProject) -> BranchOut | None:
    if found.branch is None:
        return None
    names = ("trained_at", "num_labels", "figures", "explanation")
    return BranchOut(
        **{name: found.branch[name] for name in names}, is_stale=is_branch_stale(found)
    )


def _encoder(stored: Mapping[str, Any]) -> EncoderOut:
    return EncoderOut(
        trained_at=stored["trained_at"],
        figures=stored["figures"],
        reconstructions=[
            ReconstructionOut(
                original_url=artifacts.url(each["original"]),
                reconstruction_url=artifacts.url(each["reconstruction"]),
                error=each["error"],
            )
            for each in stored["reconstructions"]
        ],
        sheet_url=artifacts.url(stored["sheet"]) if stored["sheet"] else None,
    )


class FamilyUploadOut(Schema):
    """How much of a file has arrived; the next chunk begins at `received`."""

    id: UUID
    project_id: UUID
    kind: KindName
    file_name: str
    size: int
    received: int
    chunk_bytes: int
    is_whole: bool

    @classmethod
    def of(cls, found: FamilyUpload, *, chunk_bytes: int) -> "FamilyUploadOut":
        return cls(
            id=found.pk,
            project_id=found.project_id,
            kind="checkpoint" if found.kind == "checkpoint" else "pictures",
            file_name=found.file_name,
            size=found.size,
            received=found.received,
            chunk_bytes=chunk_bytes,
            is_whole=found.is_whole,
        )


class SampleLabelOut(Schema):
    """The label map of a sample. Who saves it names the version they began from."""

    version: int
    url: str
    is_done: bool
    is_empty: bool
    parts_share: dict[str, float]
    saved_at: datetime | None
    saved_by: PersonOut | None


class PredictionOut(Schema):
    label_map_url: str
    uncertainty_url: str
    uncertainty: float
    rank: int
    remark: str


class FamilySampleOut(Schema):
    """A picture of the generator. `label_version` is 0 as long as nothing was saved."""

    id: UUID
    project_id: UUID
    number: int
    picture_url: str
    thumbnail_url: str
    is_proposed: bool
    place: int | None
    reason: str
    is_chosen: bool
    assignee: PersonOut | None
    here: list[PersonOut]
    label_version: int
    label: SampleLabelOut | None
    prediction: PredictionOut | None

    @classmethod
    def of(
        cls,
        found: FamilySample,
        *,
        here: Collection[User],
        foreground: Collection[int],
    ) -> "FamilySampleOut":
        """Show a sample; `here` has it open, `foreground` are ids that are no background."""
        label = prediction = None
        if found.label_map_id is not None:
            label = SampleLabelOut(
                version=found.label_version,
                url=artifacts.url(found.label_map_id),
                is_done=found.is_done,
                is_empty=not any(int(part) in foreground for part in found.parts_share),
                parts_share=found.parts_share,
                saved_at=found.saved_at,
                saved_by=PersonOut.of(found.saved_by) if found.saved_by else None,
            )
        if found.prediction_id is not None and found.rank is not None:
            prediction = PredictionOut(
                label_map_url=artifacts.url(found.prediction_id),
                uncertainty_url=artifacts.url(str(found.doubt_id)),
                uncertainty=found.uncertainty or 0.0,
                rank=found.rank,
                remark=found.remark,
            )
        return cls(
            id=found.pk,
            project_id=found.project_id,
            number=found.number,
            picture_url=artifacts.url(found.picture_id),
            thumbnail_url=artifacts.url(found.thumbnail_id, content_type="image/webp"),
            is_proposed=found.place is not None,
            place=found.place,
            reason=found.reason,
            is_chosen=found.is_chosen,
            assignee=PersonOut.of(found.assignee) if found.assignee else None,
            here=[PersonOut.of(user) for user in here],
            label_version=found.label_version,
            label=label,
            prediction=prediction,
        )


class ImportedLabelsOut(Schema):
    """What an import of label maps brought; `skipped` lists what was not taken, and why."""

    imported: int
    skipped: list[SkippedOut]


class FamilyTryOut(Schema):
    """One's own picture beside what the project's networks make of it."""

    id: UUID
    project_id: UUID
    job_id: UUID | None
    state: Literal["waiting", "done", "failed"]
    why: str
    original_url: str
    reconstruction_url: str | None
    label_map_url: str | None
    error: float | None
    psnr_db: float | None
    created_at: datetime

    @classmethod
    def of(cls, found: FamilyTry) -> "FamilyTryOut":
        ended = found.job is None or found.job.finished_at is not None
        done = found.reconstruction_id is not None
        why = found.remark or (found.job.error_detail if found.job and not done else "")
        return cls(
            id=found.pk,
            project_id=found.project_id,
            job_id=found.job_id,
            state="done" if done else ("failed" if ended else "waiting"),
            why=why,
            original_url=artifacts.url(found.original_id),
            reconstruction_url=(
                artifacts.url(found.reconstruction_id) if found.reconstruction_id else None
            ),
            label_map_url=artifacts.url(found.label_map_id) if found.label_map_id else None,
            error=found.error,
            psnr_db=found.psnr_db,
            created_at=found.created_at,
        )
