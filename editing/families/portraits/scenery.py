"""What is behind and below the face? The backdrop, the neck and the clothes.

Shapes: N pictures of S x S pixels; fields are (N, S, S), colours (N, 3, 1, 1).
"""

import torch
from torch import Tensor

from editing.families import oklab
from editing.families.factor_space import Factors
from editing.families.portraits.colors import mix
from editing.families.portraits.factors import BACKDROPS, FABRICS, NECKLINES
from editing.families.portraits.scene import FAR, Canvas, Scene, is_option, rgb
from editing.families.portraits.shapes import box, bump, coverage, soft

# Where the out-of-focus lights hang: x, y, radius, brightness.
_LIGHTS = (
    (-0.72, -0.70, 0.17, 1.0), (-0.42, -0.82, 0.10, 0.7), (0.62, -0.76, 0.20, 0.9),
    (0.80, -0.34, 0.13, 0.7), (-0.80, -0.20, 0.14, 0.8), (0.74, 0.12, 0.17, 1.0),
    (-0.70, 0.24, 0.12, 0.6), (0.30, -0.84, 0.12, 0.6), (-0.84, 0.55, 0.16, 0.8),
    (0.82, 0.50, 0.11, 0.6),
)  # fmt: skip


def paint_backdrop(s: Scene, factors: Factors, *, size: int) -> Canvas:
    """Return a canvas with everybody's backdrop: a lit wall, a wide land or far lights."""
    light = 0.50 + 0.38 * factors.get("background_light")
    a, b = factors.get("background_a"), factors.get("background_b")
    turn = factors.get("background_accent")
    first = oklab.to_srgb(light, 0.075 * a, 0.075 * b)
    second = oklab.to_srgb(
        (light - 0.10 + 0.10 * turn).clamp(0.3, 0.92),
        0.075 * a + 0.05 * turn,
        0.075 * b - 0.06 * turn,
    )
    canvas = Canvas(color=first, n=len(factors), size=size)
    lit_x, lit_y = s.p["light_x"], s.p["light_y"]
    is_land = is_option(s, "backdrop", BACKDROPS, "horizon")
    is_lights = is_option(s, "backdrop", BACKDROPS, "bokeh")

    # One colour runs into the other: from below in a room, above the hills outside.
    down = ((s.y + 0.80) / 1.6).clamp(0, 1)
    canvas.rgb = torch.lerp(first, second, (0.75 * down * (1 - is_land)).unsqueeze(1))
    sky = mix(first, (1.0, 0.97, 0.90), (0.5 * down).unsqueeze(1))
    canvas.rgb = torch.lerp(canvas.rgb, sky, is_land.unsqueeze(1))
    far = soft(0.10 + 0.05 * torch.cos(4.2 * s.x + 0.6) - s.y, 0.05) * is_land
    near = soft(0.34 - 0.06 * torch.cos(3.1 * s.x - 0.8) - s.y, 0.06) * is_land
    canvas.shade(far, mix(second, first, 0.35) * 0.88)
    canvas.shade(near, second * 0.72)
    glow = mix(second, (1.0, 0.96, 0.86), 0.45)
    for x, y, radius, strength in _LIGHTS:
        d = ((s.x - x) ** 2 + (s.y - y) ** 2 + 1e-8).sqrt() - radius
        disc = soft(d, 0.03) * (0.75 + 0.5 * bump((d + 0.02) / 0.04))
        canvas.shade((0.42 * strength * disc * is_lights).clamp(0, 1), glow)
    # A pool of light on the side it comes from, and a little dusk in the corners.
    d2 = (s.x - 0.38 * lit_x) ** 2 + (s.y + 0.18 - 0.25 * lit_y) ** 2
    canvas.rgb = canvas.rgb * (0.72 + 0.40 * (1 - 0.45 * d2).clamp(0, 1)).unsqueeze(1)
    return canvas


def paint_body(canvas: Canvas, s: Scene) -> None:
    """Paint neck, shoulders and clothes."""
    px, lit = canvas.pixel, s.p["light_x"]
    bx = s.x - 0.01 * s.p["yaw"]
    neck_a = 0.195 - 0.035 * s.child + 0.02 * s.p["jaw"]
    neck = coverage(bx.abs() - neck_a - 0.25 * (s.y - 0.62).clamp(min=0) ** 2, px)
    neck = neck * coverage(0.2 - s.y, px)
    under_chin = soft(s.hy - (s.face_b + 0.02) - 0.03 * lit * bx / neck_a, 0.24)
    u = (bx / neck_a).clamp(-1.2, 1.2)
    side = (0.45 * u * u - 0.45 * lit * u).clamp(-0.2, 1)
    tone = (0.14 + 0.72 * under_chin + 0.30 * side).clamp(0, 1)
    cords = bump((bx.abs() - 0.08 - 0.18 * (0.85 - s.y)) / 0.03) * coverage(0.60 - s.y, 0.1)
    tone = (tone + 0.10 * cords).clamp(0, 1.15)
    canvas.paint(neck, mix(s.skin, s.skin_dark * 0.94, tone.unsqueeze(1)), "neck")

    is_shirt = is_option(s, "neckline", NECKLINES, "shirt")
    is_roll = is_option(s, "neckline", NECKLINES, "turtleneck")
    drop = -0.045 * s.child
    top = 0.70 + drop
    t = bx.abs()
    shoulder = top + (0.42 + 0.2 * s.child) * (t - 0.12).clamp(min=0) ** 1.6
    # The neckline: a round scoop, a shirt's V, or none under a turtleneck.
    scoop = 0.80 + drop - 1.9 * t**2
    vee = 0.98 + drop - 1.35 * t
    hole = torch.where(is_shirt > 0, vee, scoop)
    d = torch.maximum(shoulder - s.y, (hole - s.y) * 0.75 * (1 - is_roll) - is_roll)
    cover = coverage(d, px)
    # Shoulders turn away from the light; folds run down from the neck.
    slope = ((s.y - shoulder) / 0.16).clamp(0, 1)
    round_off = 0.16 * (1 - slope) - 0.20 * (t / 0.85).clamp(0, 1) ** 2
    folds = 0.07 * torch.cos(15 * t - 9 * (s.y - top) + 0.4) * slope
    shade = 0.90 + round_off + 0.20 * lit * bx + folds
    weave = _weave(s, bx, s.y - shoulder, px)
    body = _cloth(s, shade, weave)
    canvas.paint(cover, body, "clothing")
    # The neckline's edge lies on the skin and throws a little shadow.
    rim = soft((hole - s.y).abs() - 0.01, 0.06) * (hole > s.y) * neck * (1 - is_roll)
    canvas.shade(0.35 * rim, s.skin_dark * 0.8)
    # Turtleneck tube with its fold; shirt collar wings; a band along the round neckline.
    tube = box(bx, s.y - top - 0.04, neck_a + 0.04, 0.13, 0.06) + FAR * (1 - is_roll)
    ribs = 0.08 * torch.cos(46 * bx) * (1.0 if px < 0.02 else 0.4)
    rolled = shade + 0.12 + ribs - 0.18 * u * u + 0.14 * lit * u
    canvas.paint(coverage(tube, px), s.cloth * rolled.unsqueeze(1), "clothing")
    fold = bump((s.y - top - 0.07) / 0.03) * coverage(tube, px)
    canvas.shade(0.34 * fold, s.cloth * 0.45)
    wing = torch.maximum((vee - s.y) * 0.6, (s.y - vee - 0.26 + 0.5 * t) * 0.7)
    wing = torch.maximum(wing, t - 0.36) + FAR * (1 - is_shirt)
    wing = torch.maximum(wing, shoulder - 0.03 - s.y)
    canvas.shade(0.35 * soft(wing - 0.02, 0.06) * cover, s.cloth * 0.35)
    crisp = mix(s.cloth, (1.0, 1.0, 1.0), 0.62) * (0.92 + 0.14 * lit * bx).unsqueeze(1)
    canvas.paint(coverage(wing, px), crisp, "clothing")
    seam = bump((s.y - scoop - 0.03) / 0.035) * cover * (1 - is_roll) * (1 - is_shirt)
    canvas.shade(0.55 * seam, mix(s.cloth, (1.0, 1.0, 1.0), 0.5))


def _weave(s: Scene, across: Tensor, down: Tensor, pixel: float) -> Tensor:
    """Return the cloth's pattern: 0 plain, toward 1 where its second colour shows."""
    stripes = soft(torch.cos(48 * down + 0.4) - 0.1, 0.9 if pixel > 0.02 else 0.5)
    chevron = torch.cos(34 * across.abs() + 12 * torch.cos(26 * down))
    knit = (0.5 + 0.5 * chevron) * 0.32
    is_striped = is_option(s, "fabric", FABRICS, "stripes")
    return stripes * 0.85 * is_striped + knit * is_option(s, "fabric", FABRICS, "knit")


def _cloth(s: Scene, shade: Tensor, weave: Tensor) -> Tensor:
    """Return the lit cloth, (N, 3, S, S)."""
    bright = s.cloth.mean(dim=1, keepdim=True)
    second = torch.where(bright > 0.45, s.cloth * 0.52, mix(s.cloth, (1.0, 0.98, 0.94), 0.68))
    warm = mix(
        second, rgb(s.x, 0.96, 0.90, 0.80) * second.mean(dim=1, keepdim=True) * 1.2, 0.35
    )
    return mix(s.cloth, warm, weave.unsqueeze(1)) * shade.unsqueeze(1)
