"""Which of a million edit vectors match words, without reading all that do?

A statement in steps, each taken only where those before it do not answer:

1. `first`: those that match among the most used of all.
2. `popular`, if many of these match: more of the most used, until there are enough. Words
   that frequent are found by looking anywhere; the index would name a hundred thousand.
3. `few`, if step 2 did not find enough: what the index has, up to a bound.

So a word costs about the same whether ten edit vectors have it or half of them. What matches
is complete up to the bound; beyond it best match and facets go by the most used and those
that the index names first, and any other order is walked along its own index.

In these statements the name of the table may stand for a part of it: what is said about the
table says the same about the part.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    F,
    Func,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Round

from webapp.library.folding import words_of
from webapp.library.models import Beginnings, SearchEntry

NUM_FIRST = 1000  # most used ones that step 1 looks at
LEAST_OF_FIRST = 60  # as many of them make words frequent
NUM_POPULAR = 20_000  # most used ones that step 2 looks at, at most
MAX_FEW = 2500  # step 3: up to here what matches is known completely
MAX_COUNTED = 1000  # beyond it a page says "more than"
MAX_NAMES = 60  # in a list of tags or parts
MAX_RANKED = 240  # best match ranks the most used of those that match


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody types, as conditions.

    Args:
        exact: on `words`: each word begins one of the document, or its English stem is there.
        indexed: on `Beginnings("words")`: holds wherever `exact` does, and rarely elsewhere.
        is_same: whether the two say the same, a constant that the database works out.
    """

    exact: Any
    indexed: Any
    is_same: Q


def words(query: str) -> Words | None:
    """Return what wants a word beginning with each word of `query`, or of its English stem.

    None where `query` has no words.
    """
    exact: Any = None
    indexed: Any = None
    is_same = Q()
    for word in words_of(query):
        short = word[: Beginnings.MAX_LETTERS]
        stem = SearchQuery(word, config="english", search_type="plain")
        prefix = SearchQuery(f"{word}:*", config="simple", search_type="raw") | stem
        begins = SearchQuery(short, config="simple", search_type="raw") | stem
        exact = prefix if exact is None else exact & prefix
        indexed = begins if indexed is None else indexed & begins
        is_same &= Q(_stem_begins_with(word)) if short == word else Q(Value(False))
    return None if exact is None else Words(exact, indexed, is_same)


def _stem_begins_with(word: str) -> Func:
    """Return whether the English stem of `word` is `word` or longer, as most are.

    Then the stem says nothing that the beginning does not.
    """
    stem = Cast(SearchQuery(word, config="english", search_type="plain"), TextField())
    return Func(stem, Value(f"'{word}"), function="starts_with", output_field=BooleanField())


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by `key`, and by id where keys are equal."""

    key: str
    is_rising: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A page: (edit vector, key) each; `total` of all pages, up to `MAX_COUNTED` + 1."""

    rows: list[tuple[UUID, Any]]
    total: int


class _Statement:
    """SQL as it grows, with its parameters in order."""

    def __init__(self) -> None:
        self.text = ""
        self.parameters: list[Any] = []

    def add(self, text: str, *parts: "QuerySet[Any, Any] | int | UUID | str | object") -> None:
        """Append `text`; each `{}` in it is a query, or a parameter."""
        pieces = text.split("{}")
        assert len(pieces) == len(parts) + 1, text
        for number, piece in enumerate(pieces):
            self.text += piece
            if number == len(parts):
                break
            part = parts[number]
            if isinstance(part, QuerySet):
                sql, parameters = part.query.sql_with_params()
                self.text += sql
                self.parameters += parameters
            else:
                self.text += "%s"
                self.parameters.append(part)

    def rows(self) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(self.text, self.parameters)
            return cast(list[Any], cursor.fetchall())


def _begin(matching: QuerySet[SearchEntry], words: Words, *columns: str) -> _Statement:
    """Return the three steps, with `columns` of what each finds.

    `few` holds all that matches where `counted.is_complete`; where it is empty because words
    are frequent, `popular` has more than `MAX_COUNTED`.
    """
    exact = matching.filter(words=words.exact).order_by()
    indexed = (
        matching.alias(beginnings=Beginnings("words"))
        .filter(words.is_same | Q(words=words.exact), beginnings=words.indexed)
        .order_by()
    )
    most_used = (
        "WITH library_searchentry AS (SELECT * FROM library_searchentry"
        " ORDER BY num_uses DESC, edit_vector_id DESC LIMIT {}) {}"
    )
    made = _Statement()
    made.add(
        f"WITH first AS MATERIALIZED ({most_used}), ",
        NUM_FIRST,
        exact.values(*columns),
    )
    made.add(
        f"popular AS MATERIALIZED (SELECT * FROM ({most_used}) AS found"  # noqa: S608 - no input
        " WHERE (SELECT count(*) FROM first) >= {}), ",
        NUM_POPULAR,
        exact.values(*columns)[: MAX_COUNTED + 1],
        LEAST_OF_FIRST,
    )
    made.add(
        "few AS MATERIALIZED (SELECT * FROM ({}) AS found"
        " WHERE (SELECT count(*) FROM popular) <= {}), ",
        indexed.values(*columns)[: MAX_FEW + 1],
        MAX_COUNTED,
    )
    made.add(
        "counted AS MATERIALIZED (SELECT greatest(from_index.num, from_most_used.num) AS num,"
        " from_index.num <= {} AND from_most_used.num <= {} AS is_complete"
        " FROM (SELECT count(*) AS num FROM few) AS from_index,"
        " (SELECT count(*) AS num FROM popular) AS from_most_used) ",
        MAX_FEW,
        MAX_COUNTED,
    )
    return made


def _end(made: _Statement, order: Order, after: tuple[Any, UUID] | None, limit: int) -> None:
    """Append what comes after a key and an id, in order."""
    sign, way = (">", "ASC") if order.is_rising else ("<", "DESC")
    if after is not None:
        made.add(f" WHERE (key, edit_vector_id) {sign} ({{}}, {{}})", *after)
    made.add(f" ORDER BY key {way}, edit_vector_id {way} LIMIT {{}}", limit)


def browsed(
    fitting: QuerySet[SearchEntry],
    order: Order,
    *,
    after: tuple[Any, UUID] | None,
    limit: int,
) -> Found:
    """Return a page of all that `fitting` holds, whatever their words."""
    total = 0 if after else fitting.order_by()[: MAX_COUNTED + 1].count()
    found = fitting.annotate(key=F(order.key))
    if after is not None:
        side, key, pk = "gt" if order.is_rising else "lt", *after
        # The first condition says the same as the second one, and the index understands it.
        beyond = Q(**{f"key__{side}": key}) | Q(**{"key": key, f"pk__{side}": pk})
        found = found.filter(Q(**{f"key__{side}e": key}), beyond)
    keys = ("key", "pk") if order.is_rising else ("-key", "-pk")
    return Found(list(found.order_by(*keys).values_list("pk", "key")[:limit]), total)


def best(
    matching: QuerySet[SearchEntry],
    words: Words,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Found:
    """Return a page of those that match best, of equal ones the most used first."""
    # Whole numbers: a float would not come back from a cursor as it left.
    rank = Cast(Round(SearchRank(F("words"), words.exact) * 100), BigIntegerField())
    ranked = SearchEntry.objects.annotate(key=rank * 2**32 + F("num_uses"))
    try:
        made = _begin(matching, words, "edit_vector_id", "num_uses")
    except EmptyResultSet:
        return Found([], 0)
    made.add(
        ", of_few AS (SELECT * FROM few ORDER BY num_uses DESC, edit_vector_id DESC LIMIT {}),"
        " best AS (SELECT edit_vector_id FROM (SELECT * FROM first UNION SELECT * FROM popular"
        " UNION SELECT * FROM of_few) AS known"
        " ORDER BY num_uses DESC, edit_vector_id DESC LIMIT {}) "
        "SELECT edit_vector_id, key, (SELECT num FROM counted) FROM ("
        "WITH library_searchentry AS"
        " (SELECT * FROM best JOIN library_searchentry USING (edit_vector_id)) {}) AS ranked",
        MAX_RANKED,
        MAX_RANKED,
        ranked.values("edit_vector_id", "key"),
    )
    _end(made, Order("key"), after, limit)
    return _found(made)


def ordered(
    matching: QuerySet[SearchEntry],
    words: Words,
    order: Order,
    *,
    after: tuple[Any, UUID] | None,
    limit: int,
) -> Found:
    """Return a page of all that match, in an order that has an index of its own."""
    keyed = matching.annotate(key=F(order.key))
    try:
        made = _begin(keyed, words, "edit_vector_id", "key")
        made.add(
            "SELECT edit_vector_id, key, (SELECT num FROM counted) FROM ("
            "SELECT * FROM few WHERE (SELECT is_complete FROM counted) UNION ALL"
            " (SELECT * FROM (SELECT * FROM ({}) AS found"
            " WHERE NOT (SELECT is_complete FROM counted)) AS walked",
            keyed.filter(words=words.exact).order_by().values("edit_vector_id", "key"),
        )
    except EmptyResultSet:
        return Found([], 0)
    _end(made, order, after, limit)
    made.add(")) AS found")
    _end(made, order, after, limit)
    return _found(made)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are, how many fulfil each condition, and each name in lists of names."""

    total: int
    is_exact: bool  # else of some of those that match
    numbers: dict[str, int]
    lists: dict[str, list[tuple[str, int]]]


def counts(
    fitting: QuerySet[SearchEntry],
    words: Words | None,
    *,
    conditions: Mapping[str, Q],
    lists: Collection[str],
) -> Counts:
    """Return what is behind each condition and each name; up to `MAX_NAMES` a list.

    Of all that match, if these are at most `MAX_FEW`; else of some, and without words of the
    newest.
    """
    columns = [one.attname for one in SearchEntry._meta.concrete_fields if one.name != "words"]
    numbers = {name: Count("pk", filter=condition) for name, condition in conditions.items()}
    counted = SearchEntry.objects.annotate(all=Value(1)).values("all")
    try:
        if words is None:
            made = _Statement()
            newest = fitting.order_by("-created_at", "-pk").values(*columns)
            made.add("WITH library_searchentry AS MATERIALIZED ({}) ", newest[: MAX_FEW + 1])
        else:
            made = _begin(fitting, words, *columns)
            made.add(
                ", library_searchentry AS MATERIALIZED (SELECT * FROM few UNION ALL"
                " SELECT * FROM popular WHERE (SELECT count(*) FROM popular) > {}) ",
                MAX_COUNTED,
            )
        exact = "SELECT is_complete FROM counted" if words else "SELECT numbers.num <= {}"
        made.add(f"SELECT ({exact}), numbers.num", *([] if words else [MAX_FEW]))
        for name in numbers:
            made.add(f", numbers.{name}")
        for name in lists:
            made.add(
                ", (SELECT json_agg(json_build_array(name, num)) FROM (SELECT name,"  # noqa: S608 - no input
                f" count(*) AS num FROM library_searchentry, unnest({name}) AS name"
                " GROUP BY name ORDER BY num DESC, name LIMIT {}) AS named)",
                MAX_NAMES,
            )
        made.add(" FROM ({}) AS numbers", counted.annotate(num=Count("pk"), **numbers))
    except EmptyResultSet:
        return _no_counts(conditions, lists)
    rows = made.rows()
    if not rows:
        return _no_counts(conditions, lists)
    is_exact, total, *others = rows[0]
    return Counts(
        min(total, MAX_FEW),
        is_exact,
        dict(zip(conditions, others, strict=False)),
        {
            name: [(one, num) for one, num in found or ()]
            for name, found in zip(lists, others[len(conditions) :], strict=True)
        },
    )


def _no_counts(conditions: Collection[str], lists: Collection[str]) -> Counts:
    return Counts(0, True, dict.fromkeys(conditions, 0), {name: [] for name in lists})


def _found(made: _Statement) -> Found:
    rows = made.rows()
    return Found(
        [(pk, key) for pk, key, _ in rows], min(rows[0][2], MAX_COUNTED + 1) if rows else 0
    )
