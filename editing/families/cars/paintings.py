"""Painting rules: label maps of cars, edited as a user would paint them.

Each rule takes a label map uint8 (H, W) and the part schema and returns the painted map:
parts scaled, turned, moved, erased or redrawn, nothing else. Rules know no factors and no
picture. They stay within what the cars' renderer can draw, so that an edit vector learned
from one of them has something to follow.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
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
from editing.families.schema import PartSchema

_ENDS = ("front", "back")
_LIGHTS = ("light_left", "light_right")
_TAILLIGHTS = ("taillight_left", "taillight_right")
_WINDOWS = ("window_front", "window_back")
_GLASS = (*_WINDOWS, "windshield_front", "windshield_back")
_WHEELS = tuple(f"{part}_{end}" for end in _ENDS for part in ("wheel", "hub", "spoke"))
_SHEET_METAL = ("body", "hood", "trunk", "door_front", "door_back")
_BUMPERS = ("bumper_front", "bumper_back")
# How long a cabin, mirror included, is in cars: at most 0.50 of a pick-up, 0.50 to 0.76 of
# those that come open, at least 0.75 of a van (5th and 95th percentiles of 400 closed renders).
_CABIN_SHARES = (0.485, 0.735)


def _ids(schema: PartSchema, *names: str) -> list[int]:
    return [schema.id_of(name) for name in names]


def _masks(labels: Tensor, schema: PartSchema, *names: str) -> Tensor:
    return mask_of(labels, _ids(schema, *names))


def _required(labels: Tensor, schema: PartSchema, *names: str, pixels: int = 1) -> Tensor:
    mask = _masks(labels, schema, *names)
    if int(mask.sum()) < pixels:
        raise PaintingImpossibleError(f"no {' or '.join(names)} to paint on")
    return mask


def _rows_and_columns(labels: Tensor) -> tuple[Tensor, Tensor]:
    height, width = labels.shape
    ys = torch.arange(height, device=labels.device).float().view(-1, 1)
    xs = torch.arange(width, device=labels.device).float().view(1, -1)
    return ys.expand(height, width), xs.expand(height, width)


def _scaled(
    labels: Tensor,
    schema: PartSchema,
    parts: list[int],
    *,
    wide: float,
    tall: float,
    anchor_y: float = 0.5,
    over: tuple[str, ...] | None = None,
) -> Tensor:
    """Return the map with `parts` scaled about their box's middle, or its `anchor_y`.

    With `over`, only pixels of these parts are painted over.
    """
    left, top, right, bottom = bounds(mask_of(labels, parts))
    cx, cy = (left + right) / 2, top + anchor_y * (bottom - top)
    painted = warp(
        labels,
        parts=parts,
        source=lambda x, y: (cx + (x - cx) / wide, cy + (y - cy) / tall),
    )
    if over is None:
        return painted
    mine = mask_of(labels, parts)
    return torch.where(mine | _masks(labels, schema, *over), painted, labels)


# --- wheels ----------------------------------------------------------------------------


def _scale_wheels(labels: Tensor, schema: PartSchema, *, by: float) -> Tensor:
    """Return the map with both wheels scaled, still standing where they stood."""
    _required(labels, schema, "wheel_front", "wheel_back", pixels=12)
    for end in _ENDS:
        parts = _ids(schema, f"wheel_{end}", f"hub_{end}", f"spoke_{end}")
        if mask_of(labels, parts).any():
            labels = _scaled(labels, schema, parts, wide=by, tall=by, anchor_y=1.0)
    return labels


def _scale_rims(labels: Tensor, schema: PartSchema, *, by: float) -> Tensor:
    """Return the map with hubs and spokes scaled inside wheels that keep their size."""
    _required(labels, schema, "hub_front", "hub_back", pixels=8)
    for end in _ENDS:
        parts = _ids(schema, f"hub_{end}", f"spoke_{end}")
        if mask_of(labels, parts).any():
            over = (f"wheel_{end}",)
            labels = _scaled(labels, schema, parts, wide=by, tall=by, over=over)
    return labels


def turned_spokes(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the spokes of both wheels turned by a twentieth of a round."""
    _required(labels, schema, "spoke_front", "spoke_back", pixels=8)
    turn = 2 * math.pi / 20
    for end in _ENDS:
        spokes = labels == schema.id_of(f"spoke_{end}")
        disc = _masks(labels, schema, f"hub_{end}", f"spoke_{end}")
        if not spokes.any():
            continue
        left, top, right, bottom = bounds(disc)
        cx, cy = (left + right) / 2, (top + bottom) / 2
        # Seen from the side, a wheel is an ellipse: turn in its own, round coordinates.
        a, b = max((right - left) / 2, 1.0), max((bottom - top) / 2, 1.0)
        ys, xs = _rows_and_columns(labels)
        u, v = (xs - cx) / a, (ys - cy) / b
        sx = (cx + a * (u * math.cos(turn) + v * math.sin(turn))).round().long()
        sy = (cy + b * (v * math.cos(turn) - u * math.sin(turn))).round().long()
        sx = sx.clamp(0, labels.shape[1] - 1)
        sy = sy.clamp(0, labels.shape[0] - 1)
        bare = torch.where(spokes, schema.id_of(f"hub_{end}"), labels.long()).to(labels.dtype)
        labels = torch.where(disc & spokes[sy, sx], schema.id_of(f"spoke_{end}"), bare)
        labels = labels.to(bare.dtype)
    return labels


def _spokes_grown(labels: Tensor, schema: PartSchema, *, thicker: bool) -> Tensor:
    """Return the map with spokes one pixel in 64 thicker, or a pixel thinner.

    Raises:
        PaintingImpossibleError: there are no spokes, or too little of them would be left.
    """
    spokes = _required(labels, schema, "spoke_front", "spoke_back", pixels=8)
    radius = max(1, round(labels.shape[0] / 128))
    painted = labels.clone()
    for end in _ENDS:
        spoke, hub = _ids(schema, f"spoke_{end}", f"hub_{end}")
        if thicker:
            painted[grow(labels == spoke, radius=radius) & (labels == hub)] = spoke
        else:
            # From one side alone: most spokes are two pixels wide, and one is to stay.
            gap = (labels == hub).to(torch.uint8)
            beside = (shifted(gap, dx=1, dy=0) | shifted(gap, dx=0, dy=1)) > 0
            painted[beside & (labels == spoke)] = hub
    if int(_masks(painted, schema, "spoke_front", "spoke_back").sum()) < 0.25 * spokes.sum():
        raise PaintingImpossibleError("the spokes are too thin to be thinner")
    return painted


# --- roof ------------------------------------------------------------------------------


def _cabin(labels: Tensor, schema: PartSchema) -> tuple[int, int, int, int]:
    """Return the bounds of roof and glass."""
    _required(labels, schema, "roof", pixels=12)
    _required(labels, schema, *_WINDOWS, pixels=12)
    return bounds(_masks(labels, schema, "roof", *_GLASS))


def no_roof(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map of the car opened: no roof, no side glass, seats above the doors.

    Raises:
        PaintingImpossibleError: there is no closed roof, or it is that of a van or a pick-up,
            which nobody knows open.
    """
    _, top, right, bottom = _cabin(labels, schema)
    car = bounds(labels != schema.id_of("background"))
    # From the side, the mirror hides where the cabin begins.
    start = bounds(_masks(labels, schema, "roof", *_GLASS, "mirror"))[0]
    share = (right - start) / (car[2] - car[0])
    if not _CABIN_SHARES[0] <= share <= _CABIN_SHARES[1]:
        raise PaintingImpossibleError("vans and pick-ups do not come without a roof")
    ys, _ = _rows_and_columns(labels)
    gone = _masks(labels, schema, "roof", *_WINDOWS, "windshield_back")
    # Pillars between the panes go too: body pixels enclosed by what was removed.
    level = top + 0.62 * (bottom - top)
    near = grow(gone, radius=max(2, round(labels.shape[0] / 24)))
    pillars = (labels == schema.id_of("body")) & near & (ys < level)
    gone |= pillars
    painted = labels.clone()
    painted[gone & (ys < level)] = schema.id_of("background")
    painted[gone & (ys >= level)] = schema.id_of("interior")
    return painted


def wagon_back(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the roof drawn out level to the car's end, glass below it.

    Raises:
        PaintingImpossibleError: the car shows no trunk behind its cabin.
    """
    _cabin(labels, schema)
    trunk = _required(labels, schema, "trunk", pixels=12)
    roof = labels == schema.id_of("roof")
    _, top, right, bottom = bounds(roof)
    end = bounds(trunk)[2]
    if end - right < 0.08 * labels.shape[1]:
        raise PaintingImpossibleError("the roof reaches the end of the car already")
    ys, xs = _rows_and_columns(labels)
    thickness = max(2.0, 0.4 * (bottom - top))
    # The roof sinks a little toward its end; the tailgate leans.
    roof_top = top + 0.10 * (bottom - top) + 0.06 * (xs - right).clamp(min=0)
    stop = end - 0.04 * labels.shape[1] - 0.25 * (bounds(trunk)[1] - ys).clamp(min=0)
    free = _masks(labels, schema, "background", "windshield_back", "trunk", "body", "roof")
    free &= ys < bounds(trunk)[1] + 0.45 * (bounds(trunk)[3] - bounds(trunk)[1])
    added = free & (xs > right - 0.02 * labels.shape[1]) & (xs < stop) & (ys > roof_top)
    painted = labels.clone()
    painted[added] = schema.id_of("window_back")
    painted[added & (ys < roof_top + thickness)] = schema.id_of("roof")
    frame = added & (xs > stop - 0.03 * labels.shape[1]) & (ys >= roof_top + thickness)
    painted[frame] = schema.id_of("body")
    return painted


def saloon_back(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the rear third of the cabin cut down to the level of the trunk.

    Raises:
        PaintingImpossibleError: the cabin ends well before the car does.
    """
    left, top, right, bottom = _cabin(labels, schema)
    car = labels != schema.id_of("background")
    end = bounds(car)[2]
    if end - bounds(labels == schema.id_of("roof"))[2] > 0.16 * labels.shape[1]:
        raise PaintingImpossibleError("this car has a saloon's back already")
    ys, xs = _rows_and_columns(labels)
    cut = right - 0.30 * (right - left)
    # The new back windshield slopes from the roof down to the trunk.
    slope = cut + 0.8 * (ys - top)
    level = bottom - 0.10 * (bottom - top)
    above = _masks(labels, schema, "roof", "window_back", "windshield_back", "body", "trunk")
    above &= ys < level
    painted = labels.clone()
    painted[above & (xs > slope)] = schema.id_of("background")
    glass = above & (xs <= slope) & (xs > slope - 0.05 * labels.shape[1])
    painted[glass & (ys > top + 0.18 * (bottom - top))] = schema.id_of("windshield_back")
    ledge = (xs > slope) & (ys >= level) & (ys < level + 0.05 * labels.shape[0])
    painted[ledge & _masks(labels, schema, *_GLASS, "body")] = schema.id_of("trunk")
    return painted


def _scale_roof(labels: Tensor, schema: PartSchema, *, by: float) -> Tensor:
    """Return the map with roof and glass scaled upward from the belt line."""
    _cabin(labels, schema)
    parts = _ids(schema, "roof", *_GLASS)
    over = ("background", "body")
    painted = _scaled(labels, schema, parts, wide=1.0, tall=by, anchor_y=1.0, over=over)
    # The old frame of the roof does not stay behind in the air above it.
    covered = _masks(painted, schema, "roof", *_GLASS)
    above = covered.any(dim=0) & (covered.cumsum(dim=0) == 0)
    painted[above & (painted == schema.id_of("body"))] = schema.id_of("background")
    return painted


def _scale_windows(labels: Tensor, schema: PartSchema, *, by: float) -> Tensor:
    """Return the map with the side windows scaled downward from the roof."""
    _required(labels, schema, *_WINDOWS, pixels=12)
    over = ("body", "door_front", "door_back")
    parts = _ids(schema, *_WINDOWS)
    return _scaled(labels, schema, parts, wide=1.0, tall=by, anchor_y=0.0, over=over)


def _move_cabin(labels: Tensor, schema: PartSchema, *, by: float) -> Tensor:
    """Return the map with roof and glass moved along the car by `by` of the width."""
    _cabin(labels, schema)
    dx = round(by * labels.shape[1])
    return warp(
        labels,
        parts=_ids(schema, "roof", *_GLASS),
        source=lambda x, y: (x - dx, y),
        keep=_ids(schema, "mirror"),
    )


# --- lights, grille, small parts -------------------------------------------------------


def _scale_each(
    labels: Tensor, schema: PartSchema, names: tuple[str, ...], *, wide: float, tall: float
) -> Tensor:
    """Return the map with each of the parts scaled on the sheet metal around it."""
    _required(labels, schema, *names, pixels=4)
    over = (*_SHEET_METAL, *_BUMPERS, "grille")
    for name in names:
        part = schema.id_of(name)
        if (labels == part).any():
            labels = _scaled(labels, schema, [part], wide=wide, tall=tall, over=over)
    return labels


def _without(labels: Tensor, schema: PartSchema, *, part: str) -> Tensor:
    """Return the map with a part replaced by what surrounds it."""
    mask = _required(labels, schema, part, pixels=3)
    return heal(labels, mask)


def _grille(labels: Tensor, schema: PartSchema, *, wide: float, tall: float) -> Tensor:
    """Return the map with the grille scaled between the lights."""
    _required(labels, schema, "grille", pixels=6)
    over = (*_SHEET_METAL, "bumper_front", "plate")
    parts = _ids(schema, "grille")
    return _scaled(labels, schema, parts, wide=wide, tall=tall, over=over)


def two_doors(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the rear door and its handle turned into body."""
    _required(labels, schema, "door_back", pixels=12)
    door = labels == schema.id_of("door_back")
    handle = labels == schema.id_of("handle")
    painted = labels.clone()
    painted[door] = schema.id_of("body")
    painted[handle & grow(door, radius=2)] = schema.id_of("body")
    return painted


# --- stance ----------------------------------------------------------------------------


def _move_body(labels: Tensor, schema: PartSchema, *, by: float) -> Tensor:
    """Return the map with everything but the wheels moved up by `by` of the height."""
    _required(labels, schema, "wheel_front", "wheel_back", pixels=12)
    dy = round(by * labels.shape[0]) or (1 if by > 0 else -1)
    background = schema.id_of("background")
    wheels = _ids(schema, *_WHEELS)
    body = [part.id for part in schema.parts if part.id not in (background, *wheels)]
    return warp(
        labels,
        parts=body,
        source=lambda x, y: (x, y + dy),
        keep=[*wheels],
    )


def higher_bumpers(labels: Tensor, schema: PartSchema) -> Tensor:
    """Return the map with the bumpers grown upward by about half."""
    _required(labels, schema, *_BUMPERS, pixels=8)
    over = _SHEET_METAL
    for name in _BUMPERS:
        part = schema.id_of(name)
        if (labels == part).any():
            labels = _scaled(
                labels, schema, [part], wide=1.0, tall=1.5, anchor_y=1.0, over=over
            )
    return labels


def _rule(
    function: Callable[..., Tensor], **arguments: object
) -> Callable[[Tensor, PartSchema], Tensor]:
    return partial(function, **arguments)


PAINTING_RULES: Mapping[str, PaintingRule] = MappingProxyType(
    {
        "bigger_wheels": _rule(_scale_wheels, by=1.12),
        "smaller_wheels": _rule(_scale_wheels, by=0.88),
        "bigger_rims": _rule(_scale_rims, by=1.16),
        "smaller_rims": _rule(_scale_rims, by=0.84),
        "turned_spokes": turned_spokes,
        "thicker_spokes": _rule(_spokes_grown, thicker=True),
        "thinner_spokes": _rule(_spokes_grown, thicker=False),
        "no_roof": no_roof,
        "wagon_back": wagon_back,
        "saloon_back": saloon_back,
        "taller_roof": _rule(_scale_roof, by=1.18),
        "lower_roof": _rule(_scale_roof, by=0.84),
        "larger_windows": _rule(_scale_windows, by=1.2),
        "smaller_windows": _rule(_scale_windows, by=0.8),
        "cabin_forward": _rule(_move_cabin, by=-0.035),
        "cabin_back": _rule(_move_cabin, by=0.035),
        "larger_lights": _rule(_scale_each, names=_LIGHTS, wide=1.35, tall=1.35),
        "smaller_lights": _rule(_scale_each, names=_LIGHTS, wide=0.75, tall=0.75),
        "slit_lights": _rule(_scale_each, names=_LIGHTS, wide=1.25, tall=0.6),
        "larger_taillights": _rule(_scale_each, names=_TAILLIGHTS, wide=1.3, tall=1.35),
        "smaller_taillights": _rule(_scale_each, names=_TAILLIGHTS, wide=0.75, tall=0.75),
        "larger_grille": _rule(_grille, wide=1.3, tall=1.3),
        "wide_grille": _rule(_grille, wide=1.5, tall=0.65),
        "tall_grille": _rule(_grille, wide=0.6, tall=1.6),
        "no_plate": _rule(_without, part="plate"),
        "no_mirror": _rule(_without, part="mirror"),
        "two_doors": two_doors,
        "raised_body": _rule(_move_body, by=0.022),
        "lowered_body": _rule(_move_body, by=-0.022),
        "higher_bumpers": higher_bumpers,
    }
)

MEANINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "no_roof": ("roof", "open"),
        "wagon_back": ("body", "wagon"),
        "saloon_back": ("body", "saloon"),
        "no_plate": ("plate", "no"),
        "no_mirror": ("mirror", "no"),
        "two_doors": ("four_doors", "no"),
    }
)
