"""Use cases that change the vector library.

One function per use case: fetch what the actor may change, apply the rule, write, and
announce. Reads live in `selectors`, who may do what in `policies`, HTTP in `api`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from numpy.typing import NDArray

from webapp.accounts import policies as accounts
from webapp.accounts import quotas
from webapp.accounts.models import Team, User
from webapp.common import events
from webapp.common.errors import RefusedInputError
from webapp.common.messages import TeamEvent
from webapp.families import selectors as families
from webapp.jobs import services as jobs
from webapp.jobs.contract import Measured, MeasureEditVector, VectorUse
from webapp.library import index, policies, publications, vector_file
from webapp.library.licenses import OPEN, License
from webapp.library.models import (
    MAX_DESCRIPTION,
    MAX_NOTES,
    MAX_TAG,
    MAX_TAGS,
    MAX_TITLE,
    EditVector,
    EditVectorVersion,
    Tag,
    UseEvent,
)


class BadWordingError(RefusedInputError):
    """A title, description or tag breaks a rule."""

    code = "library.wording"


class WrongShapeError(RefusedInputError):
    """The offset does not fit the bundle it is said to be made for."""

    code = "library.wrong_shape"


class UnknownPartError(RefusedInputError):
    """The family has no such part."""

    code = "library.unknown_part"


class OtherBundleError(RefusedInputError):
    """A new version was made for another model than the versions before."""

    code = "library.other_bundle"


class SameVersionError(RefusedInputError):
    """A new version does exactly what the current one does."""

    code = "library.same_version"


# ---- wording -----------------------------------------------------------------------------


def _checked_title(title: str) -> str:
    plain = " ".join(title.split())
    if not plain or len(plain) > MAX_TITLE:
        detail = f"A title has 1 to {MAX_TITLE} characters."
        raise BadWordingError(detail, fields={"title": detail})
    return plain


def _checked_description(description: str) -> str:
    plain = description.strip()
    if len(plain) > MAX_DESCRIPTION:
        detail = f"A description has at most {MAX_DESCRIPTION} characters."
        raise BadWordingError(detail, fields={"description": detail})
    return plain


def _checked_tags(tags: Collection[str]) -> list[str]:
    plain = list(dict.fromkeys(" ".join(tag.casefold().split()) for tag in tags if tag.strip()))
    if len(plain) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in plain):
        detail = f"There can be {MAX_TAGS} tags of at most {MAX_TAG} characters."
        raise BadWordingError(detail, fields={"tags": detail})
    return plain


def _set_tags(edit_vector: EditVector, names: Collection[str]) -> None:
    Tag.objects.bulk_create(
        [Tag(team_id=edit_vector.team_id, name=name) for name in names], ignore_conflicts=True
    )
    edit_vector.tags.set(Tag.objects.filter(team_id=edit_vector.team_id, name__in=names))


def _announce(edit_vector: EditVector) -> None:
    event = TeamEvent(topic="library", object_id=edit_vector.pk)
    events.announce_team(edit_vector.team_id, event)


# ---- saving ------------------------------------------------------------------------------


@transaction.atomic
def save_edit_vector(
    *,
    actor: User,
    team: Team,
    bundle: str,
    offset: NDArray[Any],
    parts: Collection[int],
    margin: int,
    learned_from: Mapping[str, Any],
    title: str,
    description: str,
    tags: Collection[str],
    now: datetime,
    measured_by: User | None = None,
    card: Measured | None = None,
    license: License = OPEN,
    forked_from: EditVectorVersion | None = None,
) -> EditVector:
    """Return a new edit vector of `team`, its measuring waiting for a worker.

    `offset` is (L, w_dim); the measuring job belongs to `measured_by`, usually the actor.
    With `card` it is taken as measured already.

    Raises:
        UnknownBundleError: this installation has no such bundle for this team.
        BadOffsetError: the offset is zero, not finite, or too long.
        WrongShapeError: it is not of the bundle's shape.
        UnknownPartError: the family lacks one of `parts`.
        BadWordingError: the title, description or a tag breaks a rule.
        QuotaExceededError: the team has as many as it may have.
    """
    names = _checked_tags(tags)
    families.of_team(team.pk, bundle)  # also a fork: who gets it must have its pictures
    quotas.check(team, "vectors")
    edit_vector = EditVector.objects.create(
        team=team,
        author=actor,
        title=_checked_title(title),
        description=_checked_description(description),
        forked_from=forked_from,
        created_at=now,
        **license.fields(),
    )
    version = _add_version(
        edit_vector, bundle=bundle, offset=offset, parts=parts, margin=margin,
        learned_from=learned_from, card=card, notes="", now=now,
    )  # fmt: skip
    edit_vector.current_version = version
    edit_vector.save(update_fields=["current_version", "updated_at"])
    _set_tags(edit_vector, names)
    index.refresh(edit_vector.pk)
    if card is None:
        measure(version, owner=measured_by or actor, team=team, now=now)
    _announce(edit_vector)
    return edit_vector


def _add_version(
    edit_vector: EditVector,
    *,
    bundle: str,
    offset: NDArray[Any],
    parts: Collection[int],
    margin: int,
    learned_from: Mapping[str, Any],
    card: Measured | None,
    notes: str,
    now: datetime,
) -> EditVectorVersion:
    info = families.get(bundle)
    data = vector_file.offset_bytes(offset)
    if offset.shape != (info.num_layers, info.w_dim):
        raise WrongShapeError(
            f"This offset is {offset.shape[0]} x {offset.shape[1]}, "
            f"{info.title} need {info.num_layers} x {info.w_dim}."
        )
    unknown = set(parts) - {part.id for part in info.parts}
    if unknown:
        raise UnknownPartError(f"{info.title} have no part with the number {min(unknown)}.")
    last = edit_vector.versions.order_by("-number").values_list("number", flat=True).first()
    return EditVectorVersion.objects.create(
        edit_vector=edit_vector,
        number=(last or 0) + 1,
        notes=notes,
        offset=data,
        num_layers=info.num_layers,
        w_dim=info.w_dim,
        norm=vector_file.length(offset),
        fingerprint=info.fingerprint,
        bundle=info.name,
        family=info.family,
        parts=sorted(set(parts)),
        part_names=list(info.part_names(parts)),
        margin=margin,
        content_hash=vector_file.content_hash(data),
        learned_from=dict(learned_from),
        card=card.model_dump(mode="json") if card else None,
        created_at=now,
    )


def measure(version: EditVectorVersion, *, owner: User, team: Team, now: datetime) -> None:
    """Have a version measured, for the first time or anew; its card follows."""
    request = MeasureEditVector(bundle=version.bundle, edit_vector_version_id=version.pk)
    jobs.enqueue(owner=owner, team=team, request=request, now=now)


@transaction.atomic
def add_version(
    *,
    actor: User,
    edit_vector_id: UUID,
    bundle: str,
    offset: NDArray[Any],
    parts: Collection[int],
    margin: int,
    learned_from: Mapping[str, Any],
    notes: str,
    now: datetime,
) -> EditVectorVersion:
    """Return a new version of an edit vector, its measuring waiting for a worker.

    The team has it at once. The community keeps the old one until the new one was measured
    and is good enough; then those who used the old one are told.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
        OtherBundleError: it was made for another model than the versions before.
        SameVersionError: it does exactly what the current version does.
        BadOffsetError, WrongShapeError, UnknownPartError: see `save_edit_vector`.
        BadWordingError: the notes are too long.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    current = edit_vector.current_version
    if edit_vector.deleted_at is not None or current is None:
        raise policies.UnknownVectorError
    if current.bundle != bundle:
        raise OtherBundleError(
            f"{edit_vector.title} is made for {current.bundle}; this one for {bundle}. "
            "Save it as an edit vector of its own."
        )
    plain = " ".join(notes.split())
    if len(plain) > MAX_NOTES:
        detail = f"Notes have at most {MAX_NOTES} characters."
        raise BadWordingError(detail, fields={"notes": detail})
    version = _add_version(
        edit_vector, bundle=bundle, offset=offset, parts=parts, margin=margin,
        learned_from=learned_from, card=None, notes=plain, now=now,
    )  # fmt: skip
    if version.content_hash == current.content_hash:
        raise SameVersionError("This is the version that is there already; nothing changed.")
    if not publications.is_open(edit_vector):
        publications.make_current(version, now=now)
    measure(version, owner=actor, team=edit_vector.team, now=now)
    _announce(edit_vector)
    return version


@transaction.atomic
def fork_edit_vector(
    *,
    actor: User,
    team: Team,
    edit_vector_id: UUID,
    title: str,
    strength: float,
    now: datetime,
) -> EditVector:
    """Return a copy of an edit vector for `team`, at `strength` of the old one.

    Where the source says so, the copy keeps its licence; in any case it allows no more.

    Raises:
        UnknownVectorError: the actor can see no such edit vector.
        UnknownBundleError: it is made for another team's own family.
        ReadOnlyError: the actor may only look in this team.
        NoDerivativesError: its licence does not allow others to change it.
        BadOffsetError: at this strength nobody could apply it.
    """
    source = policies.visible_edit_vector(actor, edit_vector_id)
    accounts.require_editor(actor, team.pk)
    if source.team_id != team.pk and not source.allows_derivatives:
        raise policies.NoDerivativesError(
            f"{source.author.display_name} does not allow changes to this edit vector, "
            "so it cannot be forked. You can still apply it."
        )
    version = source.current_version
    assert version is not None, "an edit vector is saved with its first version"
    offset = strength * vector_file.offset_of(
        bytes(version.offset), (version.num_layers, version.w_dim)
    )
    is_same = strength == 1.0 and version.card is not None
    fork = save_edit_vector(
        actor=actor,
        team=team,
        bundle=version.bundle,
        offset=offset,
        parts=version.parts,
        margin=version.margin,
        learned_from={
            **{k: v for k, v in version.learned_from.items() if k in ("kind", "parameters")},
            "how": "fork",
            "of": str(source.pk),
            "of_version": version.number,
            "strength": strength,
        },
        title=title or source.title,
        description=source.description,
        tags=list(source.tags.values_list("name", flat=True)),
        card=Measured.model_validate(version.card) if is_same else None,
        license=License.of(source),
        forked_from=version,
        now=now,
    )
    if source.author_id != actor.pk:
        publications.tell(
            [source.author_id], "forked", source, now=now,
            text=f"{actor.display_name} forked {source.title} as {fork.title}.",
        )  # fmt: skip
    return fork


@transaction.atomic
def keep_card(*, version_id: UUID, card: Measured, now: datetime) -> None:
    """Write what was measured on a version's card; measuring again replaces it.

    A publication that waited for the figures is decided by them.
    """
    # Publishing and withdrawing wait for this, and this for them.
    EditVector.objects.select_for_update(of=("self",)).get(versions=version_id)
    version = EditVectorVersion.objects.select_related("edit_vector__author").get(pk=version_id)
    version.card = card.model_dump(mode="json")
    version.save(update_fields=["card"])
    publications.figures_arrived(version, card, now=now)
    index.refresh(version.edit_vector_id)
    _announce(version.edit_vector)


@transaction.atomic
def lose_card(*, version_id: UUID, reason: str, now: datetime) -> None:
    """Have nobody wait for what cannot be measured. A version that is gone is no error."""
    vectors = EditVector.objects.select_for_update(of=("self",))
    found = vectors.filter(versions=version_id).first()
    if found is not None:
        version = EditVectorVersion.objects.select_related("edit_vector").get(pk=version_id)
        publications.figures_failed(version, reason=reason, now=now)


def record_uses(
    *, user: User, stack: Iterable[VectorUse], now: datetime, team: Team | None = None
) -> None:
    """Remember that `user` kept a revision of `team` with the edit vectors of `stack` in it."""
    ids = [use.edit_vector_version_id for use in stack if use.strength != 0]
    used = EditVectorVersion.objects.filter(pk__in=ids).values_list("edit_vector_id", "pk")
    UseEvent.objects.bulk_create(
        UseEvent(
            edit_vector_id=vector, version_id=version, user=user, team=team, created_at=now
        )
        for vector, version in set(used)
    )


# ---- changing ----------------------------------------------------------------------------


@transaction.atomic
def change_edit_vector(
    *,
    actor: User,
    edit_vector_id: UUID,
    title: str | None = None,
    description: str | None = None,
    tags: Collection[str] | None = None,
) -> EditVector:
    """Change how an edit vector is called and filed; None leaves as is.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
        BadWordingError: the title, description or a tag breaks a rule.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    if edit_vector.deleted_at is not None:
        raise policies.UnknownVectorError
    if title is not None:
        edit_vector.title = _checked_title(title)
    if description is not None:
        edit_vector.description = _checked_description(description)
    edit_vector.save(update_fields=["title", "description", "updated_at"])
    if tags is not None:
        _set_tags(edit_vector, _checked_tags(tags))
    index.refresh(edit_vector.pk)
    _announce(edit_vector)
    return edit_vector


@transaction.atomic
def remove_edit_vector(*, actor: User, edit_vector_id: UUID, now: datetime) -> None:
    """Take an edit vector out of the library; what applied it keeps it.

    Removing twice is allowed and changes nothing, so a client may safely retry.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    if edit_vector.deleted_at is None:
        edit_vector.deleted_at = now
        edit_vector.save(update_fields=["deleted_at", "updated_at"])
        index.refresh(edit_vector.pk)
        _announce(edit_vector)


@transaction.atomic
def bring_back_edit_vector(*, actor: User, edit_vector_id: UUID) -> EditVector:
    """Undo the removal of an edit vector.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    if edit_vector.deleted_at is not None:
        edit_vector.deleted_at = None
        edit_vector.save(update_fields=["deleted_at", "updated_at"])
        index.refresh(edit_vector.pk)
        _announce(edit_vector)
    return edit_vector


@transaction.atomic
def change_license(*, actor: User, edit_vector_id: UUID, license: License) -> EditVector:
    """Change what others may do with an edit vector; what they did already stands.

    A fork never allows more than the vector it comes from.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
        LicenseBoundError: the source of this fork does not allow it.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    if edit_vector.deleted_at is not None:
        raise policies.UnknownVectorError
    source = edit_vector.forked_from
    while source is not None:  # a fork of one's own fork is bound like the first
        if source.edit_vector.team_id != edit_vector.team_id:
            license.check_against(License.of(source.edit_vector))
            break
        source = source.edit_vector.forked_from
    for name, value in license.fields().items():
        setattr(edit_vector, name, value)
    edit_vector.save(update_fields=[*license.fields(), "updated_at"])
    index.refresh(edit_vector.pk)
    _announce(edit_vector)
    return edit_vector
