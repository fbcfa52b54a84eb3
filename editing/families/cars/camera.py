"""Where does a pixel look? The camera around the car, and where its rays meet the solid.

The camera circles the near side of the car, from a front to a rear three-quarter view.
Rays are marched by sphere tracing, all at once, only while they may still hit something.

Shapes: M rays or points as tuples of three (M,) tensors.
Source: Hart 1996, "Sphere tracing"; the coverage of a ray that narrowly misses is its
smallest distance in pixel footprints, which anti-aliases outlines for nothing.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from editing.families.cars import shape
from editing.families.cars.factors import VIEWS
from editing.families.cars.shape import Car

STEPS = 40
PRUNE_EVERY = 8
DISTANCE = 9.0
AIM = 0.60  # height looked at
VIEW_AZIMUTHS = {"front": 0.64, "side": 0.0, "back": -0.62}  # radians from the side view
TURN = 0.14  # radians to either side of a view

Vec = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Rays:
    """Where rays start (one point) and in which unit directions (S * S each) they go."""

    origin: tuple[float, float, float]
    direction: Vec
    pixel: float  # width of a pixel at distance 1
    size: int


def rays_of(car: Car, size: int) -> Rays:
    """Return one ray per pixel, row by row from the top left."""
    p = car.p
    azimuth = VIEW_AZIMUTHS[VIEWS[round(p["view"])]] + TURN * p["azimuth"]
    elevation = math.radians(7.0 + 8.0 * p["elevation"])
    sin, cos = math.sin(azimuth), math.cos(azimuth)
    # Towards the viewer; a positive azimuth shows the car's face.
    back = (-sin * math.cos(elevation), -cos * math.cos(elevation), math.sin(elevation))
    origin = (DISTANCE * back[0], DISTANCE * back[1], AIM + DISTANCE * back[2])
    right = (cos, -sin, 0.0)
    up = (
        right[1] * back[2] * -1.0,
        right[0] * back[2],
        right[1] * back[0] * 1.0 - right[0] * back[1],
    )
    u_middle, v_middle, half = _frame(car, origin, right, up, back)
    half *= 1.06 - 0.04 * p["zoom"]
    steps = ((torch.arange(size) + 0.5) * (2 / size) - 1) * half
    u = (u_middle + steps).view(1, -1).expand(size, size).reshape(-1)
    v = (v_middle - steps).view(-1, 1).expand(size, size).reshape(-1)
    parts = [right[i] * u + up[i] * v - back[i] for i in range(3)]
    length = (parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2).sqrt()
    direction = (parts[0] / length, parts[1] / length, parts[2] / length)
    return Rays(origin=origin, direction=direction, pixel=2 * half / size, size=size)


_Point = tuple[float, float, float]


def _frame(
    car: Car, origin: _Point, right: _Point, up: _Point, back: _Point
) -> tuple[float, float, float]:
    """Return the middle (u, v) and half extent of what the car fills at distance 1."""
    us, vs = [], []
    for x in (-car.half_length, car.half_length):
        for y in (-car.half_width, car.half_width):
            for z in (0.0, car.roof):
                d = (x - origin[0], y - origin[1], z - origin[2])
                depth = -sum(a * b for a, b in zip(d, back, strict=True))
                us.append(sum(a * b for a, b in zip(d, right, strict=True)) / depth)
                vs.append(sum(a * b for a, b in zip(d, up, strict=True)) / depth)
    # Corners of the box stand out further than the car, the more so in oblique views.
    half = max((max(us) - min(us)) / 2 * 0.97, (max(vs) - min(vs)) / 2 * 1.25)
    return (max(us) + min(us)) / 2, (max(vs) + min(vs)) / 2, half


def at(rays: Rays, index: Tensor, t: Tensor) -> Vec:
    """Return the points (M,) that lie `t` along the rays of `index`."""
    o, d = rays.origin, rays.direction
    return (o[0] + d[0][index] * t, o[1] + d[1][index] * t, o[2] + d[2][index] * t)


@dataclass(frozen=True, slots=True)
class Hits:
    """The rays that meet the car: their index, how far, and how much of the pixel."""

    index: Tensor
    t: Tensor
    cover: Tensor


def march(car: Car, rays: Rays) -> Hits:
    """Return where rays meet the car, with those that miss by less than a pixel."""
    index, t, end = _enter(car, rays)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    nearest = torch.full_like(t, 1e3)
    t_nearest = t.clone()
    for step in range(STEPS):
        d = shape.distance(car, *at(rays, index, t))
        footprint = d / (t * rays.pixel)
        closer = footprint < nearest
        nearest = torch.where(closer, footprint, nearest)
        t_nearest = torch.where(closer, t, t_nearest)
        t = t + (0.92 * d).clamp(min=0.0)
        if step % PRUNE_EVERY == PRUNE_EVERY - 1 or step == STEPS - 1:
            is_last = step == STEPS - 1
            over = (nearest < 0.04) | (t > end) | torch.full_like(t, is_last, dtype=torch.bool)
            seen = over & (nearest < 1.0)
            found.append((index[seen], t_nearest[seen], nearest[seen]))
            keep = ~over
            index, t, end = index[keep], t[keep], end[keep]
            nearest, t_nearest = nearest[keep], t_nearest[keep]
            if not len(index):
                break
    hit, t_hit, miss = (torch.cat(column) for column in zip(*found, strict=True))
    return Hits(index=hit, t=t_hit, cover=(1.0 - miss).clamp(0, 1) ** 0.8)


def _enter(car: Car, rays: Rays) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rays that enter the car's bounding box, where, and where they leave it."""
    low = (-car.half_length - 0.06, -car.half_width - 0.24, 0.0)
    high = (car.half_length + 0.06, car.half_width + 0.24, car.roof + 0.06)
    enter = torch.zeros_like(rays.direction[0])
    leave = torch.full_like(enter, 1e3)
    for axis in range(3):
        d = rays.direction[axis]
        d = torch.where(d.abs() < 1e-6, torch.full_like(d, 1e-6), d)
        one, two = (low[axis] - rays.origin[axis]) / d, (high[axis] - rays.origin[axis]) / d
        enter = torch.maximum(enter, torch.minimum(one, two))
        leave = torch.minimum(leave, torch.maximum(one, two))
    index = (enter < leave).nonzero().flatten()
    return index, enter[index], leave[index]


def normals(car: Car, point: Vec) -> Vec:
    """Return unit normals (M,) of the solid, by differences on a tetrahedron."""
    x, y, z = point
    h = 0.006
    total = [torch.zeros_like(x) for _ in range(3)]
    for sx, sy, sz in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        d = shape.distance(car, x + sx * h, y + sy * h, z + sz * h)
        for axis, sign in enumerate((sx, sy, sz)):
            total[axis] += sign * d
    length = (total[0] ** 2 + total[1] ** 2 + total[2] ** 2 + 1e-12).sqrt()
    return (total[0] / length, total[1] / length, total[2] / length)
