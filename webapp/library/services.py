"""Use cases that change the vector library.

One function per use case: fetch what the actor may change, apply the rule, write, and
announce. Reads live in `selectors`, who may do what in `policies`, HTTP in `api`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVector
from django.db import transaction
from django.db.models import TextField, Value
from numpy.typing import NDArray

from webapp.accounts.models import Team, User
from webapp.common import events
from webapp.common.errors import RefusedInputError
from webapp.common.messages import TeamEvent
from webapp.families import selectors as families
from webapp.jobs import services as jobs
from webapp.jobs.contract import Measured, MeasureEditVector, VectorUse
from webapp.library import policies, vector_file
from webapp.library.folding import fold
from webapp.library.models import (
    MAX_DESCRIPTION,
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


def _words(text: str, weight: str) -> SearchVector:
    value = Value(fold(text), output_field=TextField())
    return SearchVector(value, config="simple", weight=weight)


def _index(edit_vector: EditVector, tags: Collection[str]) -> None:
    """Write what search looks in: title, tags, author and description, in this order."""
    EditVector.objects.filter(pk=edit_vector.pk).update(
        search=_words(edit_vector.title, "A")
        + _words(" ".join(tags), "B")
        + _words(edit_vector.author.display_name, "C")
        + _words(edit_vector.description, "D")
    )


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
) -> EditVector:
    """Return a new edit vector of `team`, its measuring waiting for a worker.

    `offset` is (L, w_dim); the measuring job belongs to `measured_by`, usually the actor.
    With `card` it is taken as measured already.

    Raises:
        UnknownBundleError: this installation has no such bundle.
        BadOffsetError: the offset is zero, not finite, or too long.
        WrongShapeError: it is not of the bundle's shape.
        UnknownPartError: the family lacks one of `parts`.
        BadWordingError: the title, description or a tag breaks a rule.
    """
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
    names = _checked_tags(tags)
    edit_vector = EditVector.objects.create(
        team=team,
        author=actor,
        title=_checked_title(title),
        description=_checked_description(description),
        created_at=now,
    )
    version = EditVectorVersion.objects.create(
        edit_vector=edit_vector,
        number=1,
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
    edit_vector.current_version = version
    edit_vector.save(update_fields=["current_version", "updated_at"])
    _set_tags(edit_vector, names)
    _index(edit_vector, names)
    if card is None:
        request = MeasureEditVector(bundle=info.name, edit_vector_version_id=version.pk)
        jobs.enqueue(owner=measured_by or actor, team=team, request=request, now=now)
    _announce(edit_vector)
    return edit_vector


@transaction.atomic
def keep_card(*, version_id: UUID, card: Measured) -> None:
    """Write what was measured on a version's card; measuring again replaces it."""
    version = EditVectorVersion.objects.select_related("edit_vector").get(pk=version_id)
    version.card = card.model_dump(mode="json")
    version.save(update_fields=["card"])
    _announce(version.edit_vector)


def record_uses(*, user: User, stack: Iterable[VectorUse], now: datetime) -> None:
    """Remember that `user` kept a revision with the edit vectors of `stack` in it."""
    ids = [use.edit_vector_version_id for use in stack if use.strength != 0]
    used = EditVectorVersion.objects.filter(pk__in=ids).values_list("edit_vector_id", flat=True)
    UseEvent.objects.bulk_create(
        UseEvent(edit_vector_id=pk, user=user, created_at=now) for pk in set(used)
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
    _index(edit_vector, list(edit_vector.tags.values_list("name", flat=True)))
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
        _announce(edit_vector)
    return edit_vector
