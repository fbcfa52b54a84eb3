"""What is in an `editvector/1` file? One offset, and a card of what is known about it.

A safetensors file with the tensor `offset`, float32 (L, w_dim), and two strings in its
header: `format` and `card`, the latter JSON. Writing is deterministic, so equal vectors
have equal bytes. Reading needs no torch and trusts nothing: the sizes, the set of tensors,
the finiteness and the hash are all checked.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from webapp.common.errors import RefusedInputError

FORMAT = "editvector/1"
MAX_HEADER_BYTES = 1 << 20
MAX_FILE_BYTES = 16 << 20
MAX_NORM = 1e3

Offset = NDArray[np.float32]


class BadOffsetError(RefusedInputError):
    """Nobody could apply this offset."""

    code = "library.bad_offset"


class VectorFileError(RefusedInputError):
    """The bytes are no `editvector/1` file."""

    code = "library.vector_file"


@dataclass(frozen=True, slots=True)
class VectorFile:
    """The content of a file; `card` is plain JSON without the fields of their own here."""

    offset: Offset
    parts: tuple[int, ...]
    card: Mapping[str, Any]


def offset_bytes(offset: NDArray[Any]) -> bytes:
    """Return an offset as little-endian float32, row-major.

    Raises:
        BadOffsetError: not (L, w_dim), not finite, all zero, or longer than 1000.
    """
    if offset.ndim != 2:
        raise BadOffsetError(f"An offset has two dimensions, this one {offset.ndim}.")
    plain = np.ascontiguousarray(offset, dtype="<f4")
    if not np.isfinite(plain).all():
        raise BadOffsetError("The offset holds values that are not numbers.")
    norm = length(plain)
    if norm == 0:
        raise BadOffsetError("The offset is zero everywhere, so it would change nothing.")
    if norm > MAX_NORM:
        raise BadOffsetError(f"The offset is too long: {norm:.0f}, the most is {MAX_NORM:.0f}.")
    return plain.tobytes()


def offset_of(data: bytes, shape: tuple[int, int]) -> Offset:
    """Return the offset whose bytes are `data`, the way back from `offset_bytes`."""
    return np.frombuffer(data, dtype="<f4").reshape(shape).astype(np.float32)


def length(offset: NDArray[Any]) -> float:
    """Return the Euclidean norm of an offset."""
    return float(np.linalg.norm(offset.astype(np.float64)))


def content_hash(data: bytes) -> str:
    """Return what names an offset: the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def write(
    *, data: bytes, shape: tuple[int, int], parts: tuple[int, ...], card: Mapping[str, Any]
) -> bytes:
    """Return the file of the offset whose bytes are `data`; equal arguments, equal bytes."""
    assert len(data) == 4 * shape[0] * shape[1], "float32 of the given shape"
    full = {**card, "part_ids": sorted(parts), "content_hash": content_hash(data)}
    header = {
        "__metadata__": {
            "card": json.dumps(full, sort_keys=True, ensure_ascii=False, allow_nan=False),
            "format": FORMAT,
        },
        "offset": {"dtype": "F32", "shape": list(shape), "data_offsets": [0, len(data)]},
    }
    # By hand, because the library writes the metadata in an order that varies.
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def read(data: bytes) -> VectorFile:
    """Return the content of a file.

    Raises:
        VectorFileError: not such a file, too large, or its hash disagrees.
        BadOffsetError: nobody could apply the offset in it.
    """
    if not 8 < len(data) <= MAX_FILE_BYTES:
        raise VectorFileError(f"A vector file has at most 16 MB; this has {len(data)} bytes.")
    (size,) = struct.unpack("<Q", data[:8])
    if size > min(MAX_HEADER_BYTES, len(data) - 8):
        raise VectorFileError("The header of this file is too long.")
    try:
        header = json.loads(data[8 : 8 + size])
        metadata = header["__metadata__"]
        if metadata["format"] != FORMAT:
            raise VectorFileError(f"This is not a file of the format {FORMAT}.")
        if set(header) != {"__metadata__", "offset"} or header["offset"]["dtype"] != "F32":
            raise VectorFileError("The file must hold one float32 tensor named offset.")
        card = json.loads(metadata["card"])
        offset = safetensors.numpy.load(data)["offset"]
        parts = tuple(sorted(int(part) for part in card.pop("part_ids")))
        claimed = card.pop("content_hash")
    except (KeyError, TypeError, AttributeError, ValueError, SafetensorError) as error:
        raise VectorFileError(f"This is not an edit vector file: {error}.") from error
    if content_hash(offset_bytes(offset)) != claimed:
        raise VectorFileError("The offset is not the one that the card describes.")
    return VectorFile(offset=offset, parts=parts, card=card)
