"""Part schema: which parts a family's label maps name, and in which colours they show.

Part ids are their index in the schema, so a label map is an integer image of indices.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One nameable region: its id in label maps, its names, its colour (#RRGGBB)."""

    id: int
    name: str
    title: str
    color: str
    group: str
    is_background: bool = False

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Return the colour as three bytes."""
        return (int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16))


@dataclass(frozen=True, slots=True)
class PartSchema:
    """The ordered parts of one family; `version` rises when ids change their meaning."""

    family: str
    version: int
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if [part.id for part in self.parts] != list(range(len(self.parts))):
            raise ValueError("part ids must count up from 0 in order")
        if len({part.name for part in self.parts}) != len(self.parts):
            raise ValueError("part names must differ")

    def __len__(self) -> int:
        return len(self.parts)

    def id_of(self, name: str) -> int:
        """Return the id of the part called `name`.

        Raises:
            KeyError: the schema has no such part.
        """
        for part in self.parts:
            if part.name == name:
                return part.id
        raise KeyError(name)

    @property
    def background(self) -> frozenset[int]:
        """Return the ids of background parts, which never count as edited."""
        return frozenset(part.id for part in self.parts if part.is_background)

    def palette(self) -> list[tuple[int, int, int]]:
        """Return one (r, g, b) of bytes per part, in id order."""
        return [part.rgb for part in self.parts]

    def to_json(self) -> str:
        """Return the schema as JSON text that `from_json` reads back unchanged."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "PartSchema":
        """Return the schema written by `to_json`."""
        data = json.loads(text)
        parts = tuple(Part(**part) for part in data["parts"])
        return cls(family=data["family"], version=data["version"], parts=parts)
