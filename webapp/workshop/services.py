"""Use cases of making a family: begin a project, and start the steps, each a job.

One job works on a project at a time, since they share its folder. A step that was stopped or
failed is asked for again and goes on from its checkpoint.
"""

import fcntl
import shutil
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from webapp.accounts import audit, quotas
from webapp.accounts import policies as accounts
from webapp.accounts.models import Team, User
from webapp.common import artifacts
from webapp.common.errors import ConflictError
from webapp.families.models import OwnFamily
from webapp.images import uploads as pictures
from webapp.jobs import services as jobs
from webapp.jobs.contract import (
    BringGenerator,
    JobRequest,
    LabeledSample,
    PublishFamily,
    SampleFamily,
    TrainBranch,
    TrainEncoder,
    TryUpload,
)
from webapp.jobs.models import LANES, Job, Lane
from webapp.workshop import labels, parts, policies, selectors, uploads
from webapp.workshop.labels import announce
from webapp.workshop.models import FamilyProject, FamilySample, FamilyTry, FamilyUpload
from webapp.workshop.schemas import BringRequest, FamilyPublishRequest, ProjectChange

WORK = {kind for kind, lane in LANES.items() if lane == Lane.WORKSHOP}
DOING = {
    "bring": "bringing the generator",
    "sample_family": "drawing samples",
    "train_branch": "training the branch",
    "train_encoder": "training the encoder",
    "publish_family": "publishing",
}


class BusyError(ConflictError):
    """Another step of the project is running."""

    code = "workshop.busy"


class NotReadyError(ConflictError):
    """A step needs what an earlier one makes."""

    code = "family.step_missing"


class HasSamplesError(ConflictError):
    """Another generator, or other samples, would make label maps meaningless."""

    code = "family.has_samples"


class TooFewLabelsError(ConflictError):
    """Fewer samples are labelled than the branch is to learn from."""

    code = "labels.too_few"


class NoUploadError(ConflictError):
    """No file has arrived as a whole."""

    code = "workshop.no_upload"


# ---- projects ----------------------------------------------------------------------------


@transaction.atomic
def begin(*, actor: User, team: Team, title: str, now: datetime) -> FamilyProject:
    """Return a new project of `team`, with nothing in it.

    Raises:
        ReadOnlyError: the actor may only look in this team.
        QuotaExceededError: the team makes as many families as it may.
    """
    accounts.require_editor(actor, team.pk)
    quotas.check(team, "families")
    project = FamilyProject.objects.create(team=team, owner=actor, title=title, created_at=now)
    announce(project)
    return project


@transaction.atomic
def change(*, actor: User, project_id: UUID, change: ProjectChange) -> FamilyProject:
    """Give a project another title, description or licence.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
    """
    project = policies.editable_project(actor, project_id)
    for name, value in change.model_dump(exclude_none=True).items():
        setattr(project, name, value)
    project.save()
    announce(project)
    return project


@transaction.atomic
def remove(*, actor: User, project_id: UUID, now: datetime) -> None:
    """Take a project out of sight and stop its work; what it published stays.

    Its folder goes with the next `clear_removed`, once no worker is in it any more.

    Raises:
        UnknownProjectError, NotYourProjectError: see `policies.removable_project`.
    """
    project = policies.removable_project(actor, project_id)
    running = Job.objects.select_for_update(of=("self",)).select_related("owner")
    for job in running.filter(project_id=project.pk).active():
        jobs.stop(job, now=now)
    project.deleted_at = now
    project.save(update_fields=["deleted_at", "updated_at"])
    audit.record(
        team=project.team, actor=actor, action="families.project_removed", target=project.pk,
        title=project.title,
    )  # fmt: skip
    announce(project)


def clear_removed() -> int:
    """Delete the folders of removed projects, and return of how many; safe to repeat.

    A folder that a worker is still in waits for the next time. Label maps and samples are
    artifacts of rows, which stay as a record, like those of removed pictures.
    """
    root = Path(settings.WORKSHOP_DIR)
    folders = {path.name: path for path in root.glob("?" * 32) if path.is_dir()}
    removed = FamilyProject.objects.filter(
        pk__in=filter(None, map(_as_id, folders)), deleted_at__isnull=False
    )
    busy = Job.objects.filter(project_id__in=removed.values("pk")).active()
    gone = removed.exclude(pk__in=busy.values("project_id"))
    return sum(_cleared(folders[key.hex]) for key in gone.values_list("pk", flat=True))


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(hex=name)
    except ValueError:
        return None


def _cleared(folder: Path) -> bool:
    """Delete a folder unless a worker holds its lock; what is left is for the next time."""
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


# ---- the steps ---------------------------------------------------------------------------


def _start(project: FamilyProject, request: JobRequest, *, actor: User, now: datetime) -> Job:
    """Return the job of a step, unless another step works in the project's folder."""
    running = Job.objects.filter(project_id=project.pk, kind__in=WORK).active().first()
    if running is not None:
        raise BusyError(
            f"This project is busy {DOING[running.kind]}. Wait until that is done, or stop it."
        )
    project.save(update_fields=["updated_at"])
    announce(project)
    return jobs.enqueue(
        owner=actor, team=project.team, request=request, now=now, project_id=project.pk
    )


@transaction.atomic
def bring(*, actor: User, project_id: UUID, wish: BringRequest, now: datetime) -> Job:
    """Return the job that makes an uploaded file the project's generator.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        HasSamplesError: the project has samples of the generator it has.
        NoUploadError: no file was sent, or not all of it.
        BusyError: another step is running.
    """
    project = policies.editable_project(actor, project_id)
    if FamilySample.objects.filter(project=project).exists():
        raise HasSamplesError(
            "This project has samples of its generator; with another one they and their label "
            "maps would mean nothing. Begin another project for another generator."
        )
    sent = FamilyUpload.objects.filter(project=project)
    upload = (
        sent.filter(pk=wish.upload_id).first()
        if wish.upload_id
        else sent.order_by("-created_at").first()
    )
    if upload is None:
        raise NoUploadError("No file has been sent. Drop a checkpoint or a zip of pictures.")
    if not upload.is_whole:
        raise NoUploadError(
            f"{upload.received:,} of {upload.size:,} bytes of {upload.file_name} have arrived. "
            "Send the rest first."
        )
    if wish.license:
        project.license = wish.license
        project.save(update_fields=["license", "updated_at"])
    is_checkpoint = upload.kind == "checkpoint"
    # What is gone on with keeps its size and its time.
    before = None if wish.upload_id else _last_brought(project)
    request = BringGenerator(
        project_id=project.pk,
        file=uploads.place_of(upload),
        source="checkpoint" if is_checkpoint else "pictures",
        file_name=upload.file_name,
        title=project.title,
        license=project.license,
        resolution=None if is_checkpoint else (before and before.resolution) or wish.resolution,
        minutes=None if is_checkpoint else (before and before.minutes) or wish.minutes,
    )
    return _start(project, request, actor=actor, now=now)


def _last_brought(project: FamilyProject) -> BringGenerator | None:
    found = Job.objects.filter(project_id=project.pk, kind="bring").order_by("-created_at")
    last = found.first()
    return None if last is None else BringGenerator.model_validate(last.request, strict=False)


@transaction.atomic
def sample(*, actor: User, project_id: UUID, seed: int, now: datetime) -> Job:
    """Return the job that draws samples and proposes which to label.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        NotReadyError: there is no generator.
        HasSamplesError: samples that are labelled would be lost.
        BusyError: another step is running.
    """
    project = policies.editable_project(actor, project_id)
    _require_generator(project)
    if FamilySample.objects.filter(project=project, label_map__isnull=False).exists():
        raise HasSamplesError(
            "Samples of this project are labelled. Drawing others would lose their label maps; "
            "begin another project for other samples."
        )
    return _start(project, SampleFamily(project_id=project.pk, seed=seed), actor=actor, now=now)


def _require_generator(project: FamilyProject) -> None:
    if project.generator is None:
        raise NotReadyError(
            f"{project.title} has no generator yet: bring one first, a StyleGAN2 checkpoint "
            "or pictures to train on."
        )


@transaction.atomic
def train_branch(*, actor: User, project_id: UUID, now: datetime) -> Job:
    """Return the job that learns to label from the label maps as they are now.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        NotReadyError: there is no generator, or no sample.
        NoPartsError: the family has no parts.
        TooFewLabelsError: not all that were chosen are labelled.
        BusyError: another step is running.
    """
    project = policies.editable_project(actor, project_id)
    _require_generator(project)
    if not project.parts:
        raise labels.NoPartsError(
            f"{project.title} has no parts yet: choose a template or name the parts first."
        )
    samples = FamilySample.objects.filter(project=project)
    done = dict(
        samples.filter(is_done=True).order_by("number").values_list("number", "label_map_id")
    )
    proposed = set(samples.filter(place__isnull=False).values_list("number", flat=True))
    if not proposed:
        raise NotReadyError("There are no samples yet: draw some first.")
    refusal = selectors.too_few(set(done), proposed)
    if refusal:
        raise TooFewLabelsError(refusal)
    request = TrainBranch(
        project_id=project.pk,
        schema_version=project.schema_version,
        parts=parts.read(project.parts),
        labels=tuple(
            LabeledSample(number=number, label_map=digest) for number, digest in done.items()
        ),
        labels_version=project.labels_version,
    )
    return _start(project, request, actor=actor, now=now)


@transaction.atomic
def train_encoder(*, actor: User, project_id: UUID, minutes: float, now: datetime) -> Job:
    """Return the job that learns to find the codes of pictures.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        NotReadyError: there is no generator, or no branch.
        BusyError: another step is running.
    """
    project = policies.editable_project(actor, project_id)
    _require_generator(project)
    request = TrainEncoder(project_id=project.pk, minutes=minutes)
    return _start(project, request, actor=actor, now=now)


def try_upload(
    *,
    actor: User,
    project_id: UUID,
    data: bytes,
    crop: dict[str, int] | None,
    now: datetime,
) -> FamilyTry:
    """Return a try of one's own picture, which a job answers.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        NotReadyError: there is no encoder yet.
        UploadTooLargeError, BadUploadError, BadCropError: the file is no picture to try.
    """
    project = policies.visible_project(actor, project_id)
    accounts.require_editor(actor, project.team_id)
    if project.encoder is None:
        raise NotReadyError("There is no encoder yet: train it first, then try a picture.")
    upload = pictures.check(data, crop=crop)  # before the transaction: it takes a while
    return _try_checked(actor=actor, project_id=project.pk, square=upload.square, now=now)


@transaction.atomic
def _try_checked(*, actor: User, project_id: UUID, square: bytes, now: datetime) -> FamilyTry:
    project = policies.editable_project(actor, project_id)
    source = artifacts.put(square, content_type="image/png")
    made = FamilyTry.objects.create(
        project=project, owner=actor, original_id=source, created_at=now
    )
    request = TryUpload(project_id=project.pk, try_id=made.pk, source=source)
    made.job = jobs.enqueue(
        owner=actor, team=project.team, request=request, now=now, project_id=project.pk
    )
    made.save(update_fields=["job"])
    return made


@transaction.atomic
def publish(*, actor: User, project_id: UUID, wish: FamilyPublishRequest, now: datetime) -> Job:
    """Return the job that puts the project's networks together as a family of its team.

    The bundle's name is made unique by a suffix, so that teams cannot learn of one another's
    names; each publication is a version of its own, beside the ones before.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        NotReadyError: the branch or the encoder is missing.
        BusyError: another step is running.
    """
    project = policies.editable_project(actor, project_id)
    _require_generator(project)
    if project.branch is None:
        raise NotReadyError("There is no branch yet: label samples and train it first.")
    if project.encoder is None:
        raise NotReadyError("There is no encoder yet: train it first.")
    before = OwnFamily.objects.filter(project_id=project.pk)
    version = (before.aggregate(last=Max("version"))["last"] or 0) + 1
    first = before.order_by("version").first()
    # Vectors fit all versions of a family, so its name stays what it was the first time.
    family = first.family if first else f"{wish.name}-{project.pk.hex[-6:]}"
    project.title = wish.title
    project.description = wish.description
    project.license = project.license if wish.license is None else wish.license
    project.save()
    request = PublishFamily(
        project_id=project.pk,
        bundle=f"{family}-v{version}",
        family=family,
        version=version,
        title=project.title,
        description=project.description,
        license=project.license,
    )
    return _start(project, request, actor=actor, now=now)
