"""The golden schemas: a diff here is a decision.

After a change that is meant: `python manage.py export_schemas`, and read the diff.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOW = "the schemas changed; if that is meant, run `python manage.py export_schemas`"


def kept(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def made(name: str) -> Any:
    from webapp.config import schemas

    make: Callable[[], dict[str, Any]] = getattr(schemas, name)
    return json.loads(json.dumps(make()))


@pytest.mark.parametrize(
    ("golden", "name"),
    [
        ("tests/contract/http.json", "http"),
        ("tests/contract/messages.json", "socket_messages"),
        ("tests/contract/jobs.json", "jobs"),
        ("frontend/src/api/openapi.json", "http"),
        ("frontend/src/api/messages.json", "socket_messages"),
    ],
)
def test_a_published_schema_is_the_one_that_was_agreed(golden: str, name: str) -> None:
    assert made(name) == kept(ROOT / golden), HOW


def test_every_operation_says_what_it_answers_and_how_it_refuses() -> None:
    for path, operations in made("http")["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            answers = operation["responses"]
            assert "application/problem+json" in answers["default"]["content"], where
            success = [answers[status] for status in answers if status.startswith("2")]
            assert success, where


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e9", "-2.5"])
def test_a_strength_out_of_range_is_no_contract_of_ours(value: str) -> None:
    from pydantic import ValidationError

    from webapp.jobs.contract import VectorUse

    with pytest.raises(ValidationError):
        VectorUse.model_validate_json(
            '{"edit_vector_version_id": "00000000-0000-0000-0000-000000000000",'
            f' "strength": {value}}}'
        )


def test_a_name_that_nobody_knows_is_refused_in_a_job() -> None:
    from pydantic import TypeAdapter, ValidationError

    from webapp.jobs.contract import JobRequest

    with pytest.raises(ValidationError):
        TypeAdapter(JobRequest).validate_python({"kind": "invert", "colour": "blue"})
