"""How does an edit vector travel? As one safetensors file, `editvector/1`.

Tensor `offset` float32 (L, w_dim), and in the header `format` and `card`, the latter JSON.
Nothing in such a file can run. Writing is deterministic: equal vectors are equal bytes.
"""

import json
import struct
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors

from editing.errors import EditingError
from editing.vectors.card import check_card
from editing.vectors.vector import EditVector, offset_bytes

FORMAT = "editvector/1"
MAX_HEADER_BYTES = 1 << 20
MAX_FILE_BYTES = 16 << 20


class VectorFileError(EditingError):
    """A file is no edit vector that can be read."""

    code = "vector.file"


def to_bytes(vector: EditVector) -> bytes:
    """Return the vector as an `editvector/1` file; equal vectors give equal bytes.

    Raises:
        VectorCardError: its card could not be read back.
    """
    check_card(vector.card)
    data = offset_bytes(vector.offset)
    card = {
        **vector.card,
        "part_ids": sorted(vector.parts),
        "content_hash": vector.content_hash,
    }
    header = {
        "__metadata__": {
            "card": json.dumps(card, sort_keys=True, ensure_ascii=False, allow_nan=False),
            "format": FORMAT,
        },
        "offset": {
            "dtype": "F32",
            "shape": list(vector.offset.shape),
            "data_offsets": [0, len(data)],
        },
    }
    # By hand, because the library writes the metadata in an order that varies.
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def from_bytes(data: bytes) -> EditVector:
    """Return the vector of an `editvector/1` file.

    Raises:
        VectorFileError: not such a file, too large, or its hash disagrees.
        VectorCardError: a field of its card is not what the schema allows.
        ShapeMismatchError: the offset is not (L, w_dim).
        NotFiniteError: the offset holds NaN or infinity, or its norm is out of bounds.
    """
    if not 8 < len(data) <= MAX_FILE_BYTES:
        raise VectorFileError(f"{len(data)} bytes")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise VectorFileError("the header is too long")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header["__metadata__"]
        if metadata["format"] != FORMAT:
            raise VectorFileError(f"format {metadata['format']!r}, expected {FORMAT}")
        if set(header) != {"__metadata__", "offset"} or header["offset"]["dtype"] != "F32":
            raise VectorFileError("expected exactly one float32 tensor, offset")
        card = json.loads(metadata["card"])
        offset = load_tensors(data)["offset"]
        parts = frozenset(int(part) for part in card.pop("part_ids"))
        claimed = card.pop("content_hash")
        check_card(card)
    except (
        KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError,
        SafetensorError,
    ) as error:  # fmt: skip
        raise VectorFileError(f"not an edit vector file: {error}") from error
    vector = EditVector(offset=offset, parts=parts, card=card)
    if vector.content_hash != claimed:
        raise VectorFileError("the offset is not the one that the card describes")
    return vector


def save(vector: EditVector, path: Path) -> None:
    """Write the vector to `path`.

    Raises:
        VectorCardError: its card could not be read back; nothing is written.
    """
    path.write_bytes(to_bytes(vector))


def load(path: Path) -> EditVector:
    """Return the vector stored at `path`.

    Raises:
        VectorFileError, VectorCardError, ShapeMismatchError, NotFiniteError: as
            `from_bytes`.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise VectorFileError(f"{path} is too large")
        return from_bytes(path.read_bytes())
    except OSError as error:
        raise VectorFileError(str(error)) from error
