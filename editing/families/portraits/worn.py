"""What do people wear on the head? Glasses, earrings, beanies, hats and headscarves.

Shapes: N pictures of S x S pixels; fields are (N, S, S), colours (N, 3, 1, 1).
"""

import torch

from editing.families.factor_space import Factors
from editing.families.portraits import colors
from editing.families.portraits.colors import mix
from editing.families.portraits.face import face_outline
from editing.families.portraits.factors import EARRINGS, GLASSES, HEADWEAR
from editing.families.portraits.scene import FAR, Canvas, Scene, is_option, rgb
from editing.families.portraits.shapes import box, bump, coverage, ellipse, soft


def paint_earrings(canvas: Canvas, s: Scene) -> None:
    """Paint golden studs or hoops below the ears."""
    px = canvas.pixel
    is_studs = is_option(s, "earrings", EARRINGS, "studs")
    is_hoops = is_option(s, "earrings", EARRINGS, "hoops")
    hx, hy = s.turned(-0.02)
    side = torch.where(hx < 0, -1.0, 1.0)
    scale = 1 + 0.32 * s.p["ear_size"] - 0.1 * s.child + 0.12 * s.old
    u = hx.abs() - s.face_a - 0.012 + 0.032 * side * s.p["yaw"]
    v = hy - 0.06 - 0.135 * scale
    stud = ellipse(u, v, 0.046, 0.046) + FAR * (1 - is_studs)
    hoop = ellipse(u, v - 0.085, 0.078, 0.100).abs() - 0.021 + FAR * (1 - is_hoops)
    # An ear that the turned face hides takes its earring along.
    d = torch.maximum(torch.minimum(stud, hoop), -face_outline(s) - 0.025)
    canvas.shade(0.35 * soft(d - 0.012, 0.05) * (canvas.labels > 0), s.skin_dark * 0.6)
    lit = 0.5 + 0.5 * torch.cos(22 * (u + 0.8 * v) - 0.6 * s.p["light_x"])
    gold = mix(rgb(s.x, 0.74, 0.50, 0.13), (1.0, 0.93, 0.66), (0.85 * lit).unsqueeze(1))
    canvas.paint(coverage(d, px), gold, "earrings")


def paint_glasses(canvas: Canvas, s: Scene, factors: Factors) -> None:
    """Paint glasses, their glints and their shadow."""
    px = canvas.pixel
    is_round, is_square = (
        is_option(s, "glasses", GLASSES, "round"),
        is_option(s, "glasses", GLASSES, "square"),
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
    frame = torch.minimum(torch.minimum(rim, bridge), temple) + FAR * (1 - worn)
    glass = coverage(lens + FAR * (1 - worn), px)
    canvas.shade(0.07 * glass, rgb(s.x, 0.85, 0.93, 1.0))
    glint = bump((u * 0.8 + y - 0.02 - 0.05 * s.p["light_x"]) / 0.03) * glass
    canvas.shade(0.22 * glint, rgb(s.x, 1.0, 1.0, 1.0))
    canvas.shade(0.25 * soft(frame - 0.01, 0.07) * (canvas.labels == 1), s.skin_dark)
    tone = colors.ramp(colors.GLASSES, factors.get("glasses_tone"))
    sheen = (1 + 0.35 * bump((y + 0.17) / 0.06)).unsqueeze(1)
    canvas.paint(coverage(frame, px), tone * sheen, "glasses")


def paint_headwear(canvas: Canvas, s: Scene) -> None:
    """Paint beanies, hats and headscarves."""
    px = canvas.pixel
    is_beanie = is_option(s, "headwear", HEADWEAR, "beanie")
    is_hat = is_option(s, "headwear", HEADWEAR, "hat")
    is_scarf = is_option(s, "headwear", HEADWEAR, "headscarf")
    hx, hy = s.turned(0.03)
    lit = s.p["light_x"]
    a = s.face_a
    shade = (1.0 + 0.22 * lit * hx - 0.10 * (hx / a) ** 2).unsqueeze(1)

    # Beanie: dome, pompom and folded brim.
    arc = 0.10 * (hx / a) ** 2
    dome = torch.maximum(ellipse(hx, hy + 0.22, a + 0.075, 0.54), hy + 0.36 - arc)
    pom = ellipse(hx, hy + 0.79, 0.125, 0.110)
    off = FAR * (1 - is_beanie)
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
    off = FAR * (1 - is_hat)
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
    off = FAR * (1 - is_scarf)
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
