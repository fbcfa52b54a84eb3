"""Finding edit vectors."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import rows
from webapp.jobs.contract import VectorUse
from webapp.library import index, matches, search, services
from webapp.library.folding import fold, words_of
from webapp.library.search import Filters


def save(
    who, title, *, actor=None, parts=(2,), tags=(), description="", minutes=0, bundle="tiny-16"
):
    rng = np.random.default_rng(len(title))
    return services.save_edit_vector(
        actor=actor or who.owner, team=who.team, bundle="tiny-16",
        offset=rng.standard_normal((rows.LAYERS, rows.W_DIM)).astype(np.float32),
        parts=parts, margin=5, learned_from={}, title=title, description=description,
        tags=tags, now=rows.later(60 * minutes),
    )  # fmt: skip


def titles(page):
    return [item.title for item in page.items]


def test_folding_takes_accents_case_and_signs_away():
    assert fold("Élodie's  ŒIL, Straße") == "elodie s oeil strasse"
    assert words_of("smi & | !:* (élan)") == ["smi", "elan"]
    assert words_of("&|!") == []


def test_a_word_is_found_by_its_beginning_and_without_its_accents(who):
    save(who, "Élodie's smile")
    save(who, "Longer hair")

    assert titles(search.find(who.owner, query="smi")) == ["Élodie's smile"]
    assert titles(search.find(who.owner, query="elod SMI")) == ["Élodie's smile"]
    assert titles(search.find(who.owner, query="mile")) == []


def test_title_comes_before_tag_before_author_before_description(who):
    save(who, "Wide", description="an olive grin")
    save(who, "Narrow", tags=["olive"], actor=who.teammate)
    save(who, "Olive skin", actor=who.teammate)

    found = titles(search.find(who.owner, query="olive"))

    # Olive Owner made the first one, which adds to its description.
    assert found == ["Olive skin", "Narrow", "Wide"]


def test_a_query_that_is_only_signs_finds_nothing(who):
    save(who, "Smile")

    assert search.find(who.owner, query="&&& '").total == 0
    assert search.find(who.owner, query="   ").total == 1


def test_parts_are_any_of_and_tags_are_all_of(who):
    save(who, "Fringe", parts=(2,), tags=["short", "summer"])
    save(who, "Round glasses", parts=(3,), tags=["summer"])
    save(who, "Tan", parts=(1,))

    either = search.find(who.owner, filters=Filters(parts=("hair", "glasses")), sort="title")
    both = search.find(who.owner, filters=Filters(tags=("Summer", "short")))

    assert titles(either) == ["Fringe", "Round glasses"]
    assert titles(both) == ["Fringe"]


def test_facets_count_tags_parts_and_ones_own(who):
    save(who, "Fringe", parts=(1, 2), tags=["summer"])
    save(who, "Glasses", parts=(3,), tags=["summer"], actor=who.teammate)

    found = search.facets(who.owner)

    assert (found.total, found.mine) == (2, 1)
    assert [(tag.name, tag.count) for tag in found.tags] == [("summer", 2)]
    assert {part.name: part.count for part in found.parts} == {
        "skin": 1, "hair": 1, "glasses": 1,
    }  # fmt: skip


@pytest.mark.parametrize("sort", ["relevance", "new", "title", "used", "liked"])
def test_pages_show_everything_once_in_order(who, sort):
    made = [save(who, f"Smile {n % 3} number {n}", minutes=n // 2) for n in range(7)]
    for vector in made[:3]:
        stack = [VectorUse(edit_vector_version_id=vector.current_version_id, strength=1.0)]
        services.record_uses(user=who.owner, stack=stack, now=rows.NOW)
    index.roll_up(now=rows.later(1))
    whole = titles(search.find(who.owner, query="smile", sort=sort))

    seen, cursor = [], None
    for _ in range(4):
        page = search.find(who.owner, query="smile", sort=sort, cursor=cursor, limit=2)
        assert page.total == (7 if cursor is None else None)
        seen += titles(page)
        cursor = page.next

    assert cursor is None
    assert seen == whole
    assert len(set(seen)) == 7


@pytest.mark.parametrize("sort", ["relevance", "new", "title", "used", "liked"])
@pytest.mark.parametrize(
    "bounds",
    [
        {"LEAST_OF_FIRST": 1, "MAX_COUNTED": 3},  # frequent: the index is not asked
        {"LEAST_OF_FIRST": 1, "NUM_POPULAR": 2},  # frequent among the most used alone
        {"MAX_FEW": 3},  # more than the index may name
    ],
)
def test_pages_beyond_the_bounds_show_everything_once_in_order(who, monkeypatch, sort, bounds):
    made = [save(who, f"Smile {n % 3} number {n}", minutes=n // 2) for n in range(7)]
    save(who, "Longer hair")
    for vector in made[:3]:
        stack = [VectorUse(edit_vector_version_id=vector.current_version_id, strength=1.0)]
        services.record_uses(user=who.owner, stack=stack, now=rows.NOW)
    index.roll_up(now=rows.later(1))
    expected = titles(search.find(who.owner, query="smile", sort=sort))
    for name, value in bounds.items():
        monkeypatch.setattr(matches, name, value)
    monkeypatch.setattr(search, "MAX_COUNTED", matches.MAX_COUNTED)

    seen, cursor = [], None
    for number in range(4):
        page = search.find(who.owner, query="smile", sort=sort, cursor=cursor, limit=2)
        if number == 0 and matches.MAX_COUNTED == 3:
            assert (page.total, page.is_total_exact) == (3, False)
        seen += titles(page)
        cursor = page.next

    known = 4 if bounds.get("MAX_COUNTED") == 3 and sort == "relevance" else 7
    if sort == "relevance":  # of equal fit the most used come first, whatever else is known
        assert seen[:3] == expected[:3]
        assert set(seen) <= set(expected)
        assert len(seen) == len(set(seen)) >= known
    else:
        assert seen == expected


def test_of_equal_fit_the_most_used_comes_first(who):
    used = save(who, "Smile of old")
    save(who, "Smile of late", minutes=5)
    stack = [VectorUse(edit_vector_version_id=used.current_version_id, strength=1.0)]
    services.record_uses(user=who.owner, stack=stack, now=rows.NOW)
    index.roll_up(now=rows.later(1))

    found = titles(search.find(who.owner, query="smile"))

    assert found == ["Smile of old", "Smile of late"]


def test_a_stem_is_a_whole_word_and_a_long_word_is_compared_to_its_end(who):
    save(who, "Red hat")
    save(who, "A hateful look")
    save(who, "Counterrevolutionary beard")

    assert titles(search.find(who.owner, query="hats")) == ["Red hat"]
    assert titles(search.find(who.owner, query="counterrevolutionar")) == [
        "Counterrevolutionary beard"
    ]
    assert titles(search.find(who.owner, query="counterrevolutionist")) == []


def test_facets_of_words_say_when_they_are_of_some_only(who, monkeypatch):
    for n in range(4):
        save(who, f"Smile {n}", tags=["happy"])
    exact = search.facets(who.owner, query="smile")
    monkeypatch.setattr(matches, "MAX_FEW", 2)
    some = search.facets(who.owner, query="smile")

    assert (exact.total, exact.is_exact, exact.tags[0].count) == (4, True, 4)
    assert (some.total, some.is_exact) == (2, False)
    assert search.facets(who.owner, query="hair").total == 0


@pytest.mark.parametrize(
    "cursor", ["", "x", "W10=", "WyJuZXciLCAxLCAiYSJd", "WyJ0aXRsZSIsICJhIiwgIjEyIl0="]
)
def test_a_made_up_cursor_is_refused(who, cursor):
    answer = rows.client(who.owner).get("/api/edit-vectors", {"cursor": cursor or "?"})

    assert answer.status_code == 422
    assert answer.json()["code"] == "input.cursor"


def test_a_page_takes_the_same_queries_however_long_it_is(who):
    save(who, "Smile one", tags=["a", "b"])
    browser = rows.client(who.owner)

    def num_queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get("/api/edit-vectors", {"q": "smile"}).status_code == 200
        return len(queries)

    num_queries()  # the first request of a session does a little more
    with_one = num_queries()
    for n in range(9):
        save(who, f"Smile {n}", tags=["a", f"tag {n}"], actor=who.teammate)

    assert num_queries() == with_one


def test_a_stranger_finds_nothing_of_the_team(who):
    save(who, "Smile", tags=["happy"])

    found = search.find(who.stranger, query="smile")
    facets = search.facets(who.stranger)

    assert (found.total, found.items) == (0, [])
    assert (facets.total, facets.tags, facets.parts) == (0, [], [])


def test_a_teammate_is_told_that_it_is_not_their_own(who):
    save(who, "Smile")

    (found,) = rows.client(who.teammate).get("/api/edit-vectors").json()["items"]

    assert found["is_own"] is False
    assert found["author"]["name"] == "Olive Owner"
    assert found["version"]["parts"] == ["hair"]
    assert found["version"]["card"] is None
