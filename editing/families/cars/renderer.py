"""Car renderer: how a picture and its exact label map follow from the factors.

Rays are marched into a solid of signed distances; what the car wears (windows, lights,
doors, spokes) is painted onto the point that a ray meets, back to front, with covered
shares of pixels, so outlines are smooth without supersampling. Ground, shadow and
surroundings are closed forms. No random number is drawn.

Shapes: one picture at a time, S * S pixels; M pixels that show the car; colours (M, 3)
sRGB in [0, 1], points and normals as tuples of three (M,) tensors in metres.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from editing.families import oklab
from editing.families.cars import camera, shape
from editing.families.cars.camera import Rays, Vec
from editing.families.cars.schema import SCHEMA
from editing.families.cars.shape import Car
from editing.families.factor_space import Factors
from editing.families.family import Render


def render(factors: Factors, *, size: int) -> Render:
    """Return the pictures that `factors` describe, and their label maps, at any size."""
    images, labels = [], []
    for row in factors.values.tolist():
        image, label = _picture(shape.car_of(dict(zip(factors.names, row, strict=True))), size)
        images.append(image)
        labels.append(label)
    return Render(image=torch.stack(images), labels=torch.stack(labels))


def _picture(car: Car, size: int) -> tuple[Tensor, Tensor]:
    scene = _Scene.of(car)
    rays = camera.rays_of(car, size)
    rgb = _surroundings(scene, rays)
    labels = torch.zeros(size * size, dtype=torch.uint8)
    hits = camera.march(car, rays)
    point = camera.at(rays, hits.index, hits.t)
    surface = _Surface.of(scene, rays, hits, point)
    _paint_car(surface)
    shaded = _shade(surface)
    cover = hits.cover.unsqueeze(1)
    rgb[hits.index] = rgb[hits.index] * (1 - cover) + shaded * cover
    mostly = hits.cover > 0.5
    labels[hits.index[mostly]] = surface.labels[mostly]
    image = rgb.clamp(0, 1).t().reshape(3, size, size) * 2 - 1
    return image, labels.view(size, size)


# --- scene -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scene:
    """The colours and lights of one picture, colours (3,)."""

    car: Car
    paint: Tensor
    ground: Tensor
    sky: Tensor
    horizon: Tensor
    sun: tuple[float, float, float]
    sun_power: float

    @classmethod
    def of(cls, car: Car) -> "_Scene":
        p = car.p
        # Dull paint is rare: colours near grey are pushed outward unless very near.
        a, b = p["paint_a"], p["paint_b"]
        length = (a * a + b * b) ** 0.5
        push = 1.25 * length / (0.16 + length)
        light = 0.26 + 0.62 * p["paint_light"]
        paint = _oklab(light, 0.16 * a * push, 0.15 * b * push)
        warmth = p["ground_warmth"]
        ground = _oklab(0.58 + 0.32 * p["ground_light"], 0.012 * warmth, 0.045 * warmth)
        bright = 0.74 + 0.20 * p["sky_light"]
        sky = _oklab(bright, 0.065 * p["sky_a"], -0.03 + 0.075 * p["sky_b"])
        if car.surroundings == "studio":
            sky = ground * 0.5 + sky * 0.5
            horizon = ground * 0.85 + 0.15
        else:
            horizon = sky * 0.45 + 0.52
        x, y, z = 0.95 * p["sun_x"], -0.75, 0.95
        norm = (x * x + y * y + z * z) ** 0.5
        return cls(
            car=car,
            paint=paint,
            ground=ground,
            sky=sky,
            horizon=horizon,
            sun=(x / norm, y / norm, z / norm),
            sun_power=0.35 + 0.65 * p["sun"],
        )


def _oklab(light: float, a: float, b: float) -> Tensor:
    values = torch.tensor([[light], [a], [b]])
    return oklab.to_srgb(values[0], values[1], values[2]).view(3)


def _mix(first: Tensor, second: Tensor, amount: Tensor) -> Tensor:
    """Return the blend (M, 3) of two colours, `amount` (M,) of the second."""
    return first + (second - first) * amount.unsqueeze(1)


def _step(value: Tensor, low: float, high: float) -> Tensor:
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _environment(scene: _Scene, direction: Vec) -> Tensor:
    """Return what is seen far away in a direction, (M, 3)."""
    x, _, z = direction
    rgb = _mix(scene.horizon.expand(len(z), 3), scene.sky, _step(z, 0.0, 0.55))
    if scene.car.surroundings == "fields":
        hills = 0.055 + 0.028 * torch.sin(5.0 * x + 0.8) + 0.014 * torch.sin(11.0 * x + 2.0)
        green = scene.ground * 0.55 + torch.tensor([0.10, 0.20, 0.12])
        rgb = _mix(rgb, green, _step(hills - z, -0.012, 0.012))
    return _mix(rgb, scene.ground, _step(-z, -0.01, 0.03))


def _surroundings(scene: _Scene, rays: Rays) -> Tensor:
    """Return the picture without the car, (S * S, 3)."""
    car = scene.car
    direction = rays.direction
    dz = direction[2]
    rgb = _environment(scene, direction)
    t = rays.origin[2] / (-dz).clamp(min=1e-3)
    gx = rays.origin[0] + direction[0] * t
    gy = rays.origin[1] + direction[1] * t
    near = _step(-dz, 0.004, 0.05)
    # The ground darkens toward the viewer and under the car.
    reach = ((gx / 3.4) ** 2 + (gy / 3.4) ** 2).sqrt()
    ground = scene.ground * (1.04 - 0.16 * reach.clamp(0, 1.6)).unsqueeze(1)
    if car.surroundings == "street":
        line = _step((gy - 2.2).abs(), 0.16, 0.08)
        ground = _mix(ground, scene.ground * 0.5 + 0.5, 0.7 * line)
        kerb = _step(gy, 3.0, 3.1)
        ground = _mix(ground, scene.ground * 1.18 + 0.03, kerb)
    rgb = _mix(rgb, ground, near)
    if car.surroundings == "street":
        rgb = _wall(scene, rays, rgb)
    # Shadow: a dark contact patch, and a softer one away from the sun.
    shadow = 0.80 * torch.exp(-2.2 * (_footprint(car, gx, gy) + 0.10).clamp(min=0) ** 0.8)
    cast_x, cast_y = gx + 0.7 * scene.sun[0], gy + 0.7 * scene.sun[1]
    away = _step(-_footprint(car, cast_x, cast_y), -0.30, 0.15) * 0.50 * scene.sun_power
    dark = (1 - (1 - shadow) * (1 - away)) * _step(-dz, 0.004, 0.03)
    return rgb * (1 - dark).unsqueeze(1)


def _footprint(car: Car, x: Tensor, y: Tensor) -> Tensor:
    """Return the distance on the ground to the car's outline from above."""
    qx, qy = x.abs() - car.half_length + 0.35, y.abs() - car.half_width + 0.25
    out = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2 + 1e-9).sqrt()
    return out + torch.maximum(qx, qy).clamp(max=0) - 0.2


def _wall(scene: _Scene, rays: Rays, rgb: Tensor) -> Tensor:
    """Return the picture with a house wall behind the street, a darker base at its foot."""
    dy = rays.direction[1].clamp(min=0.05)
    t = (5.2 - rays.origin[1]) / dy
    z = rays.origin[2] + rays.direction[2] * t
    tone = scene.ground * 0.35 + scene.sky * 0.45 + 0.10
    wall = tone.expand_as(rgb) * (1 - 0.10 * _step(z, 2.2, 0.0)).unsqueeze(1)
    wall = _mix(wall, tone * 0.72, _step(z, 0.62, 0.55))
    return _mix(rgb, wall, _step(z, -0.02, 0.03) * _step(rays.direction[1], 0.05, 0.12))


# --- surface ---------------------------------------------------------------------------


class _Surface:
    """What the rays met: points with normal, colour, label and shininess under way."""

    def __init__(self, scene: _Scene, point: Vec, normal: Vec, view: Vec, foot: Tensor) -> None:
        self.scene, self.car = scene, scene.car
        self.x, self.y, self.z = point
        self.normal, self.view = normal, view
        self.foot = foot  # width of a pixel on the surface, metres
        count = len(foot)
        self.rgb = scene.paint.expand(count, 3).clone()
        self.labels = torch.full((count,), SCHEMA.id_of("body"), dtype=torch.uint8)
        self.mirror = torch.full((count,), 0.25 + 0.75 * scene.car.p["gloss"])
        self.near = self.y < 0

    @classmethod
    def of(cls, scene: _Scene, rays: Rays, hits: camera.Hits, point: Vec) -> "_Surface":
        normal = camera.normals(scene.car, point)
        d = rays.direction
        view = (d[0][hits.index], d[1][hits.index], d[2][hits.index])
        facing = -(normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2])
        foot = hits.t * rays.pixel / (0.35 + 0.65 * facing.clamp(0, 1))
        return cls(scene, point, normal, view, foot)

    def cover(self, distance: Tensor) -> Tensor:
        """Return how much of each pixel lies inside a shape on the surface."""
        return (0.5 - distance / self.foot).clamp(0, 1)

    def paint(
        self,
        cover: Tensor,
        color: Tensor | tuple[float, float, float],
        part: str | None = None,
        *,
        mirror: float | None = None,
    ) -> None:
        """Blend a colour in by `cover` (M,) and label what is mostly covered."""
        if isinstance(color, tuple):
            color = torch.tensor(color)
        self.rgb = _mix(self.rgb, color, cover)
        if mirror is not None:
            self.mirror = self.mirror + (mirror - self.mirror) * cover
        if part is not None:
            self.labels[cover > 0.5] = SCHEMA.id_of(part)

    def box(
        self, at: tuple[float, float, float], half: tuple[float, float, float], r: float
    ) -> Tensor:
        """Return the distance to a rounded box and, by |y|, to its mirror image."""
        qx = (self.x - at[0]).abs() - half[0] + r
        qy = (self.y.abs() - at[1]).abs() - half[1] + r
        qz = (self.z - at[2]).abs() - half[2] + r
        out = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2 + qz.clamp(min=0) ** 2 + 1e-9).sqrt()
        return out + torch.maximum(torch.maximum(qx, qy), qz).clamp(max=0) - r


def _paint_car(s: _Surface) -> None:
    car = s.car
    body = shape.lower_body(car, s.x, s.y, s.z)
    top = shape.cabin(car, s.x, s.y, s.z)
    wheel = shape.wheels(car, s.x, s.y, s.z)
    is_wheel = wheel < torch.minimum(body, top) - 0.002
    is_top = (top < body) & ~is_wheel
    is_body = ~is_wheel & ~is_top
    _paint_sides(s, is_body.float())
    _paint_front(s, is_body.float())
    _paint_back(s, is_body.float())
    if car.is_open:
        _paint_open_top(s, is_top.float(), is_body.float())
    else:
        _paint_cabin(s, is_top.float())
    if car.body == "pickup":
        well = (shape.cavity(car, s.x, s.y, s.z) < 0.03).float() * is_body.float()
        s.paint(well, s.scene.paint * 0.35, "trunk", mirror=0.1)
    _paint_wheels(s, is_wheel.float())
    if round(car.p["mirror"]) == 1:
        side = shape.mirrors(car, s.x, s.y, s.z)
        is_mirror = (side < torch.minimum(torch.minimum(body, top), wheel)).float()
        s.paint(is_mirror, s.scene.paint, "mirror", mirror=0.5)


def _dark(car: Car) -> float:
    return 0.85 * min(1.0, max(0.0, 2.2 * car.p["cladding"] - 0.9))


def _trim(car: Car) -> tuple[float, float, float]:
    """Return the colour of handles and frames, from black plastic to chrome."""
    tone = 0.10 + 0.75 * car.p["chrome"]
    return (tone, tone, tone * 1.02)


def _paint_sides(s: _Surface, on: Tensor) -> None:
    """Paint doors with their seams and handles, the dark arches and the cladding."""
    car = s.car
    side = on * _step(s.normal[1].abs(), 0.45, 0.6)
    radial = torch.minimum((s.x - car.x_wheel_front) ** 2, (s.x - car.x_wheel_back) ** 2)
    radial = (radial + (s.z - car.wheel) ** 2).sqrt()
    start = max(car.x_wheel_front + car.wheel + 0.12, car.x_foot - 0.02)
    middle = car.x_pillar + 0.02
    end = min(car.x_wheel_back + 0.12, max(car.x_rear, car.x_tail - 0.15))
    spans = [("door_front", start, middle if car.body != "pickup" else car.x_rear - 0.02)]
    if car.has_four_doors:
        spans.append(("door_back", middle, end))
    keep_off = (car.wheel + 0.11) - radial
    line = shape.top_line(car, s.x)
    for part, left, right in spans:
        d = (s.x - 0.5 * (left + right)).abs() - 0.5 * (right - left)
        d = torch.maximum(d, (car.low + 0.13) - s.z)
        d = torch.maximum(torch.maximum(d, s.z - line + 0.015), keep_off)
        s.paint(side * s.cover(d), s.scene.paint, part)
        seam = s.cover(d.abs() - 0.012) * side
        s.paint(0.65 * seam, s.scene.paint * 0.30)
    # A crease along the flank catches the light.
    crease = torch.exp(-(((s.z - car.belt + 0.16 + 0.03 * s.x) / 0.03) ** 2)) * side
    s.paint(0.22 * crease, s.scene.paint * 0.5 + 0.5)
    low = s.cover(s.z - (car.low + 0.15)) * on
    s.paint(low * _dark(car), (0.09, 0.09, 0.10), mirror=0.1)
    arch = s.cover(radial - (car.wheel + 0.10)) * on
    s.paint(arch * _dark(car), (0.08, 0.08, 0.09), mirror=0.1)
    # Whatever is seen inside an arch is dark.
    deep = s.cover(radial - (car.wheel + 0.062)) * on
    s.paint(deep, (0.03, 0.03, 0.035), mirror=0.0)
    for _, _left, right in spans:
        x = right - 0.20
        d = torch.maximum((s.x - x).abs() - 0.13, (s.z - (car.belt - 0.13)).abs() - 0.045)
        s.paint(side * s.cover(d), _trim(car), "handle", mirror=0.4)


def _paint_front(s: _Surface, on: Tensor) -> None:
    """Paint hood, bumper, grille, plate and headlights."""
    car, p = s.car, s.car.p
    front = on * s.cover(s.x - (car.x_wheel_front - car.wheel - 0.02))
    hood = on * _step(s.normal[2], 0.35, 0.55) * s.cover(s.x - car.x_foot - 0.06)
    hood = hood * s.cover(s.y.abs() - car.half_width + 0.10)
    s.paint(hood, s.scene.paint, "hood")
    seam = on * s.cover((s.y.abs() - car.half_width + 0.11).abs() - 0.010)
    seam = seam * s.cover(s.x - car.x_foot) * _step(s.normal[2], 0.2, 0.5)
    s.paint(0.5 * seam, s.scene.paint * 0.35)
    z_bumper = car.low + 0.27
    s.paint(front * s.cover(s.z - z_bumper), s.scene.paint * 0.92, "bumper_front")
    low = front * s.cover(s.z - car.low - 0.16) * s.cover(s.y.abs() - 0.62)
    s.paint(low * (0.35 + 0.6 * _dark(car)), (0.06, 0.06, 0.07), mirror=0.1)

    face = front * _step(-s.normal[0], 0.2, 0.4)
    z = 0.5 * (z_bumper + car.nose) + 0.01
    grow = 1 + 0.32 * p["grille_size"]
    ay = s.y.abs()
    if car.grille == "wide":
        d = torch.maximum(ay - 0.48 * grow, (s.z - z).abs() - 0.075 * grow)
    elif car.grille == "shield":
        d = torch.maximum(
            ay - 0.28 * grow + 0.5 * (z - s.z).clamp(min=0),
            (s.z - z + 0.02).abs() - 0.17 * grow,
        )
    else:
        d = torch.maximum(
            (ay - 0.17 * grow).abs() - 0.125 * grow, (s.z - z).abs() - 0.09 * grow
        )
    cover = face * s.cover(d - 0.012)
    s.paint(cover, (0.05, 0.05, 0.06), "grille", mirror=0.2)
    bars = (torch.cos(s.z * 150.0) * 0.5 + 0.5) * face * s.cover(d + 0.02)
    s.paint(bars * 0.35, _trim(car))
    s.paint(face * s.cover((d - 0.004).abs() - 0.016), _trim(car), mirror=0.6)

    a, b = 0.23 + 0.08 * p["light_size"], 0.105 + 0.04 * p["light_size"]
    shape_ = p["light_shape"]
    half = (0.24 + 0.05 * shape_, a * (0.72 + 0.45 * shape_), b * (1.25 - 0.55 * shape_))
    at_ = (-car.half_length + 0.10, car.half_width - 0.26, car.nose - 0.115)
    d = s.box(at_, half, 0.85 * min(half[1], half[2]))
    cover = on * s.cover(d)
    is_left = s.y > 0  # the far side stands left in the picture when the face shows
    glass = torch.tensor([0.88, 0.92, 0.96])
    s.paint(cover * is_left, glass, "light_left", mirror=0.9)
    s.paint(cover * ~is_left, glass, "light_right", mirror=0.9)
    lamp = s.cover(s.box(at_, (half[0], half[1] * 0.45, half[2] * 0.6), 0.03)) * on
    s.paint(0.75 * lamp, (1.0, 0.99, 0.93))
    s.paint(0.8 * on * s.cover(d.abs() - 0.010), (0.12, 0.12, 0.14))
    _plate(s, face, car.low + 0.16)


def _plate(s: _Surface, face: Tensor, z: float) -> None:
    if round(s.car.p["plate"]) != 1:
        return
    d = torch.maximum(s.y.abs() - 0.38, (s.z - z).abs() - 0.13)
    s.paint(face * s.cover(d), (0.95, 0.95, 0.90), "plate", mirror=0.05)
    s.paint(face * s.cover(d.abs() - 0.012) * 0.6, (0.15, 0.15, 0.15))
    text = (
        s.cover((s.z - z).abs() - 0.045)
        * (torch.cos(s.y * 36.0) > -0.2)
        * s.cover(s.y.abs() - 0.29)
    )
    s.paint(0.75 * face * text, (0.15, 0.17, 0.25))


def _paint_back(s: _Surface, on: Tensor) -> None:
    """Paint trunk or tailgate, bumper, plate and tail lights."""
    car, p = s.car, s.car.p
    back = on * s.cover((car.x_wheel_back + car.wheel + 0.02) - s.x)
    deck = on * _step(s.normal[2], 0.35, 0.55) * s.cover(car.x_tail - 0.02 - s.x)
    face = back * _step(s.normal[0], 0.2, 0.4)
    gate = torch.maximum(deck, face) * s.cover(s.y.abs() - car.half_width + 0.12)
    s.paint(gate, s.scene.paint, "trunk")
    z_bumper = car.low + 0.27
    s.paint(back * s.cover(s.z - z_bumper), s.scene.paint * 0.92, "bumper_back")
    s.paint(face * 0.6 * s.cover((s.z - z_bumper).abs() - 0.012), s.scene.paint * 0.3)
    low = back * s.cover(s.z - car.low - 0.13)
    s.paint(low * (0.3 + 0.6 * _dark(car)), (0.06, 0.06, 0.07), mirror=0.1)
    grow = 1 + 0.30 * p["taillight_size"]
    tall = car.body in ("wagon", "van", "hatchback", "pickup")
    half = (0.16, 0.13 * grow, 0.20 * grow) if tall else (0.20, 0.26 * grow, 0.095 * grow)
    at_ = (car.half_length - 0.06, car.half_width - 0.20, car.tail - half[2] - 0.06)
    d = s.box(at_, half, 0.06)
    cover = on * s.cover(d)
    is_left = s.y < 0  # from behind, the near side stands left in the picture
    red = torch.tensor([0.80, 0.06, 0.07])
    s.paint(cover * is_left, red, "taillight_left", mirror=0.7)
    s.paint(cover * ~is_left, red, "taillight_right", mirror=0.7)
    lamp = s.cover(s.box(at_, (half[0], half[1] * 0.5, half[2] * 0.45), 0.03)) * on
    s.paint(0.7 * lamp, (1.0, 0.45, 0.35))
    _plate(s, face, 0.5 * (z_bumper + car.tail) - 0.06)


def _glass(s: _Surface) -> Tensor:
    tone = s.car.p["glass_tone"]
    return torch.tensor([0.10, 0.13, 0.16]) + 0.22 * tone * torch.tensor([0.9, 1.0, 1.1])


def _paint_cabin(s: _Surface, on: Tensor) -> None:
    """Paint roof and glass of a closed cabin."""
    car = s.car
    front = shape.front_plane(car, s.x, s.z)
    rear = shape.rear_plane(car, s.x, s.z)
    roof = s.z - shape.roof_line(car, s.x)
    side = shape.cabin_side(car, s.y, s.z)
    outer = torch.stack([front, rear, roof, side]).argmax(dim=0)
    s.paint(on * s.cover((car.roof - 0.13) - s.z), s.scene.paint, "roof")
    s.paint(on * (outer == 2).float(), s.scene.paint, "roof")
    upright = torch.maximum(car.belt + 0.035 - s.z, s.z - (car.roof - 0.115))
    # Windscreens: glass between the pillars.
    for index, part in ((0, "windshield_front"), (1, "windshield_back")):
        d = torch.maximum(upright, side + 0.085)
        s.paint(on * (outer == index).float() * s.cover(d), _glass(s), part, mirror=1.0)
    # Side windows: inset from both screens, split by the pillar.
    inset = torch.maximum(torch.maximum(front + 0.115, rear + 0.10), upright)
    if car.body == "pickup":
        inset = torch.maximum(inset, s.x - (car.x_rear - 0.02))
    on_side = on * (outer == 3).float()
    frame = s.cover(inset - 0.022) * on_side
    s.paint(frame * 0.8, _trim(car), mirror=0.4)
    pillar = car.x_pillar
    left = torch.maximum(inset, s.x - pillar + 0.045)
    right = torch.maximum(inset, pillar + 0.045 - s.x)
    if car.body in ("wagon", "van"):
        right = torch.maximum(right, 0.04 - (s.x - (pillar + 0.98)).abs())
    s.paint(on_side * s.cover(left), _glass(s), "window_front", mirror=1.0)
    s.paint(on_side * s.cover(right), _glass(s), "window_back", mirror=1.0)
    post = s.cover((s.x - pillar).abs() - 0.03) * s.cover(inset - 0.01) * on_side
    s.paint(post, (0.06, 0.06, 0.07), "body", mirror=0.3)


def _paint_open_top(s: _Surface, on: Tensor, on_body: Tensor) -> None:
    """Paint windshield, seats and well of an open car."""
    car = s.car
    front = shape.front_plane(car, s.x, s.z)
    is_screen = (front.abs() < 0.09).float()
    leather = s.scene.ground * 0.25 + torch.tensor([0.38, 0.24, 0.16]) * 0.75
    s.paint(on * (1 - is_screen), leather, "interior", mirror=0.1)
    side = shape.cabin_side(car, s.y, s.z)
    d = torch.maximum(side + 0.06, s.z - (car.roof - 0.16))
    d = torch.maximum(d, car.belt + 0.02 - s.z)
    s.paint(on * is_screen, (0.09, 0.09, 0.10), "body", mirror=0.4)
    s.paint(on * is_screen * s.cover(d), _glass(s) * 1.5, "windshield_front", mirror=1.0)
    well = (shape.cavity(car, s.x, s.y, s.z) < 0.03).float() * on_body
    s.paint(well, leather * 0.45, "interior", mirror=0.05)


def _paint_wheels(s: _Surface, on: Tensor) -> None:
    """Paint tyres, rims and spokes; only the near side shows its face."""
    car, p = s.car, s.car.p
    is_front = s.x < 0.5 * (car.x_wheel_front + car.x_wheel_back)
    middle = torch.where(is_front, car.x_wheel_front, car.x_wheel_back)
    dx, dz = s.x - middle, s.z - car.wheel
    r = (dx * dx + dz * dz + 1e-9).sqrt()
    outer = on * _step(-s.normal[1], 0.3, 0.6) * s.near
    rim = torch.tensor([0.96, 0.97, 1.0]) * (0.36 + 0.58 * p["rim_tone"])
    n = car.num_spokes
    angle = torch.atan2(dx, dz) - torch.pi / n * 0.5 * p["spoke_turn"]
    fold = (angle / (2 * torch.pi / n) + 0.5) % 1.0 - 0.5
    across = r * torch.sin(fold.abs() * (2 * torch.pi / n))
    width = car.rim * (0.155 + 0.055 * p["spoke_width"]) * (5 / n) ** 0.6
    spoke = torch.maximum(across - width * (0.75 + 0.35 * r / car.rim), r - car.rim * 0.93)
    for name, where in (("front", is_front), ("back", ~is_front)):
        there = where.float()
        s.paint(on * there, (0.075, 0.075, 0.08), f"wheel_{name}", mirror=0.03)
        s.paint(outer * there * s.cover(r - car.rim), (0.05, 0.05, 0.055), f"hub_{name}")
        ring = s.cover((r - car.rim * 0.94).abs() - car.rim * 0.075)
        s.paint(outer * there * ring, rim * 0.92, f"hub_{name}", mirror=0.4)
        s.paint(outer * there * s.cover(spoke), rim, f"spoke_{name}", mirror=0.4)
        cap = s.cover(r - car.rim * 0.20)
        s.paint(outer * there * cap, rim * 0.8, f"hub_{name}", mirror=0.4)
    wall = torch.exp(-(((r - 0.5 * (car.rim + car.wheel)) / 0.03) ** 2)) * outer
    s.paint(0.10 * wall, (0.6, 0.6, 0.6))


# --- light -----------------------------------------------------------------------------


def _shade(s: _Surface) -> Tensor:
    """Return the lit colour (M, 3): sun, sky, ground light, and what the surface mirrors."""
    scene = s.scene
    nx, ny, nz = s.normal
    vx, vy, vz = s.view
    facing = -(nx * vx + ny * vy + nz * vz)
    facing = facing.clamp(0.0, 1.0)
    sun = (nx * scene.sun[0] + ny * scene.sun[1] + nz * scene.sun[2]).clamp(min=0)
    up = 0.5 + 0.5 * nz
    # Less light reaches what lies low and what looks down.
    open_ = (0.55 + 0.75 * s.z).clamp(0, 1) * (0.62 + 0.38 * up)
    light = open_ * (0.52 + 0.34 * up) + 0.62 * scene.sun_power * sun
    lit = s.rgb * light.unsqueeze(1)
    bounce = s.rgb * scene.ground * (0.28 * (1 - up) * open_).unsqueeze(1)
    twice = 2 * facing
    mirrored = (vx + twice * nx, vy + twice * ny, vz + twice * nz)
    seen = _environment(scene, mirrored)
    fresnel = 0.05 + 0.60 * (1 - facing) ** 4
    strength = (s.mirror * fresnel * open_.clamp(max=1)).unsqueeze(1)
    # A long soft light above the horizon gives paint its sheen.
    glow = torch.exp(-(((mirrored[2] - 0.42) / 0.16) ** 2)) * s.mirror * 0.16
    half = (scene.sun[0] - vx, scene.sun[1] - vy, scene.sun[2] - vz)
    norm = (half[0] ** 2 + half[1] ** 2 + half[2] ** 2 + 1e-9).sqrt()
    spark = ((nx * half[0] + ny * half[1] + nz * half[2]) / norm).clamp(0, 1) ** 60
    spark = spark * 0.55 * scene.sun_power * s.mirror
    out = (lit + bounce) * (1 - strength) + seen * strength
    return out + (glow * open_ + spark).unsqueeze(1)
