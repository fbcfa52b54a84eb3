"""Is this painted label map sound? Its size, its parts, and what differs from another.

A label map is one part id per pixel, uint8 (H, W); it travels as an indexed or 8-bit grey
PNG, and is stored as an indexed one in the colours of its family.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webapp.common.errors import RefusedInputError
from webapp.families.selectors import BundleInfo

Labels = NDArray[np.uint8]

MAX_BYTES = 1024 * 1024


class BadLabelMapError(RefusedInputError):
    """The painting cannot be used; `code` says why."""

    code = "images.label_map"

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail, fields={"label_map": detail})
        self.code = code


def read(data: bytes, *, bundle: BundleInfo) -> Labels:
    """Return the label map in a PNG from outside.

    Raises:
        BadLabelMapError: not such a PNG, of another size, or with unknown parts.
    """
    unreadable = BadLabelMapError(
        "The painting must be an indexed or 8-bit grey PNG.", code="images.label_map_unreadable"
    )
    if len(data) > MAX_BYTES:
        raise unreadable
    try:
        picture = Image.open(io.BytesIO(data), formats=("PNG",))
    except (OSError, SyntaxError, ValueError):
        raise unreadable from None
    size = bundle.label_size
    if picture.size != (size, size):  # known from the header, before anything is decoded
        width, height = picture.size
        raise BadLabelMapError(
            f"The painting must have {size} × {size} pixels; this one has {width} × {height}.",
            code="images.label_map_size",
        )
    if picture.mode not in ("P", "L"):
        raise unreadable
    try:
        labels = np.array(picture, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError):
        raise unreadable from None
    known = {part.id for part in bundle.parts}
    unknown = sorted({int(value) for value in np.unique(labels)} - known)
    if unknown:
        raise BadLabelMapError(
            f"The painting has parts that {bundle.family} do not have: "
            + ", ".join(map(str, unknown[:8]))
            + ".",
            code="images.unknown_parts",
        )
    return labels


def write(labels: Labels, *, bundle: BundleInfo) -> bytes:
    """Return `labels` as an indexed PNG in the colours of the family."""
    picture = Image.fromarray(labels)
    palette = bytearray(768)
    for part in bundle.parts:
        palette[3 * part.id : 3 * part.id + 3] = bytes.fromhex(part.color.removeprefix("#"))
    picture.putpalette(bytes(palette))
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def changed_parts(before: Labels, after: Labels, *, bundle: BundleInfo) -> tuple[int, ...]:
    """Return the parts that gained or lost pixels, background left out, in rising order."""
    moved = before != after
    touched = {int(value) for value in np.unique(np.concatenate([before[moved], after[moved]]))}
    return tuple(sorted(touched - bundle.background))
