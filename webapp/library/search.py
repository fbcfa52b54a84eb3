"""Which edit vectors fit these words, these filters, this effect?

All search reads `SearchEntry` alone, by words and filters through `matches`, and shows what
it finds through `selectors.shown_all`. Pages go on from the last row's key, never by counting
rows. Within teams similarity is exact; the community's comes from an approximate index that
scans on until enough rows have passed the filters.
"""

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Subquery
from pgvector import HalfVector
from pgvector.django import CosineDistance

from webapp.accounts.models import Team, User
from webapp.common.errors import RefusedInputError
from webapp.families import selectors as families
from webapp.jobs.contract import SearchScope
from webapp.jobs.sources import Candidate
from webapp.library import cards, matches, selectors
from webapp.library.matches import MAX_COUNTED, Found, Order
from webapp.library.models import (
    SAMPLED,
    EditVector,
    EffectEntry,
    SearchEntry,
    SearchEntryQuerySet,
)
from webapp.library.schemas import (
    EditVectorPage,
    FacetOut,
    FacetsOut,
    SimilarOut,
    Sort,
)

PAGE = 24
EF_SEARCH = 400
MAX_SCAN_TUPLES = 40_000
ROUNDS = 2  # to look again where the index was left too early
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


def _in_scope(user: User, scope: SearchScope) -> SearchEntryQuerySet:
    if scope == "community":
        return SearchEntry.objects.filter(is_listed=True)
    found = SearchEntry.objects.visible_to(user)
    if scope == "team":
        teams = list(Team.objects.visible_to(user).values_list("pk", flat=True))
        return SearchEntry.objects.filter(team_id__in=teams)
    return found


def _narrowed(user: User, filters: Filters) -> QuerySet[SearchEntry]:
    found: QuerySet[SearchEntry] = _in_scope(user, filters.scope)
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

ORDERS: dict[str, Order] = {
    "used": Order("num_uses"),
    "liked": Order("num_likes"),
    "title": Order("title_key", is_rising=True),
    "new": Order("created_at"),
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
    its English stem. Best match lists the most used of those that match, up to
    `matches.MAX_RANKED`; every other order lists all.

    Raises:
        BadCursorError: the cursor is not one of this list in this order.
    """
    fitting = _narrowed(user, filters)
    words = matches.words(query)
    if words is None and sort == "relevance":
        sort = "new"
    after = _read_cursor(cursor, sort=sort) if cursor else None
    if words is None and query.strip():
        found = Found([], 0)  # nothing but punctuation matches nothing
    elif words is None:
        found = matches.browsed(fitting, ORDERS[sort], after=after, limit=limit + 1)
    elif sort == "relevance":
        found = matches.best(fitting, words, after=after, limit=limit + 1)
    else:
        found = matches.ordered(fitting, words, ORDERS[sort], after=after, limit=limit + 1)
    more, rows = len(found.rows) > limit, found.rows[:limit]
    return EditVectorPage.model_construct(
        items=selectors.shown_all(user, [pk for pk, _ in rows]),
        next=_cursor(*rows[-1], sort=sort) if more else None,
        total=min(found.total, MAX_COUNTED) if after is None else None,
        is_total_exact=after is not None or found.total <= MAX_COUNTED,
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

    Two queries. Counted without what is chosen, so that a chosen filter does not empty the
    others. Where more match than can be counted at once, of some of them: see `matches`.
    """
    scoped = _narrowed(user, Filters(bundle=filters.bundle, family=filters.family))
    words = matches.words(query)
    if words is None and query.strip():
        scoped = scoped.none()
    teams = list(Team.objects.visible_to(user).values_list("pk", flat=True))
    counted = matches.counts(
        scoped,
        words,
        conditions={
            "mine": Q(author=user),
            "team": Q(team__in=teams),
            "community": Q(is_listed=True),
            "local": Q(locality__gte=LOCAL),
            "identity": Q(identity__gte=IDENTITY),
            "works": Q(success__gte=WORKS),
            "commercial": Q(allows_commercial=True),
            "derivatives": Q(allows_derivatives=True),
        },
        lists=("tags", "parts"),
    )
    named = {
        name: [FacetOut(name=one, count=num) for one, num in found]
        for name, found in counted.lists.items()
    }
    plain: dict[str, Any] = {**counted.numbers, **named}
    return FacetsOut(
        total=counted.total,
        is_exact=counted.is_exact,
        least_locality=LOCAL,
        least_identity=IDENTITY,
        least_success=WORKS,
        **plain,
    )


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

    def fitting(found: QuerySet[Any]) -> QuerySet[Any]:
        found = found.filter(family=family)
        if bundle:
            found = found.filter(bundle=bundle)
        if exclude is not None:
            found = found.exclude(pk=exclude)
        annotated: QuerySet[Any] = found.annotate(distance=distance)
        return annotated

    found: dict[UUID, float] = {}
    if scope in ("all", "team"):
        teams = list(Team.objects.visible_to(user).values_list("pk", flat=True))
        # No condition of the approximate index: the database reads the team's rows, exactly.
        near = fitting(EffectEntry.objects.filter(team_id__in=teams)).order_by("distance")
        found |= dict(near.values_list("pk", "distance")[:limit])
    if scope in ("all", "community"):
        found |= _nearest_listed(fitting(EffectEntry.objects.filter(is_listed=True)), limit)
    best = sorted(found.items(), key=lambda item: item[1])[:limit]
    return [(pk, 1 - far) for pk, far in best]


@transaction.atomic
def _nearest_listed(fitting: QuerySet[Any], limit: int) -> dict[UUID, float]:
    """Return the nearest of listed entries that are annotated with `distance`, and that.

    The approximate index is walked from vector to vector, and may never come to a group that
    lies apart. A sample with a sparse index of its own tells: one of it that is nearer than
    the last one found should have been found. Then we look around that one, too, and around
    the best that this brings.
    """
    settings = {
        "hnsw.iterative_scan": "strict_order",
        "hnsw.ef_search": str(EF_SEARCH),
        "hnsw.max_scan_tuples": str(MAX_SCAN_TUPLES),
    }
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
    rows = fitting.values_list("pk", "distance")
    found: dict[UUID, float] = dict(rows.order_by("distance")[:limit])
    sampled = rows.filter(SAMPLED).order_by("distance").first()
    if sampled is None or sampled[0] in found:
        return found
    pk, distance = sampled
    if len(found) == limit and distance >= max(found.values()):
        return found
    for _ in range(ROUNDS):
        center = EffectEntry.objects.filter(pk=pk).values("signature")
        around = rows.annotate(aside=CosineDistance("signature", Subquery(center)))
        found |= dict(around.order_by("aside").values_list("pk", "distance")[:EF_SEARCH])
        pk = min(found, key=lambda one: found[one])
    return found


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
