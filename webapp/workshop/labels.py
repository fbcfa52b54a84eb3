"""Use cases of labelling: choose and claim samples, save their label maps, name the parts.

Two people never overwrite each other unseen: who saves names the version they began from,
and is told who was quicker if it is no longer the newest.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import transaction

from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common import artifacts, events
from webapp.common.errors import ConflictError, RefusedInputError
from webapp.common.messages import TeamEvent
from webapp.jobs.contract import PartSpec
from webapp.workshop import label_maps, parts, policies, presence
from webapp.workshop.label_maps import Labels
from webapp.workshop.models import FamilyProject, FamilySample
from webapp.workshop.parts import UNLABELED
from webapp.workshop.schemas import FamilyPartIn


class SchemaChangedError(ConflictError):
    """Somebody changed the parts meanwhile."""

    code = "workshop.schema_changed"


class PartInUseError(ConflictError):
    """A removed part has pixels, and nobody said what becomes of them."""

    code = "schema.removed_part"


class LabelChangedError(ConflictError):
    """Somebody saved this sample meanwhile."""

    code = "workshop.label_changed"


class ClaimedError(ConflictError):
    """Somebody else labels this sample."""

    code = "workshop.claimed"


class NotAMemberError(RefusedInputError):
    """A sample can be given to editors of the team alone."""

    code = "workshop.not_an_editor"


class NoPartsError(ConflictError):
    """There are no parts yet, so nothing can be labelled."""

    code = "workshop.no_parts"


class NothingToCopyError(ConflictError):
    """The sample to copy from has no label map, or there is no prediction."""

    code = "workshop.nothing_to_copy"


class EmptyLabelsError(RefusedInputError):
    """A label map that shows no part is not done."""

    code = "labels.empty"


def announce(project: FamilyProject) -> None:
    """Tell the team, after the commit, that something of the project has changed."""
    events.announce_team(project.team_id, TeamEvent(topic="families", object_id=project.pk))


# ---- parts -------------------------------------------------------------------------------


@transaction.atomic
def set_parts(
    *,
    actor: User,
    project_id: UUID,
    schema_version: int,
    wanted: Sequence[FamilyPartIn],
    merged: Mapping[int, int | None],
) -> FamilyProject:
    """Give a project other parts; label maps follow, and those of kept parts stay as they are.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        SchemaChangedError: it was made from an older list.
        BadPartsError: no family can have these parts.
        UnknownPartError: an id is none of a part there is.
        PartInUseError: a removed part has pixels, and `merged` does not say what they become.
    """
    project = policies.editable_project(actor, project_id)
    if schema_version != project.schema_version:
        raise SchemaChangedError(
            "Somebody changed the parts meanwhile. Look at the new list, then change it again."
        )
    before = parts.read(project.parts)
    after, next_id = _numbered(wanted, before=before, next_id=project.next_part_id)
    parts.check(after)
    if list(after) == list(before):
        return project
    kept = {part.id for part in after}
    gone = [part for part in before if part.id not in kept]
    if gone:
        _rewrite(project, gone, after=after, merged=merged)
    project.parts = [part.model_dump() for part in after]
    project.next_part_id = next_id
    project.schema_version += 1
    project.save()
    announce(project)
    return project


def _numbered(
    wanted: Sequence[FamilyPartIn], *, before: Sequence[PartSpec], next_id: int
) -> tuple[tuple[PartSpec, ...], int]:
    """Return the parts with ids, those of new ones never used before, and the next free id."""
    known = {part.id for part in before}
    found = []
    for part in wanted:
        number = part.id
        if number is None:
            number, next_id = next_id, next_id + 1
            if number >= UNLABELED:
                raise parts.BadPartsError(
                    "This project has had as many parts as a label map has room for. Begin "
                    "another project."
                )
        elif number not in known:
            raise parts.UnknownPartError(
                f"{part.title} has the id {number}, which is no part of this family. Leave "
                "out the id of a part that is new."
            )
        found.append(PartSpec(**{**part.model_dump(), "id": number}))
    if len({part.id for part in found}) < len(found):
        raise parts.BadPartsError("A part is in the list twice.")
    return tuple(found), next_id


def _rewrite(
    project: FamilyProject,
    gone: Sequence[PartSpec],
    *,
    after: Sequence[PartSpec],
    merged: Mapping[int, int | None],
) -> None:
    """Send the pixels of removed parts where `merged` says, in label maps and predictions."""
    kept = {part.id for part in after}
    samples = list(FamilySample.objects.filter(project=project, label_map__isnull=False))
    table = np.arange(256, dtype=np.uint8)
    for part in gone:
        num_used = sum(str(part.id) in sample.parts_share for sample in samples)
        target = merged.get(part.id)
        if part.id not in merged and num_used:
            raise PartInUseError(
                f"{part.title} was removed: say which part its pixels become, or that they "
                f"become unlabelled. It is painted in {num_used} of the label maps. Nothing "
                "was changed."
            )
        if target is not None and target not in kept:
            raise PartInUseError(
                f"The pixels of {part.title} were to become part {target}, which is not in "
                "the new list either. Nothing was changed."
            )
        table[part.id] = UNLABELED if target is None else target
    is_other = False
    for sample in samples:
        labels = label_maps.load(artifacts.read(str(sample.label_map_id)))
        moved = table[labels]
        if np.array_equal(labels, moved):
            continue
        is_other = True
        sample.label_version += 1
        _keep(sample, moved, after)
        sample.save()
    for sample in FamilySample.objects.filter(project=project, prediction__isnull=False):
        labels = label_maps.load(artifacts.read(str(sample.prediction_id)))
        moved = table[labels]
        if not np.array_equal(labels, moved):
            sample.prediction_id = _stored(moved, after)
            sample.save(update_fields=["prediction"])
    if is_other:
        project.labels_version += 1


def _stored(labels: Labels, with_parts: Sequence[PartSpec]) -> str:
    return artifacts.put(label_maps.write(labels, parts=with_parts), content_type="image/png")


def _keep(sample: FamilySample, labels: Labels, with_parts: Sequence[PartSpec]) -> None:
    """Put a label map on a sample's row, which the caller saves."""
    sample.label_map_id = _stored(labels, with_parts)
    sample.parts_share = label_maps.shares(labels)
    if label_maps.is_empty(sample.parts_share, parts=with_parts):
        sample.is_done = False


# ---- samples -----------------------------------------------------------------------------


@transaction.atomic
def change_sample(
    *,
    actor: User,
    sample_id: UUID,
    changes: Mapping[str, object],
    take: bool,
) -> FamilySample:
    """Choose a sample for labelling or not, and give it to an editor, or to nobody.

    `changes` holds `is_chosen` and `assignee_id`, those that are to change.

    Raises:
        UnknownSampleError, ReadOnlyError: see `policies.editable_sample`.
        ClaimedError: somebody else has it, and `take` is not set.
        NotAMemberError: the person may not label here.
    """
    sample = policies.editable_sample(actor, sample_id)
    if isinstance(changes.get("is_chosen"), bool):
        sample.is_chosen = bool(changes["is_chosen"])
    if "assignee_id" in changes:
        wanted = changes["assignee_id"]
        had = sample.assignee
        if had is not None and had.pk not in (wanted, actor.pk) and not take:
            raise ClaimedError(
                f"{had.display_name} labels this sample. Ask them, or take it from them."
            )
        sample.assignee = None
        if wanted is not None:
            person = User.objects.filter(pk=wanted).first()
            if person is None or not accounts.may_edit_in(person, sample.project.team_id):
                raise NotAMemberError("Samples are labelled by editors of the team.")
            sample.assignee = person
            sample.is_chosen = True
    sample.save()
    announce(sample.project)
    return sample


def come(*, actor: User, sample_id: UUID) -> None:
    """Say that `actor` has a sample open; it is shown to others for half a minute.

    Raises:
        UnknownSampleError: the actor can see no such sample.
    """
    sample = policies.visible_sample(actor, sample_id)
    if presence.come(sample.project_id, sample_id=sample.pk, user_id=actor.pk):
        announce(sample.project)


# ---- label maps --------------------------------------------------------------------------


def _check_version(sample: FamilySample, version: int) -> None:
    if version != sample.label_version:
        who = sample.saved_by.display_name if sample.saved_by else "Somebody"
        raise LabelChangedError(
            f"{who} saved this sample meanwhile. Yours was not saved: read theirs, and paint "
            "what is missing there."
        )


def _write(
    sample: FamilySample, labels: Labels, *, actor: User, is_done: bool, now: datetime
) -> None:
    """Make a label map the newest of a sample."""
    project = sample.project
    with_parts = parts.read(project.parts)
    was_done, before = sample.is_done, sample.label_map_id
    sample.is_done = is_done
    _keep(sample, labels, with_parts)
    if is_done and not sample.is_done:
        what = "nothing but background" if len(sample.parts_share) else "nothing"
        if set(sample.parts_share) == {str(UNLABELED)}:
            what = "nothing"
        raise EmptyLabelsError(
            f"The label map of sample {sample.number} shows {what}: paint its parts, or "
            "remove the map and label another picture."
        )
    sample.label_version += 1
    sample.saved_at, sample.saved_by = now, actor
    sample.is_chosen = True
    sample.save()
    if (was_done or sample.is_done) and (
        before != sample.label_map_id or was_done != sample.is_done
    ):
        project.labels_version += 1
    project.save(update_fields=["labels_version", "updated_at"])
    announce(project)


@transaction.atomic
def save_label_map(
    *, actor: User, sample_id: UUID, version: int, data: bytes, is_done: bool, now: datetime
) -> FamilySample:
    """Keep a sample's label map, painted from its version `version`.

    Raises:
        UnknownSampleError, ReadOnlyError: see `policies.editable_sample`.
        NoPartsError: the family has no parts yet.
        LabelChangedError: that version is no longer the newest; nothing was overwritten.
        BadLabelMapError: it is no label map of this family.
        EmptyLabelsError: it is said to be done, and shows nothing.
    """
    sample = policies.editable_sample(actor, sample_id)
    _check_version(sample, version)
    labels = label_maps.read(
        data, parts=parts_of(sample.project), size=label_size(sample.project),
        name="The label map",
    )  # fmt: skip
    _write(sample, labels, actor=actor, is_done=is_done, now=now)
    return sample


def parts_of(project: FamilyProject) -> tuple[PartSpec, ...]:
    """Return the parts of a project.

    Raises:
        NoPartsError: there are none yet.
    """
    if not project.parts:
        raise NoPartsError(
            f"{project.title} has no parts yet: choose a template or name the parts first."
        )
    return parts.read(project.parts)


def label_size(project: FamilyProject) -> int:
    """Return the side of a project's label maps; what has samples has a generator."""
    assert project.generator is not None, "samples come from a generator"
    return int(project.generator["label_size"])


@transaction.atomic
def copy_label_map(
    *,
    actor: User,
    sample_id: UUID,
    version: int,
    from_sample_id: UUID | None,
    now: datetime,
) -> FamilySample:
    """Begin a sample's label map with that of another, or with what the branch predicts.

    Raises:
        UnknownSampleError, ReadOnlyError: see `policies.editable_sample`.
        LabelChangedError: that version is no longer the newest.
        NothingToCopyError: there is no label map to begin with.
    """
    sample = policies.editable_sample(actor, sample_id)
    _check_version(sample, version)
    if from_sample_id is None:
        source = sample.prediction_id
    else:
        other = FamilySample.objects.filter(project=sample.project, pk=from_sample_id).first()
        if other is None:
            raise policies.UnknownSampleError
        source = other.label_map_id or other.prediction_id
    if source is None:
        raise NothingToCopyError(
            "There is no label map to begin with: label that sample first, or train the "
            "branch, which predicts one."
        )
    labels = label_maps.load(artifacts.read(source))
    _write(sample, labels, actor=actor, is_done=False, now=now)
    return sample


@transaction.atomic
def clear_label_map(
    *, actor: User, sample_id: UUID, version: int, now: datetime
) -> FamilySample:
    """Take a sample's label map away.

    Raises:
        UnknownSampleError, ReadOnlyError: see `policies.editable_sample`.
        LabelChangedError: that version is no longer the newest.
    """
    sample = policies.editable_sample(actor, sample_id)
    _check_version(sample, version)
    if sample.label_map_id is None:
        return sample
    if sample.is_done:
        sample.project.labels_version += 1
    sample.label_map = None
    sample.is_done = False
    sample.parts_share = {}
    sample.label_version += 1
    sample.saved_at, sample.saved_by = now, actor
    sample.save()
    sample.project.save(update_fields=["labels_version", "updated_at"])
    announce(sample.project)
    return sample


def put_imported(sample: FamilySample, labels: Labels, *, actor: User, now: datetime) -> None:
    """Make an imported label map the newest of a sample whose row and project are locked."""
    shares = label_maps.shares(labels)
    with_parts = parts_of(sample.project)
    is_whole = str(UNLABELED) not in shares
    is_done = is_whole and not label_maps.is_empty(shares, parts=with_parts)
    _write(sample, labels, actor=actor, is_done=is_done, now=now)
