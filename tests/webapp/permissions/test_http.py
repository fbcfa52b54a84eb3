"""Every operation of the API, asked by everybody, for things in every state.

The expected answers stand in `http.txt`, one row an operation and state. A new operation
fails here until it has its rows: `WRITE_TABLE=1` adds them as the answers are now, for a
person to judge before they are committed.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from tests.factories import rows
from tests.webapp.permissions import table
from tests.webapp.permissions.requests import Operation, ask, operations
from tests.webapp.permissions.world import WHO, World, build
from webapp.common import outward

TABLE = Path(__file__).with_name("http.txt")
OPERATIONS = operations()


pytestmark = pytest.mark.django_db  # so that pytest-django makes the database


@pytest.fixture(autouse=True)
def _the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are not looked up: every one of them is public."""
    monkeypatch.setattr(outward, "lookup", lambda host, port: ["93.184.215.14"])


@pytest.fixture
def _django_db_helper() -> None:
    """Instead of pytest-django's: the rows are there for all tests, see `world`."""


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Everything there is, in one transaction that is rolled back after the last test."""
    bundles = tmp_path_factory.mktemp("bundles")
    rows.write_manifest(bundles)
    with (
        django_db_blocker.unblock(),
        override_settings(
            BUNDLES_DIR=bundles,
            FAMILIES_DIR=bundles / ".families",
            WORKSHOP_DIR=bundles / ".workshop",
            RATE_READ=10**6,
            RATE_WRITE=10**6,
            RATE_STRANGERS=10**6,
        ),
        transaction.atomic(),
    ):
        world = build()
        world.folder = bundles
        yield world
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _folders(bundle: Path, settings: Any, world: World) -> None:
    """The folders that the world was built with, not those of a single test."""
    settings.FAMILIES_DIR = world.folder / ".families"
    settings.WORKSHOP_DIR = world.folder / ".workshop"


def answers(world: World, operation: Operation, state: str) -> table.Row:
    """Return the answer that each column gets; nothing that was asked for stays done."""
    found = {}
    for who in WHO:
        with transaction.atomic():
            found[who] = str(ask(operation, world, state, who))
            transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_everybody_gets_the_answer_that_the_table_says(
    world: World, operation: Operation
) -> None:
    expected = table.read(TABLE) if TABLE.exists() else {}
    found = {
        (operation.name, state): answers(world, operation, state) for state in operation.states
    }
    if os.environ.get("WRITE_TABLE"):
        order = {each.name: number for number, each in enumerate(OPERATIONS)}
        merged = {**expected, **found}
        merged = {key: row for key, row in merged.items() if key[0] in order}
        rows_in_order = sorted(merged.items(), key=lambda item: order[item[0][0]])
        table.write(TABLE, dict(rows_in_order), head=table.HEAD)
        return

    missing = [key for key in found if key not in expected]
    assert not missing, f"{TABLE.name} has no row for {missing}; see the top of this file"
    assert found == {key: expected[key] for key in found}


def test_the_table_has_no_row_for_what_is_gone() -> None:
    known = {(each.name, state) for each in OPERATIONS for state in each.states}

    assert [key for key in table.read(TABLE) if key not in known] == []


def test_nobody_without_the_right_to_see_a_thing_learns_that_it_exists() -> None:
    """What holds of the whole table, whatever its rows say."""
    for (name, state), row in table.read(TABLE).items():
        if state == "-":
            continue
        if row["no_scope"] != "403":
            raise AssertionError(f"{name}: a token without scope gets {row['no_scope']}")
        assert row["anonymous"] == "401", f"{name} answers to nobody in particular"
        assert row["revoked"] == row["stranger"], f"{name}, {state}: a right outlived its end"
        if state in ("team", "withdrawn"):
            assert row["stranger"] in ("404", "403"), f"{name}, {state}: strangers get in"
        assert not row["viewer"].startswith("5"), name
