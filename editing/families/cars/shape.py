"""Which solid is a car? Its dimensions from the factors, and its signed distance field.

The car points to -x, z is up and 0 on the ground, y is across with the near side at
negative y. Units are metres. The body is two rounded solids, each an outline seen from the
side cut by a width: the lower body under the belt line, and the cabin above it. Everything
is mirrored in y.

Shapes: M points; one car at a time, its dimensions plain numbers.
Source: smooth maximum and minimum after Quilez, "Smooth minimum" (polynomial form).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from editing.families.cars.factors import BODIES, GRILLES, SPOKES, SURROUNDINGS

# Per body: half length, roof height, windshield foot, roof front, roof rear, tail foot (x),
# belt height, nose height, tail height, hood bulge.
_BODY = {
    "hatchback": (1.92, 1.46, -0.95, -0.28, 1.15, 1.78, 0.88, 0.70, 0.86, 0.5),
    "saloon": (2.22, 1.40, -0.98, -0.22, 0.85, 1.52, 0.88, 0.70, 0.86, 0.5),
    "wagon": (2.22, 1.45, -1.02, -0.28, 1.72, 2.10, 0.88, 0.70, 0.86, 0.5),
    "coupe": (2.15, 1.26, -0.72, 0.02, 0.60, 1.70, 0.82, 0.62, 0.80, 0.6),
    "pickup": (2.38, 1.66, -0.98, -0.50, 0.38, 0.58, 1.02, 0.90, 1.02, 0.3),
    "van": (2.05, 1.84, -1.36, -0.80, 1.76, 1.98, 0.98, 0.74, 0.98, 0.7),
}
SPOKE_COUNT = {"four": 4, "five": 5, "six": 6}


@dataclass(frozen=True, slots=True)
class Car:
    """The dimensions of one car in metres, and its colours' factors under `p`."""

    p: Mapping[str, float]
    body: str
    is_open: bool
    half_length: float
    half_width: float
    roof: float
    x_foot: float  # where the windshield meets the hood
    x_front: float  # where it meets the roof
    x_rear: float  # where the roof ends
    x_tail: float  # where the back windshield ends
    belt: float
    nose: float
    tail: float
    bulge: float
    low: float  # underside of the body
    wheel: float  # outer radius
    rim: float
    x_wheel_front: float
    x_wheel_back: float
    corner: float  # rounding of edges
    num_spokes: int
    grille: str
    surroundings: str
    has_four_doors: bool

    @property
    def x_pillar(self) -> float:
        """Return where the pillar between front and back window stands."""
        middle = 0.5 * (self.x_front + self.x_rear)
        if self.body == "pickup":
            return self.x_rear - 0.08
        if not self.has_four_doors:
            return min(self.x_rear - 0.15, middle + 0.30)
        return middle - (0.15 if self.body in ("wagon", "van") else 0.0)

    @property
    def y_wheel(self) -> float:
        """Return how far the middle of a tyre lies from the car's middle plane."""
        return self.half_width - 0.12


def car_of(p: Mapping[str, float]) -> Car:
    """Return the car that the factors in natural units describe."""
    body = BODIES[round(p["body"])]
    half, roof, foot, front, rear, tail, belt, nose, end, bulge = _BODY[body]
    # Shorter than real cars, on larger wheels: at 128 px spokes and handles are then more than
    # a pixel wide, and can be labelled, painted and learned.
    stretch = 0.84 * (1 + 0.06 * p["length"])
    wheel = 0.405 + 0.065 * p["wheel_size"]
    wheel += {"pickup": 0.03, "coupe": -0.01}.get(body, 0.0)
    lift = 0.05 * p["clearance"] + 0.7 * (wheel - 0.335)
    hood = 0.12 * p["hood_length"]
    roof = roof + 0.04 + 0.06 * p["height"] + lift
    # Never so low that a wheel would stand out of hood, flank or trunk.
    over_wheel = 2 * wheel + 0.17
    belt = max(belt + 0.045 * p["belt"] + lift, over_wheel + 0.03)
    foot, front = foot + hood, front + hood + 0.13 * p["windshield_rake"]
    rear = rear - 0.14 * p["tail_rake"]
    half, foot, front, rear, tail = (v * stretch for v in (half, foot, front, rear, tail))
    base = 0.06 * p["wheelbase"]
    return Car(
        p=p,
        body=body,
        is_open=round(p["roof"]) == 1,
        half_length=half,
        half_width=0.90 if body not in ("van", "pickup") else 0.94,
        roof=roof,
        x_foot=foot,
        x_front=max(front, foot + 0.25),
        x_rear=rear,
        x_tail=tail,
        belt=belt,
        nose=max(nose + 0.05 * p["hood_height"] + lift, over_wheel),
        tail=max(end + 0.03 * p["belt"] + lift, over_wheel + 0.02),
        bulge=bulge,
        low=0.22 + lift,
        wheel=wheel,
        rim=wheel * (0.70 + 0.08 * p["rim_size"]),
        x_wheel_front=-half + 0.76 - base,
        x_wheel_back=half - 0.74 + base + (0.0 if body != "coupe" else -0.02),
        corner=0.08 + 0.12 * p["roundness"],
        num_spokes=SPOKE_COUNT[SPOKES[round(p["spokes"])]],
        grille=GRILLES[round(p["grille"])],
        surroundings=SURROUNDINGS[round(p["surroundings"])],
        has_four_doors=round(p["four_doors"]) == 1 and body != "pickup",
    )


def smooth_max(a: Tensor, b: Tensor | float, k: float) -> Tensor:
    """Return the maximum, rounded where both lie within `k` of each other."""
    gap = (k - (a - b).abs()).clamp(min=0)
    b = torch.as_tensor(b, dtype=a.dtype)
    return torch.maximum(a, b) + gap * gap / (4 * k)


def smooth_min(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Return the minimum, rounded where both lie within `k` of each other."""
    gap = (k - (a - b).abs()).clamp(min=0)
    return torch.minimum(a, b) - gap * gap / (4 * k)


def top_line(car: Car, x: Tensor) -> Tensor:
    """Return the height of the lower body's upper edge at `x`."""
    forward = ((car.x_foot - x) / (car.x_foot + car.half_length)).clamp(0, 1.2)
    back = ((x - car.x_tail) / max(car.half_length - car.x_tail, 0.2)).clamp(0, 1.2)
    hood = (car.belt - car.nose) * (forward * (1 - car.bulge) + car.bulge * forward**3)
    return car.belt - hood - (car.belt - car.tail + 0.05) * back * back


def half_width_at(car: Car, x: Tensor, z: Tensor) -> Tensor:
    """Return half the width of the lower body: narrower at both ends, bulging midway up."""
    u = x / car.half_length
    u4 = (u * u) ** 2
    return car.half_width * (1 - 0.10 * u4) - 0.16 * (z - (car.low + 0.32)) ** 2


def front_plane(car: Car, x: Tensor, z: Tensor) -> Tensor:
    """Return the distance in front of the windshield's plane."""
    dx, dz = car.x_front - car.x_foot, car.roof - car.belt
    norm = (dx * dx + dz * dz) ** 0.5
    return (-dz * (x - car.x_foot) + dx * (z - car.belt)) / norm


def rear_plane(car: Car, x: Tensor, z: Tensor) -> Tensor:
    """Return the distance behind the back windshield's plane."""
    dx, dz = car.x_tail - car.x_rear, car.roof - car.belt
    norm = (dx * dx + dz * dz) ** 0.5
    return (dz * (x - car.x_tail) + dx * (z - car.belt)) / norm


def roof_line(car: Car, x: Tensor) -> Tensor:
    """Return the height of the roof at `x`, slightly arched."""
    middle, half = 0.5 * (car.x_front + car.x_rear), 0.5 * (car.x_rear - car.x_front) + 0.3
    return car.roof - 0.05 * ((x - middle) / half) ** 2


def cabin_side(car: Car, y: Tensor, z: Tensor) -> Tensor:
    """Return the distance outside the cabin's side, which leans inward."""
    lean = 0.14 if car.body in ("van", "pickup") else 0.30
    return y.abs() - (car.half_width - 0.07 - lean * (z - car.belt))


def lower_body(car: Car, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return the distance (M,) to the body below the belt line, arches cut out."""
    k = car.corner
    lean = 0.10 * (z - car.low - 0.25).clamp(min=0)
    ends = smooth_max(-(x + car.half_length) + lean * 1.6, x - car.half_length + lean, k)
    d = smooth_max((z - top_line(car, x)) * 0.96, car.low - z, k)
    d = smooth_max(d, ends, k)
    d = smooth_max(d, y.abs() - half_width_at(car, x, z), k)
    radius = car.wheel + 0.055
    arch = torch.minimum(
        (x - car.x_wheel_front) ** 2, (x - car.x_wheel_back) ** 2
    ) + (z - car.wheel) ** 2  # fmt: skip
    arch = (arch + 1e-6).sqrt() - radius
    # A tunnel under the fender, not through the car.
    depth = 0.24 if car.is_open or car.body == "pickup" else 0.34
    arch = torch.maximum(arch, (car.half_width - depth) - y.abs())
    d = torch.maximum(d, -arch)
    if car.is_open or car.body == "pickup":
        d = torch.maximum(d, -cavity(car, x, y, z))
    return d


def cavity(car: Car, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return the distance to the box cut from the body: seats' well or load bed."""
    if car.is_open:
        start, stop, floor = car.x_foot + 0.35, car.x_tail - 0.28, car.belt - 0.34
    else:
        start, stop, floor = car.x_tail + 0.10, car.half_length - 0.10, car.belt - 0.36
    along = (x - 0.5 * (start + stop)).abs() - 0.5 * (stop - start)
    d = torch.maximum(along, y.abs() - (car.half_width - 0.25))
    return torch.maximum(d, floor - z)


def cabin(car: Car, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return the distance (M,) to the cabin; of an open car, to windshield and seats."""
    k = 0.5 * car.corner + 0.02
    front, side = front_plane(car, x, z), cabin_side(car, y, z)
    if car.is_open:
        glass = torch.maximum(front, -front - 0.06)
        glass = torch.maximum(glass, z - (car.roof - 0.10))
        glass = smooth_max(glass, side, 0.05)
        return torch.minimum(torch.maximum(glass, car.belt - 0.1 - z), _seats(car, x, y, z))
    d = smooth_max(front, rear_plane(car, x, z), k)
    d = smooth_max(d, z - roof_line(car, x), k)
    d = smooth_max(d, side, k)
    return torch.maximum(d, car.belt - 0.12 - z)


def _seats(car: Car, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return the distance to two seat backs with their headrests."""
    lean = 0.22 * (z - car.belt)
    middle = car.x_front + 0.62 if not car.has_four_doors else car.x_front + 0.55
    dx = (x - middle - lean).abs() - 0.07
    dy = (y.abs() - 0.38).abs() - 0.21
    dz = (z - (car.belt - 0.02)).abs() - 0.24
    out = (dx.clamp(min=0) ** 2 + dy.clamp(min=0) ** 2 + dz.clamp(min=0) ** 2 + 1e-9).sqrt()
    return out + torch.maximum(torch.maximum(dx, dy), dz).clamp(max=0) - 0.05


def wheels(car: Car, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return the distance (M,) to the four tyres, rims included, as plain cylinders."""
    dx2 = torch.minimum((x - car.x_wheel_front) ** 2, (x - car.x_wheel_back) ** 2)
    round_ = (dx2 + (z - car.wheel) ** 2 + 1e-6).sqrt() - car.wheel
    return smooth_max(round_, (y.abs() - car.y_wheel).abs() - 0.11, 0.05)


def mirrors(car: Car, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return the distance (M,) to the two mirrors, first-order like an ellipsoid's."""
    dx = (x - (car.x_foot + 0.36)) / 0.15
    dy = (y.abs() - (car.half_width + 0.07)) / 0.17
    dz = (z - (car.belt + 0.15)) / 0.14
    return ((dx * dx + dy * dy + dz * dz + 1e-6).sqrt() - 1) * 0.14


def distance(car: Car, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return the signed distance (M,) of points to the whole car, a lower bound."""
    body = smooth_min(lower_body(car, x, y, z), cabin(car, x, y, z), 0.035)
    d = torch.minimum(body, wheels(car, x, y, z))
    if round(car.p["mirror"]) == 1:
        d = torch.minimum(d, mirrors(car, x, y, z))
    return d
