"""Which parts does somebody's own family have, and how may they change later?

A part keeps its id for as long as the project lives, so that label maps stay true while
parts are renamed, recoloured, added and removed; ids may therefore have gaps. Only when a
branch is trained are they counted up from 0, as bundles want them (`OwnSchema.compact`).
Nothing here needs the tensor library or a file, but for the templates beside this module.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from editing.errors import EditingError
from editing.families.schema import Part, PartSchema

# The value of pixels that nobody has labelled; no part has this id.
UNLABELLED = 255
MAX_PARTS = 255
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_TEMPLATES = Path(__file__).with_name("templates.json")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a schema: a code, the id of the part if it is one's, a sentence."""

    code: str
    part: int | None
    sentence: str


class SchemaError(EditingError):
    """A schema that no family can have; `problems` names everything that is wrong."""

    code = "schema.invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problem.sentence for problem in self.problems))


class UnknownTemplateError(EditingError):
    """There is no template of this name."""

    code = "schema.unknown_template"


class RemovedPartError(EditingError):
    """A part was removed, and nobody said what becomes of its pixels."""

    code = "schema.removed_part"


@dataclass(frozen=True, slots=True)
class OwnSchema:
    """The parts of a project in the order people see them; `version` rises by change."""

    version: int
    parts: tuple[Part, ...]

    @property
    def ids(self) -> frozenset[int]:
        """Return the ids that label maps may hold."""
        return frozenset(part.id for part in self.parts)

    @property
    def background(self) -> frozenset[int]:
        """Return the ids of background parts."""
        return frozenset(part.id for part in self.parts if part.is_background)

    def part(self, part_id: int) -> Part:
        """Return the part of this id.

        Raises:
            KeyError: there is none.
        """
        for part in self.parts:
            if part.id == part_id:
                return part
        raise KeyError(part_id)

    def free_id(self, taken: Iterable[int] = ()) -> int:
        """Return an id for a new part: one above all that are or were `taken`."""
        return max([-1, *self.ids, *taken]) + 1

    def palette(self) -> list[tuple[int, int, int]]:
        """Return 256 colours (r, g, b), by id; ids without a part are mid grey."""
        colours = [(128, 128, 128)] * 256
        for part in self.parts:
            colours[part.id] = part.rgb
        return colours

    def compact(self, family: str) -> tuple[PartSchema, bytes]:
        """Return the schema of a bundle, and a table from ids here to ids there.

        The table has 256 entries; `UNLABELLED`, and ids of no part, stay unlabelled.
        """
        table = bytearray([UNLABELLED] * 256)
        parts = []
        for new, part in enumerate(self.parts):
            table[part.id] = new
            parts.append(Part(**{**asdict(part), "id": new}))
        return PartSchema(family, self.version, tuple(parts)), bytes(table)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON that `from_json` reads back."""
        return {"version": self.version, "parts": [asdict(part) for part in self.parts]}

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], *, known: "OwnSchema | None" = None
    ) -> "OwnSchema":
        """Return the schema that `to_json` wrote, or one that a person wrote; not checked.

        A part without id has that of the part of its name in `known`, or the next one that is
        free there and here; without title, its name is the title.

        Raises:
            SchemaError: it is not a list of parts at all.
        """
        try:
            raw = [dict(part) for part in data["parts"]]
            before = {part.name: part.id for part in known.parts} if known else {}
            for part in raw:
                if part.get("id") is None:
                    part["id"] = before.get(part["name"])
            taken = [int(part["id"]) for part in raw if part["id"] is not None]
            following = iter(range(max([-1, *taken, *before.values()]) + 1, 1 << 16))
            parts = tuple(
                Part(
                    id=int(part["id"]) if part["id"] is not None else next(following),
                    name=str(part["name"]),
                    title=str(part.get("title") or str(part["name"]).replace("_", " ").title()),
                    color=str(part["color"]),
                    group=str(part.get("group") or "parts"),
                    is_background=bool(part.get("is_background", False)),
                )
                for part in raw
            )
            return cls(version=int(data.get("version", 1)), parts=parts)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SchemaError(
                [
                    Problem(
                        "schema.unreadable",
                        None,
                        f"This is no list of parts ({error!r}): expected "
                        '{"parts": [{"name": "roof", "color": "#BA5097"}, ...]}.',
                    )
                ]
            ) from error


def check(schema: OwnSchema) -> None:
    """Refuse a schema that no family can have, everything that is wrong in one go.

    Raises:
        SchemaError: see its `problems`.
    """
    problems = tuple(_problems(schema))
    if problems:
        raise SchemaError(problems)


def _problems(schema: OwnSchema) -> Iterable[Problem]:
    parts = schema.parts
    if len(parts) > MAX_PARTS:
        yield Problem(
            "schema.too_many",
            None,
            f"There are {len(parts)} parts, but a label map has room for {MAX_PARTS}: remove "
            "some, or join some that are always edited together.",
        )
    if len(parts) < 2:
        yield Problem(
            "schema.too_few",
            None,
            "A family needs a background and at least one part: add a part.",
        )
    if not any(part.is_background for part in parts):
        yield Problem(
            "schema.no_background",
            None,
            "No part is the background: mark the one that edits must leave alone.",
        )
    elif len(parts) >= 2 and all(part.is_background for part in parts):
        yield Problem(
            "schema.only_background",
            None,
            "Every part is background, so nothing could be edited: unmark one.",
        )
    for part in parts:
        if not 0 <= part.id < UNLABELLED:
            yield Problem(
                "schema.bad_id",
                part.id,
                f"{part.title} has the id {part.id}; ids go from 0 to {UNLABELLED - 1}.",
            )
        if not _NAME.fullmatch(part.name):
            yield Problem(
                "schema.bad_name",
                part.id,
                f"The name {part.name!r} cannot be used: take up to 32 small letters, digits "
                "and underscores, a letter first, such as wheel_front.",
            )
        if not part.title.strip() or len(part.title) > 64:
            yield Problem(
                "schema.bad_title",
                part.id,
                f"The part {part.name} needs a title of 1 to 64 characters.",
            )
        if not _COLOUR.fullmatch(part.color):
            yield Problem(
                "schema.bad_colour",
                part.id,
                f"{part.title} has the colour {part.color!r}: write it as #RRGGBB.",
            )
    yield from _doubled(parts)


def _doubled(parts: tuple[Part, ...]) -> Iterable[Problem]:
    kinds = (
        ("schema.same_id", lambda part: part.id, "the id"),
        ("schema.same_name", lambda part: part.name, "the name"),
        ("schema.same_title", lambda part: part.title.strip().casefold(), "the title"),
        ("schema.same_colour", lambda part: part.color.upper(), "the colour"),
    )
    for code, key, what in kinds:
        first: dict[object, Part] = {}
        for part in parts:
            value = key(part)
            if value not in first:
                first[value] = part
                continue
            shown = {"the colour": part.color.upper(), "the id": str(part.id)}.get(what)
            yield Problem(
                code,
                part.id,
                f"{first[value].title} and {part.title} have {what} "
                f"{shown or repr(part.name if what == 'the name' else part.title)} in common: "
                "give each its own, so that people and label maps can tell them apart.",
            )


def change(old: OwnSchema, new: OwnSchema, *, into: Mapping[int, int | None]) -> bytes:
    """Return the table by which label maps follow a change: `table[pixel]`, 256 entries.

    Args:
        into: for every removed part the id of a part that stays, or None: unlabelled.

    Raises:
        SchemaError: the new schema cannot be used.
        RemovedPartError: a removed part has no entry, or one that does not stay.
    """
    check(new)
    table = bytearray(range(256))
    for part in old.parts:
        if part.id in new.ids:
            continue
        if part.id not in into:
            raise RemovedPartError(
                f"{part.title} was removed: say which part its pixels become, or that they "
                "become unlabelled. Nothing was changed."
            )
        target = into[part.id]
        if target is not None and target not in new.ids:
            raise RemovedPartError(
                f"The pixels of {part.title} were to become part {target}, which is not in "
                "the new list either. Nothing was changed."
            )
        table[part.id] = UNLABELLED if target is None else target
    return bytes(table)


def adopted(template: OwnSchema, known: OwnSchema) -> OwnSchema:
    """Return a template's parts for a family that has parts: names keep their ids."""
    parts = [{**asdict(part), "id": None} for part in template.parts]
    return OwnSchema.from_json({"version": known.version, "parts": parts}, known=known)


@lru_cache(maxsize=1)
def templates() -> dict[str, OwnSchema]:
    """Return the schemas to start from, by name."""
    data = json.loads(_TEMPLATES.read_text(encoding="utf-8"))
    return {name: OwnSchema.from_json(entry) for name, entry in data.items()}


def template(name: str) -> OwnSchema:
    """Return one schema to start from.

    Raises:
        UnknownTemplateError: there is none of this name.
    """
    found = templates()
    if name not in found:
        raise UnknownTemplateError(f"no template {name!r}; there are {', '.join(found)}")
    return found[name]
