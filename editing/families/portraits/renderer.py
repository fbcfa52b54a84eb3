"""Portrait renderer: how a picture and its exact label map follow from the factors.

Layers are painted back to front. Each is a distance field whose coverage of a pixel
blends its colour into the picture and, where it covers more than half, writes its part
id into the label map. No random number is drawn and all textures have fixed phases, so
a picture depends on its factors alone, smoothly, at any size.

Shapes: N pictures of S x S pixels; fields are (N, S, S), colours (N, 3, 1, 1). Drawing
coordinates run from about -0.9 to 0.9, x right and y down. Head-local coordinates are
turned by the roll; what lies nearer to the viewer moves further when the head turns.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from editing.families.factor_space import Factors
from editing.families.family import Render
from editing.families.portraits import colors
from editing.families.portraits.colors import mix
from editing.families.portraits.factors import BEARDS, GLASSES, HAIR_STYLES, HEADWEAR, NECKLINES
from editing.families.portraits.schema import SCHEMA
from editing.families.portraits.shapes import band, box, bump, coverage, ellipse, soft

_SPAN = 0.88  # half the picture's width in drawing units: a close framing
_FAR = 9.0  # added to a distance, it removes the shape

# Per hair style: half width beyond the face, its gain with volume, height above the head,
# its gain with volume, lower end, its gain with length, flare below the eyes, corner
# radius, scallop depth, share of the face side that hair covers, hairline drop at the
# temples, bun radius.
_STYLE = {
    "crop": (0.012, 0.022, 0.075, 0.055, -0.02, 0.05, -0.25, 0.12, 0.000, 0.00, 0.30, 0.0),
    "bob": (0.110, 0.050, 0.090, 0.050, 0.46, 0.12, 0.14, 0.16, 0.000, 0.13, 0.30, 0.0),
    "long": (0.080, 0.040, 0.080, 0.050, 0.95, 0.25, 0.16, 0.16, 0.000, 0.12, 0.30, 0.0),
    "curly": (0.180, 0.060, 0.150, 0.060, 0.36, 0.26, 0.10, 0.30, 0.032, 0.08, 0.34, 0.0),
    "bun": (0.020, 0.015, 0.050, 0.025, 0.02, 0.02, -0.20, 0.10, 0.000, 0.00, 0.26, 1.0),
    "bald": (0.000, 0.000, 0.000, 0.000, 0.00, 0.00, 0.00, 0.10, 0.000, 0.00, 0.30, 0.0),
}


class _Canvas:
    """The picture under construction: RGB in [0, 1] and the label map."""

    def __init__(self, *, color: Tensor, n: int, size: int) -> None:
        self.pixel = 2.0 * _SPAN / size
        self.rgb = color.expand(n, 3, size, size).clone()
        self.labels = torch.zeros(n, size, size, dtype=torch.uint8, device=color.device)

    def paint(self, cover: Tensor, color: Tensor, part: str | None = None) -> None:
        """Blend `color` in by `cover` and, for a part, label what is mostly covered."""
        self.rgb.lerp_(color.expand_as(self.rgb), cover.unsqueeze(1).expand_as(self.rgb))
        if part is not None:
            self.labels.masked_fill_(cover > 0.5, SCHEMA.id_of(part))

    def shade(self, amount: Tensor, color: Tensor) -> None:
        """Blend `color` in by `amount` without touching the label map."""
        self.paint(amount, color)

    def label(self, where: Tensor, part: str) -> None:
        """Write a part id without touching the picture."""
        self.labels.masked_fill_(where, SCHEMA.id_of(part))


@dataclass(frozen=True)
class _Scene:
    """Numbers that several layers share, all broadcastable to (N, S, S)."""

    p: dict[str, Tensor]  # every factor, (N, 1, 1)
    x: Tensor  # picture coordinates, (1, S, S)
    y: Tensor
    hx: Tensor  # head-local coordinates, (N, S, S)
    hy: Tensor
    fx: Tensor  # the same, seen from the middle of the turned face
    fy: Tensor
    side: Tensor  # -1 left of the face's middle, +1 right of it
    face_a: Tensor  # half width of the face
    face_b: Tensor  # height from its middle to the chin
    child: Tensor  # 1 for a small child, 0 from youth on
    old: Tensor  # 0 until middle age, 1 in old age
    skin: Tensor
    skin_dark: Tensor
    hair: Tensor
    cloth: Tensor
    hat: Tensor

    def turned(self, depth: float) -> tuple[Tensor, Tensor]:
        """Return head coordinates moved with the head's turn for features at `depth`."""
        return self.hx - depth * self.p["yaw"], self.hy - 0.7 * depth * self.p["pitch"]


def render(factors: Factors, *, size: int) -> Render:
    """Return the pictures that `factors` describe, and their label maps, at any size."""
    scene = _scene(factors, size)
    canvas = _background(scene, factors, size)
    silhouette = _hair_silhouette(scene)
    hair_color = _hair_color(scene)
    _back_hair(canvas, scene, silhouette, hair_color)
    _body(canvas, scene)
    _locks(canvas, scene, silhouette, hair_color)
    _ears(canvas, scene)
    face = _face(canvas, scene)
    _beard(canvas, scene, face)
    _mouth(canvas, scene)
    _nose(canvas, scene)
    _eyes(canvas, scene, factors)
    _front_hair(canvas, scene, silhouette, hair_color)
    _brows(canvas, scene)
    _glasses(canvas, scene, factors)
    _headwear(canvas, scene)
    return Render(image=canvas.rgb.clamp_(0, 1) * 2 - 1, labels=canvas.labels)


def _is(scene: _Scene, factor: str, options: tuple[str, ...], option: str) -> Tensor:
    return (scene.p[factor].round() == options.index(option)).to(scene.x.dtype)


def _rgb(field_like: Tensor, r: float, g: float, b: float) -> Tensor:
    return torch.tensor([r, g, b], dtype=field_like.dtype, device=field_like.device).view(
        1, 3, 1, 1
    )


def _scene(factors: Factors, size: int) -> _Scene:
    values = factors.values
    p = {name: values[:, i].view(-1, 1, 1) for i, name in enumerate(factors.names)}
    steps = (torch.arange(size, dtype=values.dtype, device=values.device) + 0.5) * (
        2 / size
    ) - 1
    x, y = _SPAN * steps.view(1, 1, -1), _SPAN * steps.view(1, -1, 1) - 0.035
    x, y = x.expand(1, size, size), y.expand(1, size, size)

    angle = 0.13 * p["roll"]
    sin, cos = angle.sin(), angle.cos()
    # The head turns about the top of the neck, and leans a little to that side.
    px, py = x - 0.05 * p["yaw"] - 0.03 * p["roll"], y - 0.42
    hx, hy = cos * px + sin * py, cos * py - sin * px + 0.42
    child = ((0.30 - p["age"]) / 0.20).clamp(0, 1)
    old = ((p["age"] - 0.62) / 0.36).clamp(0, 1)
    fx, fy = hx - 0.085 * p["yaw"], hy - 0.06 * p["pitch"]

    warm = factors.get("skin_warmth").view(-1, 1, 1, 1)
    skin = colors.ramp(colors.SKIN, factors.get("skin_tone"))
    skin = (skin * (1 + warm * _rgb(values, 0.03, 0.0, -0.16))).clamp(0, 1)
    skin_dark = skin * _rgb(values, 0.74, 0.60, 0.58)
    hair = colors.ramp(colors.HAIR, factors.get("hair_tone"))
    red = factors.get("hair_red").view(-1, 1, 1, 1)
    hair = mix(hair, (0.66, 0.24, 0.09), 0.75 * red)
    hair = mix(hair, (0.80, 0.80, 0.82), 0.92 * old.unsqueeze(1))
    light = 0.42 + 0.48 * factors.get("clothing_light")
    a, b = factors.get("clothing_a"), factors.get("clothing_b")
    # Grey cloth is dull: colours near the middle are pushed outward.
    push = 1.5 / (0.5 + (a * a + b * b).sqrt())
    a, b = a * push, b * push
    cloth = colors.oklab(light, 0.11 * a, 0.10 * b)
    hat = colors.oklab(0.78 - 0.38 * factors.get("clothing_light"), -0.11 * b, 0.10 * a)
    return _Scene(
        p=p, x=x, y=y, hx=hx, hy=hy, fx=fx, fy=fy,
        side=torch.where(fx < 0, -1.0, 1.0),
        face_a=0.465 + 0.05 * p["face_width"] + 0.015 * child,
        face_b=0.56 + 0.05 * p["face_length"] - 0.075 * child,
        child=child, old=old, skin=skin, skin_dark=skin_dark, hair=hair, cloth=cloth, hat=hat,
    )  # fmt: skip


def _background(s: _Scene, factors: Factors, size: int) -> _Canvas:
    light = 0.50 + 0.38 * factors.get("background_light")
    color = colors.oklab(
        light, 0.075 * factors.get("background_a"), 0.075 * factors.get("background_b")
    )
    canvas = _Canvas(color=color, n=len(factors), size=size)
    # A soft pool of light on the wall, on the side the light comes from.
    d2 = (s.x - 0.35 * s.p["light_x"]) ** 2 + (s.y + 0.15) ** 2
    glow = (1 - 0.42 * d2).clamp(0, 1)
    canvas.rgb.mul_((0.70 + 0.42 * glow).unsqueeze(1))
    return canvas


def _body(canvas: _Canvas, s: _Scene) -> None:
    px, lit = canvas.pixel, s.p["light_x"]
    bx = s.x - 0.01 * s.p["yaw"]
    neck_a = 0.195 - 0.035 * s.child + 0.02 * s.p["jaw"]
    neck = coverage(bx.abs() - neck_a - 0.25 * (s.y - 0.62).clamp(min=0) ** 2, px)
    neck = neck * coverage(0.2 - s.y, px)
    under_chin = soft(s.hy - (s.face_b + 0.02), 0.22)
    side = (0.5 - 0.5 * lit * bx / neck_a).clamp(0, 1)
    tone = mix(
        s.skin, s.skin_dark, (0.25 + 0.65 * under_chin + 0.25 * side).clamp(0, 1).unsqueeze(1)
    )
    canvas.paint(neck, tone, "neck")

    is_shirt = _is(s, "neckline", NECKLINES, "shirt")
    is_roll = _is(s, "neckline", NECKLINES, "turtleneck")
    drop = -0.045 * s.child
    top = 0.70 + drop
    t = bx.abs()
    shoulder = top + (0.42 + 0.2 * s.child) * (t - 0.12).clamp(min=0) ** 1.6
    # The neckline: a round scoop, a shirt's V, or none under a turtleneck.
    scoop = 0.80 + drop - 1.9 * t**2
    vee = 0.98 + drop - 1.35 * t
    hole = torch.where(is_shirt > 0, vee, scoop)
    d = torch.maximum(shoulder - s.y, (hole - s.y) * 0.75 * (1 - is_roll) - is_roll)
    shade = 0.80 + 0.24 * (0.5 + 0.5 * lit * bx) - 0.30 * (s.y - top - 0.1).clamp(0, 1)
    body = s.cloth * shade.unsqueeze(1)
    canvas.paint(coverage(d, px), body, "clothing")
    # Turtleneck tube with its fold; shirt collar wings; a band along the round neckline.
    tube = box(bx, s.y - top - 0.04, neck_a + 0.04, 0.13, 0.06) + _FAR * (1 - is_roll)
    canvas.paint(coverage(tube, px), s.cloth * (shade * 1.10).unsqueeze(1), "clothing")
    fold = bump((s.y - top - 0.07) / 0.03) * coverage(tube, px)
    canvas.shade(0.30 * fold, s.cloth * 0.5)
    wing = torch.maximum((vee - s.y) * 0.6, (s.y - vee - 0.26 + 0.5 * t) * 0.7)
    wing = torch.maximum(wing, t - 0.36) + _FAR * (1 - is_shirt)
    wing = torch.maximum(wing, shoulder - 0.03 - s.y)
    canvas.paint(coverage(wing, px), mix(s.cloth, (1.0, 1.0, 1.0), 0.55), "clothing")
    seam = bump((s.y - scoop - 0.03) / 0.035) * coverage(d, px) * (1 - is_roll) * (1 - is_shirt)
    canvas.shade(0.55 * seam, mix(s.cloth, (1.0, 1.0, 1.0), 0.5))


def _style(s: _Scene) -> list[Tensor]:
    table = torch.tensor(
        [_STYLE[name] for name in HAIR_STYLES], dtype=s.x.dtype, device=s.x.device
    )
    chosen = table[s.p["hair_style"].round().long().flatten()]
    return [column.view(-1, 1, 1) for column in chosen.unbind(dim=1)]


@dataclass(frozen=True)
class _Hair:
    outline: Tensor  # distance to the silhouette
    radial: Tensor  # 0 at the middle of the head, 1 at the outline of the cap
    angle: Tensor  # of the pixel about the crown
    is_bald: Tensor
    cut: Tensor  # distance that removes hair which headwear covers


def _hair_silhouette(s: _Scene) -> _Hair:
    wide, wide_v, high, high_v, end, end_l, flare, r, scallop, _, _, bun = _style(s)
    volume, length = s.p["hair_volume"], s.p["hair_length"]
    hx, hy = s.turned(0.0)
    a = s.face_a + wide + wide_v * volume
    b = 0.60 + high + high_v * volume
    y0 = -0.08
    # A little fuller than an ellipse, or heads look pointed.
    fuller = ((hx / a).abs() + 1e-4) ** 2.4 + ((hy - y0) / b).abs() ** 2.4
    cap = (fuller ** (1 / 2.4) - 1) * (a + (b - a) * ((hy - y0) / b).abs().clamp(max=1))
    low = end + end_l * length
    grown = a + flare * (hy - y0).clamp(min=0)
    qx, qy = hx.abs() - grown + r, hy - low + r
    below = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2 + 1e-12).sqrt()
    below = below + torch.maximum(qx, qy).clamp(max=0) - r
    outline = torch.where(hy < y0, cap, below)
    angle = torch.atan2(hx, 0.15 - hy)
    outline = outline - scallop * (torch.cos(11 * angle) + 0.35 * torch.cos(17 * angle))
    knot = ellipse(hx + 0.02, hy + b + 0.10, 0.19 + 0.03 * volume, 0.16 + 0.03 * volume)
    outline = torch.minimum(outline, knot + _FAR * (1 - bun))
    radial = ((hx / a) ** 2 + ((hy - y0) / b) ** 2).sqrt()

    is_bald = _is(s, "hair_style", HAIR_STYLES, "bald")
    has_cap = _is(s, "headwear", HEADWEAR, "beanie") + _is(s, "headwear", HEADWEAR, "hat")
    is_scarf = _is(s, "headwear", HEADWEAR, "headscarf")
    # Hair tucks in under the brim instead of ending in a ledge beside it.
    outline = outline + has_cap * 0.25 * (0.02 - hy).clamp(min=0)
    cut = torch.where(has_cap > 0, -0.39 - hy, -_FAR * torch.ones_like(hy))
    cut = cut + 2 * _FAR * (is_scarf + is_bald).clamp(max=1)
    return _Hair(outline=outline, radial=radial, angle=angle, is_bald=is_bald, cut=cut)


def _hair_color(s: _Scene) -> Tensor:
    """Return the hair colour with strands and a highlight band, (N, 3, S, S)."""
    style = s.p["hair_style"].round()
    hx, hy = s.turned(0.03)
    is_curly = (style == HAIR_STYLES.index("curly")).to(hx.dtype)
    # Strands run around the head; curls are soft round tufts. Phases never change.
    strands = torch.cos(23 * hx / (0.75 + 0.35 * (hy + 0.8).clamp(0, 1.2)) + 0.8)
    tufts = (
        torch.cos(18 * hx + 5 * hy) + torch.cos(17 * hy - 9 * hx) + torch.cos(14 * hy + 14 * hx)
    )
    texture = torch.where(is_curly > 0, 0.62 * tufts, 0.8 * strands)
    crown = ((hx / 0.56) ** 2 + ((hy + 0.05) / 0.66) ** 2).sqrt()
    gloss = bump((crown - 0.86) / 0.13) * (0.55 + 0.45 * (s.p["light_x"] * hx * 2).clamp(-1, 1))
    gloss = gloss * coverage(hy + 0.25, 0.5)
    fall = (1.08 - 0.34 * (hy + 0.5).clamp(0, 1.5) / 1.5) + 0.10 * s.p["light_x"] * hx
    base = s.hair * (fall + 0.09 * texture).unsqueeze(1)
    bright = mix(s.hair, (1.0, 0.93, 0.84), 0.42)
    return mix(base, bright, (gloss * (0.56 + 0.13 * texture)).clamp(0, 1).unsqueeze(1))


def _back_hair(canvas: _Canvas, s: _Scene, hair: _Hair, color: Tensor) -> None:
    d = torch.maximum(hair.outline, hair.cut)
    canvas.paint(coverage(d, canvas.pixel), color * 0.74, "hair")


def _locks(canvas: _Canvas, s: _Scene, hair: _Hair, color: Tensor) -> None:
    """Paint the hair that falls in front of the shoulders, on both sides of the neck."""
    d = torch.maximum(hair.outline, hair.cut)
    inner = 0.30 + 0.10 * (s.hy - 0.5) - s.hx.abs()
    canvas.paint(coverage(torch.maximum(d, inner), canvas.pixel), color * 0.92, "hair")


def _ears(canvas: _Canvas, s: _Scene) -> None:
    is_scarf = _is(s, "headwear", HEADWEAR, "headscarf")
    hx, hy = s.turned(-0.02)
    side = torch.where(hx < 0, -1.0, 1.0)
    scale = 1 + 0.32 * s.p["ear_size"] - 0.1 * s.child + 0.12 * s.old
    away = 0.002 - 0.032 * side * s.p["yaw"]
    u = hx.abs() - s.face_a - away
    d = ellipse(u, hy - 0.06, 0.095 * scale, 0.15 * scale) + _FAR * is_scarf
    cover = coverage(d, canvas.pixel)
    tint = mix(
        s.skin, s.skin_dark, (0.22 - 0.25 * s.p["light_x"] * side).clamp(0, 1).unsqueeze(1)
    )
    tint = mix(tint, (0.93, 0.42, 0.36), 0.10)
    canvas.paint(cover * (side < 0), tint, "ear_left")
    canvas.paint(cover * (side > 0), tint, "ear_right")
    inner = soft(ellipse(u - 0.012, hy - 0.06, 0.045 * scale, 0.085 * scale), 0.06)
    canvas.shade(0.45 * inner * cover, s.skin_dark)


def _face_outline(s: _Scene, grow: Tensor | float = 0.0) -> Tensor:
    hx, hy = s.turned(0.02)
    y = hy + 0.05
    # Fuller cheeks and a wider or narrower chin below the eyes.
    power = 2.25 + 0.52 * s.p["jaw"]
    u = hx.abs() / (s.face_a + grow)
    v = y.clamp(min=0) / (s.face_b + 0.05 + grow)
    k_low = ((u + 1e-4) ** power + (v + 1e-4) ** power) ** (1 / power)
    high = (y.clamp(max=0) / (0.60 + grow)).abs()
    k_high = ((u + 1e-4) ** 2.25 + (high + 1e-4) ** 2.25) ** (1 / 2.25)
    k = torch.where(y > 0, k_low, k_high)
    height = torch.where(y > 0, s.face_b + 0.05, torch.full_like(s.face_b, 0.6)) + grow
    r = (hx**2 + y**2 + 1e-8).sqrt()
    # First-order distance along the ray from the middle, straightened by the outline's slope.
    ratio = (u * (s.face_a + grow)) / r * (1 / (s.face_a + grow)), y.abs() / r / height
    steep = (ratio[0] ** 2 + ratio[1] ** 2).clamp(min=1e-6).sqrt()
    return (k - 1) / steep


def _face(canvas: _Canvas, s: _Scene) -> Tensor:
    d = _face_outline(s)
    nx = (s.fx / (s.face_a * 1.05)).clamp(-1, 1)
    ny = ((s.fy - 0.0) / 0.62).clamp(-1, 1)
    nz = (1 - nx**2 - ny**2).clamp(min=0.02).sqrt()
    light = 0.62 * s.p["light_x"] * nx - 0.34 * ny + 0.74 * nz
    lit = ((light - 0.12) / 0.80).clamp(0, 1)
    lit = lit * lit * (3 - 2 * lit)
    tone = mix(s.skin_dark, s.skin, (0.22 + 0.78 * lit).unsqueeze(1))
    gleam = (light - 0.80).clamp(min=0) * 0.9
    tone = mix(tone, mix(s.skin, (1.0, 0.97, 0.92), 0.6), gleam.clamp(0, 1).unsqueeze(1))
    canvas.paint(coverage(d, canvas.pixel), tone, "skin")

    # Cheeks: a blush that rises with a smile.
    smile = s.p["smile"]
    cx = s.fx.abs() - 0.275
    cy = s.fy - 0.245 + 0.03 * smile
    blush = bump(((cx / 0.17) ** 2 + (cy / 0.12) ** 2).sqrt()) * coverage(d, canvas.pixel)
    rosy = mix(s.skin * _rgb(s.x, 1.0, 0.66, 0.62), (0.90, 0.30, 0.28), 0.22)
    canvas.shade(blush * (0.28 + 0.14 * smile.clamp(-0.5, 1) + 0.16 * s.child), rosy)
    _wrinkles(canvas, s, d)
    return d


def _wrinkles(canvas: _Canvas, s: _Scene, face: Tensor) -> None:
    inside = coverage(face, canvas.pixel)
    ax, fy = s.fx.abs(), s.fy
    # Forehead lines, crow's feet, bags under the eyes and the smile's crease.
    arch = 0.10 * s.fx**2
    wide = (1 - (ax / 0.34) ** 2).clamp(min=0)
    lines = bump((fy + 0.36 - arch) / 0.018) + bump((fy + 0.28 - arch) / 0.018)
    bag = bump((fy - 0.165 + 0.9 * (ax - 0.235) ** 2) / 0.02) * (
        1 - ((ax - 0.235) / 0.14) ** 2
    ).clamp(min=0)
    t = (fy - 0.21) / 0.22
    crease_x = 0.15 + 0.09 * t + 0.03 * s.p["smile"]
    crease = bump((ax - crease_x) / 0.02) * (4 * t * (1 - t)).clamp(min=0)
    amount = s.old * (0.55 * lines * wide + 0.6 * bag + 0.75 * crease)
    amount = amount + 0.16 * s.p["smile"].clamp(min=0) * crease
    canvas.shade((amount * inside).clamp(0, 0.7), s.skin_dark * 0.86)


def _beard(canvas: _Canvas, s: _Scene, face: Tensor) -> None:
    is_goatee, is_full = _is(s, "beard", BEARDS, "goatee"), _is(s, "beard", BEARDS, "full")
    fx, fy = s.turned(0.07)
    chin = s.face_b
    # Full: from the ears along the jaw, dipping below the cheeks, over the upper lip.
    t = (fx.abs() / s.face_a).clamp(0, 1)
    edge = 0.262 + 0.32 * t * (1 - t) - 0.37 * t**4
    grow = 0.07 * (fy / 0.35).clamp(0, 1)
    full = torch.maximum(_face_outline(s, grow), edge - fy) + _FAR * (1 - is_full)
    goatee = box(fx, fy - (chin + 0.29) / 2 - 0.02, 0.20, (chin - 0.25) / 2 + 0.06, 0.13)
    goatee = goatee + _FAR * (1 - is_goatee)
    d = torch.minimum(full, goatee)
    strand = torch.cos(24 * fx)
    tone = s.hair * (0.86 + 0.06 * strand - 0.25 * (fy - 0.4)).unsqueeze(1)
    canvas.paint(coverage(d, canvas.pixel), mix(tone, s.skin_dark, 0.12), "beard")


def _mouth(canvas: _Canvas, s: _Scene) -> None:
    px = canvas.pixel
    # At rest the corners already point up a little: neutral faces look friendly.
    smile, opened = s.p["smile"] + 0.14, s.p["mouth_open"]
    fx, fy = s.turned(0.095)
    half = 0.185 + 0.042 * s.p["mouth_width"] - 0.030 * opened - 0.02 * s.child
    half = half + 0.052 * smile.clamp(min=0) + 0.022 * (-smile).clamp(min=0)
    t = fx / half
    t2 = (t * t).clamp(max=1)
    arch = 1 - t2
    line = (
        0.375 + 0.30 * (s.face_b - 0.56) - 0.02 * s.child + smile * (0.042 * arch - 0.060 * t2)
    )
    grin = smile.clamp(min=0)
    gap = opened * (0.10 + 0.03 * grin) * arch * (1 + 0.8 * t2)
    full = 1 + 0.48 * s.p["lip_fullness"] - 0.18 * s.old
    cupid = 1 - 0.22 * bump(t / 0.16)
    upper_h = 0.056 * full * (1 + 0.6 * t2) * arch.clamp(min=0) * cupid
    lower_h = (0.076 - 0.010 * grin) * full * (1 + 0.35 * t2) * arch
    upper_edge = line - 0.35 * gap
    lower_edge = line + 1.15 * gap
    inside = coverage(fx.abs() - half, px)

    color_amount = s.p["lip_color"].unsqueeze(1)
    lip = mix(
        s.skin * _rgb(s.x, 0.87, 0.60, 0.57), (0.76, 0.13, 0.23), 0.10 + 0.75 * color_amount
    )
    # A soft shadow under the lower lip sets the chin off.
    under = bump((fy - lower_edge - lower_h - 0.035) / 0.03) * (1 - (1.4 * t) ** 2).clamp(min=0)
    canvas.shade(0.30 * under, s.skin_dark)
    canvas.paint(
        band(fy, upper_edge, lower_edge, px) * inside,
        _rgb(s.x, 0.26, 0.05, 0.08),
        "mouth_interior",
    )
    tongue = band(fy, upper_edge + 0.62 * (lower_edge - upper_edge), lower_edge, px) * inside
    canvas.shade(0.75 * tongue, _rgb(s.x, 0.78, 0.32, 0.34))
    teeth = band(fy, upper_edge, upper_edge + (0.50 * gap).clamp(max=0.075), px) * inside
    canvas.paint(teeth, _rgb(s.x, 0.99, 0.97, 0.93), "teeth")
    canvas.paint(
        band(fy, upper_edge - upper_h, upper_edge, px) * inside, lip * 0.84, "upper_lip"
    )
    canvas.paint(band(fy, lower_edge, lower_edge + lower_h, px) * inside, lip, "lower_lip")
    gloss = bump((fy - lower_edge - 0.45 * lower_h) / 0.022) * (1 - (1.7 * t) ** 2).clamp(min=0)
    canvas.shade(0.30 * gloss, mix(lip, (1.0, 0.95, 0.92), 0.7))
    # The line between closed lips, and a dimple at each corner.
    closed = (1 - 6 * opened).clamp(0, 1) * bump((fy - line) / 0.02) * inside
    canvas.shade(0.62 * closed, lip * 0.42)
    corner = bump((((fx.abs() - half) / 0.028) ** 2 + ((fy - line) / 0.028) ** 2).sqrt())
    canvas.shade((0.30 + 0.25 * grin) * corner, s.skin_dark * 0.75)


def _nose(canvas: _Canvas, s: _Scene) -> None:
    px = canvas.pixel
    fx, fy = s.turned(0.13)
    size = 1 + 0.25 * s.p["nose_size"] - 0.20 * s.child + 0.08 * s.old
    wide = (0.107 + 0.036 * s.p["nose_width"]) * (1 - 0.12 * s.child) * (1 + 0.08 * s.old)
    base = 0.215 + 0.05 * (size - 1)
    length = 0.27 * size
    v = ((fy - base + length) / length).clamp(0, 1)
    bridge = torch.maximum(fx.abs() - wide * (0.36 + 0.40 * v * v), (base - length) - fy)
    bridge = torch.maximum(bridge, fy - base)
    ball = ellipse(fx, fy - base + 0.045, wide, 0.068)
    cover = coverage(torch.minimum(bridge, ball), px)
    canvas.label(cover > 0.5, "nose")
    lit = s.p["light_x"]
    # Away from the light the flank darkens; the tip shines; a shadow lies beneath.
    flank = ((-lit * fx / wide).clamp(-1, 1) * 0.5 + 0.35).clamp(0, 1)
    soft_cover = soft(torch.minimum(bridge, ball), 0.05)
    warm = mix(s.skin * _rgb(s.x, 0.93, 0.74, 0.70), (0.85, 0.35, 0.30), 0.10)
    canvas.shade(soft_cover * (0.26 + 0.50 * flank * (0.4 + 0.6 * v)), warm)
    shadow = soft(ellipse(fx, fy - base - 0.012, wide * 0.95, 0.030), 0.03)
    canvas.shade(0.62 * shadow, s.skin_dark * 0.88)
    contour = (
        bump((torch.minimum(bridge, ball) - 0.004) / 0.016) * (0.5 - 0.5 * lit * fx.sign()) * v
    )
    canvas.shade(0.34 * contour, s.skin_dark)
    hole = soft(ellipse(fx.abs() - 0.46 * wide, fy - base - 0.002, 0.024, 0.016), 0.03)
    canvas.shade(0.55 * hole, s.skin_dark * 0.45)
    tip = bump((((fx - 0.02 * lit) / 0.045) ** 2 + ((fy - base + 0.07) / 0.045) ** 2).sqrt())
    ridge = bump((fx - 0.012 * lit) / 0.03) * v * (1 - v) * 2
    canvas.shade((0.42 * tip + 0.30 * ridge) * soft_cover, mix(s.skin, (1.0, 0.98, 0.94), 0.55))


def _eyes(canvas: _Canvas, s: _Scene, factors: Factors) -> None:
    px = canvas.pixel
    fx, fy = s.turned(0.09)
    side = torch.where(fx < 0, -1.0, 1.0)
    scale = 1 + 0.15 * s.p["eye_size"] + 0.14 * s.child - 0.06 * s.old
    spacing = 0.232 + 0.022 * s.p["eye_spacing"]
    narrow = 1 - 0.13 * side * s.p["yaw"]
    half = 0.158 * scale * narrow
    grin = s.p["smile"].clamp(min=0)
    u = fx.abs() - spacing * (1 - 0.04 * side * s.p["yaw"])
    t = u / half
    t2 = (t * t).clamp(max=1)
    shape = (1 - t2) * (1 + 0.55 * t2)
    opening = (1 + 0.30 * s.p["lid_open"]) * scale
    slant = fy - 0.045 + 0.14 * s.p["eye_tilt"] * u + 0.012 * t
    top = -0.092 * opening * shape
    bottom = (0.082 - 0.018 * grin) * (1 + 0.12 * s.p["lid_open"]) * scale * shape
    inside = coverage(u.abs() - half, px)
    white = band(slant, top, bottom, px) * inside

    # Soft socket shadow and lid fold above, then the eye itself.
    socket = bump((u / 0.20) ** 2 + ((slant + 0.06) / 0.13) ** 2)
    canvas.shade(0.26 * socket, s.skin_dark)
    lid = bump((slant - top + 0.048) / 0.02) * (1 - t2) * inside
    canvas.shade(0.42 * lid, s.skin_dark * 0.8)
    canvas.paint(white, _rgb(s.x, 0.98, 0.975, 0.965), "eye_white")

    radius = 0.096 * (1 + 0.16 * s.p["iris_size"]) * (1 + 0.04 * s.child)
    gx = u - side * 0.058 * s.p["gaze_x"]
    gy = slant - 0.030 * s.p["gaze_y"] + 0.008
    d2 = (gx * gx + gy * gy + 1e-8).sqrt()
    tone = colors.ramp(colors.IRIS, factors.get("iris_tone"))
    glow = (0.80 + 0.75 * (gy / radius + 0.15).clamp(-0.4, 1)).unsqueeze(1)
    ring = soft(radius - 0.018 - d2, 0.035).unsqueeze(1)
    iris = mix(tone * glow, tone * 0.40, 0.75 * ring)
    canvas.paint(coverage(d2 - radius, px) * white, iris, "iris")
    canvas.paint(
        coverage(d2 - 0.54 * radius, px) * white, _rgb(s.x, 0.035, 0.03, 0.045), "pupil"
    )
    # The upper lid throws a shadow on the ball.
    canvas.shade(0.30 * bump((slant - top) / 0.03) * white, _rgb(s.x, 0.22, 0.16, 0.2))
    # Catchlights sit on the side of the light, in picture direction for both eyes.
    toward = side * (0.030 * s.p["light_x"].clamp(-1, 1) + 0.010)
    spark = soft(ellipse(gx - toward, gy + 0.034, 0.024, 0.026), 0.02)
    small = soft(ellipse(gx + toward, gy - 0.040, 0.013, 0.013), 0.02)
    canvas.shade((spark + 0.55 * small).clamp(0, 1) * white, _rgb(s.x, 1.0, 1.0, 1.0))
    # Upper lashes: a dark line that thickens and sweeps outward.
    lash = 0.017 + 0.022 * s.p["lashes"]
    wing = s.p["lashes"] * (t * 0.75 + 0.5).clamp(0, 1.3)
    reach = coverage(u.abs() - half * 1.06 - 0.02 * s.p["lashes"] * (t > 0), px)
    lashes = band(slant, top - lash * (0.75 + 0.5 * wing), top + 0.008, px) * reach
    dark = mix(s.hair * 0.45, (0.07, 0.05, 0.06), 0.65)
    canvas.shade((0.70 + 0.3 * s.p["lashes"]) * lashes, dark)
    canvas.shade(
        0.30 * bump((slant - bottom - 0.004) / 0.014) * inside * (1 - t2), s.skin_dark * 0.7
    )


def _brows(canvas: _Canvas, s: _Scene) -> None:
    px = canvas.pixel
    fx, fy = s.turned(0.075)
    side = torch.where(fx < 0, -1.0, 1.0)
    spacing = 0.235 + 0.018 * s.p["eye_spacing"]
    half = 0.168 * (1 - 0.10 * side * s.p["yaw"])
    t = (fx.abs() - spacing) / half
    arch = (1 - t * t).clamp(min=0)
    raised = s.p["brow_raise"]
    lift = -0.172 - 0.055 * raised - 0.012 * s.p["eye_size"]
    # The tilt lowers the outer end only, so nobody looks angry by accident.
    middle = (
        lift - (0.040 + 0.012 * raised) * arch + (0.024 + 0.044 * s.p["brow_tilt"]) * (t + 0.3)
    )
    thick = 0.036 * (1 + 0.48 * s.p["brow_thickness"]) * (1 - 0.18 * s.child)
    taper = 1 - 0.55 * ((t + 0.2).clamp(0, 1.2) / 1.2) ** 2
    d = torch.maximum((fy - middle).abs() - thick * taper, (t.abs() - 1) * half)
    cover = coverage(d, px)
    tone = mix(s.hair * 0.62, s.skin_dark * 0.55, 0.22)
    canvas.paint(0.94 * cover * (side < 0), tone, "brow_left")
    canvas.paint(0.94 * cover * (side > 0), tone, "brow_right")


def _front_hair(canvas: _Canvas, s: _Scene, hair: _Hair, color: Tensor) -> None:
    *_, share, temple, _ = _style(s)
    hx, hy = s.turned(0.05)
    fringe = s.p["fringe"]
    t = (hx - 0.13 * s.p["parting"]) / s.face_a
    edge = -0.46 + 0.235 * fringe**1.3
    # The hairline falls toward the temples; a fringe ends in fixed soft teeth.
    teeth = (fringe - 0.35).clamp(min=0) * 0.05 * torch.cos(17 * hx + 0.5)
    curl = 0.05 * torch.cos(13 * hx + 0.3) * _is(s, "hair_style", HAIR_STYLES, "curly")
    line = edge + temple * (1 - 0.45 * fringe) * t.abs() ** 2.2 + teeth + curl
    over = (hy - line) * 0.85
    # Curtains: hair before the cheeks in styles that hang down.
    curtain_x = s.face_a * (1 - share * (0.8 + 0.25 * s.p["hair_volume"]))
    bend = 0.10 * ((hy - 0.05) / 0.5).clamp(-1, 1) ** 2
    curtain = curtain_x + bend * (share > 0) - s.turned(0.03)[0].abs()
    curtain = curtain + _FAR * (share <= 0)
    d = torch.maximum(hair.outline, torch.minimum(over, curtain))
    # A shadow under the hair's edge lets it sit on the brow.
    canvas.shade(
        0.34 * soft(torch.maximum(d - 0.045, hair.cut), 0.09) * (canvas.labels == 1),
        s.skin_dark * 0.9,
    )
    canvas.paint(coverage(torch.maximum(d, hair.cut), canvas.pixel), color, "hair")


def _glasses(canvas: _Canvas, s: _Scene, factors: Factors) -> None:
    px = canvas.pixel
    is_round, is_square = (
        _is(s, "glasses", GLASSES, "round"),
        _is(s, "glasses", GLASSES, "square"),
    )
    worn = (is_round + is_square).clamp(max=1)
    fx, fy = s.turned(0.105)
    side = torch.where(fx < 0, -1.0, 1.0)
    u = fx.abs() - 0.242
    narrow = 1 - 0.07 * side * s.p["yaw"]
    y = fy - 0.05
    ring = ellipse(u, y, 0.198 * narrow, 0.198)
    square = box(u, y, 0.200 * narrow, 0.160, 0.06)
    lens = torch.where(is_square > 0, square, ring)
    rim = lens.abs() - 0.024
    bridge = torch.maximum(fx.abs() - 0.06, (y + 0.05 + 0.5 * fx**2).abs() - 0.022)
    temple = torch.maximum((y + 0.045).abs() - 0.022, -lens)
    temple = torch.maximum(temple, torch.maximum(-u, s.hx.abs() - s.face_a - 0.01))
    frame = torch.minimum(torch.minimum(rim, bridge), temple) + _FAR * (1 - worn)
    glass = coverage(lens + _FAR * (1 - worn), px)
    canvas.shade(0.07 * glass, _rgb(s.x, 0.85, 0.93, 1.0))
    glint = bump((u * 0.8 + y - 0.02 - 0.05 * s.p["light_x"]) / 0.03) * glass
    canvas.shade(0.22 * glint, _rgb(s.x, 1.0, 1.0, 1.0))
    canvas.shade(0.25 * soft(frame - 0.01, 0.07) * (canvas.labels == 1), s.skin_dark)
    tone = colors.ramp(colors.GLASSES, factors.get("glasses_tone"))
    sheen = (1 + 0.35 * bump((y + 0.17) / 0.06)).unsqueeze(1)
    canvas.paint(coverage(frame, px), tone * sheen, "glasses")


def _headwear(canvas: _Canvas, s: _Scene) -> None:
    px = canvas.pixel
    is_beanie = _is(s, "headwear", HEADWEAR, "beanie")
    is_hat = _is(s, "headwear", HEADWEAR, "hat")
    is_scarf = _is(s, "headwear", HEADWEAR, "headscarf")
    hx, hy = s.turned(0.03)
    lit = s.p["light_x"]
    a = s.face_a
    shade = (1.0 + 0.22 * lit * hx - 0.10 * (hx / a) ** 2).unsqueeze(1)

    # Beanie: dome, pompom and folded brim.
    arc = 0.10 * (hx / a) ** 2
    dome = torch.maximum(ellipse(hx, hy + 0.22, a + 0.075, 0.54), hy + 0.36 - arc)
    pom = ellipse(hx, hy + 0.79, 0.125, 0.110)
    off = _FAR * (1 - is_beanie)
    rib = (1 + 0.07 * torch.cos(24 * hx)).unsqueeze(1)
    canvas.paint(
        coverage(pom + off, px), mix(s.hat * shade, (1.0, 0.98, 0.94), 0.70), "headwear"
    )
    canvas.paint(coverage(dome + off, px), s.hat * shade * rib, "headwear")
    brim = box(hx, hy + 0.405 - arc, a + 0.075, 0.090, 0.06) + off
    canvas.shade(0.30 * soft(brim - 0.04, 0.08) * (canvas.labels == 1), s.skin_dark * 0.9)
    canvas.paint(
        coverage(brim, px), mix(s.hat, (1.0, 1.0, 1.0), 0.22) * shade * rib, "headwear"
    )

    # Hat: crown with a ribbon, wide brim.
    off = _FAR * (1 - is_hat)
    crown = box(hx, hy + 0.60, a + 0.01 + 0.06 * (hy + 0.6), 0.27, 0.16) + off
    canvas.paint(coverage(crown, px), s.hat * shade, "headwear")
    ribbon = torch.maximum(crown, (hy + 0.485 - 0.5 * arc).abs() - 0.055)
    canvas.shade(coverage(ribbon, px), mix(s.hat * 0.45, s.cloth * 0.6, 0.5))
    bent = hy + 0.375 + 0.10 * hx**2
    brim = ellipse(hx, bent, a + 0.30, 0.085) + off
    canvas.shade(0.42 * soft(brim - 0.07, 0.14) * (canvas.labels == 1), s.skin_dark * 0.85)
    canvas.paint(coverage(brim, px), s.hat * shade * 1.08, "headwear")
    canvas.shade(0.4 * coverage(brim, px) * coverage(-(bent - 0.03), 0.06), s.hat * 0.62)

    # Headscarf: around the face and down over the neck.
    off = _FAR * (1 - is_scarf)
    outer = torch.minimum(
        ellipse(hx, hy + 0.10, a + 0.10, 0.68),
        box(hx, hy - 0.38, a + 0.06 + 0.10 * (hy - 0.1), 0.55, 0.25),
    )
    gx, gy = s.turned(0.05)
    opening = ellipse(gx, gy - 0.02, a * 0.90, 0.53 + 0.6 * (s.face_b - 0.56))
    scarf = torch.maximum(outer, -opening) + off
    folds = torch.cos(8 * (hx + 0.5 * hy) + 0.6) * 0.06 + torch.cos(7 * opening / 0.3) * 0.05
    canvas.shade(0.34 * soft(scarf - 0.04, 0.09) * (canvas.labels == 1), s.skin_dark * 0.9)
    deep = (0.98 + folds - 0.16 * (hy - 0.2).clamp(0, 1)).unsqueeze(1)
    canvas.paint(coverage(scarf, px), s.hat * shade * deep, "headwear")
    canvas.shade(
        0.35 * bump((opening - 0.035) / 0.02) * coverage(scarf, px),
        mix(s.hat, (1.0, 1.0, 1.0), 0.5),
    )
