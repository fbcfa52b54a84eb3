"""Is this label map of a sample sound, and how is it stored?

One part id per pixel, uint8 (H, H), and `parts.UNLABELED` where nobody has labelled yet. It
travels as an indexed or 8-bit grey PNG, and is stored as an indexed one in the parts' colours.
"""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webapp.common.errors import RefusedInputError
from webapp.jobs.contract import PartSpec
from webapp.workshop import parts as part_rules
from webapp.workshop.parts import UNLABELED

Labels = NDArray[np.uint8]
MAX_BYTES = 2 * 1024 * 1024


class BadLabelMapError(RefusedInputError):
    """A label map cannot be used; `code` says why."""

    code = "labels.unreadable"

    def __init__(self, detail: str, *, code: str = "labels.unreadable") -> None:
        super().__init__(detail, fields={"label_map": detail})
        self.code = code


def read(data: bytes, *, parts: Sequence[PartSpec], size: int, name: str) -> Labels:
    """Return the label map in a PNG from outside; `name` is what refusals call it.

    Raises:
        BadLabelMapError: not such a PNG, of another size, or with unknown parts.
    """
    labels = decode(data, size=size, name=name)
    check_ids(labels, parts=parts, name=name)
    return labels


def decode(data: bytes, *, size: int, name: str) -> Labels:
    """Return the numbers in an indexed or grey PNG, whatever they mean.

    Raises:
        BadLabelMapError: not such a PNG, or of another size.
    """
    unreadable = BadLabelMapError(f"{name} is no picture that can be read.")
    if len(data) > MAX_BYTES:
        raise unreadable
    try:
        picture = Image.open(io.BytesIO(data), formats=("PNG",))
    except (OSError, SyntaxError, ValueError):
        raise unreadable from None
    if picture.mode not in ("P", "L"):
        raise BadLabelMapError(
            f"{name} stores colours ({picture.mode}); a label map stores one part id per "
            "pixel: save it as an indexed PNG, its numbers as listed in schema.json."
        )
    if picture.size != (size, size):  # known from the header, before anything is decoded
        width, height = picture.size
        raise BadLabelMapError(
            f"{name} is {width} x {height}; label maps of this family are {size} x {size}.",
            code="labels.size",
        )
    try:
        return np.array(picture, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError):
        raise BadLabelMapError(f"{name} is damaged.") from None


def check_ids(labels: Labels, *, parts: Sequence[PartSpec], name: str) -> None:
    """Refuse ids of no part.

    Raises:
        BadLabelMapError: there is one; the text names it.
    """
    known = {UNLABELED, *(part.id for part in parts)}
    unknown = sorted(set(np.unique(labels).tolist()) - known)
    if unknown:
        shown = ", ".join(map(str, unknown[:8]))
        raise BadLabelMapError(
            f"{name} holds {shown}, which is no part of this family.",
            code="labels.unknown_part",
        )


def write(labels: Labels, *, parts: Sequence[PartSpec]) -> bytes:
    """Return `labels` as an indexed PNG in the colours of the parts."""
    picture = Image.fromarray(labels)
    picture.putpalette(part_rules.palette(parts))
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def load(data: bytes) -> Labels:
    """Return a label map that was stored by us."""
    return np.array(Image.open(io.BytesIO(data), formats=("PNG",)), dtype=np.uint8)


def shares(labels: Labels) -> dict[str, float]:
    """Return the share of the picture that each id has, by the id as text."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return {str(i): round(float(counts[i]) / labels.size, 5) for i in np.flatnonzero(counts)}


def is_empty(shares_: Mapping[str, float], *, parts: Sequence[PartSpec]) -> bool:
    """Return whether a label map shows nothing but background."""
    shown = {part.id for part in parts if not part.is_background}
    return not any(int(part) in shown for part in shares_)
