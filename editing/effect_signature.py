"""What does an edit change, and where? A fixed-length description that searches compare.

Two edits that do the same have signatures that point the same way, whatever pictures they
were measured on: compare them by their cosine. The first half is read off label maps alone,
so a painting, which is a pair of label maps, has that half too and finds the edit vectors
that would do what was painted.

Layout `effect/1`, `LENGTH` = 568 numbers:

    0 .. 319    label half: 40 part slots (slot = part id modulo 40) x 8 numbers:
                grown, exchanged pixels won less pixels given up, and the lesser of the two,
                                 relative to the part's size
                dx, dy           movement of its centre, relative to its size
                wider, taller    change of its extent, relative to its size
                tilt             its right side rises (-) or falls (+) against its left
                bend             its ends rise (-) or fall (+) against its middle
    320 .. 383  label half: 8 x 8 cells of the picture, row by row: share of pixels relabelled
    384 .. 503  picture half: 40 part slots x 3 numbers: change of lightness, red against
                green, blue against yellow, over pixels that stay with the part
    504 .. 567  picture half: 8 x 8 cells: mean absolute change of the picture

Each half has length one, or is zero where nothing changed; unused part slots are zero. In
families of more than 40 parts some share a slot, where their changes add up.
This module needs NumPy alone, so that programs without torch can search too.

Letters: N pairs of pictures, H label-map side, R picture side, K parts.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from editing.errors import EditingError

LAYOUT = "effect/1"
NUM_SLOTS = 40
GRID = 8
PER_PART = 8
PER_PART_COLOR = 3
LABEL_LENGTH = NUM_SLOTS * PER_PART + GRID * GRID
PICTURE_LENGTH = NUM_SLOTS * PER_PART_COLOR + GRID * GRID
LENGTH = LABEL_LENGTH + PICTURE_LENGTH

# A part smaller than this share of the picture counts as this large: a handful of pixels
# come and go with the weather.
SMALL = 0.004
# How much a movement counts beside growth, and the grids beside the parts. The grids say
# where, not what, and hardly anything is negative there: too much of them and all look alike.
MOVEMENT = 2.0
LABEL_GRID = 0.5
PICTURE_GRID = 0.3

Vector = NDArray[np.float64]


class SignatureError(EditingError):
    """Label maps or pictures that no signature can be made of."""

    code = "signature.input"


def painting_signature(before: ArrayLike, after: ArrayLike) -> Vector:
    """Return the label half (384,) of painting `before` (H, W) over into `after` (H, W).

    It is zero where nothing was painted. Compare it with `label_half` of other signatures.

    Raises:
        SignatureError: the label maps differ in shape, or a part id is negative.
    """
    return _unit(label_changes(_stack(before), _stack(after)).mean(axis=0))


def of_edits(
    before_labels: ArrayLike,
    after_labels: ArrayLike,
    before_images: ArrayLike,
    after_images: ArrayLike,
) -> Vector:
    """Return the signature (568,) of one edit seen on several pictures.

    Label maps are integer (N, H, W), pictures (N, 3, R, R) in [-1, 1]. What most pictures
    agree on stays; what points elsewhere on each cancels or is damped.

    Raises:
        SignatureError: shapes do not belong together, or a part id is negative.
    """
    before, after = _stack(before_labels), _stack(after_labels)
    images = (np.asarray(before_images, np.float64), np.asarray(after_images, np.float64))
    if images[0].shape != images[1].shape or len(images[0]) != len(before):
        raise SignatureError(
            f"pictures {images[0].shape}, {images[1].shape} for {len(before)} maps"
        )
    halves = (label_changes(before, after), picture_changes(before, after, *images))
    return np.concatenate([_unit(_agreed(half)) for half in halves])


def label_half(signature: ArrayLike) -> Vector:
    """Return the half (384,) of a signature that paintings have too."""
    return np.asarray(signature, np.float64)[..., :LABEL_LENGTH]


def similarity(one: ArrayLike, other: ArrayLike) -> float:
    """Return the cosine of two signatures, or of two halves: -1 opposite, 1 the same effect."""
    return float(_unit(np.asarray(one, np.float64)) @ _unit(np.asarray(other, np.float64)))


def label_changes(before: NDArray[np.int64], after: NDArray[np.int64]) -> Vector:
    """Return what each pair of label maps (N, H, W) changes, (N, 384), not normalised."""
    if before.shape != after.shape:
        raise SignatureError(f"label maps of {before.shape} and {after.shape}")
    height, width = before.shape[1:]
    rows, columns = np.mgrid[0:height, 0:width]
    x, y = (columns + 0.5) / width, (rows + 0.5) / height
    parts = np.zeros((len(before), NUM_SLOTS, PER_PART))
    for n, (old, new) in enumerate(zip(before, after, strict=True)):
        # Parts that nothing was done to have no change; most of them.
        for part in np.unique(np.concatenate([old[old != new], new[old != new]])):
            parts[n, part % NUM_SLOTS] += _part_change(old == part, new == part, x, y)
    moved = (before != after).astype(np.float64)
    cells = LABEL_GRID * np.sqrt(_cells(moved))
    return np.concatenate([parts.reshape(len(before), -1), cells], axis=1)


def picture_changes(
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    before_images: Vector,
    after_images: Vector,
) -> Vector:
    """Return how each pair of pictures (N, 3, R, R) differs, (N, 184), not normalised."""
    change = (after_images.clip(-1, 1) - before_images.clip(-1, 1)) / 2
    red, green, blue = change[:, 0], change[:, 1], change[:, 2]
    opponent = np.stack([change.mean(axis=1), red - green, blue - (red + green) / 2], axis=1)
    side = change.shape[-1]
    parts = np.zeros((len(before), NUM_SLOTS, PER_PART_COLOR))
    for n, (old, new) in enumerate(zip(before, after, strict=True)):
        stays = _resized(np.where(old == new, old, -1), side)
        for part in np.unique(stays[stays >= 0]):
            covered = stays == part
            weight = covered.mean() / (covered.mean() + SMALL)
            parts[n, part % NUM_SLOTS] += weight * opponent[n][:, covered].mean(axis=1)
    cells = PICTURE_GRID * _cells(np.abs(change).mean(axis=1))
    return np.concatenate([parts.reshape(len(before), -1), cells], axis=1)


def _part_change(
    old: NDArray[np.bool_], new: NDArray[np.bool_], x: Vector, y: Vector
) -> Vector:
    """Return the eight numbers of one part, whose pixels were `old` and are `new` (H, W)."""
    size = (old.mean() + new.mean()) / 2 + SMALL
    gained, lost = (new & ~old).mean() / size, (old & ~new).mean() / size
    grown, exchanged = gained - lost, min(gained, lost)
    if not old.any() or not new.any():
        return np.array([grown, exchanged, 0, 0, 0, 0, 0, 0])
    seen, becomes = _shape(old, x, y), _shape(new, x, y)
    # A part twice as wide moves twice as far for the same impression.
    moved = MOVEMENT * (becomes - seen) / np.sqrt(size)
    return np.array([grown, exchanged, *moved.clip(-2, 2)])


def _shape(mask: NDArray[np.bool_], x: Vector, y: Vector) -> Vector:
    """Return centre x, y, extent x, y, tilt and bend of a part, in picture sides."""
    across, down = x[mask], y[mask]
    center = np.array([across.mean(), down.mean()])
    # Half a pixel keeps a part of one column from dividing by nothing.
    extent = np.array([across.std(), down.std()]) + 0.5 / mask.shape[1]
    along = (across - center[0]) / extent[0]
    rest = down - center[1]
    tilt = float((rest * along).mean())
    bend = float((rest * (along**2 - (along**2).mean())).mean())
    return np.array([*center, *extent, tilt, bend])


def _agreed(changes: Vector) -> Vector:
    """Return the mean (D,) of changes (N, D), numbers damped on which the pictures differ."""
    mean = changes.mean(axis=0)
    spread = changes.std(axis=0)
    return mean * np.abs(mean) / (np.abs(mean) + spread + 1e-9)


def _cells(values: Vector) -> Vector:
    """Return the means (N, 64) of maps (N, H, W) over an 8 x 8 grid."""
    rows = np.array_split(values, GRID, axis=1)
    return np.stack(
        [cell.mean(axis=(1, 2)) for row in rows for cell in np.array_split(row, GRID, axis=2)],
        axis=1,
    )


def _resized(labels: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Return a label map (H, W) at picture size (side, side), nearest pixel."""
    rows = np.arange(side) * labels.shape[0] // side
    columns = np.arange(side) * labels.shape[1] // side
    return labels[rows][:, columns]


def _stack(labels: ArrayLike) -> NDArray[np.int64]:
    """Return one or several label maps as (N, H, W), their ids checked."""
    found = np.asarray(labels).astype(np.int64)
    found = found if found.ndim == 3 else found[None]
    if found.ndim != 3 or found.size == 0:
        raise SignatureError(f"label maps are (H, W) or (N, H, W), not {found.shape}")
    if found.min() < 0:
        raise SignatureError(f"part ids are 0 and up, found {found.min()}")
    return found


def _unit(values: Vector) -> Vector:
    """Return the vector at length one, or zero as it is."""
    length = float(np.linalg.norm(values))
    return values / length if length > 0 else values
