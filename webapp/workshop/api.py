"""Families in the making over HTTP: seven steps, from a file to a published family."""

from typing import Annotated
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils import timezone
from ninja import File, Form, Query, Router, Status
from ninja.files import UploadedFile
from pydantic import ValidationError

from webapp.accounts import auth
from webapp.common.errors import NotFoundError, RefusedInputError
from webapp.images import uploads as pictures
from webapp.images.schemas import Crop
from webapp.jobs.schemas import JobOut
from webapp.workshop import (
    exchange,
    labels,
    parts,
    policies,
    selectors,
    services,
    uploads,
)
from webapp.workshop.models import FamilyUpload
from webapp.workshop.schemas import (
    BringRequest,
    CopyRequest,
    EncoderRequest,
    FamilyPartOut,
    FamilyProjectOut,
    FamilyPublishRequest,
    FamilySampleOut,
    FamilyTryOut,
    FamilyUploadOut,
    ImportedLabelsOut,
    ProjectChange,
    ProjectIn,
    SampleChange,
    SampleRequest,
    SchemaRequest,
    TemplateOut,
    UploadIn,
    Which,
)
from webapp.workshop.schemas import Form as LabelForm

router = Router(tags=["family projects"])


class NoSheetError(NotFoundError):
    """No sheet of pictures has been drawn yet."""

    code = "workshop.no_sheet"


class BadCropError(RefusedInputError):
    """The crop is not the JSON of a square."""

    code = "images.crop_unreadable"


# ---- projects ----------------------------------------------------------------------------


@router.get("/family-projects", response=list[FamilyProjectOut])
def list_family_projects(request: HttpRequest) -> list[FamilyProjectOut]:
    """The families that the person's teams are making, newest first."""
    return selectors.projects(auth.person(request), now=timezone.now())


@router.post("/family-projects", response={201: FamilyProjectOut})
def add_family_project(request: HttpRequest, wish: ProjectIn) -> Status[FamilyProjectOut]:
    """Begin to make a family, for the team the person works in."""
    actor, now = auth.person(request), timezone.now()
    made = services.begin(actor=actor, team=auth.team(request), title=wish.title, now=now)
    return Status(201, selectors.project(actor, made.pk, now=now))


@router.get("/family-projects/{project_id}", response=FamilyProjectOut)
def get_family_project(request: HttpRequest, project_id: UUID) -> FamilyProjectOut:
    """A family in the making: its seven steps, and what they made."""
    return selectors.project(auth.person(request), project_id, now=timezone.now())


@router.patch("/family-projects/{project_id}", response=FamilyProjectOut)
def change_family_project(
    request: HttpRequest, project_id: UUID, change: ProjectChange
) -> FamilyProjectOut:
    """Give it another title, description or licence."""
    actor = auth.person(request)
    services.change(actor=actor, project_id=project_id, change=change)
    return selectors.project(actor, project_id, now=timezone.now())


@router.delete("/family-projects/{project_id}", response={204: None})
def remove_family_project(request: HttpRequest, project_id: UUID) -> Status[None]:
    """Take a project out of sight and stop its work. What it published stays."""
    services.remove(actor=auth.person(request), project_id=project_id, now=timezone.now())
    return Status(204, None)


@router.get("/family-projects/{project_id}/sheet", response={200: None})
def family_sheet(request: HttpRequest, project_id: UUID) -> FileResponse:
    """The newest sheet of pictures of the step that runs, or ran last, PNG."""
    project = policies.visible_project(auth.person(request), project_id)
    try:
        file = (uploads.folder_of(project.pk) / "sheet.png").open("rb")
    except OSError:
        raise NoSheetError("There are no pictures to look at yet.") from None
    response = FileResponse(file, content_type="image/png")
    response["Cache-Control"] = "private, no-store"
    return response


# ---- a generator ---------------------------------------------------------------------------


def _upload(found: FamilyUpload) -> FamilyUploadOut:
    return FamilyUploadOut.of(found, chunk_bytes=uploads.CHUNK_BYTES)


@router.post("/family-projects/{project_id}/uploads", response={201: FamilyUploadOut})
def begin_family_upload(
    request: HttpRequest, project_id: UUID, wish: UploadIn
) -> Status[FamilyUploadOut]:
    """Announce a file; asking again for the same one says from where to go on."""
    found = uploads.begin(
        actor=auth.person(request), project_id=project_id, kind=wish.kind,
        file_name=wish.file_name, size=wish.size, now=timezone.now(),
    )  # fmt: skip
    return Status(201, _upload(found))


@router.get("/family-uploads/{upload_id}", response=FamilyUploadOut)
def get_family_upload(request: HttpRequest, upload_id: UUID) -> FamilyUploadOut:
    """How much of a file has arrived."""
    return _upload(policies.visible_upload(auth.person(request), upload_id))


@router.post("/family-uploads/{upload_id}/chunks", response=FamilyUploadOut)
def add_family_chunk(
    request: HttpRequest,
    upload_id: UUID,
    chunk: File[UploadedFile],
    offset: Form[Annotated[int, Query(ge=0)]],
) -> FamilyUploadOut:
    """Send the next piece of a file. A piece that is there already changes nothing."""
    found = uploads.add_chunk(
        actor=auth.person(request), upload_id=upload_id, offset=offset, pieces=chunk.chunks()
    )
    return _upload(found)


@router.delete("/family-uploads/{upload_id}", response={204: None})
def drop_family_upload(request: HttpRequest, upload_id: UUID) -> Status[None]:
    """Forget what was sent."""
    uploads.drop(actor=auth.person(request), upload_id=upload_id)
    return Status(204, None)


@router.post("/family-projects/{project_id}/bring", response={202: JobOut})
def bring_generator(
    request: HttpRequest, project_id: UUID, wish: BringRequest
) -> Status[JobOut]:
    """Make the file that was sent the generator: import it, or learn from its pictures."""
    now = timezone.now()
    job = services.bring(actor=auth.person(request), project_id=project_id, wish=wish, now=now)
    return Status(202, JobOut.of(job, now=now))


# ---- samples -----------------------------------------------------------------------------


@router.post("/family-projects/{project_id}/sample", response={202: JobOut})
def draw_family_samples(
    request: HttpRequest, project_id: UUID, wish: SampleRequest
) -> Status[JobOut]:
    """Draw 200 pictures, and propose the 16 that differ most for labelling."""
    now = timezone.now()
    job = services.sample(
        actor=auth.person(request), project_id=project_id, seed=wish.seed, now=now
    )
    return Status(202, JobOut.of(job, now=now))


@router.get("/family-projects/{project_id}/samples", response=list[FamilySampleOut])
def list_family_samples(
    request: HttpRequest, project_id: UUID, which: Which = "all"
) -> list[FamilySampleOut]:
    """The samples by number; `predicted` ones with the most uncertain first."""
    return selectors.samples(auth.person(request), project_id, which=which)


@router.get("/family-samples/{sample_id}", response=FamilySampleOut)
def get_family_sample(request: HttpRequest, sample_id: UUID) -> FamilySampleOut:
    """One sample."""
    return selectors.sample(auth.person(request), sample_id)


@router.patch("/family-samples/{sample_id}", response=FamilySampleOut)
def change_family_sample(
    request: HttpRequest, sample_id: UUID, change: SampleChange
) -> FamilySampleOut:
    """Choose a sample for labelling or not, and say who labels it."""
    actor = auth.person(request)
    given = change.model_dump(include=change.model_fields_set - {"take"})
    labels.change_sample(actor=actor, sample_id=sample_id, changes=given, take=change.take)
    return selectors.sample(actor, sample_id)


@router.post("/family-samples/{sample_id}/here", response={204: None})
def open_family_sample(request: HttpRequest, sample_id: UUID) -> Status[None]:
    """Say that one has this sample open; others see it for half a minute."""
    labels.come(actor=auth.person(request), sample_id=sample_id)
    return Status(204, None)


# ---- parts -------------------------------------------------------------------------------


@router.get("/family-schema-templates", response=list[TemplateOut])
def list_family_schema_templates(request: HttpRequest) -> list[TemplateOut]:
    """Lists of parts to start from."""
    return [
        TemplateOut(
            key=each.key, title=each.title, parts=[FamilyPartOut.of(p) for p in each.parts]
        )
        for each in parts.templates()
    ]


@router.put("/family-projects/{project_id}/schema", response=FamilyProjectOut)
def set_family_schema(
    request: HttpRequest, project_id: UUID, wish: SchemaRequest
) -> FamilyProjectOut:
    """Change the parts. Ids stay, so label maps survive; pixels of removed parts are merged."""
    actor = auth.person(request)
    labels.set_parts(
        actor=actor, project_id=project_id, schema_version=wish.schema_version,
        wanted=wish.parts, merged=wish.merged,
    )  # fmt: skip
    return selectors.project(actor, project_id, now=timezone.now())


# ---- label maps --------------------------------------------------------------------------


@router.post("/family-samples/{sample_id}/label-map", response=FamilySampleOut)
def save_family_label_map(
    request: HttpRequest,
    sample_id: UUID,
    label_map: File[UploadedFile],
    version: Form[int],
    is_done: Form[bool] = False,
) -> FamilySampleOut:
    """Save a sample's label map, painted from version `version` (0: from nothing).

    Refused if somebody has saved the sample meanwhile; nothing is overwritten.
    """
    actor = auth.person(request)
    labels.save_label_map(
        actor=actor, sample_id=sample_id, version=version, data=label_map.read(),
        is_done=is_done, now=timezone.now(),
    )  # fmt: skip
    return selectors.sample(actor, sample_id)


@router.post("/family-samples/{sample_id}/label-map/copy", response=FamilySampleOut)
def copy_family_label_map(
    request: HttpRequest, sample_id: UUID, wish: CopyRequest
) -> FamilySampleOut:
    """Begin with another sample's label map, or with the branch's prediction for this one."""
    actor = auth.person(request)
    labels.copy_label_map(
        actor=actor, sample_id=sample_id, version=wish.version,
        from_sample_id=wish.from_sample_id, now=timezone.now(),
    )  # fmt: skip
    return selectors.sample(actor, sample_id)


@router.delete("/family-samples/{sample_id}/label-map", response=FamilySampleOut)
def clear_family_label_map(
    request: HttpRequest, sample_id: UUID, version: int
) -> FamilySampleOut:
    """Take a sample's label map away."""
    actor = auth.person(request)
    labels.clear_label_map(
        actor=actor, sample_id=sample_id, version=version, now=timezone.now()
    )
    return selectors.sample(actor, sample_id)


@router.get("/family-projects/{project_id}/labels", response={200: None})
def export_family_labels(
    request: HttpRequest, project_id: UUID, form: LabelForm = "png"
) -> HttpResponse:
    """A zip of the label maps with their pictures: indexed PNG, or COCO."""
    data = exchange.export(auth.person(request), project_id, form=form)
    response = HttpResponse(data, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="labels-{form}.zip"'
    return response


@router.post("/family-projects/{project_id}/labels", response=ImportedLabelsOut)
def import_family_labels(
    request: HttpRequest,
    project_id: UUID,
    file: File[UploadedFile],
    replace: Form[bool] = False,
) -> ImportedLabelsOut:
    """Take label maps from a zip of indexed PNGs or from COCO; says what was left out."""
    return exchange.import_labels(
        actor=auth.person(request), project_id=project_id, data=file.read(),
        replace=replace, now=timezone.now(),
    )  # fmt: skip


# ---- branch, encoder, publication ------------------------------------------------------------


@router.post("/family-projects/{project_id}/train-branch", response={202: JobOut})
def train_family_branch(request: HttpRequest, project_id: UUID) -> Status[JobOut]:
    """Learn to label from the label maps as they are now, and predict all other samples."""
    now = timezone.now()
    job = services.train_branch(actor=auth.person(request), project_id=project_id, now=now)
    return Status(202, JobOut.of(job, now=now))


@router.post("/family-projects/{project_id}/train-encoder", response={202: JobOut})
def train_family_encoder(
    request: HttpRequest, project_id: UUID, wish: EncoderRequest
) -> Status[JobOut]:
    """Learn to find the codes of pictures."""
    now = timezone.now()
    job = services.train_encoder(
        actor=auth.person(request), project_id=project_id, minutes=wish.minutes, now=now
    )
    return Status(202, JobOut.of(job, now=now))


@router.post("/family-projects/{project_id}/tries", response={202: FamilyTryOut})
def try_family_upload(
    request: HttpRequest,
    project_id: UUID,
    file: File[UploadedFile],
    crop: Form[str | None] = None,
) -> Status[FamilyTryOut]:
    """See what the networks make of one's own picture. `crop` is the JSON of a `Crop`."""
    if (file.size or 0) > pictures.MAX_BYTES:
        raise pictures.too_large(file.size or 0)
    made = services.try_upload(
        actor=auth.person(request), project_id=project_id, data=file.read(),
        crop=_crop(crop), now=timezone.now(),
    )  # fmt: skip
    return Status(202, FamilyTryOut.of(made))


def _crop(text: str | None) -> dict[str, int] | None:
    if not text:
        return None
    try:
        return Crop.model_validate_json(text).model_dump()
    except ValidationError:
        raise BadCropError(
            "The crop needs x, y and size in pixels, and turns from 0 to 3."
        ) from None


@router.get("/family-tries/{try_id}", response=FamilyTryOut)
def get_family_try(request: HttpRequest, try_id: UUID) -> FamilyTryOut:
    """What became of a try."""
    return FamilyTryOut.of(policies.visible_try(auth.person(request), try_id))


@router.post(
    "/family-projects/{project_id}/publish", response={202: JobOut}, auth=auth.publishing
)
def publish_family(
    request: HttpRequest, project_id: UUID, wish: FamilyPublishRequest
) -> Status[JobOut]:
    """Put the networks together as a family of the team, or as its next version."""
    now = timezone.now()
    job = services.publish(
        actor=auth.person(request), project_id=project_id, wish=wish, now=now
    )
    return Status(202, JobOut.of(job, now=now))
