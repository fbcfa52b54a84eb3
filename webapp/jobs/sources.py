"""Where does a worker get what a request names by id? From the app that registered for it."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

EDIT_VECTOR_VERSION = "edit_vector_version"


@dataclass(frozen=True, slots=True)
class OffsetRecord:
    """The offset of an edit vector version: `offset` is float32 little-endian, row-major."""

    offset: bytes
    shape: tuple[int, int]  # layers, w_dim
    fingerprint: str  # of the generator it was made with
    parts: tuple[int, ...]
    margin: int


Reader = Callable[[UUID], OffsetRecord]

_readers: dict[str, Reader] = {}


def register(name: str, reader: Reader) -> None:
    """Name the reader of a kind of source; called once at start-up."""
    assert name not in _readers, f"two apps offer {name}"
    _readers[name] = reader


def read_offset(version_id: UUID) -> OffsetRecord:
    """Return the offset of an edit vector version.

    Raises:
        NotFoundError: there is no such version.
    """
    return _readers[EDIT_VECTOR_VERSION](version_id)
