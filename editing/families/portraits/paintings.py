"""Painting rules: label maps of portraits, edited as a user would paint them.

Each rule takes a label map uint8 (H, W) and the part schema and returns the painted map:
parts warped about their middle, thickened, redrawn or erased, nothing else. Rules know
no factors and no picture. They stay within what the portraits' renderer can draw, so
that an edit vector learned from one of them has something to follow.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from editing.families.family import PaintingRule
from editing.families.label_maps import (
    PaintingImpossibleError,
    bounds,
    grow,
    heal,
    mask_of,
    shifted,
    warp,
)
from editing.families.portraits.landmarks import Frame, eye_masks, find_frame
from editing.families.schema import PartSchema

_MOUTH = ("upper_lip", "lower_lip", "mouth_interior", "teeth")
_EYES = ("eye_white", "iris", "pupil")
_ABOVE_EYES = ("glasses", "hair", "headwear", "brow_left", "brow_right")
_BROWS = ("brow_left", "brow_right")


def _ids(schema: PartSchema, *names: str) -> list[int]:
    """Return the ids of the named parts; bundles made earlier lack those added since."""
    known = {part.name: part.id for part in schema.parts}
    return [known[name] for name in names if name in known]


def _masks(labels: Tensor, schema: PartSchema, *names: str) -> Tensor:
    return mask_of(labels, _ids(schema, *names))


def _required(labels: Tensor, schema: PartSchema, *names: str) -> Tensor:
    mask = _masks(labels, schema, *names)
    if not mask.any():
        raise PaintingImpossibleError(f"no {' or '.join(names)}")
    return mask


def _paint(labels: Tensor, where: Tensor, part: int, *, over: list[int]) -> Tensor:
    """Return the map with `part` painted where the map shows one of `over`."""
    return torch.where(where & mask_of(labels, over), torch.full_like(labels, part), labels)


# --- mouth -----------------------------------------------------------------------------


def _bend_mouth(labels: Tensor, schema: PartSchema, *, lift: float, widen: float) -> Tensor:
    """Return the map with the mouth's corners lifted by `lift` times its width."""
    left, _, right, _ = bounds(_required(labels, schema, *_MOUTH))
    center, half = (left + right) / 2, max((right - left + 1) / 2, 1.0)

    def source(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        t = ((x - center) / (half * widen)).clamp(-1, 1)
        return center + (x - center) / widen, y + 2 * half * lift * (t * t - 0.4)

    return warp(
        labels,
        parts=_ids(schema, *_MOUTH),
        source=source,
        keep=_ids(schema, "nose", "glasses"),
    )


def smile(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the mouth bent up at its corners and a little wider."""
    return _bend_mouth(labels, schema, lift=0.24, widen=1.22)


def frown(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the corners of the mouth bent down."""
    return _bend_mouth(labels, schema, lift=-0.24, widen=0.95)


def _without_mouth(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with skin or beard where the mouth is, whatever lies beside it."""
    hole = _masks(labels, schema, *_MOUTH)
    healed = heal(labels, hole)
    is_face = _masks(healed, schema, "skin", "beard")
    return healed.masked_fill(hole & ~is_face, schema.id_of("skin"))


def _seam(labels: Tensor, schema: PartSchema) -> dict[int, tuple[float, int, int]]:
    """Return, per mouth column, where the lips part and how thick upper and lower are.

    The seam is the first row below the upper lip, smoothed by a parabola over the mouth.
    """
    upper, lower = _ids(schema, "upper_lip", "lower_lip")
    xs, rows, thick = [], [], []
    for column_x in _masks(labels, schema, *_MOUTH).any(dim=0).nonzero().flatten().tolist():
        column = labels[:, column_x]
        above = (column == upper).nonzero().flatten().tolist()
        below = (column == lower).nonzero().flatten().tolist()
        inside = _masks(column, schema, "mouth_interior", "teeth").nonzero().flatten()
        top = above[-1] + 1 if above else (int(inside.min()) if len(inside) else below[0])
        xs.append(column_x)
        rows.append(float(top))
        thick.append((len(above), len(below)))
    x = torch.tensor(xs, dtype=torch.float64)
    t = (x - x.mean()) / (x.max() - x.mean()).clamp(min=1)
    basis = torch.stack([torch.ones_like(t), t, t * t], dim=1)[:, : min(3, len(xs))]
    # Lips thin out evenly toward the corners, whatever single rows were hidden.
    most = [max(pair[i] for pair in thick) for i in (0, 1)]
    thick = [
        (max(1, round(most[0] * (1 - 0.8 * q))), max(1, round(most[1] * (1 - 0.8 * q))))
        for q in (t * t).tolist()
    ]
    y = torch.tensor(rows, dtype=torch.float64).unsqueeze(1)
    smooth = (basis @ torch.linalg.lstsq(basis, y, driver="gelsd").solution).flatten()
    seams = zip(xs, smooth.tolist(), thick, strict=True)
    return {column_x: (row, above, below) for column_x, row, (above, below) in seams}


def open_mouth(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the lips drawn apart: teeth above, the mouth's interior below."""
    left, _, right, _ = bounds(_required(labels, schema, *_MOUTH))
    opening = _masks(labels, schema, "mouth_interior", "teeth").sum(dim=0).max()
    upper, lower, interior, teeth = _ids(schema, *_MOUTH)
    face = _without_mouth(labels, schema)
    painted = face.clone()
    center, half = (left + right) / 2, (right - left + 1) / 2
    widest = max(0.66 * half, 1.3 * float(opening))
    height = labels.shape[0]
    for x, (row, above, below) in _seam(labels, schema).items():
        t = (x - center) / half
        gap = widest * (1 - t * t) * (1 + 0.6 * t * t)
        start = round(row - 0.15 * gap)
        gap_rows = round(gap)
        stop = start + gap_rows
        painted[max(start - above, 0) : start, x] = upper
        painted[start : min(stop, height), x] = interior
        if gap_rows >= 2:
            painted[start : start + max(1, round(0.42 * gap_rows)), x] = teeth
        painted[stop : min(stop + below, height), x] = lower
    # The jaw keeps the mouth in: nothing is painted on the wall or on hair beside it.
    return torch.where(_masks(face, schema, "background", "hair", "headwear"), face, painted)


def closed_mouth(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the lips closed over teeth and the mouth's interior.

    Raises:
        PaintingImpossibleError: the mouth is closed already.
    """
    opening = _required(labels, schema, "mouth_interior", "teeth").sum(dim=0)
    upper, lower = _ids(schema, "upper_lip", "lower_lip")
    painted = _without_mouth(labels, schema)
    for x, (row, above, below) in _seam(labels, schema).items():
        seam = round(row + 0.2 * float(opening[x]))
        painted[max(seam - above, 0) : seam, x] = upper
        painted[seam : min(seam + below, labels.shape[0]), x] = lower
    return painted


def fuller_lips(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both lips thickened outward by about half."""
    lips = _required(labels, schema, "upper_lip", "lower_lip")
    upper, lower = _ids(schema, "upper_lip", "lower_lip")
    painted = labels.clone()
    over = mask_of(labels, _ids(schema, "skin", "beard"))
    for x in lips.any(dim=0).nonzero().flatten().tolist():
        for part, step in ((upper, -1), (lower, 1)):
            rows = (labels[:, x] == part).nonzero().flatten().tolist()
            if not rows:
                continue
            edge = rows[0] if step < 0 else rows[-1]
            for i in range(1, max(1, round(0.5 * len(rows))) + 1):
                y = edge + step * i
                if 0 <= y < labels.shape[0] and over[y, x]:
                    painted[y, x] = part
    return painted


def thinner_lips(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both lips thinned from outside by about half."""
    lips = _required(labels, schema, "upper_lip", "lower_lip")
    hole = torch.zeros_like(lips)
    for x in lips.any(dim=0).nonzero().flatten().tolist():
        for part, is_upper in zip(
            _ids(schema, "upper_lip", "lower_lip"), (True, False), strict=True
        ):
            rows = (labels[:, x] == part).nonzero().flatten().tolist()
            num = len(rows) // 2
            hole[rows[:num] if is_upper else rows[len(rows) - num :], x] = True
    face = _without_mouth(labels, schema)
    return torch.where(hole, face, labels)


# --- eyes and brows --------------------------------------------------------------------


def _scale_eyes(labels: Tensor, schema: PartSchema, *, wide: float, tall: float) -> Tensor:
    """Return the map with the lids' opening scaled; irises keep their size, as in life."""
    discs = _irises(labels, schema)
    white, iris, pupil = _ids(schema, *_EYES)
    for mask in eye_masks(labels, schema):
        left, top, right, bottom = bounds(mask)
        cx, cy = (left + right) / 2, (top + bottom) / 2

        def source(
            x: Tensor, y: Tensor, cx: float = cx, cy: float = cy
        ) -> tuple[Tensor, Tensor]:
            return cx + (x - cx) / wide, cy + (y - cy) / tall

        # Only this eye moves: the other's pixels are put back afterwards.
        other = mask_of(labels, [white, iris, pupil]) & ~mask
        moved = warp(
            torch.where(other, torch.full_like(labels, schema.id_of("skin")), labels),
            parts=[white, iris, pupil],
            source=source,
            keep=_ids(schema, *_ABOVE_EYES),
        )
        # Below the lids lies skin, even where an ear or the wall is the nearest neighbour.
        bare = mask & _masks(moved, schema, "ear_left", "ear_right", "background")
        moved = moved.masked_fill(bare, schema.id_of("skin"))
        labels = torch.where(other, labels, moved)
    return _draw_irises(labels, schema, discs)


def bigger_eyes(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both eyes opened wider about their middles."""
    return _scale_eyes(labels, schema, wide=1.10, tall=1.25)


def smaller_eyes(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both eyes narrowed about their middles."""
    return _scale_eyes(labels, schema, wide=0.90, tall=0.78)


@dataclass(frozen=True, slots=True)
class _Disc:
    """An iris: middle and radius in pixels."""

    x: float
    y: float
    radius: float


def _irises(labels: Tensor, schema: PartSchema) -> list[_Disc]:
    """Return the discs of the left and right iris, parts hidden by lids included."""
    iris_id, pupil_id = _ids(schema, "iris", "pupil")
    discs = []
    for mask in eye_masks(labels, schema):
        iris = mask & mask_of(labels, [iris_id, pupil_id])
        if not iris.any():
            raise PaintingImpossibleError("an eye without iris")
        left, top, right, bottom = bounds(iris)
        # Lids hide the disc's top and bottom, so its longer side measures it best.
        radius = max(right - left + 1, bottom - top + 1) / 2
        pupil = iris & (labels == pupil_id)
        if pupil.any():
            _, top, _, bottom = bounds(pupil)
        discs.append(_Disc((left + right) / 2, (top + bottom) / 2, radius))
    return discs


def _draw_irises(labels: Tensor, schema: PartSchema, discs: list[_Disc]) -> Tensor:
    """Return the map with the eyes white but for these irises, clipped by the lids."""
    white, iris_id, pupil_id = _ids(schema, *_EYES)
    painted = labels.clone()
    ys, xs = torch.meshgrid(
        torch.arange(labels.shape[0], device=labels.device).float(),
        torch.arange(labels.shape[1], device=labels.device).float(),
        indexing="ij",
    )
    for mask, disc in zip(eye_masks(labels, schema), discs, strict=True):
        distance = ((xs - disc.x) ** 2 + (ys - disc.y) ** 2).sqrt()
        painted[mask] = white
        painted[mask & (distance <= disc.radius)] = iris_id
        painted[mask & (distance <= 0.54 * disc.radius)] = pupil_id
    return painted


def _redraw_irises(
    labels: Tensor, schema: PartSchema, *, move: float = 0, grow_by: float = 1
) -> Tensor:
    """Return the map with irises moved right by `move` radii and enlarged."""
    return _draw_irises(
        labels,
        schema,
        [
            _Disc(disc.x + move * disc.radius, disc.y, disc.radius * grow_by)
            for disc in _irises(labels, schema)
        ],
    )


def bigger_irises(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with irises and pupils enlarged inside the same lids."""
    return _redraw_irises(labels, schema, grow_by=1.25)


def gaze_left(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both eyes looking toward the left of the picture."""
    return _redraw_irises(labels, schema, move=-0.6)


def gaze_right(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both eyes looking toward the right of the picture."""
    return _redraw_irises(labels, schema, move=0.6)


def _move_brows(labels: Tensor, schema: PartSchema, by: float) -> Tensor:
    _required(labels, schema, *_BROWS)
    dy = round(by * find_frame(labels, schema).unit)
    return warp(
        labels,
        parts=_ids(schema, *_BROWS),
        source=lambda x, y: (x, y - dy),
        keep=_ids(schema, "glasses", "headwear", *_EYES),
    )


def raised_brows(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both brows moved up."""
    return _move_brows(labels, schema, -0.065)


def lowered_brows(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both brows moved down, toward the eyes."""
    return _move_brows(labels, schema, 0.045)


def thick_brows(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with both brows about half as thick again."""
    _required(labels, schema, *_BROWS)
    painted = labels.clone()
    free = mask_of(labels, _ids(schema, "skin", "hair"))
    for part in _ids(schema, *_BROWS):
        mask = labels == part
        for x in mask.any(dim=0).nonzero().flatten().tolist():
            rows = mask[:, x].nonzero().flatten().tolist()
            extra = max(1, round(0.5 * len(rows)))
            # Half above, half below, the odd pixel above.
            for y in range(rows[0] - (extra + 1) // 2, rows[-1] + extra // 2 + 1):
                if 0 <= y < labels.shape[0] and free[y, x]:
                    painted[y, x] = part
    return painted


def wink(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the eye on the left of the picture closed."""
    closing, _ = eye_masks(labels, schema)
    return labels.masked_fill(closing, schema.id_of("skin"))


# --- nose ------------------------------------------------------------------------------


def _scale_nose(labels: Tensor, schema: PartSchema, *, wide: float, tall: float) -> Tensor:
    """Return the map with the nose scaled about its ridge, its base almost where it was."""
    left, top, right, bottom = bounds(_required(labels, schema, "nose"))
    cx, cy = (left + right) / 2, bottom - 0.28 * (bottom - top)
    return warp(
        labels,
        parts=_ids(schema, "nose"),
        source=lambda x, y: (cx + (x - cx) / wide, cy + (y - cy) / tall),
        keep=_ids(schema, "glasses", *_EYES, *_MOUTH),
    )


def wider_nose(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the nose widened about its ridge."""
    return _scale_nose(labels, schema, wide=1.4, tall=1.0)


def narrower_nose(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the nose narrowed about its ridge."""
    return _scale_nose(labels, schema, wide=0.68, tall=1.0)


def bigger_nose(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a longer and wider nose."""
    return _scale_nose(labels, schema, wide=1.22, tall=1.28)


def smaller_nose(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a shorter and narrower nose."""
    return _scale_nose(labels, schema, wide=0.78, tall=0.70)


# --- face and ears ---------------------------------------------------------------------


def _scale_face(labels: Tensor, schema: PartSchema, *, wide: float) -> Tensor:
    """Return the map with the face's outline and the ears moved out or in."""
    frame = find_frame(labels, schema)
    (left, _), (right, _) = frame.eyes
    cx = (left + right) / 2 + frame.shift * frame.unit
    moving = ("skin", "ear_left", "ear_right", "beard")
    behind = ("background", "hair", "neck", "clothing")
    others = {part.name for part in schema.parts}.difference(moving, behind)
    features = _ids(schema, *sorted(others))
    moved = warp(
        labels,
        parts=_ids(schema, *moving),
        source=lambda x, y: (cx + (x - cx) / wide, y),
        keep=features,
    )
    # What opens up between the features is skin, not more of them.
    spread = mask_of(moved, features) & ~mask_of(labels, features)
    return moved.masked_fill(spread, schema.id_of("skin"))


def slimmer_face(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a narrower face."""
    return _scale_face(labels, schema, wide=0.90)


def rounder_face(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a wider face."""
    return _scale_face(labels, schema, wide=1.13)


def _scale_ears(labels: Tensor, schema: PartSchema, by: float) -> Tensor:
    """Return the map with the ears scaled about where they meet the head."""
    _required(labels, schema, "ear_left", "ear_right")
    for part, is_left in zip(_ids(schema, "ear_left", "ear_right"), (True, False), strict=True):
        mask = labels == part
        if int(mask.sum()) < 4:
            continue
        left, top, right, bottom = bounds(mask)
        cx, cy = float(right if is_left else left), (top + bottom) / 2

        def source(
            x: Tensor, y: Tensor, cx: float = cx, cy: float = cy
        ) -> tuple[Tensor, Tensor]:
            return cx + (x - cx) / by, cy + (y - cy) / by

        labels = warp(
            labels,
            parts=[part],
            source=source,
            keep=_ids(schema, "skin", "glasses", "headwear", "earrings", "beard", *_EYES),
        )
    return labels


def bigger_ears(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with larger ears."""
    return _scale_ears(labels, schema, 1.4)


def smaller_ears(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with smaller ears."""
    return _scale_ears(labels, schema, 0.68)


# --- hair ------------------------------------------------------------------------------


def _brow_line(labels: Tensor, schema: PartSchema, frame: Frame) -> float:
    """Return the height of the brows' upper edge in head units."""
    brows = _masks(labels, schema, *_BROWS)
    return float(frame.v[brows].min()) if brows.any() else -0.27


def _head_top(labels: Tensor, schema: PartSchema, frame: Frame) -> float:
    head = _masks(labels, schema, "hair", "skin") & ((frame.u - frame.shift).abs() < 0.12)
    return float(frame.v[head].min())


def longer_hair(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with hair hanging down to the shoulders on both sides of the face.

    Raises:
        PaintingImpossibleError: no hair shows that could be longer.
    """
    _required(labels, schema, "hair")
    frame = find_frame(labels, schema)
    u, v, a = (frame.u - frame.shift).abs(), frame.v, frame.face_a
    top = min(_head_top(labels, schema, frame), -0.62)
    widest = a + 0.10
    # An outline as of a straight cut: round above the eyes, flaring below them.
    rise = ((v + 0.12) / (top + 0.12)).clamp(0, 1)
    half = widest * (1 - rise**2.4).clamp(min=0) ** (1 / 2.4)
    half = torch.where(v > -0.12, widest + 0.16 * (v + 0.12), half)
    outline = (u < half) & (v > top) & (v < 0.92)
    locks = outline & (u > 0.87 * a)
    # Between the old outline and the new there is hair now, not wall.
    locks |= outline & (v < -0.1) & (labels == schema.id_of("background"))
    # Below the chin the locks hang closer to the neck than the cheeks are wide.
    locks |= outline & (v > 0.52) & (u > 0.33)
    over = ("background", "skin", "neck", "clothing", "ear_left", "ear_right")
    return _paint(labels, locks, schema.id_of("hair"), over=_ids(schema, *over))


def shorter_hair(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the hair cut off at the jaw, or at the ears if it ends there.

    Raises:
        PaintingImpossibleError: there is no hair below the ears.
    """
    hair = _required(labels, schema, "hair")
    frame = find_frame(labels, schema)
    u, v = (frame.u - frame.shift).abs(), frame.v
    end = float(v[hair].max())
    cut = 0.36 if end > 0.58 else 0.18
    hole = hair & (v > cut)
    if int(hole.sum()) < 6:
        raise PaintingImpossibleError("the hair is short already")
    neck_half, shoulder = 0.20, 0.68
    clothing = labels == schema.id_of("clothing")
    if clothing.any():
        shoulder = float(v[clothing].min())
    line = shoulder + 0.42 * (u - 0.12).clamp(min=0) ** 1.6
    skin = grow(_masks(labels, schema, "skin", "beard"), radius=1) & (v < 0.5)
    fill = torch.full_like(labels, schema.id_of("background"))
    fill[(u < neck_half) & (v > 0.4)] = schema.id_of("neck")
    fill[skin & (u < 0.9 * frame.face_a)] = schema.id_of("skin")
    fill[v > line] = schema.id_of("clothing")
    return torch.where(hole, fill, labels)


def fringe(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with hair over the forehead, down to just above the brows.

    Raises:
        PaintingImpossibleError: there is no hair to comb down.
    """
    _required(labels, schema, "hair")
    frame = find_frame(labels, schema)
    u = frame.u - frame.shift
    low = _brow_line(labels, schema, frame) + 0.015
    edge = low + 0.022 * torch.cos(17 * u + 0.5)
    where = (frame.v < edge) & (u.abs() < 1.1 * frame.face_a)
    return _paint(labels, where, schema.id_of("hair"), over=_ids(schema, "skin"))


def bare_forehead(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the hairline drawn back from the forehead."""
    hair = _required(labels, schema, "hair")
    frame = find_frame(labels, schema)
    u, a = (frame.u - frame.shift).abs(), frame.face_a
    line = -0.50 + 0.30 * (u / a) ** 2.2
    inside = (frame.v > line) & (u < 0.86 * a) & (frame.v < 0.1)
    return _paint(labels, inside & hair, schema.id_of("skin"), over=_ids(schema, "hair"))


def more_volume(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the hair standing out further all around the head."""
    hair = _required(labels, schema, "hair")
    frame = find_frame(labels, schema)
    reach = max(1, round(0.055 * frame.unit))
    where = grow(hair, radius=reach) & (frame.v < 0.3)
    return _paint(labels, where, schema.id_of("hair"), over=_ids(schema, "background"))


def bun(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a bun on top of the head.

    Raises:
        PaintingImpossibleError: no hair shows, or something is worn over it.
    """
    _required(labels, schema, "hair")
    if _masks(labels, schema, "headwear").any():
        raise PaintingImpossibleError("the head is covered")
    frame = find_frame(labels, schema)
    top = _head_top(labels, schema, frame)
    u, v = frame.u - frame.shift, frame.v - top - 0.02
    knot = (u / 0.20) ** 2 + (v / 0.16) ** 2 < 1
    return _paint(labels, knot, schema.id_of("hair"), over=_ids(schema, "background"))


# --- beard -----------------------------------------------------------------------------


def beard(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a full beard from ear to ear, over lip and chin."""
    frame = find_frame(labels, schema)
    u, v = (frame.u - frame.shift).abs(), frame.v
    t = (u / frame.face_a).clamp(0, 1)
    edge = 0.222 + 0.32 * t * (1 - t) - 0.37 * t**4
    face = _masks(labels, schema, "skin", "beard", "nose", *_MOUTH, *_EYES)
    reach = max(1, round(0.06 * frame.unit))
    around = face | (grow(face, radius=reach) & (v > 0.2))
    return _paint(
        labels,
        around & (v > edge) & (v < 0.75),
        schema.id_of("beard"),
        over=_ids(schema, "skin", "neck", "background", "clothing"),
    )


def goatee(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a short beard around mouth and chin only."""
    mouth = _required(labels, schema, *_MOUTH)
    frame = find_frame(labels, schema)
    face = _masks(labels, schema, "skin", *_MOUTH)
    center = float(frame.u[mouth].mean())
    u, v = (frame.u - center).abs(), frame.v
    chin = float(v[face & (u < 0.05)].max())
    low = chin + 0.04
    high = float(v[mouth].min()) - 0.06
    half, corner = 0.20, 0.13
    qx = u - half + corner
    qy = (v - (low + high) / 2).abs() - (low - high) / 2 + corner
    distance = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2).sqrt() - corner
    return _paint(
        labels,
        (distance < 0) & (qx < corner) & (qy < corner),
        schema.id_of("beard"),
        over=_ids(schema, "skin", "neck", "background", "clothing"),
    )


def moustache(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a moustache over the upper lip.

    Raises:
        PaintingImpossibleError: there is a beard already.
    """
    if _masks(labels, schema, "beard").any():
        raise PaintingImpossibleError("there is a beard already")
    mouth = _required(labels, schema, *_MOUTH)
    frame = find_frame(labels, schema)
    center = float(frame.u[mouth].mean())
    top = float(frame.v[mouth & ((frame.u - center).abs() < 0.08)].min())
    t = (frame.u - center).abs() / 0.205
    middle = top - 0.054 + 0.050 * t**2 - 0.040 * t**4
    thick = 0.050 * (1 - t**2.6).clamp(min=0)
    where = ((frame.v - middle).abs() < thick) & (t < 1)
    over = _ids(schema, "skin", "nose", "upper_lip")
    return _paint(labels, where, schema.id_of("beard"), over=over)


def remove_beard(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map shaved: skin where the face is, neck and background below it.

    Raises:
        PaintingImpossibleError: there is no beard.
    """
    hairy = _required(labels, schema, "beard")
    frame = find_frame(labels, schema)
    behind = _masks(labels, schema, "background", "neck", "clothing", "ear_left", "ear_right")
    # A beard overhangs the face by its own thickness; that rim goes back to what is behind.
    rim = hairy & grow(behind, radius=max(1, round(0.06 * frame.unit))) & (frame.v > 0.1)
    shaved = labels.masked_fill(hairy, schema.id_of("skin"))
    return torch.where(rim, _fill_from(labels, rim=rim, source=behind), shaved)


def _fill_from(labels: Tensor, *, rim: Tensor, source: Tensor) -> Tensor:
    """Return the map with `rim` filled by growing the labels of `source` alone."""
    filled, known = labels.clone(), source.clone()
    todo = rim.clone()
    while todo.any():
        before = int(todo.sum())
        # Sideways first: neck beside neck and background beside background.
        for dx, dy in ((1, 0), (-1, 0), (0, -1), (0, 1)):
            from_there = shifted(known.to(torch.uint8), dx=dx, dy=dy).bool() & todo
            filled = torch.where(from_there, shifted(filled, dx=dx, dy=dy), filled)
            known |= from_there
            todo &= ~from_there
        if int(todo.sum()) == before:
            break
    return filled


# --- worn ------------------------------------------------------------------------------


def _without_glasses(labels: Tensor, schema: PartSchema) -> Tensor:
    return heal(labels, _masks(labels, schema, "glasses"))


def _glasses(labels: Tensor, schema: PartSchema, *, is_square: bool) -> Tensor:
    labels = _without_glasses(labels, schema)
    frame = find_frame(labels, schema)
    # The nose's bridge lies between the eyes, wherever the face has turned.
    u, v = frame.u, frame.v
    w = u.abs() - 0.242
    if is_square:
        qx, qy = w.abs() - 0.200 + 0.06, v.abs() - 0.160 + 0.06
        lens = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2).sqrt()
        lens = lens + torch.maximum(qx, qy).clamp(max=0) - 0.06
    else:
        lens = (w**2 + v**2).sqrt() - 0.198
    rim = lens.abs() < 0.026
    bridge = (u.abs() < 0.06) & ((v + 0.05).abs() < 0.026)
    temple = ((v + 0.045).abs() < 0.024) & (lens > 0) & (w > 0)
    temple &= (u - frame.shift).abs() < frame.face_a + 0.01
    hidden = _ids(schema, "headwear", "background")
    where = (rim | bridge | temple) & ~mask_of(labels, hidden)
    return torch.where(where, torch.full_like(labels, schema.id_of("glasses")), labels)


def round_glasses(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with round glasses, in place of any others."""
    return _glasses(labels, schema, is_square=False)


def square_glasses(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with square glasses, in place of any others."""
    return _glasses(labels, schema, is_square=True)


def remove_glasses(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map without glasses, what lay beneath them filled in.

    Raises:
        PaintingImpossibleError: there are none.
    """
    _required(labels, schema, "glasses")
    return _without_glasses(labels, schema)


def hoops(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with ring-shaped earrings below the ears that show.

    Raises:
        PaintingImpossibleError: no ear shows, or it wears something already.
    """
    if _masks(labels, schema, "earrings").any():
        raise PaintingImpossibleError("there are earrings already")
    if not _ids(schema, "earrings"):
        raise PaintingImpossibleError("the bundle was made before there were earrings")
    _required(labels, schema, "ear_left", "ear_right")
    frame = find_frame(labels, schema)
    painted = labels
    for part in _ids(schema, "ear_left", "ear_right"):
        ear = labels == part
        if int(ear.sum()) < 4:
            continue
        lobe = float(frame.v[ear].max())
        # The ring hangs where the ear meets the head.
        middle = float(frame.u[ear].mean())
        u = frame.u - (middle - math.copysign(0.018, middle))
        v = frame.v - lobe - 0.07
        ring = (((u / 0.078) ** 2 + (v / 0.100) ** 2).sqrt() - 1).abs() * 0.088 < 0.024
        over = ("background", "hair", "ear_left", "ear_right", "neck", "clothing")
        painted = _paint(painted, ring, schema.id_of("earrings"), over=_ids(schema, *over))
    return painted


def remove_earrings(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map without earrings, what lay beneath them filled in.

    Raises:
        PaintingImpossibleError: there are none.
    """
    return heal(labels, _required(labels, schema, "earrings"))


def beanie(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with a knitted cap: dome, folded brim and pompom.

    Raises:
        PaintingImpossibleError: the head wears something already.
    """
    if _masks(labels, schema, "headwear").any():
        raise PaintingImpossibleError("the head is covered already")
    frame = find_frame(labels, schema)
    u, v, a = frame.u - frame.shift, frame.v + 0.04, frame.face_a
    arc = 0.10 * (u / a) ** 2
    dome = ((u / (a + 0.075)) ** 2 + ((v + 0.22) / 0.54) ** 2 < 1) & (v + 0.36 - arc < 0)
    brim = (u.abs() < a + 0.075) & ((v + 0.405 - arc).abs() < 0.09)
    pompom = (u / 0.125) ** 2 + ((v + 0.79) / 0.11) ** 2 < 1
    # Hair above the brim is under the cap now; what stuck out beside it is gone.
    tucked = (labels == schema.id_of("hair")) & (v < -0.36)
    painted = torch.where(tucked, torch.full_like(labels, schema.id_of("background")), labels)
    cap = dome | brim | pompom
    return torch.where(cap, torch.full_like(labels, schema.id_of("headwear")), painted)


_RULES: tuple[Callable[[Tensor, PartSchema], Tensor], ...] = (
    smile,
    frown,
    open_mouth,
    closed_mouth,
    fuller_lips,
    thinner_lips,
    wink,
    bigger_eyes,
    smaller_eyes,
    bigger_irises,
    gaze_left,
    gaze_right,
    raised_brows,
    lowered_brows,
    thick_brows,
    wider_nose,
    narrower_nose,
    bigger_nose,
    smaller_nose,
    slimmer_face,
    rounder_face,
    bigger_ears,
    smaller_ears,
    longer_hair,
    shorter_hair,
    fringe,
    bare_forehead,
    more_volume,
    bun,
    beard,
    goatee,
    moustache,
    remove_beard,
    round_glasses,
    square_glasses,
    remove_glasses,
    hoops,
    remove_earrings,
    beanie,
)

PAINTING_RULES: Mapping[str, PaintingRule] = MappingProxyType(
    {rule.__name__: rule for rule in _RULES}
)

MEANINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bun": ("hair_style", "bun"),
        "beard": ("beard", "full"),
        "goatee": ("beard", "goatee"),
        "moustache": ("beard", "moustache"),
        "remove_beard": ("beard", "none"),
        "round_glasses": ("glasses", "round"),
        "square_glasses": ("glasses", "square"),
        "remove_glasses": ("glasses", "none"),
        "hoops": ("earrings", "hoops"),
        "remove_earrings": ("earrings", "none"),
        "beanie": ("headwear", "beanie"),
    }
)
