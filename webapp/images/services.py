"""Use cases that change images and their history.

One function per use case: fetch what the actor may change, apply the rule, write, and
announce. A head moves in one place, `move_head`, whoever made the revision.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.db import IntegrityError, transaction

from webapp.accounts import policies as accounts
from webapp.accounts import quotas
from webapp.accounts.models import Team, User
from webapp.common import artifacts, events
from webapp.common.errors import ConflictError, RefusedInputError
from webapp.common.messages import TeamEvent
from webapp.families import selectors as families
from webapp.images import codes, hooks, label_maps, policies, uploads
from webapp.images.messages import RevisionAdded, RoomChanged
from webapp.images.models import Image, ImageStatus, Revision, RevisionKind, RevisionVector
from webapp.jobs import selectors as job_selectors
from webapp.jobs import services as jobs
from webapp.jobs.contract import (
    Drawing,
    InvertImage,
    OptimizeEdit,
    Picture,
    RefineEdit,
    RenderEdit,
    Stack,
)
from webapp.jobs.models import Job
from webapp.library import policies as library_policies
from webapp.library import selectors as library_selectors
from webapp.library import services as library
from webapp.library.models import EditVector, EditVectorVersion
from webapp.webhooks import services as webhooks

DEFAULT_INVERT_STEPS = 100


class NothingChangedError(RefusedInputError):
    """The painted label map is the one the picture has already."""

    code = "images.nothing_changed"

    def __init__(self) -> None:
        super().__init__("You changed nothing yet. Paint a part, then optimize.")


class NothingToSaveError(RefusedInputError):
    """The revision differs from nothing, so there is no edit vector in it."""

    code = "images.nothing_to_save"


class OtherImageError(RefusedInputError):
    """The base revision belongs to another image."""

    code = "images.other_base"

    def __init__(self) -> None:
        detail = "The revision to start from belongs to another picture."
        super().__init__(detail, fields={"base_revision_id": detail})


class NotUploadedError(ConflictError):
    """A sample has no picture of its own that could be found again."""

    code = "images.not_uploaded"


# ---- images ------------------------------------------------------------------------------


def add_image(
    *,
    actor: User,
    team: Team,
    name: str,
    bundle: str,
    data: bytes,
    crop: dict[str, int] | None,
    now: datetime,
    idempotency_key: str | None = None,
) -> Image:
    """Return a new image from an uploaded file, its inversion waiting for a worker.

    Sending the same upload again under its key returns the image of the first time.

    Raises:
        ReadOnlyError: the actor is a viewer of the team.
        QuotaExceededError: the team has no room for another picture.
        UnknownBundleError: there is no such bundle for this team.
        UploadTooLargeError, BadUploadError, BadCropError: the file cannot become an image.
        ReusedKeyError: the key was used for something else.
    """
    earlier = _uploaded_before(actor, idempotency_key)
    if earlier is not None:
        return earlier
    accounts.require_editor(actor, team.pk)
    info = families.of_team(team.pk, bundle)
    upload = uploads.check(data, crop=crop)  # before the transaction: it takes a while
    try:
        return _add_checked(
            actor=actor, team=team, name=name, info=info, upload=upload, now=now,
            idempotency_key=idempotency_key,
        )  # fmt: skip
    except (IntegrityError, jobs.ReusedKeyError):
        # The same upload came twice at once and the other one won.
        earlier = _uploaded_before(actor, idempotency_key)
        if earlier is None:
            raise
        return earlier


def _uploaded_before(actor: User, key: str | None) -> Image | None:
    job = job_selectors.by_key(actor, key)
    if job is None:
        return None
    if job.kind != "invert" or job.image_id is None:
        raise jobs.ReusedKeyError("This key was used for another request. Send a new one.")
    return Image.objects.visible_to(actor).get(pk=job.image_id)


@transaction.atomic
def _add_checked(
    *,
    actor: User,
    team: Team,
    name: str,
    info: families.BundleInfo,
    upload: uploads.Upload,
    now: datetime,
    idempotency_key: str | None,
) -> Image:
    quotas.check(team, "pictures")
    source = artifacts.put(upload.square, content_type="image/png")
    image = Image.objects.create(
        team=team,
        owner=actor,
        name=name,
        bundle=info.name,
        upload_id=artifacts.put(upload.upright, content_type="image/jpeg"),
        original_id=source,
        crop={**upload.crop, "width": upload.width, "height": upload.height},
        created_at=now,
    )
    request = InvertImage(
        image_id=image.id, bundle=info.name, source=source, steps=DEFAULT_INVERT_STEPS
    )
    jobs.enqueue(
        owner=actor, team=team, request=request, now=now,
        idempotency_key=idempotency_key, image_id=image.id,
    )  # fmt: skip
    webhooks.emit(
        team_id=team.pk, event="image.added", now=now,
        data={"image_id": str(image.pk), "name": name, "owner": actor.display_name},
    )  # fmt: skip
    _announce_images(image)
    return image


@transaction.atomic
def add_sample(
    *, owner: User, team: Team, name: str, bundle: str, picture: Picture, now: datetime
) -> Image:
    """Return a ready image whose first revision is a sample of its bundle.

    Raises:
        UnknownBundleError: the team has no such bundle.
    """
    info = families.of_team(team.pk, bundle)
    image = Image.objects.create(
        team=team, owner=owner, name=name, bundle=info.name, created_at=now
    )
    add_revision(
        image=image,
        author=owner,
        kind=RevisionKind.SAMPLE,
        picture=picture,
        parent=None,
        now=now,
    )
    return image


@transaction.atomic
def rename(*, actor: User, image_id: UUID, name: str, now: datetime) -> Image:
    """Give an image another name.

    Raises:
        UnknownImageError: the actor can see no such image.
        ReadOnlyError: the actor may only look.
    """
    image = policies.editable_image(actor, image_id, for_update=True)
    image.name = name
    image.save(update_fields=["name", "updated_at"])
    _announce_images(image)
    return image


@transaction.atomic
def remove(*, actor: User, image_id: UUID, now: datetime) -> None:
    """Take an image out of sight; `bring_back` undoes it. Removing twice changes nothing.

    Raises:
        UnknownImageError, NotYourImageError: see `policies.removable_image`.
    """
    image = policies.removable_image(actor, image_id)
    if image.deleted_at is None:
        image.deleted_at = now
        image.save(update_fields=["deleted_at", "updated_at"])
        events.announce_room_access(image.pk)  # guests do not hear what the team hears
        _announce_images(image)


@transaction.atomic
def bring_back(*, actor: User, image_id: UUID, now: datetime) -> Image:
    """Undo the removal of an image.

    Raises:
        UnknownImageError, NotYourImageError: see `policies.removable_image`.
    """
    image = policies.removable_image(actor, image_id)
    if image.deleted_at is not None:
        image.deleted_at = None
        image.save(update_fields=["deleted_at", "updated_at"])
        _announce_images(image)
    return image


@transaction.atomic
def invert_again(
    *,
    actor: User,
    image_id: UUID,
    steps: int,
    now: datetime,
    idempotency_key: str | None = None,
) -> Job:
    """Return a job that looks for the uploaded picture once more, with other steps.

    Raises:
        UnknownImageError: the actor can see no such image.
        ReadOnlyError: the actor may only look.
        NotUploadedError: the image is a sample.
    """
    image = policies.editable_image(actor, image_id, for_update=True)
    if image.original_id is None:
        raise NotUploadedError("A sample has no uploaded picture to look for.")
    request = InvertImage(
        image_id=image.id, bundle=image.bundle, source=image.original_id, steps=steps
    )
    job = jobs.enqueue(
        owner=actor, team=image.team, request=request, now=now,
        idempotency_key=idempotency_key, image_id=image.id,
    )  # fmt: skip
    if image.head_id is None and image.status == ImageStatus.FAILED:
        image.status = ImageStatus.INVERTING
        image.save(update_fields=["status", "updated_at"])
        _announce_images(image)
    return job


# ---- edits: each is a job that makes a revision --------------------------------------------


def base_of(image: Image, base_revision_id: UUID) -> Revision:
    """Return a revision of an image to start from.

    Raises:
        OtherImageError: the revision belongs to another image.
        EarlierModelError: its bundle has another generator by now.
    """
    base = Revision.objects.filter(pk=base_revision_id, image=image).first()
    if base is None:
        raise OtherImageError
    if policies.is_of_earlier_model(base):
        raise policies.EarlierModelError
    return base


@transaction.atomic
def start_edit(
    *,
    actor: User,
    image_id: UUID,
    label_map: bytes,
    base_revision_id: UUID,
    steps: int,
    frozen_seq: int,
    now: datetime,
    idempotency_key: str | None = None,
) -> Job:
    """Return the job that changes an image until its label map follows the painting.

    The painting is frozen here: strokes after `frozen_seq` are not in it.

    Raises:
        UnknownImageError: the actor can see no such image.
        ReadOnlyError: the actor may only look.
        OtherImageError: the base is no revision of this image.
        BadLabelMapError: the painting is not a label map of this family.
        NothingChangedError: the painting is what the base shows already.
    """
    image = policies.editable_image(actor, image_id)
    base = base_of(image, base_revision_id)
    info = families.get(image.bundle)
    painted = label_maps.read(label_map, bundle=info)
    present = label_maps.read(artifacts.read(base.label_map_id), bundle=info)
    if not label_maps.changed_parts(present, painted, bundle=info):
        raise NothingChangedError
    request = OptimizeEdit(
        image_id=image.id,
        bundle=image.bundle,
        base_revision_id=base.id,
        w_plus=base.w_plus_id,
        label_map=artifacts.put(
            label_maps.write(painted, bundle=info), content_type="image/png"
        ),
        steps=steps,
        frozen_seq=frozen_seq,
    )
    return jobs.enqueue(
        owner=actor, team=image.team, request=request, now=now,
        idempotency_key=idempotency_key, image_id=image.id,
    )  # fmt: skip


@transaction.atomic
def start_refinement(
    *,
    actor: User,
    image_id: UUID,
    base_revision_id: UUID,
    stack: Stack,
    steps: int,
    now: datetime,
    idempotency_key: str | None = None,
) -> Job:
    """Return the job that applies a stack and repairs the result.

    Raises:
        UnknownImageError, OtherImageError: see `start_edit`.
        DomainError: a vector of the stack is unknown or of another family.
    """
    image = policies.editable_image(actor, image_id)
    base = base_of(image, base_revision_id)
    library_selectors.check_stack(actor, bundle=image.bundle, stack=stack)
    request = RefineEdit.model_validate(
        {
            "image_id": image.id,
            "bundle": image.bundle,
            "base_revision_id": base.id,
            "w_plus": base.w_plus_id,
            "stack": stack,
            "steps": steps,
        }
    )
    return jobs.enqueue(
        owner=actor, team=image.team, request=request, now=now,
        idempotency_key=idempotency_key, image_id=image.id,
    )  # fmt: skip


@transaction.atomic
def keep(
    *,
    actor: User,
    image_id: UUID,
    base_revision_id: UUID,
    stack: Stack,
    now: datetime,
    idempotency_key: str | None = None,
) -> Job:
    """Return the job that renders an image with a stack, to keep it as a revision.

    Raises:
        UnknownImageError, OtherImageError: see `start_edit`.
        DomainError: a vector of the stack is unknown or of another family.
    """
    image = policies.editable_image(actor, image_id)
    base = base_of(image, base_revision_id)
    library_selectors.check_stack(actor, bundle=image.bundle, stack=stack)
    request = RenderEdit(
        image_id=image.id,
        bundle=image.bundle,
        base_revision_id=base.id,
        w_plus=base.w_plus_id,
        stack=stack,
        base=Drawing(picture=base.picture_id, label_map=base.label_map_id),
    )
    return jobs.enqueue(
        owner=actor, team=image.team, request=request, now=now,
        idempotency_key=idempotency_key, image_id=image.id,
    )  # fmt: skip


# ---- history -----------------------------------------------------------------------------


def add_revision(
    *,
    image: Image,
    author: User,
    kind: RevisionKind,
    picture: Picture,
    parent: Revision | None,
    now: datetime,
    title: str = "",
    stack: Stack = (),
    parameters: dict[str, Any] | None = None,
    figures: dict[str, Any] | None = None,
    job: Job | None = None,
    frozen_seq: int = 0,
    fingerprint: str = "",
) -> Revision:
    """Add a revision and make it the head; the caller holds the image's row locked.

    Its code is for the generator with `fingerprint`, if empty for the one its bundle has now.
    """
    revision = Revision.objects.create(
        image=image,
        parent=parent,
        author=author,
        kind=kind,
        title=title,
        w_plus_id=picture.w_plus,
        fingerprint=fingerprint or families.get(image.bundle).fingerprint,
        picture_id=picture.picture,
        label_map_id=picture.label_map,
        thumbnail_id=picture.thumbnail,
        stack=[use.model_dump(mode="json") for use in stack],
        parameters=parameters or {},
        figures=figures or {},
        job=job,
        created_at=now,
    )
    RevisionVector.objects.bulk_create(
        RevisionVector(
            revision=revision,
            edit_vector_version_id=use.edit_vector_version_id,
            strength=use.strength,
        )
        for use in stack
    )
    library.record_uses(user=author, team=image.team, stack=stack, now=now)
    move_head(image=image, revision=revision, frozen_seq=frozen_seq, now=now)
    webhooks.emit(
        team_id=image.team_id, event="revision.added", now=now,
        data={
            "image_id": str(image.pk), "revision_id": str(revision.pk),
            "kind": str(revision.kind), "author": author.display_name,
        },
    )  # fmt: skip
    return revision


def move_head(*, image: Image, revision: Revision, frozen_seq: int, now: datetime) -> None:
    """Make `revision` what the studio shows, and begin a new epoch."""
    old_epoch = image.epoch
    image.epoch = old_epoch + 1
    image.head = revision
    image.status = ImageStatus.READY
    image.save(update_fields=["epoch", "head", "status", "updated_at"])
    hooks.head_changed(
        image=image, old_epoch=old_epoch, new_epoch=image.epoch, frozen_seq=frozen_seq, now=now
    )
    events.announce_room(image.id, RevisionAdded(revision_id=revision.id, at=now))
    events.announce_room(image.id, RoomChanged(epoch=image.epoch, base_revision_id=revision.id))
    _announce_images(image)


@transaction.atomic
def change_revision(
    *, actor: User, revision_id: UUID, title: str | None, starred: bool | None
) -> Revision:
    """Name or star a revision; None leaves as is.

    Raises:
        UnknownRevisionError, ReadOnlyError: see `policies.editable_revision`.
    """
    revision = policies.editable_revision(actor, revision_id, for_update=True)
    if title is not None:
        revision.title = title
    if starred is not None:
        revision.is_starred = starred
    revision.save(update_fields=["title", "is_starred"])
    _announce_images(revision.image)
    return revision


@transaction.atomic
def restore(*, actor: User, revision_id: UUID, now: datetime) -> Revision:
    """Return a new head that shows what an old revision showed; nothing is lost.

    Raises:
        UnknownRevisionError, ReadOnlyError: see `policies.editable_revision`.
    """
    old = policies.editable_revision(actor, revision_id)
    image = policies.visible_image(actor, old.image_id, for_update=True)
    return add_revision(
        image=image,
        author=actor,
        kind=RevisionKind.RESTORE,
        picture=Picture(
            w_plus=old.w_plus_id,
            picture=old.picture_id,
            label_map=old.label_map_id,
            thumbnail=old.thumbnail_id,
        ),
        parent=old,
        title=old.title,
        parameters={"restored_from": str(old.id)},
        fingerprint=old.fingerprint,
        now=now,
    )


@transaction.atomic
def save_edit_vector(
    *,
    actor: User,
    revision_id: UUID,
    title: str,
    description: str,
    tags: tuple[str, ...],
    now: datetime,
) -> EditVector:
    """Return the edit vector that leads from a revision's parent to it, saved to the library.

    Raises:
        UnknownRevisionError: the actor can see no such revision.
        ReadOnlyError: the actor is no editor of the team.
        NothingToSaveError: it has no parent, or its code is its parent's.
    """
    revision = policies.visible_revision(actor, revision_id)
    accounts.require_editor(actor, revision.image.team_id)  # guests edit pictures, no library
    return library.save_edit_vector(
        actor=actor,
        team=revision.image.team,
        title=title,
        description=description,
        tags=tags,
        now=now,
        **_learned(revision),
    )


@transaction.atomic
def save_version(
    *, actor: User, revision_id: UUID, edit_vector_id: UUID, notes: str, now: datetime
) -> EditVectorVersion:
    """Return what a revision changed, as a new version of an edit vector.

    Raises:
        UnknownRevisionError: the actor can see no such revision.
        ReadOnlyError: the actor is no editor of the picture's team.
        NothingToSaveError: it has no parent, or its code is its parent's.
        DomainError: see `library.add_version`.
    """
    revision = policies.visible_revision(actor, revision_id)
    accounts.require_editor(actor, revision.image.team_id)  # guests edit pictures, no library
    library_policies.changeable_edit_vector(actor, edit_vector_id)  # before what it would hold
    return library.add_version(
        actor=actor, edit_vector_id=edit_vector_id, notes=notes, now=now, **_learned(revision)
    )


def _learned(revision: Revision) -> dict[str, Any]:
    """Return what led from a revision's parent to it: offset, parts and where it is from.

    Raises:
        NothingToSaveError: it has no parent, or its code is its parent's.
    """
    parent = revision.parent
    if parent is None:
        raise NothingToSaveError(
            "This revision is where the picture began, so there is no change to save yet."
        )
    after = codes.read(artifacts.read(revision.w_plus_id))
    before = codes.read(artifacts.read(parent.w_plus_id))
    offset = (after - before).astype(np.float32)
    if not np.any(offset):
        raise NothingToSaveError("This revision shows what was there before; nothing changed.")
    info = families.get(revision.image.bundle)
    return {
        "bundle": revision.image.bundle,
        "offset": offset,
        "parts": _changed_parts(revision, parent, info),
        "margin": _edit_margin(info.label_size),
        "learned_from": {
            "image_id": str(revision.image_id),
            "revision_id": str(revision.id),
            "parent_id": str(parent.id),
            "kind": revision.kind,
            "parameters": revision.parameters,
            "figures": revision.figures,
            "before": parent.picture_id,
            "after": revision.picture_id,
            "thumbnail": revision.thumbnail_id,
        },
    }


def _edit_margin(label_size: int) -> int:
    """Return how far the engine's region of an edit reaches beyond its parts.

    In label-map pixels: 5 at 512, in proportion elsewhere, at least 1.
    """
    return max(1, (5 * label_size + 256) // 512)


def _changed_parts(
    revision: Revision, parent: Revision, info: families.BundleInfo
) -> tuple[int, ...]:
    """Return the parts an edit was about: as its job said, else as the label maps show."""
    said = revision.parameters.get("parts")
    if said:
        return tuple(sorted({int(part) for part in said} - info.background))
    before = label_maps.read(artifacts.read(parent.label_map_id), bundle=info)
    after = label_maps.read(artifacts.read(revision.label_map_id), bundle=info)
    return label_maps.changed_parts(before, after, bundle=info)


def _announce_images(image: Image) -> None:
    events.announce_team(image.team_id, TeamEvent(topic="images", object_id=image.id))
