"""How much may a foreign file ask for? Every count is checked before it is believed."""

from dataclasses import asdict, dataclass
from typing import Any

from editing.importers.errors import LimitError

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one import; the defaults fit every published 1024 px model.

    Args:
        file_bytes: size of the file.
        storages: pieces of weight data, over all networks of the file.
        elements: numbers in all of them together.
        opcodes: steps of all pickles in the file, and of looking for arrays in them.
        depth: containers within containers.
        modules: networks, blocks and layers within one network.
        array_elements: numbers in all arrays of a file of codes.
        memory_bytes: address space of the reading process, its libraries included, beside
            the mapped file.
        cpu_seconds: its computing time.
        wall_seconds: time until it is ended, however little it computed.
    """

    file_bytes: int = 2 * GIB
    storages: int = 4096
    elements: int = 500_000_000
    opcodes: int = 1_000_000
    depth: int = 100
    modules: int = 2000
    array_elements: int = 20_000_000
    memory_bytes: int = 3 * GIB
    cpu_seconds: int = 120
    wall_seconds: float = 300.0

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict; `Limits(**dict)` is equal again."""
        return asdict(self)


class Budget:
    """Counts what one file has asked for so far and refuses what is too much."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.spent: dict[str, int] = {}

    def spend(self, what: str, amount: int = 1) -> None:
        """Count `amount` more of a field of `Limits`.

        Raises:
            LimitError: that is more than the limit.
        """
        total = self.spent.get(what, 0) + amount
        limit = getattr(self.limits, what)
        if amount < 0 or total > limit:
            words = what.replace("_", " ")
            raise LimitError(f"expected at most {limit:,} {words}, found {total:,} or more")
        self.spent[what] = total
