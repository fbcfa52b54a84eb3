"""What does a face look like? Its form in the light, and the features that it carries.

The skin is lit as a relief: an egg with soft hills (cheeks, nose, chin, brow) and hollows
(eye sockets, temples), whose slopes are known in closed form, so light from any side
shades it at any size. Features are drawn on top with their own label.

Shapes: N pictures of S x S pixels; fields are (N, S, S), colours (N, 3, 1, 1).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from editing.families.factor_space import Factors
from editing.families.portraits import colors
from editing.families.portraits.colors import mix
from editing.families.portraits.factors import BEARDS, HEADWEAR
from editing.families.portraits.scene import FAR, Canvas, Scene, is_option, rgb
from editing.families.portraits.shapes import band, box, bump, coverage, ellipse, soft

Number = Tensor | float


@dataclass(frozen=True)
class Nose:
    """Where everybody's nose is and how large, in drawing units, (N, 1, 1)."""

    size: Tensor
    wide: Tensor
    base: Tensor
    length: Tensor


def nose_of(s: Scene) -> Nose:
    """Return the size and place of the noses."""
    size = 1.02 + 0.34 * s.p["nose_size"] - 0.20 * s.child + 0.08 * s.old
    wide = (0.106 + 0.046 * s.p["nose_width"]) * (1 - 0.12 * s.child) * (1 + 0.08 * s.old)
    wide = wide * (0.80 + 0.20 * size)
    return Nose(size=size, wide=wide, base=0.215 + 0.075 * (size - 1), length=0.27 * size)


class _Relief:
    """Slopes of soft hills added up: `x` and `y` are the rises to the right and down."""

    def __init__(self, like: Tensor) -> None:
        self.x = torch.zeros_like(like)
        self.y = torch.zeros_like(like)

    def add(self, u: Tensor, v: Tensor, a: Number, b: Number, height: Number) -> None:
        """Add a hill of half width `a`, half height `b` about u = v = 0."""
        p, q = u / a, v / b
        hill = (-(p * p + q * q)).exp() * height * -2.0
        self.x = self.x + hill * p / a
        self.y = self.y + hill * q / b

    def add_pair(
        self, u: Tensor, v: Tensor, at: Number, a: Number, b: Number, height: Number
    ) -> None:
        """Add a hill on either side, `at` from the middle."""
        side = torch.where(u < 0, -1.0, 1.0)
        p, q = (u.abs() - at) / a, v / b
        hill = (-(p * p + q * q)).exp() * height * -2.0
        self.x = self.x + hill * p / a * side
        self.y = self.y + hill * q / b


def face_outline(s: Scene, grow: Number = 0.0) -> Tensor:
    """Return the distance to the outline of the face, `grow` further out."""
    hx, hy = s.turned(0.02)
    y = hy + 0.05
    # Fuller cheeks and a wider or narrower chin below the eyes.
    power = 2.34 + 0.46 * s.p["jaw"] + 0.18 * s.p["cheeks"]
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


def paint_ears(canvas: Canvas, s: Scene) -> None:
    """Paint both ears, with rim and hollow."""
    is_scarf = is_option(s, "headwear", HEADWEAR, "headscarf")
    hx, hy = s.turned(-0.02)
    side = torch.where(hx < 0, -1.0, 1.0)
    scale = 1 + 0.32 * s.p["ear_size"] - 0.1 * s.child + 0.12 * s.old
    away = 0.002 - 0.032 * side * s.p["yaw"]
    u, v = hx.abs() - s.face_a - away, hy - 0.06
    # Wider above than at the lobe.
    d = (
        ellipse(u - 0.06 * (-v).clamp(-0.1, 0.1), v, 0.095 * scale, 0.15 * scale)
        + FAR * is_scarf
    )
    cover = coverage(d, canvas.pixel)
    lit = 0.26 - 0.28 * s.p["light_x"] * side - 0.6 * (d / 0.10 + 0.5).clamp(0, 0.6) * 0.3
    tint = mix(s.skin, s.skin_dark, lit.clamp(0, 1).unsqueeze(1))
    tint = mix(tint, (0.93, 0.42, 0.36), 0.10)
    canvas.paint(cover * (side < 0), tint, "ear_left")
    canvas.paint(cover * (side > 0), tint, "ear_right")
    inner = soft(ellipse(u - 0.016, v + 0.008, 0.050 * scale, 0.092 * scale), 0.05)
    canvas.shade(0.50 * inner * cover, s.skin_dark * 0.9)
    fold = bump((ellipse(u - 0.016, v + 0.008, 0.058 * scale, 0.105 * scale)) / 0.012)
    canvas.shade(0.35 * fold * cover, mix(s.skin, (1.0, 0.93, 0.88), 0.4))
    canvas.shade(0.35 * soft(-u - 0.005, 0.05) * cover, s.skin_dark * 0.8)


def paint_skin(canvas: Canvas, s: Scene, nose: Nose) -> Tensor:
    """Paint the lit face; return the distance to its outline."""
    d = face_outline(s)
    cover = coverage(d, canvas.pixel)
    p = s.p
    smile = p["smile"]
    relief = _Relief(s.fx)
    relief.add_pair(
        s.fx, s.fy - 0.205 + 0.035 * smile, 0.275, 0.15, 0.13,
        0.050 + 0.030 * smile.clamp(-0.3, 1.2) + 0.030 * p["cheeks"] + 0.02 * s.child,
    )  # fmt: skip
    relief.add_pair(s.fx, s.fy - 0.03, 0.225, 0.16, 0.11, -0.050 + 0.02 * s.child)
    relief.add_pair(s.fx, s.fy + 0.17, 0.20, 0.18, 0.07, 0.022 - 0.016 * s.child)
    relief.add(s.fx, s.fy + 0.34, 0.30, 0.20, 0.030)
    relief.add(s.fx, s.fy - s.face_b + 0.075, 0.13, 0.075, 0.034)
    mouth = 0.375 + 0.30 * (s.face_b - 0.56) + 0.08 * p["mouth_open"]
    relief.add(s.fx, s.fy - mouth - 0.125, 0.16, 0.04, -0.016)
    nx0 = (s.fx / (s.face_a * 1.06)).clamp(-1, 1)
    ny0 = ((s.fy + 0.01) / 0.66).clamp(-1, 1)
    nose_x, nose_y = s.turned(0.13)
    nose_y = nose_y - nose.base
    relief.add(
        nose_x,
        nose_y + 0.17 * nose.size,
        0.052 + 0.25 * nose.wide,
        0.14 * nose.size,
        0.045 * nose.size,
    )
    relief.add(nose_x, nose_y + 0.048, 0.74 * nose.wide, 0.058 * nose.size, 0.062 * nose.size)
    relief.add_pair(nose_x, nose_y + 0.030, 0.74 * nose.wide, 0.036, 0.036, 0.018 * nose.size)

    nz = (1 - nx0 * nx0 - ny0 * ny0).clamp(min=0.05).sqrt()
    nx, ny = nx0 - 0.80 * relief.x, ny0 - 0.80 * relief.y
    norm = (nx * nx + ny * ny + nz * nz).rsqrt()
    lx, ly = 0.60 * p["light_x"], -0.34 + 0.40 * p["light_y"]
    lz = 0.76
    length = (lx * lx + ly * ly + lz * lz).rsqrt()
    light = (lx * nx + ly * ny + lz * nz) * norm * length
    lit = ((light - 0.06) / 0.86).clamp(0, 1)
    lit = lit * lit * (3 - 2 * lit)
    # Where light turns into shade, skin glows warmer; shade itself is deep and warm.
    tone = mix(s.skin_dark * 0.93, s.skin, (0.10 + 0.90 * lit).unsqueeze(1))
    turn = bump((light - 0.42) / 0.22) * 0.22
    tone = mix(tone, s.skin * rgb(s.x, 1.0, 0.74, 0.64), turn.unsqueeze(1))
    gleam = ((light - 0.87).clamp(min=0) * 3.2).clamp(0, 0.5)
    tone = mix(tone, mix(s.skin, (1.0, 0.97, 0.92), 0.62), gleam.unsqueeze(1))
    # Light that comes around the edge, and dusk where face and hair meet.
    edge = bump((d + 0.012) / 0.035) * (-lx * nx0).clamp(min=0) * 1.2
    tone = mix(
        tone, mix(s.skin, (1.0, 0.95, 0.92), 0.35), (0.38 * edge).clamp(0, 1).unsqueeze(1)
    )
    canvas.paint(cover, tone, "skin")

    # Cheeks: a blush that rises with a smile; freckles in a fixed pattern.
    cx, cy = s.fx.abs() - 0.285, s.fy - 0.235 + 0.03 * smile
    blush = bump(((cx / 0.17) ** 2 + (cy / 0.12) ** 2 + 1e-8).sqrt()) * cover
    rosy = mix(s.skin * rgb(s.x, 1.0, 0.66, 0.62), (0.90, 0.30, 0.28), 0.22)
    canvas.shade(blush * (0.24 + 0.14 * smile.clamp(-0.5, 1) + 0.16 * s.child), rosy)
    _freckles(canvas, s, cover)
    _wrinkles(canvas, s, cover)
    return d


def _freckles(canvas: Canvas, s: Scene, cover: Tensor) -> None:
    x, y = s.fx, s.fy - 0.17
    field = (
        torch.cos(63 * x + 19 * y + 0.7)
        + torch.cos(57 * y - 21 * x)
        + torch.cos(41 * x - 33 * y + 2)
    )
    spots = soft(1.15 - field, 0.9)
    where = (-((x / 0.36) ** 4) - (y / 0.13) ** 2).exp()
    amount = s.p["freckles"] * where * cover
    canvas.shade((0.62 * spots + 0.10) * amount, s.skin * rgb(s.x, 0.66, 0.44, 0.33))


def _wrinkles(canvas: Canvas, s: Scene, cover: Tensor) -> None:
    ax, fy = s.fx.abs(), s.fy
    # Forehead lines, crow's feet, bags under the eyes and the smile's crease.
    arch = 0.10 * s.fx**2
    wide = (1 - (ax / 0.34) ** 2).clamp(min=0)
    lines = bump((fy + 0.36 - arch) / 0.018) + bump((fy + 0.28 - arch) / 0.018)
    bag = bump((fy - 0.165 + 0.9 * (ax - 0.235) ** 2) / 0.02)
    bag = bag * (1 - ((ax - 0.235) / 0.14) ** 2).clamp(min=0)
    t = (fy - 0.21) / 0.22
    crease_x = 0.15 + 0.09 * t + 0.03 * s.p["smile"]
    crease = bump((ax - crease_x) / 0.02) * (4 * t * (1 - t)).clamp(min=0)
    feet_y = (fy - 0.06).abs() - 0.35 * (ax - 0.40)
    feet = bump(feet_y / 0.014) * soft((ax - 0.43).abs() - 0.03, 0.03)
    amount = s.old * (0.50 * lines * wide + 0.55 * bag + 0.70 * crease + 0.45 * feet)
    amount = amount + 0.14 * s.p["smile"].clamp(min=0) * crease
    canvas.shade((amount * cover).clamp(0, 0.7), s.skin_dark * 0.86)


def paint_beard(canvas: Canvas, s: Scene) -> None:
    """Paint goatees and full beards; a moustache belongs to the full one too."""
    is_goatee = is_option(s, "beard", BEARDS, "goatee")
    is_full = is_option(s, "beard", BEARDS, "full")
    fx, fy = s.turned(0.07)
    chin = s.face_b
    # Full: from the ears along the jaw, dipping below the cheeks, over the upper lip.
    t = (fx.abs() / s.face_a).clamp(0, 1)
    fuzz = 0.010 * torch.cos(38 * fx + 6 * fy) + 0.007 * torch.cos(61 * fx - 9 * fy)
    edge = 0.262 + 0.32 * t * (1 - t) - 0.37 * t**4 + fuzz
    grow = 0.07 * (fy / 0.35).clamp(0, 1) + 1.2 * fuzz
    full = torch.maximum(face_outline(s, grow), edge - fy) + FAR * (1 - is_full)
    goatee = box(fx, fy - (chin + 0.29) / 2 - 0.02, 0.20, (chin - 0.25) / 2 + 0.06, 0.13)
    goatee = goatee - fuzz + FAR * (1 - is_goatee)
    d = torch.minimum(full, goatee)
    # A thin rim lets skin shine through at the edge; tufts run downward.
    width = canvas.pixel + 0.028
    cover = (0.5 - d / width).clamp(0, 1)
    tone = _whisker(s, fx, fy)
    canvas.shade(0.30 * soft(d - 0.02, 0.06) * (canvas.labels == 1), s.skin_dark)
    canvas.paint(cover, mix(tone, s.skin_dark, 0.10), "beard")


def _whisker(s: Scene, fx: Tensor, fy: Tensor) -> Tensor:
    """Return the colour of beard hair, (N, 3, S, S)."""
    flow = 26 * fx / (0.75 + 0.5 * (fy - 0.2).clamp(0, 1))
    locks = torch.cos(flow + 0.8 * torch.sin(9 * fy)) + 0.6 * torch.cos(1.9 * flow + 7 * fy)
    lit = 0.16 * s.p["light_x"] * fx / 0.5 - 0.20 * (fy - 0.4)
    tone = s.hair * (0.90 + 0.10 * locks + lit).clamp(min=0.1).unsqueeze(1)
    glint = (0.09 * locks.clamp(min=0) + 0.06).unsqueeze(1)
    return mix(tone, mix(s.hair, (1.0, 0.92, 0.82), 0.45), glint)


def paint_moustache(canvas: Canvas, s: Scene) -> None:
    """Paint moustaches, over the upper lip: alone, or lightly with a full beard."""
    worn = is_option(s, "beard", BEARDS, "moustache")
    fx, fy = s.turned(0.11)
    lift = 0.300 + 0.34 * (s.face_b - 0.06 * s.p["mouth_open"] - 0.56) - 0.012 * s.p["smile"]
    t = fx.abs() / 0.205
    middle = lift + 0.006 + 0.050 * t**2 - 0.040 * t**4 - 0.02 * s.p["smile"] * t**2
    thick = 0.050 * (1 - t**2.6).clamp(min=0) * (1 - 0.30 * bump(t / 0.12)) + 0.002
    fuzz = 0.005 * torch.cos(60 * fx) * (1.0 if canvas.pixel < 0.02 else 0.0)
    d = torch.maximum((fy - middle).abs() - thick - fuzz, (t - 1) * 0.2) + FAR * (1 - worn)
    canvas.shade(0.35 * soft(d - 0.02, 0.05), s.skin_dark * 0.8)
    canvas.paint(coverage(d, canvas.pixel), _whisker(s, fx, fy) * 0.95, "beard")


def paint_mouth(canvas: Canvas, s: Scene) -> None:
    """Paint lips, and what shows between them when they part: teeth and tongue."""
    px = canvas.pixel
    # At rest the corners already point up a little: neutral faces look friendly.
    smile, opened = s.p["smile"] + 0.14, s.p["mouth_open"]
    fx, fy = s.turned(0.095)
    half = 0.185 + 0.042 * s.p["mouth_width"] - 0.030 * opened - 0.02 * s.child
    half = half + 0.052 * smile.clamp(min=0) + 0.022 * (-smile).clamp(min=0)
    t = fx / half
    t2 = (t * t).clamp(max=1)
    arch = 1 - t2
    chin = s.face_b - 0.06 * opened
    line = 0.375 + 0.34 * (chin - 0.56) - 0.02 * s.child
    line = line + smile * (0.042 * arch - 0.060 * t2)
    grin = smile.clamp(min=0)
    gap = opened * (0.10 + 0.03 * grin) * (1 - 0.15 * s.child) * arch * (1 + 0.8 * t2)
    full = 1 + 0.46 * s.p["lip_fullness"] - 0.18 * s.old
    cupid = 1 - 0.26 * bump(t / 0.15)
    upper_h = 0.058 * full * (1 + 0.6 * t2) * arch.clamp(min=0) * cupid
    lower_h = (0.078 - 0.010 * grin) * full * (1 + 0.35 * t2) * arch
    upper_edge = line - 0.35 * gap
    lower_edge = line + 1.15 * gap
    inside = coverage(fx.abs() - half, px)
    lit_x, lit_y = s.p["light_x"], s.p["light_y"]

    amount = s.p["lip_color"].unsqueeze(1)
    lip = mix(s.skin * rgb(s.x, 0.87, 0.58, 0.56), (0.76, 0.13, 0.23), 0.10 + 0.75 * amount)
    # A soft shadow under the lower lip sets the chin off.
    under = bump((fy - lower_edge - lower_h - 0.035) / 0.03)
    canvas.shade(0.34 * under * (1 - (1.4 * t) ** 2).clamp(min=0), s.skin_dark * 0.95)
    depth = ((fy - upper_edge) / 0.16).clamp(0, 1)
    dark = mix(rgb(s.x, 0.20, 0.03, 0.06), (0.42, 0.10, 0.12), depth.unsqueeze(1))
    hollow = band(fy, upper_edge, lower_edge, px) * inside
    canvas.paint(hollow, dark, "mouth_interior")
    tongue = ellipse(fx, fy - lower_edge - 0.006, 0.60 * half, 0.62 * gap + 1e-3)
    glow = (1.04 - 0.20 * bump(fx / 0.02) + 0.10 * bump((fx.abs() - 0.05) / 0.04)).unsqueeze(1)
    canvas.shade(
        0.92 * coverage(tongue, px + 0.012) * hollow, rgb(s.x, 0.86, 0.40, 0.42) * glow
    )
    teeth = band(fy, upper_edge, upper_edge + (0.52 * gap).clamp(max=0.080), px) * inside
    ivory = rgb(s.x, 0.99, 0.97, 0.93) * (1.0 - 0.16 * t2).unsqueeze(1)
    canvas.paint(teeth, ivory, "teeth")
    between = bump(((fx / 0.052) - (fx / 0.052).round()) / 0.10) * (1.0 if px < 0.02 else 0.0)
    canvas.shade(0.16 * between * teeth, rgb(s.x, 0.55, 0.42, 0.40))
    canvas.shade(0.35 * bump((fy - upper_edge) / 0.016) * hollow, rgb(s.x, 0.3, 0.1, 0.12))
    top = ((fy - upper_edge + upper_h) / (upper_h + 1e-3)).clamp(0, 1)
    upper = lip * (0.95 - 0.20 * top + 0.10 * lit_x * t).unsqueeze(1)
    canvas.paint(band(fy, upper_edge - upper_h, upper_edge, px) * inside, upper, "upper_lip")
    low = ((fy - lower_edge) / (lower_h + 1e-3)).clamp(0, 1)
    lower = lip * (1.08 - 0.26 * low * low + 0.10 * lit_x * t).unsqueeze(1)
    canvas.paint(band(fy, lower_edge, lower_edge + lower_h, px) * inside, lower, "lower_lip")
    at = lower_edge + (0.42 + 0.10 * lit_y) * lower_h
    gloss = bump((fy - at) / 0.018) * bump((t - 0.22 * lit_x) / 0.42)
    canvas.shade(0.46 * gloss * inside, mix(lip, (1.0, 0.95, 0.92), 0.75))
    rim = bump((fy - upper_edge + upper_h + 0.006) / 0.012) * (1 - t2) * inside
    canvas.shade(0.24 * rim, mix(s.skin, (1.0, 0.95, 0.90), 0.5))
    # The line between closed lips, and a dimple at each corner.
    closed = (1 - 6 * opened).clamp(0, 1) * bump((fy - line) / 0.02) * inside
    canvas.shade(0.62 * closed, lip * 0.42)
    corner = bump((((fx.abs() - half) / 0.028) ** 2 + ((fy - line) / 0.028) ** 2).sqrt())
    canvas.shade((0.30 + 0.25 * grin) * corner, s.skin_dark * 0.75)


def paint_nose(canvas: Canvas, s: Scene, nose: Nose) -> None:
    """Paint the nose's edges, nostrils and cast shadow; `paint_skin` gave it its form."""
    px, wide, base = canvas.pixel, nose.wide, nose.base
    fx, fy = s.turned(0.13)
    lit = s.p["light_x"]
    v = ((fy - base + nose.length) / nose.length).clamp(0, 1)
    bridge = torch.maximum(fx.abs() - wide * (0.34 + 0.36 * v * v), (base - nose.length) - fy)
    bridge = torch.maximum(bridge, fy - base)
    ball = ellipse(fx, fy - base + 0.045 * nose.size, 0.80 * wide, 0.068 * nose.size)
    wings = ellipse(fx.abs() - 0.66 * wide, fy - base + 0.030, 0.36 * wide, 0.040)
    d = torch.minimum(torch.minimum(bridge, ball), wings)
    canvas.label(coverage(d, px) > 0.5, "nose")
    inside = soft(d, 0.045)
    warm = mix(s.skin * rgb(s.x, 0.97, 0.74, 0.69), (0.88, 0.36, 0.30), 0.08)
    canvas.shade(inside * (0.14 + 0.18 * v * v), warm)
    # Away from the light the flank is dark, and a shadow falls beside and beneath.
    away = -lit * fx / wide
    flank = (away.clamp(0, 1.3)) * (0.35 + 0.65 * v)
    canvas.shade(0.52 * flank * inside, s.skin_dark)
    cast = soft(ellipse(fx + 0.05 * lit, fy - base - 0.014, wide * 1.02, 0.036), 0.05)
    canvas.shade(
        (0.50 - 0.22 * s.p["light_y"]) * cast * (1 - coverage(d, px)), s.skin_dark * 0.85
    )
    contour = bump((d - 0.002) / 0.014) * v**2 * soft(0.02 - (fy - base + 0.10), 0.1)
    contour = contour * (0.55 - 0.45 * lit * fx.sign())
    canvas.shade((0.62 * contour).clamp(0, 1), s.skin_dark * 0.82)
    hole = soft(ellipse(fx.abs() - 0.44 * wide, fy - base - 0.001, 0.27 * wide, 0.017), 0.022)
    canvas.shade(0.66 * hole, s.skin_dark * 0.42)
    tip = ellipse(fx - 0.028 * lit, fy - base + 0.070 * nose.size, 0.040, 0.030 * nose.size)
    ridge = bump((fx - 0.016 * lit) / 0.024) * v * (1 - v) * 2.4
    shine = mix(s.skin, (1.0, 0.98, 0.94), 0.62)
    canvas.shade(0.55 * soft(tip, 0.06) * inside + 0.26 * ridge * inside, shine)


def paint_eyes(canvas: Canvas, s: Scene, factors: Factors) -> None:
    """Paint both eyes: socket, white, iris, pupil, highlights, lids and lashes."""
    px = canvas.pixel
    fx, fy = s.turned(0.09)
    side = torch.where(fx < 0, -1.0, 1.0)
    scale = 1 + 0.15 * s.p["eye_size"] + 0.14 * s.child - 0.06 * s.old
    spacing = 0.232 + 0.022 * s.p["eye_spacing"]
    narrow = 1 - 0.13 * side * s.p["yaw"]
    half = 0.155 * scale * narrow
    grin = s.p["smile"].clamp(min=0)
    u = fx.abs() - spacing * (1 - 0.04 * side * s.p["yaw"])
    t = u / half
    t2 = (t * t).clamp(max=1)
    shape = (1 - t2) * (1 + 0.55 * t2)
    # A wink brings one upper lid down to the lower one.
    wink = torch.where(fx < 0, s.p["wink_left"], s.p["wink_right"])
    wink = ((wink - 0.10) / 0.65).clamp(0, 1)
    wink = wink * wink * (3 - 2 * wink)
    opening = (1 + 0.30 * s.p["lid_open"]) * scale
    slant = fy - 0.045 + 0.14 * s.p["eye_tilt"] * u + 0.012 * t
    bottom = (0.080 - 0.018 * grin) * (1 + 0.12 * s.p["lid_open"]) * scale * shape
    top = -0.092 * opening * shape
    bottom = bottom - wink * 0.030 * shape * scale
    top = torch.lerp(top, bottom + 0.014, wink)
    inside = coverage(u.abs() - half, px)
    white = band(slant, top, bottom, px) * inside

    # Soft socket shadow and lid fold above, then the lid itself, then the eye.
    socket = bump(((u / 0.20) ** 2 + ((slant + 0.06) / 0.13) ** 2 + 1e-8).sqrt())
    canvas.shade(0.20 * socket, s.skin_dark)
    open_top = -0.092 * opening * shape
    eyelid = band(slant, open_top - 0.02, top, px) * inside
    canvas.shade(0.5 * eyelid, mix(s.skin, s.skin_dark, 0.35))
    sheen = bump((slant - open_top - 0.5 * (top - open_top)) / 0.03) * eyelid * wink
    canvas.shade(0.30 * sheen, mix(s.skin, (1.0, 0.95, 0.9), 0.5))
    lid = bump((slant - open_top + 0.046) / 0.018) * (1 - t2) * inside
    canvas.shade(0.44 * lid, s.skin_dark * 0.78)
    ball = (1.0 - 0.16 * t2 - 0.10 * bump((slant - bottom) / 0.02)).unsqueeze(1)
    canvas.paint(white, rgb(s.x, 0.985, 0.98, 0.97) * ball, "eye_white")
    tear = bump((((t + 0.86) / 0.12) ** 2 + (slant / 0.03) ** 2).sqrt()) * white
    canvas.shade(0.5 * tear, rgb(s.x, 0.86, 0.48, 0.44))

    radius = 0.094 * (1 + 0.16 * s.p["iris_size"]) * (1 + 0.04 * s.child)
    gx = u - side * 0.058 * s.p["gaze_x"]
    gy = slant - 0.030 * s.p["gaze_y"] + 0.008
    d2 = (gx * gx + gy * gy + 1e-8).sqrt()
    tone = colors.ramp(colors.IRIS, factors.get("iris_tone"))
    glow = (0.78 + 0.85 * (gy / radius + 0.12).clamp(-0.4, 1)).unsqueeze(1)
    ring = soft(radius - 0.018 - d2, 0.035).unsqueeze(1)
    spokes = torch.cos(14 * torch.atan2(gy, gx)) * (0.10 if px < 0.02 else 0.0)
    iris = mix(tone * glow * (1 + spokes).unsqueeze(1), tone * 0.36, 0.80 * ring)
    canvas.paint(coverage(d2 - radius, px) * white, iris, "iris")
    canvas.paint(
        coverage(d2 - 0.52 * radius, px) * white, rgb(s.x, 0.035, 0.03, 0.045), "pupil"
    )
    # The upper lid throws a shadow on the ball.
    canvas.shade(0.42 * bump((slant - top) / 0.034) * white, rgb(s.x, 0.20, 0.13, 0.17))
    # Catchlights sit on the side of the light, in picture direction for both eyes.
    toward = side * (0.030 * s.p["light_x"].clamp(-1, 1) + 0.010)
    up = 0.034 - 0.014 * s.p["light_y"]
    spark = soft(ellipse(gx - toward, gy + up, 0.024, 0.026), 0.02)
    small = soft(ellipse(gx + toward, gy - 0.040, 0.013, 0.013), 0.02)
    canvas.shade((spark + 0.55 * small).clamp(0, 1) * white, rgb(s.x, 1.0, 1.0, 1.0))
    # Upper lashes: a dark line that thickens and sweeps outward.
    lash = 0.016 + 0.022 * s.p["lashes"] + 0.006 * wink
    wing = s.p["lashes"] * (t * 0.75 + 0.5).clamp(0, 1.3)
    reach = coverage(u.abs() - half * 1.06 - 0.02 * s.p["lashes"] * (t > 0), px)
    lashes = band(slant, top - lash * (0.75 + 0.5 * wing), top + 0.008, px) * reach
    dark = mix(s.hair * 0.45, (0.07, 0.05, 0.06), 0.65)
    canvas.shade((0.70 + 0.3 * s.p["lashes"]) * lashes, dark)
    below = bump((slant - bottom - 0.004) / 0.014) * inside * (1 - t2)
    canvas.shade(0.30 * below, s.skin_dark * 0.7)


def paint_brows(canvas: Canvas, s: Scene) -> None:
    """Paint both brows as tapering strokes of short hairs."""
    px = canvas.pixel
    fx, fy = s.turned(0.075)
    side = torch.where(fx < 0, -1.0, 1.0)
    spacing = 0.235 + 0.018 * s.p["eye_spacing"]
    half = 0.168 * (1 - 0.10 * side * s.p["yaw"])
    t = (fx.abs() - spacing) / half
    arch = (1 - t * t).clamp(min=0)
    raised = s.p["brow_raise"]
    lift = -0.172 - 0.055 * raised - 0.012 * s.p["eye_size"]
    wink = torch.where(fx < 0, s.p["wink_left"], s.p["wink_right"])
    lift = lift + 0.018 * wink
    # The tilt lowers the outer end only, so nobody looks angry by accident.
    middle = lift - (0.040 + 0.012 * raised) * arch
    middle = middle + (0.024 + 0.044 * s.p["brow_tilt"]) * (t + 0.3)
    thick = 0.030 * (1 + 0.50 * s.p["brow_thickness"]) * (1 - 0.18 * s.child)
    taper = 1 - 0.62 * ((t + 0.2).clamp(0, 1.2) / 1.2) ** 2
    hairs = torch.cos(52 * fx.abs() - 46 * (fy - middle)) * (1.0 if px < 0.02 else 0.35)
    thick = thick * taper * (1 + 0.10 * hairs)
    d = torch.maximum((fy - middle).abs() - thick, (t.abs() - 1) * half)
    cover = (0.5 - d / (px + 0.008)).clamp(0, 1)
    tone = mix(s.hair * 0.60, s.skin_dark * 0.50, 0.25) * (1 + 0.14 * hairs).unsqueeze(1)
    canvas.paint(0.94 * cover * (side < 0), tone, "brow_left")
    canvas.paint(0.94 * cover * (side > 0), tone, "brow_right")
