"""Where the features of a portrait lie, read from its label map alone.

The painting rules draw glasses, beards and caps where a person would: relative to the
eyes. `Frame` gives that coordinate system, upright to the head, with the eyes at
height 0, and in the drawing units of the renderer (the eyes are 0.464 apart).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from editing.families.label_maps import PaintingImpossibleError, bounds, mask_of
from editing.families.schema import PartSchema

EYE_DISTANCE = 0.464


@dataclass(frozen=True, slots=True)
class Frame:
    """Head coordinates of a label map: `u` right and `v` down, (H, W) in drawing units.

    `unit` is the number of pixels of one drawing unit. `eyes` are the pixel centres
    (x, y) of the left and right eye; `face_a` is the face's half width in units and
    `shift` its middle in `u`.
    """

    u: Tensor
    v: Tensor
    unit: float
    eyes: tuple[tuple[float, float], tuple[float, float]]
    face_a: float
    shift: float


def eye_masks(labels: Tensor, schema: PartSchema) -> tuple[Tensor, Tensor]:
    """Return the masks (H, W) of the left and the right eye, white, iris and pupil.

    Raises:
        PaintingImpossibleError: fewer than two eyes show.
    """
    eyes = mask_of(labels, [schema.id_of(name) for name in ("eye_white", "iris", "pupil")])
    if not eyes.any():
        raise PaintingImpossibleError("no eyes")
    left, _, right, _ = bounds(eyes)
    columns = torch.arange(labels.shape[1], device=labels.device)
    # The widest gap between eye columns is the bridge of the nose.
    filled = columns[eyes.any(dim=0)]
    gaps = filled.diff()
    if len(gaps) == 0 or int(gaps.max()) < 2:
        middle = (left + right) / 2
    else:
        at = int(gaps.argmax())
        middle = float(filled[at] + filled[at + 1]) / 2
    is_left = (columns < middle).expand_as(eyes)
    masks = eyes & is_left, eyes & ~is_left
    if not masks[0].any() or not masks[1].any():
        raise PaintingImpossibleError("fewer than two eyes")
    return masks


def find_frame(labels: Tensor, schema: PartSchema) -> Frame:
    """Return the head coordinates of a label map (H, W).

    Raises:
        PaintingImpossibleError: fewer than two eyes show.
    """
    centers = []
    for mask in eye_masks(labels, schema):
        left, top, right, bottom = bounds(mask)
        centers.append(((left + right) / 2, (top + bottom) / 2))
    (lx, ly), (rx, ry) = centers
    distance = math.hypot(rx - lx, ry - ly)
    unit = distance / EYE_DISTANCE
    cos, sin = (rx - lx) / distance, (ry - ly) / distance
    ys, xs = torch.meshgrid(
        torch.arange(labels.shape[0], device=labels.device).float(),
        torch.arange(labels.shape[1], device=labels.device).float(),
        indexing="ij",
    )
    dx, dy = (xs - (lx + rx) / 2) / unit, (ys - (ly + ry) / 2) / unit
    u, v = cos * dx + sin * dy, cos * dy - sin * dx
    names = ("skin", "beard", "nose", "eye_white", "iris", "pupil", "glasses")
    face = mask_of(labels, [schema.id_of(name) for name in names])
    # The cheeks tell the face's width better than the temples, where hair may hang.
    cheeks = u[face & (v > 0.05) & (v < 0.25)]
    if len(cheeks) == 0:
        raise PaintingImpossibleError("no cheeks")
    low, high = float(cheeks.min()), float(cheeks.max())
    return Frame(
        u=u,
        v=v,
        unit=unit,
        eyes=(centers[0], centers[1]),
        face_a=(high - low) / 2,
        shift=(high + low) / 2,
    )
