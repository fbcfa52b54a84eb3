"""What does hair look like? Silhouettes, locks, curls and the line where it meets the brow.

Each style is a row of numbers; strands, curls and spikes are waves of fixed phase in head
coordinates, so the same style always lies the same way and a generator can learn it.
Waves finer than a few pixels fade out, so small pictures do not flicker.

Shapes: N pictures of S x S pixels; fields are (N, S, S), colours (N, 3, 1, 1).
"""

import math
from dataclasses import astuple, dataclass, fields

import torch
from torch import Tensor

from editing.families.portraits.colors import mix
from editing.families.portraits.factors import HAIR_STYLES, HEADWEAR
from editing.families.portraits.scene import FAR, Canvas, Scene, is_option
from editing.families.portraits.schema import SCHEMA
from editing.families.portraits.shapes import bump, coverage, ellipse, soft


@dataclass(frozen=True, slots=True)
class Style:
    """The shape of one hair style, in drawing units.

    `wide` and `high` are the growth beyond face and skull, `end` the lower end; the
    names with `_gain` say how much volume or length add. `flare` widens below the eyes,
    `corner` rounds the lower corners, `scallop` waves the outline, `tufts` breaks it into
    locks. `share` is how much of the face's side it covers, `temple` how far the hairline
    falls there, `slant` how far it falls to one side. `swirl` turns the locks, `hang`
    says whether they hang, `wave` how much they wave; `curl` is the size of curls.
    """

    wide: float = 0.0
    wide_gain: float = 0.0
    high: float = 0.0
    high_gain: float = 0.0
    end: float = 0.0
    end_gain: float = 0.0
    flare: float = 0.0
    corner: float = 0.12
    scallop: float = 0.0
    tufts: float = 0.0
    share: float = 0.0
    temple: float = 0.3
    slant: float = 0.0
    bun: float = 0.0
    tail: float = 0.0
    swirl: float = 0.0
    hang: float = 0.0
    wave: float = 0.0
    curl: float = 0.0


STYLES = {
    "crop": Style(0.015, 0.022, 0.080, 0.055, -0.02, 0.05, -0.25, tufts=0.014, swirl=1.0),
    "bob": Style(
        0.110, 0.050, 0.090, 0.050, 0.44, 0.12, 0.14, 0.16,
        tufts=0.016, share=0.13, hang=1, wave=0.35,
    ),
    "long": Style(
        0.080, 0.040, 0.080, 0.050, 0.95, 0.25, 0.16, 0.16,
        tufts=0.012, share=0.12, hang=1, wave=0.25,
    ),
    "curly": Style(
        0.170, 0.060, 0.140, 0.060, 0.36, 0.26, 0.10, 0.30,
        scallop=0.032, share=0.08, temple=0.34, curl=0.150,
    ),
    "bun": Style(0.020, 0.015, 0.050, 0.025, 0.02, 0.02, -0.20, 0.10, temple=0.26, bun=1),
    "bald": Style(corner=0.10),
    "wavy": Style(
        0.130, 0.060, 0.110, 0.050, 0.74, 0.20, 0.20, 0.24,
        tufts=0.020, share=0.11, hang=1, wave=1.6,
    ),
    "afro": Style(
        0.250, 0.070, 0.200, 0.060, 0.30, 0.08, 0.00, 0.42,
        scallop=0.014, temple=0.24, curl=0.105,
    ),
    "ponytail": Style(
        0.022, 0.016, 0.060, 0.030, 0.02, 0.02, -0.20, 0.10, temple=0.26, tail=1,
    ),
    "pixie": Style(
        0.050, 0.030, 0.100, 0.040, 0.14, 0.08, -0.14, 0.10,
        tufts=0.024, share=0.05, temple=0.22, slant=0.30, swirl=2.2,
    ),
    "swept": Style(
        0.015, 0.025, 0.190, 0.060, -0.04, 0.05, -0.25, 0.12,
        tufts=0.018, temple=0.20, slant=-0.10, swirl=-2.6,
    ),
}  # fmt: skip

# Numbers of the styles that N people wear, (N, 1, 1) each, by the names in `Style`.
Chosen = dict[str, Tensor]


def _chosen(s: Scene) -> Chosen:
    """Return the numbers of everybody's style."""
    table = torch.tensor(
        [astuple(STYLES[name]) for name in HAIR_STYLES], dtype=s.x.dtype, device=s.x.device
    )
    rows = table[s.p["hair_style"].round().long().flatten()]
    names = [field.name for field in fields(Style)]
    return {
        name: column.view(-1, 1, 1)
        for name, column in zip(names, rows.unbind(dim=1), strict=True)
    }


@dataclass(frozen=True)
class Hair:
    """The hair of N heads: `outline` distance, `cut` away by headwear, `color` of locks."""

    style: Chosen
    outline: Tensor
    cut: Tensor
    color: Tensor


def hair_of(s: Scene, *, pixel: float) -> Hair:
    """Return outline and colour of everybody's hair."""
    style = _chosen(s)
    flow = _flow(s, style)
    return Hair(
        style=style,
        outline=_outline(s, style, flow),
        cut=_cut(s),
        color=_color(s, style, flow, pixel),
    )


def _flow(s: Scene, style: Chosen) -> Tensor:
    """Return the coordinate across strands: constant along one, 2 pi to the next lock."""
    hx, hy = s.turned(0.03)
    radius = (hx * hx + (hy - 0.12) ** 2 + 1e-6).sqrt()
    around = 15 * torch.atan2(hx, 0.12 - hy) + 5 * style["swirl"] * (radius - 0.6)
    swung = hx + 0.022 * style["wave"] * torch.sin(9.5 * hy + 0.6 + 4 * hx.abs())
    # Hanging hair leaves the crown in arcs and then falls straight.
    hanging = 21 * swung / ((hy + 0.80).clamp(0.06, 0.75) / 0.75).sqrt()
    return torch.lerp(around, hanging, style["hang"])


def _locks(flow: Tensor) -> Tensor:
    """Return broad locks of uneven width, about -1 to 1, steeper on one side."""
    phase = flow + 0.9 * torch.sin(0.61 * flow + 1.0)
    return 0.75 * (torch.cos(phase) + 0.38 * torch.cos(2 * phase + 0.9))


def _outline(s: Scene, style: Chosen, flow: Tensor) -> Tensor:
    volume, length = s.p["hair_volume"], s.p["hair_length"]
    hx, hy = s.turned(0.0)
    a = s.face_a + style["wide"] + style["wide_gain"] * volume
    b = 0.60 + style["high"] + style["high_gain"] * volume
    y0 = -0.08
    # A little fuller than an ellipse, or heads look pointed.
    fuller = ((hx / a).abs() + 1e-4) ** 2.4 + ((hy - y0) / b).abs() ** 2.4
    cap = (fuller ** (1 / 2.4) - 1) * (a + (b - a) * ((hy - y0) / b).abs().clamp(max=1))
    wave = _locks(flow)
    low = style["end"] + style["end_gain"] * length + 2.2 * style["tufts"] * wave
    ripple = (
        0.02 * style["wave"] * torch.sin(9.5 * hy + 0.6 + 1.8) * ((hy + 0.08) / 0.3).clamp(0, 1)
    )
    grown = a + style["flare"] * (hy - y0).clamp(min=0) + ripple
    qx, qy = hx.abs() - grown + style["corner"], hy - low + style["corner"]
    below = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2 + 1e-12).sqrt()
    below = below + torch.maximum(qx, qy).clamp(max=0) - style["corner"]
    outline = torch.where(hy < y0, cap, below)
    angle = torch.atan2(hx, 0.15 - hy)
    scallops = (
        torch.cos(11 * angle) + 0.35 * torch.cos(17 * angle) + 0.4 * torch.cos(23 * angle)
    )
    outline = outline - style["scallop"] * scallops
    turned = 15 * angle + 5 * style["swirl"] * (b - 0.6)
    outline = outline - style["tufts"] * (1 - 0.5 * style["hang"]) * _locks(turned) * (
        (-0.1 - hy) / 0.2
    ).clamp(0, 1)
    knot = ellipse(hx + 0.02, hy + b + 0.05, 0.20 + 0.03 * volume, 0.16 + 0.03 * volume)
    outline = torch.minimum(outline, knot + FAR * (1 - style["bun"]))
    # A ponytail swings out behind the head and falls over one shoulder.
    end = 0.62 + 0.20 * length
    t = ((hy + 0.42) / (end + 0.42)).clamp(0, 1)
    middle = 0.30 + 0.70 * t * (1 - 0.56 * t) + 0.022 * torch.sin(8 * hy)
    taper = (1 - t**5).clamp(min=0) ** 0.7
    width = (0.075 + 0.03 * volume) * (0.45 + 2.3 * t * (1.1 - t)) * taper
    tail = torch.maximum((hx - middle).abs() - width, hy - end)
    tail = torch.maximum(tail, -0.42 - hy)
    outline = torch.minimum(outline, tail + FAR * (1 - style["tail"]))
    # Hair tucks in under a brim instead of ending in a ledge beside it.
    has_cap = is_option(s, "headwear", HEADWEAR, "beanie")
    has_cap = has_cap + is_option(s, "headwear", HEADWEAR, "hat")
    return outline + has_cap * 0.25 * (0.02 - hy).clamp(min=0)


def _cut(s: Scene) -> Tensor:
    """Return the distance that removes what headwear, or a bald head, leaves no room for."""
    is_bald = is_option(s, "hair_style", HAIR_STYLES, "bald")
    is_scarf = is_option(s, "headwear", HEADWEAR, "headscarf")
    has_cap = is_option(s, "headwear", HEADWEAR, "beanie")
    has_cap = has_cap + is_option(s, "headwear", HEADWEAR, "hat")
    _, hy = s.turned(0.0)
    cut = torch.where(has_cap > 0, -0.39 - hy, torch.full_like(hy, -FAR))
    return cut + 2 * FAR * (is_scarf + is_bald).clamp(max=1)


def _color(s: Scene, style: Chosen, flow: Tensor, pixel: float) -> Tensor:
    """Return the hair colour with locks, strands, curls and highlights, (N, 3, S, S)."""
    hx, hy = s.turned(0.03)
    lit_x, lit_y = s.p["light_x"], s.p["light_y"]
    fade = 1.0 if pixel < 0.018 else max(0.0, 1 - (pixel - 0.018) / 0.016)
    strands = torch.cos(2.7 * flow + 1.4 * torch.sin(0.9 * flow))
    hairs = fade * torch.cos(6.1 * flow + 2.0 * torch.sin(0.7 * flow + 8 * hy))
    texture = 0.55 * _locks(flow) + 0.30 * strands + 0.30 * hairs
    texture = torch.where(style["curl"] > 0, _curls(s, style), texture)

    # The head is round: light falls off to the sides and from the light.
    nx, ny = (hx / 0.66).clamp(-1, 1), ((hy + 0.10) / 0.85).clamp(-1, 1)
    round_off = 1 - 0.20 * nx * nx - 0.10 * (hy - 0.2).clamp(0, 1)
    fall = round_off + 0.20 * lit_x * nx - (0.20 - 0.16 * lit_y) * ny * (1 - 0.4 * nx * nx)
    base = s.hair * (fall * (1 + 0.24 * texture)).clamp(min=0.1).unsqueeze(1)
    # A band of gloss around the crown, broken up by the locks.
    mx, my = hx - 0.12 * lit_x, hy + 0.02 - 0.05 * lit_y
    crown = ((mx / 0.54) ** 2 + (my / 0.62) ** 2 + 1e-6).sqrt()
    gloss = bump((crown - 0.90) / 0.11) * coverage(hy + 0.22, 0.5)
    gloss = gloss * (0.62 + 0.38 * (1.6 * lit_x * hx).clamp(-1, 1))
    hang = style["hang"] * bump((hx.abs() - 0.54) / 0.10) * bump((hy - 0.18) / 0.22) * 0.45
    shine = (gloss + hang) * (0.50 + 0.42 * texture) * (1 - 0.55 * (style["curl"] > 0))
    bright = mix(s.hair, (1.0, 0.92, 0.82), 0.46)
    glints = 0.10 * texture.clamp(min=0) * (0.5 + fall).clamp(0, 1.5)
    return mix(base, bright, (shine + glints).clamp(0, 0.9).unsqueeze(1))


def _curls(s: Scene, style: Chosen) -> Tensor:
    """Return the shading of round curls in a staggered grid, about -1 to 1."""
    hx, hy = s.turned(0.03)
    size = style["curl"].clamp(min=0.05)
    k = 2 * math.pi / size
    # Waves that bend one another draw plump locks without a grid to be seen.
    x = k * (hx + 0.042 * torch.sin(11 * hy + 1.0) + 0.016 * torch.sin(19 * hx - 7 * hy))
    y = k * (hy + 0.042 * torch.sin(10 * hx + 0.5) + 0.016 * torch.sin(17 * hy + 9 * hx))
    lumps = torch.cos(0.87 * x + 0.5 * y) + torch.cos(y) + torch.cos(0.87 * x - 0.5 * y + 1.2)
    light = torch.sin(y + 0.4) - 0.7 * s.p["light_x"] * torch.sin(0.87 * x)
    twist = torch.cos(2.6 * x - 1.7 * y + 1.5 * lumps)
    return (0.40 * lumps + 0.30 * light + 0.18 * twist).clamp(-1.2, 1.0)


def paint_back(canvas: Canvas, s: Scene, hair: Hair) -> None:
    """Paint the hair behind the head."""
    d = torch.maximum(hair.outline, hair.cut)
    canvas.paint(coverage(d, canvas.pixel), hair.color * 0.74, "hair")


def paint_falling(canvas: Canvas, s: Scene, hair: Hair) -> None:
    """Paint the hair that falls in front of the shoulders, on both sides of the neck."""
    d = torch.maximum(hair.outline, hair.cut)
    inner = 0.30 + 0.10 * (s.hy - 0.5) - s.hx.abs()
    d = torch.maximum(d, inner)
    canvas.shade(
        0.30 * soft(d - 0.03, 0.09) * (canvas.labels == SCHEMA.id_of("clothing")),
        s.cloth * 0.25,
    )
    canvas.paint(coverage(d, canvas.pixel), hair.color * 0.92, "hair")


def paint_front(canvas: Canvas, s: Scene, hair: Hair) -> None:
    """Paint the hair above the brow and beside the cheeks, with its shadow on the skin."""
    style = hair.style
    hx, hy = s.turned(0.05)
    fringe = s.p["fringe"] * (1 - 0.6 * (style["slant"].abs() > 0).to(hx.dtype))
    t = (hx - 0.13 * s.p["parting"]) / s.face_a
    edge = -0.455 - 0.075 * s.p["hairline"] * (1 - 0.7 * fringe) + 0.235 * fringe**1.3
    # The line falls toward the temples and ends in fixed strands; a fringe has locks.
    is_curled = (style["curl"] > 0).to(hx.dtype)
    strands = torch.cos(31 * hx + 1.2 * torch.sin(11 * hx)) + 0.7 * torch.cos(53 * hx + 0.4)
    locks = torch.cos(17 * hx + 0.5) + 0.5 * torch.cos(29 * hx + 1.1)
    teeth = (0.012 * strands + (fringe - 0.25).clamp(min=0) * 0.055 * locks) * (1 - is_curled)
    curls = 0.045 * torch.cos(13 * hx + 0.3) * is_curled
    peak = 0.03 * bump(t / 0.22) * (1 - fringe)
    line = edge + style["temple"] * (1 - 0.45 * fringe) * t.abs() ** 2.2 + teeth + curls + peak
    line = line + style["slant"] * (0.5 + 0.9 * t).clamp(0, 1.3) * (1 + 0.15 * locks)
    over = (hy - line) * 0.85
    # Curtains: hair before the cheeks in styles that hang down.
    covers = (style["share"] > 0).to(hx.dtype)
    curtain_x = s.face_a * (1 - style["share"] * (0.8 + 0.25 * s.p["hair_volume"]))
    bend = 0.10 * ((hy - 0.05) / 0.5).clamp(-1, 1) ** 2
    bend = bend + 0.012 * style["wave"] * torch.sin(9.5 * hy + 0.6)
    curtain = curtain_x + bend * covers - s.turned(0.03)[0].abs() + FAR * (1 - covers)
    d = torch.maximum(hair.outline, torch.minimum(over, curtain))
    # A shadow under the hair's edge lets it sit on the brow.
    skin_below = (canvas.labels == SCHEMA.id_of("skin")).to(hx.dtype)
    shadow = soft(torch.maximum(d - 0.05, hair.cut), 0.11) * skin_below
    canvas.shade(0.40 * shadow, s.skin_dark * 0.86)
    # Short hair thins out toward the skin, a fringe ends cleanly.
    width = canvas.pixel + 0.030 * (1 - fringe) * (1 - covers)
    cover = (0.5 - torch.maximum(d, hair.cut) / width).clamp(0, 1)
    lifted = (1.0 + 0.10 * bump((over + 0.06) / 0.05)).unsqueeze(1)
    canvas.paint(cover, hair.color * lifted, "hair")
