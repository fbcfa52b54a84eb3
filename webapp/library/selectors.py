"""What can be read from the vector library? Search, one vector, its file, and checks."""

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import (
    BigIntegerField,
    Count,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.expressions import Func
from django.db.models.functions import Cast, Coalesce, Lower

from webapp.accounts.models import User
from webapp.common.errors import NotFoundError, RefusedInputError
from webapp.families import selectors as families
from webapp.jobs.contract import Measured, Stack
from webapp.jobs.sources import OffsetRecord
from webapp.library import policies, vector_file
from webapp.library.folding import fold, prefix_query
from webapp.library.models import EditVector, EditVectorVersion, Tag, UseEvent
from webapp.library.schemas import EditVectorOut, EditVectorPage, FacetOut, FacetsOut, Sort

PAGE = 48
MAX_FACETS = 60


class BadCursorError(RefusedInputError):
    """The cursor was not given out by this list in this order."""

    code = "input.cursor"

    def __init__(self) -> None:
        super().__init__("This page marker is not valid. Read the list again.")


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


# ---- search ------------------------------------------------------------------------------


def _detailed(found: QuerySet[EditVector]) -> QuerySet[EditVector]:
    """Return the same edit vectors with what their cards show, in two queries in all."""
    uses = (
        UseEvent.objects.filter(edit_vector=OuterRef("pk"))
        .order_by()
        .values("edit_vector")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return (
        found.select_related("author", "current_version")
        .defer("current_version__offset", "search")
        .prefetch_related("tags")
        .annotate(num_uses=Coalesce(Subquery(uses, output_field=IntegerField()), 0))
    )


def _words(query: str) -> SearchQuery:
    return SearchQuery(prefix_query(query), config="simple", search_type="raw")


def _matching(
    user: User, *, query: str, parts: Collection[str], tags: Collection[str], bundle: str,
    mine: bool,
) -> QuerySet[EditVector]:  # fmt: skip
    found = EditVector.objects.visible_to(user).live().filter(current_version__isnull=False)
    words = prefix_query(query)
    if words:
        found = found.filter(search=_words(query))
    elif query.strip():
        return found.none()  # nothing but punctuation matches nothing
    if parts:
        found = found.filter(current_version__part_names__overlap=list(parts))
    for tag in tags:
        found = found.filter(tags__name=" ".join(tag.casefold().split()))
    if bundle:
        found = found.filter(current_version__bundle=bundle)
    if mine:
        found = found.filter(author=user)
    return found


def search(
    user: User,
    *,
    query: str = "",
    parts: Collection[str] = (),
    tags: Collection[str] = (),
    sort: Sort = "relevance",
    bundle: str = "",
    mine: bool = False,
    cursor: str | None = None,
    limit: int = PAGE,
) -> EditVectorPage:
    """Return a page of the edit vectors that `user` may see, in four queries at most.

    Each word of `query` must begin a word of title, tags, author or description. A vector
    passes if it has any of `parts` and all of `tags`.

    Raises:
        BadCursorError: the cursor is not one of this list in this order.
    """
    found = _matching(user, query=query, parts=parts, tags=tags, bundle=bundle, mine=mine)
    total = found.count()
    if sort == "relevance" and not prefix_query(query):
        sort = "new"
    found = _detailed(found)
    if sort == "relevance":
        # As a whole number: a float would not come back from the cursor as it left.
        rank = SearchRank(
            F("search"), SearchQuery(prefix_query(query), search_type="raw", config="simple")
        )
        found = found.annotate(key=Cast(rank * 1_000_000, BigIntegerField()))
    elif sort == "used":
        found = found.annotate(key=F("num_uses"))
    elif sort == "title":
        found = found.annotate(key=Lower("title"))
    else:
        found = found.annotate(key=F("created_at"))
    if cursor:
        key, last_id = _read_cursor(cursor, sort=sort)
        if sort == "title":
            found = found.filter(Q(key__gt=key) | Q(key=key, pk__gt=last_id))
        else:
            found = found.filter(Q(key__lt=key) | Q(key=key, pk__lt=last_id))
    order = ("key", "pk") if sort == "title" else ("-key", "-pk")
    rows = list(found.order_by(*order)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return EditVectorPage(
        items=[_out(row, user) for row in rows],
        next=_cursor(rows[-1], sort=sort) if more else None,
        total=total,
    )


def _out(row: EditVector, user: User) -> EditVectorOut:
    num_uses: int = row.num_uses  # type: ignore[attr-defined]  # annotated by _detailed
    return EditVectorOut.of(row, user=user, num_uses=num_uses)


def _cursor(row: EditVector, *, sort: Sort) -> str:
    key: Any = row.key  # type: ignore[attr-defined]  # annotated by search
    plain = key.isoformat() if isinstance(key, datetime) else key
    text = json.dumps([sort, plain, row.pk.hex])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_cursor(cursor: str, *, sort: Sort) -> tuple[Any, UUID]:
    kinds: dict[str, type] = {"relevance": int, "used": int, "title": str, "new": str}
    key: Any
    try:
        of, key, last_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if of != sort or type(key) is not kinds[sort]:
            raise BadCursorError
        return (datetime.fromisoformat(str(key)) if sort == "new" else key), UUID(last_id)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise BadCursorError from None


def facets(user: User, *, query: str = "", bundle: str = "", mine: bool = False) -> FacetsOut:
    """Return how many edit vectors lie behind each filter, the most frequent first.

    Counted without `parts` and `tags`, so that a chosen filter does not empty the others.
    """
    found = _matching(user, query=query, parts=(), tags=(), bundle=bundle, mine=mine)
    counts = found.aggregate(total=Count("pk"), mine=Count("pk", filter=Q(author=user)))
    tags = (
        Tag.objects.filter(edit_vectors__in=found)
        .values("name")
        .annotate(count=Count("edit_vectors"))
        .order_by("-count", "name")[:MAX_FACETS]
    )
    part = Func(F("part_names"), function="unnest")
    parts = (
        EditVectorVersion.objects.filter(pk__in=found.values("current_version"))
        .annotate(name=part)
        .values("name")
        .annotate(count=Count("pk"))
        .order_by("-count", "name")[:MAX_FACETS]
    )
    return FacetsOut(
        total=counts["total"],
        mine=counts["mine"],
        tags=[FacetOut(name=row["name"], count=row["count"]) for row in tags],
        parts=[FacetOut(name=row["name"], count=row["count"]) for row in parts],
    )


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
    return _out(row, user)


def of_versions(user: User, version_ids: Collection[UUID]) -> list[EditVectorOut]:
    """Return the edit vectors of versions, removed ones too, for the stacks that hold them."""
    visible = EditVector.objects.visible_to(user).filter(current_version__isnull=False)
    rows = _detailed(visible).filter(versions__in=list(version_ids)).distinct()
    return [_out(row, user) for row in rows.order_by("-pk")]


def recent(user: User, *, limit: int) -> Sequence[EditVector]:
    """Return the newest live edit vectors that `user` may see, with their authors."""
    found = EditVector.objects.visible_to(user).live().select_related("author")
    return list(found.defer("search").order_by("-created_at", "-pk")[:limit])


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
    """
    found = policies.visible_edit_vector(user, edit_vector_id)
    version = found.current_version
    assert version is not None, "an edit vector is saved with its first version"
    parts = zip(version.parts, version.part_names, strict=True)
    card: dict[str, Any] = {
        "id": str(found.pk),
        "version": version.number,
        "title": found.title,
        "description": found.description,
        "tags": sorted(found.tags.values_list("name", flat=True)),
        "author": found.author.display_name,
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
        figures = measured.model_dump(mode="json", exclude={"kind", "strips"})
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
