"""Where does a worker get what a request names by id? From the app that registered for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from webapp.jobs.contract import SearchScope

EDIT_VECTOR_VERSION = "edit_vector_version"


@dataclass(frozen=True, slots=True)
class OffsetRecord:
    """The offset of an edit vector version: `offset` is float32 little-endian, row-major."""

    offset: bytes
    shape: tuple[int, int]  # layers, w_dim
    fingerprint: str  # of the generator it was made with
    parts: tuple[int, ...]
    margin: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit vector version that may do what was asked for."""

    version_id: UUID
    offset: OffsetRecord
    likeness: float  # of its effect to what was asked for, -1..1; below 0 it does the reverse


class Finder(Protocol):
    def __call__(
        self, *, owner_id: int, signature: Sequence[float], bundle: str, scope: SearchScope,
        limit: int,
    ) -> list[Candidate]:  # fmt: skip
        """Return what the person may apply that comes nearest to the effect or its reverse."""


Reader = Callable[[UUID], OffsetRecord]

_readers: dict[str, Reader] = {}
_finders: list[Finder] = []


def register(name: str, reader: Reader) -> None:
    """Name the reader of a kind of source; called once at start-up."""
    assert name not in _readers, f"two apps offer {name}"
    _readers[name] = reader


def register_finder(finder: Finder) -> None:
    """Name who finds edit vectors by effect; called once at start-up."""
    assert not _finders, "two apps find edit vectors"
    _finders.append(finder)


def find_candidates(
    *, owner_id: int, signature: Sequence[float], bundle: str, scope: SearchScope, limit: int
) -> list[Candidate]:
    """Return the edit vectors whose effect is nearest to a signature; see `Finder`."""
    (finder,) = _finders
    return finder(
        owner_id=owner_id, signature=signature, bundle=bundle, scope=scope, limit=limit
    )


def read_offset(version_id: UUID) -> OffsetRecord:
    """Return the offset of an edit vector version.

    Raises:
        NotFoundError: there is no such version.
    """
    return _readers[EDIT_VECTOR_VERSION](version_id)
