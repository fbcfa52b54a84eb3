"""What can be read from the vector library? One vector, its page, its file, and checks.

Search has a module of its own.
"""

import itertools
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, Func, JSONField, OuterRef, Prefetch, Q, QuerySet, Value

from webapp.accounts import policies as accounts
from webapp.accounts.models import Membership, Team, User
from webapp.common.errors import NotFoundError, RefusedInputError
from webapp.families import selectors as families
from webapp.jobs.contract import Measured, Stack
from webapp.jobs.sources import OffsetRecord
from webapp.library import cards, policies, vector_file
from webapp.library.folding import fold
from webapp.library.licenses import License
from webapp.library.models import (
    Appeal,
    EditVector,
    EditVectorVersion,
    EffectEntry,
    Follow,
    Like,
    Notice,
    Report,
    Tag,
    Verdict,
)
from webapp.library.models import (
    Collection as VectorCollection,
)
from webapp.library.schemas import (
    AppealOut,
    CollectionOut,
    CollectionPageOut,
    ConflictOut,
    EditVectorOut,
    ForkOut,
    NoticeOut,
    NoticesOut,
    QueueOut,
    ReportOut,
    VectorPageOut,
    VersionLineOut,
)

MAX_LINES = 100
WORTH_A_HINT = 0.35  # share of two vectors' effect that falls on the same parts


class OtherFamilyError(RefusedInputError):
    """A vector was made for another family, or a model of another shape."""

    code = "library.other_family"


class OtherModelError(RefusedInputError):
    """A vector fits the shape of this bundle but was made for another generator."""

    code = "library.other_model"


class DuplicateVectorError(RefusedInputError):
    """A stack names one vector twice."""

    code = "library.duplicate"


class UnknownVersionError(NotFoundError):
    """There is no such version of an edit vector."""

    code = "library.unknown_version"


# ---- shown ----------------------------------------------------------------------------------


def _detailed(found: QuerySet[EditVector]) -> QuerySet[EditVector]:
    """Return the same edit vectors with what their cards show.

    One query, and another one where some are forks. Of the measured card all but the
    signature is read: it is most of the bytes, and only similarity looks at it.
    """
    shown = Func(
        F("current_version__card"), Value("signature"),
        template="(%(expressions)s)", arg_joiner=" - ", output_field=JSONField(),
    )  # fmt: skip
    tags = Tag.objects.filter(edit_vectors=OuterRef("pk")).order_by("name").values("name")
    sources = EditVectorVersion.objects.select_related("edit_vector__author")
    return (
        found.select_related("author", "team", "current_version", "publication", "entry")
        .defer("current_version__offset", "current_version__card", "entry__words")
        .annotate(shown_card=shown, tag_names=ArraySubquery(tags))
        .prefetch_related(Prefetch("forked_from", sources.defer("offset", "card")))
    )


def _out(rows: Sequence[EditVector], user: User) -> list[EditVectorOut]:
    """Show rows of `_detailed`, with what is the person's own about them; two queries."""
    liked = set(
        Like.objects.filter(user=user, is_on=True, edit_vector__in=rows).values_list(
            "edit_vector_id", flat=True
        )
    )
    roles = dict(Membership.objects.filter(user=user).values_list("team_id", "role"))
    shown = []
    for row in rows:
        card: Any = row.shown_card  # type: ignore[attr-defined]  # annotated by `_detailed`
        tags: list[str] = row.tag_names  # type: ignore[attr-defined]  # annotated by it, too
        measured = Measured.model_validate(card) if card is not None else None
        shown.append(
            EditVectorOut.of(row, card=measured, tags=tags, user=user, roles=roles, liked=liked)
        )
    return shown


def shown_all(user: User, ids: Sequence[UUID]) -> list[EditVectorOut]:
    """Return live edit vectors in the order of `ids`; those not visible are left out."""
    visible = EditVector.objects.visible_to(user).live().filter(pk__in=ids)
    found = {row.pk: row for row in _detailed(visible)}
    return _out([found[pk] for pk in ids if pk in found], user)


def effect_of(user: User, edit_vector_id: UUID) -> EffectEntry | None:
    """Return what similarity compares of a live edit vector; None until it was measured.

    Raises:
        UnknownVectorError: `user` can see no such edit vector.
    """
    found = policies.visible_edit_vector(user, edit_vector_id)
    return EffectEntry.objects.filter(pk=found.pk).first()


# ---- single vectors ----------------------------------------------------------------------


def shown(user: User, edit_vector_id: UUID) -> EditVectorOut:
    """Return one live edit vector as its page shows it.

    Raises:
        UnknownVectorError: `user` can see no such edit vector.
    """
    visible = EditVector.objects.visible_to(user).live()
    row = _detailed(visible).filter(pk=edit_vector_id).first()
    if row is None:
        raise policies.UnknownVectorError
    return _out([row], user)[0]


def page(user: User, edit_vector_id: UUID) -> VectorPageOut:
    """Return all that the page of an edit vector shows; a constant number of queries.

    Raises:
        UnknownVectorError: `user` can see no such edit vector.
    """
    vector = shown(user, edit_vector_id)
    versions = EditVectorVersion.objects.visible_to(user).filter(edit_vector_id=edit_vector_id)
    forks = (
        EditVector.objects.visible_to(user)
        .live()
        .filter(forked_from__edit_vector=edit_vector_id)
    )
    reports = Report.objects.filter(edit_vector_id=edit_vector_id, reporter=user)
    appeal = Appeal.objects.visible_to(user).filter(edit_vector_id=edit_vector_id)
    last_appeal = appeal.order_by("-created_at").first()
    return VectorPageOut(
        vector=vector,
        versions=[
            VersionLineOut.of(row)
            for row in versions.defer("offset").order_by("number")[:MAX_LINES]
        ],
        forks=[
            ForkOut.of(row)
            for row in forks.select_related("author", "entry", "forked_from")
            .defer("forked_from__offset", "entry__words")
            .order_by("-entry__num_uses", "pk")[:MAX_LINES]
        ],
        is_author_followed=Follow.objects.filter(
            creator=vector.author.id, follower=user
        ).exists(),
        is_reported=reports.filter(verdict=Verdict.OPEN).exists(),
        appeal=AppealOut.of(last_appeal) if last_appeal else None,
    )


def of_versions(user: User, version_ids: Collection[UUID]) -> list[EditVectorOut]:
    """Return the edit vectors of versions, removed ones too, for the stacks that hold them."""
    held = EditVectorVersion.objects.visible_to(user).filter(pk__in=list(version_ids))
    rows = EditVector.objects.filter(
        current_version__isnull=False, pk__in=held.values("edit_vector")
    )
    return _out(list(_detailed(rows).order_by("-pk")), user)


def conflicts(user: User, version_ids: Collection[UUID]) -> list[ConflictOut]:
    """Return the pairs of a stack that act on the same parts, the worst first; one query.

    Versions that were not measured, or that `user` may not see, are left out.
    """
    found = EditVectorVersion.objects.visible_to(user).filter(
        pk__in=list(version_ids), card__isnull=False
    )
    rows = list(found.values_list("pk", "edit_vector__title", "card__effect_by_part"))
    pairs = [
        ConflictOut(
            versions=(one[0], other[0]),
            titles=(one[1], other[1]),
            overlap=round(cards.overlap(one[2], other[2]), 3),
            parts=sorted(one[2].keys() & other[2].keys()),
        )
        for one, other in itertools.combinations(rows, 2)
    ]
    pairs = [pair for pair in pairs if pair.overlap >= WORTH_A_HINT]
    return sorted(pairs, key=lambda pair: -pair.overlap)


def recent(user: User, *, limit: int) -> Sequence[EditVector]:
    """Return the newest live edit vectors of the teams of `user`, with their authors."""
    found = EditVector.objects.live().filter(team__in=Team.objects.visible_to(user))
    found = found.select_related("author")
    return list(found.order_by("-created_at", "-pk")[:limit])


def titles(version_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the title of the edit vector of each version; one query."""
    found = EditVectorVersion.objects.filter(pk__in=list(version_ids))
    return dict(found.values_list("pk", "edit_vector__title"))


def offset(version_id: UUID) -> OffsetRecord:
    """Return the offset of a version, for the worker.

    Raises:
        UnknownVersionError: there is no such version.
    """
    version = EditVectorVersion.objects.filter(pk=version_id).first()
    if version is None:
        raise UnknownVersionError("This edit vector does not exist any more.")
    return record(version)


def record(version: EditVectorVersion) -> OffsetRecord:
    """Return the offset of a version as workers read it."""
    return OffsetRecord(
        offset=bytes(version.offset),
        shape=(version.num_layers, version.w_dim),
        fingerprint=version.fingerprint,
        parts=tuple(version.parts),
        margin=version.margin,
    )


def file(user: User, edit_vector_id: UUID) -> tuple[str, bytes]:
    """Return the name and the bytes of the `editvector/1` file of the current version.

    Raises:
        UnknownVectorError: `user` can see no such edit vector.
        NoDerivativesError: its licence does not let `user` have the file.
    """
    return file_of(policies.exportable_edit_vector(user, edit_vector_id))


def file_of(found: EditVector) -> tuple[str, bytes]:
    """Return the name and the bytes of the file of an edit vector's current version."""
    version = found.current_version
    assert version is not None, "an edit vector is saved with its first version"
    parts = zip(version.parts, version.part_names, strict=True)
    card: dict[str, Any] = {
        "id": str(found.pk),
        "version": version.number,
        "title": found.title,
        "description": found.description,
        "tags": sorted(tag.name for tag in found.tags.all()),
        "author": found.author.display_name,
        "terms": License.of(found).fields(),
        "notes": version.notes,
        "model": {
            "fingerprint": version.fingerprint,
            "family": version.family,
            "bundle": version.bundle,
            "num_layers": version.num_layers,
            "w_dim": version.w_dim,
        },
        "space": "w_plus",
        "dtype": "float32",
        "default_strength": 1.0,
        "parts": [{"id": number, "name": name} for number, name in parts],
        "margin": version.margin,
        "learned_from": {
            key: version.learned_from[key]
            for key in ("kind", "parameters", "figures", "before", "after")
            if key in version.learned_from
        },
    }
    if version.card is not None:
        measured = Measured.model_validate(version.card)
        figures = measured.model_dump(mode="json", exclude={"kind", "strips", "heat"})
        card |= {"calibration": figures, "valid_range": list(measured.valid_range)}
    data = vector_file.write(
        data=bytes(version.offset),
        shape=(version.num_layers, version.w_dim),
        parts=tuple(version.parts),
        card=card,
    )
    name = re.sub(r"[^a-z0-9]+", "-", fold(found.title)).strip("-")[:60] or "edit-vector"
    return f"{name}-v{version.number}.safetensors", data


# ---- stacks ------------------------------------------------------------------------------


def check_stack(user: User, *, bundle: str, stack: Stack) -> None:
    """Refuse a stack that cannot be applied to pictures of `bundle`; one query.

    A removed vector may still be applied where it is used already.

    Raises:
        UnknownBundleError: this installation has no such bundle.
        UnknownVectorError: `user` can see no such edit vector.
        DuplicateVectorError: a vector is in the stack twice.
        OtherFamilyError: a vector was made for another family or shape.
        OtherModelError: a vector was made for an earlier model of the family.
    """
    wanted = [use.edit_vector_version_id for use in stack]
    if not wanted:
        return
    if len(set(wanted)) < len(wanted):
        raise DuplicateVectorError(
            "A vector is in this stack twice. Change its strength instead."
        )
    info = families.get(bundle)
    found = EditVectorVersion.objects.visible_to(user).filter(pk__in=wanted)
    rows = list(found.values_list("family", "num_layers", "w_dim", "fingerprint"))
    if len(rows) < len(wanted):
        raise policies.UnknownVectorError
    if any(row[:3] != (info.family, info.num_layers, info.w_dim) for row in rows):
        raise OtherFamilyError(
            "This vector was made for another family and cannot be used on "
            f"{info.title.lower()}."
        )
    if any(row[3] != info.fingerprint for row in rows):
        raise OtherModelError(
            f"This vector was made for another model of {info.title.lower()} "
            "and has not been tested on this one."
        )


# ---- collections, notices, the moderators' queue -----------------------------------------


def _collections(user: User) -> QuerySet[VectorCollection]:
    live = Count("items", filter=Q(items__edit_vector__deleted_at__isnull=True))
    return VectorCollection.objects.visible_to(user).select_related("owner").annotate(num=live)


def collections(user: User) -> list[CollectionOut]:
    """Return the collections that `user` may see, the newest first; one query."""
    return [
        CollectionOut.of(row, user=user)
        for row in _collections(user).order_by("-created_at")[:MAX_LINES]
    ]


def collection(user: User, collection_id: UUID) -> CollectionPageOut:
    """Return a collection with the edit vectors in it that `user` may see.

    Raises:
        UnknownCollectionError: `user` can see no such collection.
    """
    row = _collections(user).filter(pk=collection_id).first()
    if row is None:
        raise policies.UnknownCollectionError("We cannot find this collection.")
    ids = row.items.order_by("created_at", "pk").values_list("edit_vector_id", flat=True)
    return CollectionPageOut(
        collection=CollectionOut.of(row, user=user), items=shown_all(user, list(ids[:500]))
    )


def notices(user: User) -> NoticesOut:
    """Return the newest notices of `user` and how many are unread."""
    mine = Notice.objects.visible_to(user)
    rows = mine.order_by("-created_at", "-pk")[:MAX_LINES]
    return NoticesOut(
        items=[NoticeOut.of(row) for row in rows],
        num_unread=mine.filter(read_at__isnull=True).count(),
    )


def queue(user: User) -> QueueOut:
    """Return what waits for a moderator, the oldest first.

    Raises:
        ModeratorsOnlyError: `user` does not moderate.
    """
    accounts.require_moderator(user)
    reports = Report.objects.visible_to(user).filter(verdict=Verdict.OPEN)
    appeals = Appeal.objects.visible_to(user).filter(verdict=Verdict.OPEN)
    with_vector = ("edit_vector__author", "decided_by")
    return QueueOut(
        reports=[
            ReportOut.of(row)
            for row in reports.select_related("reporter", *with_vector).order_by("created_at")[
                :MAX_LINES
            ]
        ],
        appeals=[
            AppealOut.of(row)
            for row in appeals.select_related("author", *with_vector).order_by("created_at")[
                :MAX_LINES
            ]
        ],
    )
