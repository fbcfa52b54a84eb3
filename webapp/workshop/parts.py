"""Which parts may a family in the making have, and how may they change?

A part keeps its id for as long as the project lives, so label maps stay true while parts are
renamed, recoloured, added and removed; ids may have gaps. These are the rules of the engine's
`own_family.schema`, in its words: the web process knows no engine, and a test compares them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from webapp.common.errors import RefusedInputError
from webapp.jobs.contract import PartSpec

UNLABELED = 255  # the value of pixels that nobody has labelled; no part has this id
MAX_PARTS = 255
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
# Data that the engine ships; nothing of it is imported.
_TEMPLATES = Path(__file__).parents[2] / "editing" / "own_family" / "templates.json"


class BadPartsError(RefusedInputError):
    """A list of parts that no family can have; the text names everything that is wrong."""

    code = "schema.invalid"


class UnknownPartError(RefusedInputError):
    """A part is said to have been there before, and was not."""

    code = "workshop.unknown_part"


@dataclass(frozen=True, slots=True)
class Template:
    """A list of parts to start from."""

    key: str
    title: str
    parts: tuple[PartSpec, ...]


@lru_cache(maxsize=1)
def templates() -> tuple[Template, ...]:
    """Return the lists of parts to start from, as the engine ships them."""
    data: dict[str, Any] = json.loads(_TEMPLATES.read_text(encoding="utf-8"))
    return tuple(
        Template(key, entry["title"], tuple(PartSpec(**part) for part in entry["parts"]))
        for key, entry in data.items()
    )


def read(stored: Sequence[Mapping[str, Any]]) -> tuple[PartSpec, ...]:
    """Return the parts of a row."""
    return tuple(PartSpec(**part) for part in stored)


def check(parts: Sequence[PartSpec]) -> None:
    """Refuse parts that no family can have, everything that is wrong in one go.

    Raises:
        BadPartsError: its fields name the parts by their place, as `parts.2.color`.
    """
    found = list(_problems(parts))
    if found:
        raise BadPartsError(
            " ".join(sentence for _, sentence in found),
            fields=dict(reversed(found)),
        )


def _problems(parts: Sequence[PartSpec]) -> Iterable[tuple[str, str]]:
    if len(parts) > MAX_PARTS:
        yield (
            "parts",
            f"There are {len(parts)} parts, but a label map has room for {MAX_PARTS}: remove "
            "some, or join some that are always edited together.",
        )
    if len(parts) < 2:
        yield (
            "parts",
            "A family needs a background and at least one part: add a part.",
        )
    if not any(part.is_background for part in parts):
        yield (
            "parts",
            "No part is the background: mark the one that edits must leave alone.",
        )
    elif len(parts) >= 2 and all(part.is_background for part in parts):
        yield (
            "parts",
            "Every part is background, so nothing could be edited: unmark one.",
        )
    for place, part in enumerate(parts):
        if not _NAME.fullmatch(part.name):
            yield (
                f"parts.{place}.name",
                f"The name {part.name!r} cannot be used: take up to 32 small letters, digits "
                "and underscores, a letter first, such as wheel_front.",
            )
        if not part.title.strip() or len(part.title) > 64:
            yield (
                f"parts.{place}.title",
                f"The part {part.name} needs a title of 1 to 64 characters.",
            )
        if not _COLOR.fullmatch(part.color):
            yield (
                f"parts.{place}.color",
                f"{part.title} has the colour {part.color!r}: write it as #RRGGBB.",
            )
    yield from _doubled(parts)


def _doubled(parts: Sequence[PartSpec]) -> Iterable[tuple[str, str]]:
    kinds: tuple[tuple[str, Callable[[PartSpec], str], Callable[[PartSpec], str]], ...] = (
        ("name", lambda part: part.name, lambda part: repr(part.name)),
        ("title", lambda part: part.title.strip().casefold(), lambda part: repr(part.title)),
        ("color", lambda part: part.color.upper(), lambda part: part.color.upper()),
    )
    for field, key, shown in kinds:
        first: dict[str, PartSpec] = {}
        what = "colour" if field == "color" else field
        for place, part in enumerate(parts):
            earlier = first.setdefault(key(part), part)
            if earlier is not part:
                yield (
                    f"parts.{place}.{field}",
                    f"{earlier.title} and {part.title} have the {what} {shown(part)} in "
                    "common: give each its own, so that people and label maps can tell them "
                    "apart.",
                )


def palette(parts: Sequence[PartSpec]) -> bytes:
    """Return 256 colours of three bytes, by id; ids without a part are mid grey."""
    colors = bytearray(bytes([128]) * 768)
    for part in parts:
        colors[3 * part.id : 3 * part.id + 3] = bytes.fromhex(part.color.removeprefix("#"))
    return bytes(colors)
