"""Which edit vectors fit these words, these filters, this effect?

All search reads `SearchEntry` alone and shows what it finds through `selectors.shown_all`.
Pages go on from the last row's key, never by counting rows. Two rules keep a library of
millions quick: counts end at a ceiling, and best match ranks the most used of those that
match. Within teams similarity is exact; the community's comes from an approximate index
that scans on until enough rows have passed the filters.
"""

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import connection, transaction
from django.db.models import BigIntegerField, Count, F, Q, QuerySet
from django.db.models.expressions import Func
from django.db.models.functions import Cast
from pgvector import HalfVector
from pgvector.django import CosineDistance

from webapp.accounts.models import Team, User
from webapp.common.errors import RefusedInputError
from webapp.families import selectors as families
from webapp.jobs.contract import SearchScope
from webapp.jobs.sources import Candidate
from webapp.library import cards, selectors
from webapp.library.folding import prefix_query
from webapp.library.models import EditVector, EffectEntry, SearchEntry, SearchEntryQuerySet
from webapp.library.schemas import (
    EditVectorPage,
    FacetOut,
    FacetsOut,
    SimilarOut,
    Sort,
)

PAGE = 24
MAX_FACETS = 60
MAX_COUNTED = 1000  # beyond it a page says "more than"
MAX_FACETED = 5000  # facets count the newest of those that match
MAX_RANKED = 400  # best match ranks the most used of those that match
EF_SEARCH = 400
MAX_SCAN_TUPLES = 40_000
# Where the facets of measured figures begin.
LOCAL, IDENTITY, WORKS = 0.5, 0.95, 0.9


class BadCursorError(RefusedInputError):
    """The cursor was not given out by this list in this order."""

    code = "input.cursor"

    def __init__(self) -> None:
        super().__init__("This page marker is not valid. Read the list again.")


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a search. Empty and False leave all in.

    Args:
        parts: has any of these.
        tags: has all of these.
        bundle, family: made for this one.
        mine: saved by the person who asks.
        author: saved by this person.
        scope: of the person's teams, of the community, or of both.
        least_locality, least_identity, least_success: measured to reach this.
        commercial, derivatives: the licence allows it.
    """

    parts: Collection[str] = ()
    tags: Collection[str] = ()
    bundle: str = ""
    family: str = ""
    mine: bool = False
    author: int | None = None
    scope: SearchScope = "all"
    least_locality: float | None = None
    least_identity: float | None = None
    least_success: float | None = None
    commercial: bool = False
    derivatives: bool = False


EVERYTHING = Filters()


def words_query(query: str) -> SearchQuery | None:
    """Return what wants a word beginning with each word of `query`, or of its English stem.

    None where `query` has no words.
    """
    wanted: Any = None
    for word in prefix_query(query).split(" & "):
        if not word:
            continue
        plain = SearchQuery(word, config="simple", search_type="raw")
        stem = SearchQuery(word.removesuffix(":*"), config="english", search_type="plain")
        either = plain | stem
        wanted = either if wanted is None else wanted & either
    return cast(SearchQuery | None, wanted)


def _in_scope(user: User, scope: SearchScope) -> SearchEntryQuerySet:
    if scope == "community":
        return SearchEntry.objects.filter(is_listed=True)
    found = SearchEntry.objects.visible_to(user)
    if scope == "team":
        teams = list(Team.objects.visible_to(user).values_list("pk", flat=True))
        return SearchEntry.objects.filter(team_id__in=teams)
    return found


def _matching(user: User, *, query: str, filters: Filters) -> QuerySet[SearchEntry]:
    found = _in_scope(user, filters.scope)
    words = words_query(query)
    if words is not None:
        found = found.filter(words=words)
    elif query.strip():
        return found.none()  # nothing but punctuation matches nothing
    return _narrowed(found, user, filters)


def _narrowed(
    found: QuerySet[SearchEntry], user: User, filters: Filters
) -> QuerySet[SearchEntry]:
    if filters.parts:
        found = found.filter(parts__overlap=list(filters.parts))
    if filters.tags:
        found = found.filter(
            tags__contains=[" ".join(t.casefold().split()) for t in filters.tags]
        )
    plain = {
        "bundle": filters.bundle or None,
        "family": filters.family or None,
        "author": user if filters.mine else None,
        "author_id": filters.author,
        "locality__gte": filters.least_locality,
        "identity__gte": filters.least_identity,
        "success__gte": filters.least_success,
        "allows_commercial": filters.commercial or None,
        "allows_derivatives": filters.derivatives or None,
    }
    return found.filter(**{name: value for name, value in plain.items() if value is not None})


# ---- by words ------------------------------------------------------------------------------

KEYS: dict[str, str] = {
    "used": "num_uses",
    "liked": "num_likes",
    "title": "title_key",
    "new": "created_at",
}


def find(
    user: User,
    *,
    query: str = "",
    filters: Filters = EVERYTHING,
    sort: Sort = "relevance",
    cursor: str | None = None,
    limit: int = PAGE,
) -> EditVectorPage:
    """Return a page of the edit vectors that `user` may find; a constant number of queries.

    Each word of `query` must begin a word of title, tags, author or description, or share
    its English stem.

    Raises:
        BadCursorError: the cursor is not one of this list in this order.
    """
    matching = _matching(user, query=query, filters=filters)
    words = words_query(query)
    if sort == "relevance" and words is None:
        sort = "new"
    total = None
    if cursor is None:
        total = matching.order_by()[: MAX_COUNTED + 1].count()
    found = matching
    if sort == "relevance":
        assert words is not None
        first = matching.order_by("-num_uses", "-pk").values("pk")[:MAX_RANKED]
        # As a whole number: a float would not come back from the cursor as it left.
        rank = Cast(SearchRank(F("words"), words) * 1_000_000, BigIntegerField())
        found = SearchEntry.objects.filter(pk__in=first).annotate(key=rank)
    else:
        found = found.annotate(key=F(KEYS[sort]))
    if cursor:
        key, last_id = _read_cursor(cursor, sort=sort)
        if sort == "title":
            found = found.filter(Q(key__gt=key) | Q(key=key, pk__gt=last_id))
        else:
            found = found.filter(Q(key__lt=key) | Q(key=key, pk__lt=last_id))
    order = ("key", "pk") if sort == "title" else ("-key", "-pk")
    rows = list(found.order_by(*order).values_list("pk", "key")[: limit + 1])
    more, rows = len(rows) > limit, rows[:limit]
    return EditVectorPage.model_construct(
        items=selectors.shown_all(user, [pk for pk, _ in rows]),
        next=_cursor(*rows[-1], sort=sort) if more else None,
        total=min(total, MAX_COUNTED) if total is not None else None,
        is_total_exact=total is None or total <= MAX_COUNTED,
    )


def _cursor(pk: UUID, key: Any, *, sort: Sort) -> str:
    plain = key.isoformat() if isinstance(key, datetime) else key
    text = json.dumps([sort, plain, pk.hex])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_cursor(cursor: str, *, sort: Sort) -> tuple[Any, UUID]:
    kinds: dict[str, type] = {
        "relevance": int, "used": int, "liked": int, "title": str, "new": str,
    }  # fmt: skip
    key: Any
    try:
        of, key, last_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if of != sort or type(key) is not kinds[sort]:
            raise BadCursorError
        if sort == "new":
            key = datetime.fromisoformat(str(key))
            if key.tzinfo is None:
                raise BadCursorError
        return key, UUID(last_id)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise BadCursorError from None


# ---- facets --------------------------------------------------------------------------------


def facets(user: User, *, query: str = "", filters: Filters = EVERYTHING) -> FacetsOut:
    """Return how many edit vectors lie behind each filter, the most frequent first.

    Counted without what is chosen, so that a chosen filter does not empty the others; of
    the newest `MAX_FACETED` that match.
    """
    scoped = Filters(bundle=filters.bundle, family=filters.family)
    newest = _matching(user, query=query, filters=scoped).order_by("-created_at", "-pk")
    found = SearchEntry.objects.filter(pk__in=newest.values("pk")[:MAX_FACETED])
    teams = Team.objects.visible_to(user)
    counts = found.aggregate(
        total=Count("pk"),
        mine=Count("pk", filter=Q(author=user)),
        team=Count("pk", filter=Q(team__in=teams)),
        community=Count("pk", filter=Q(is_listed=True)),
        local=Count("pk", filter=Q(locality__gte=LOCAL)),
        identity=Count("pk", filter=Q(identity__gte=IDENTITY)),
        works=Count("pk", filter=Q(success__gte=WORKS)),
        commercial=Count("pk", filter=Q(allows_commercial=True)),
        derivatives=Count("pk", filter=Q(allows_derivatives=True)),
    )
    return FacetsOut(
        **counts,
        is_exact=counts["total"] < MAX_FACETED,
        least_locality=LOCAL,
        least_identity=IDENTITY,
        least_success=WORKS,
        tags=_names(found, "tags"),
        parts=_names(found, "parts"),
    )


def _names(found: QuerySet[SearchEntry], field: str) -> list[FacetOut]:
    rows = (
        found.order_by()
        .annotate(name=Func(F(field), function="unnest"))
        .values("name")
        .annotate(count=Count("pk"))
        .order_by("-count", "name")[:MAX_FACETS]
    )
    return [FacetOut(name=row["name"], count=row["count"]) for row in rows]


# ---- by effect -------------------------------------------------------------------------------


def similar(
    user: User,
    *,
    signature: Sequence[float],
    family: str,
    scope: SearchScope = "all",
    bundle: str = "",
    exclude: UUID | None = None,
    limit: int = 20,
) -> list[tuple[UUID, float]]:
    """Return (edit vector, likeness up to 1) of those whose effect is nearest, best first.

    `signature` is as `cards.signature` returns it. In the person's teams the search is
    exact; among the listed ones it goes on along the index until enough rows fit.
    """
    distance = CosineDistance("signature", HalfVector(list(signature)))

    def nearest(found: QuerySet[EffectEntry]) -> list[tuple[UUID, float]]:
        found = found.filter(family=family)
        if bundle:
            found = found.filter(bundle=bundle)
        if exclude is not None:
            found = found.exclude(pk=exclude)
        rows = found.annotate(distance=distance).order_by("distance")
        return list(rows.values_list("pk", "distance")[:limit])

    found: dict[UUID, float] = {}
    if scope in ("all", "team"):
        teams = list(Team.objects.visible_to(user).values_list("pk", flat=True))
        # No condition of the approximate index: the database reads the team's rows, exactly.
        found |= nearest(EffectEntry.objects.filter(team_id__in=teams))
    if scope in ("all", "community"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            cursor.execute("SELECT set_config('hnsw.ef_search', %s, true)", [str(EF_SEARCH)])
            cursor.execute(
                "SELECT set_config('hnsw.max_scan_tuples', %s, true)", [str(MAX_SCAN_TUPLES)]
            )
            found |= nearest(EffectEntry.objects.filter(is_listed=True))
    best = sorted(found.items(), key=lambda item: item[1])[:limit]
    return [(pk, 1 - far) for pk, far in best]


def like_vector(
    user: User, edit_vector_id: UUID, *, scope: SearchScope = "all", limit: int = 20
) -> list[SimilarOut]:
    """Return the edit vectors that do nearly what this one does, most alike first.

    Empty while it was not measured.

    Raises:
        UnknownVectorError: `user` can see no such edit vector.
    """
    entry = selectors.effect_of(user, edit_vector_id)
    if entry is None:
        return []
    likeness = dict(
        similar(
            user,
            signature=list(entry.signature),
            family=entry.family,
            scope=scope,
            exclude=entry.pk,
            limit=limit,
        )
    )
    shown = selectors.shown_all(user, list(likeness))
    return [
        SimilarOut.model_construct(vector=vector, likeness=likeness[vector.id])
        for vector in shown
    ]


def candidates(
    *, owner_id: int, signature: Sequence[float], bundle: str, scope: SearchScope, limit: int
) -> list[Candidate]:
    """Return what a person may apply whose effect, or its reverse, is nearest to a signature.

    Of the same model only: the worker applies each to the picture at hand. A quarter of the
    places is for vectors that do the reverse, to be applied at a negative strength.
    """
    owner = User.objects.get(pk=owner_id)
    info = families.get(bundle)
    wanted = cards.padded(signature)
    if wanted is None:
        return []
    reverse = [-value for value in wanted]
    plain: dict[str, Any] = {"family": info.family, "scope": scope, "bundle": bundle}
    near = dict(similar(owner, signature=wanted, limit=limit - limit // 4, **plain))
    for pk, likeness in similar(owner, signature=reverse, limit=limit // 4, **plain):
        if likeness > 0:
            near.setdefault(pk, -likeness)
    entries = EditVector.objects.filter(pk__in=near).select_related("current_version")
    found = []
    for edit_vector in entries:
        version = edit_vector.current_version
        if version is not None and version.fingerprint == info.fingerprint:
            found.append(
                Candidate(
                    version_id=version.pk,
                    offset=selectors.record(version),
                    likeness=near[edit_vector.pk],
                )
            )
    return sorted(found, key=lambda one: -abs(one.likeness))
