"""What do all layers of a portrait share? The canvas, the coordinates and the colours.

Shapes: N pictures of S x S pixels; fields are (N, S, S), colours (N, 3, 1, 1). Drawing
coordinates run from about -0.9 to 0.9, x right and y down. Head-local coordinates are
turned by the roll; what lies nearer to the viewer moves further when the head turns.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from editing.families import oklab
from editing.families.factor_space import Factors
from editing.families.portraits import colors
from editing.families.portraits.colors import mix
from editing.families.portraits.schema import SCHEMA

SPAN = 0.88  # half the picture's width in drawing units: a close framing
FAR = 9.0  # added to a distance, it removes the shape


class Canvas:
    """The picture under construction: RGB in [0, 1] and the label map."""

    def __init__(self, *, color: Tensor, n: int, size: int) -> None:
        self.pixel = 2.0 * SPAN / size
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
class Scene:
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


def is_option(scene: Scene, factor: str, options: tuple[str, ...], option: str) -> Tensor:
    """Return 1 for the pictures whose factor has that option, else 0, (N, 1, 1)."""
    return (scene.p[factor].round() == options.index(option)).to(scene.x.dtype)


def rgb(field_like: Tensor, r: float, g: float, b: float) -> Tensor:
    """Return one colour, (1, 3, 1, 1), of the type and device of `field_like`."""
    return torch.tensor([r, g, b], dtype=field_like.dtype, device=field_like.device).view(
        1, 3, 1, 1
    )


def scene_of(factors: Factors, size: int) -> Scene:
    """Return what the layers of these pictures share, for pictures of `size` pixels."""
    values = factors.values
    p = {name: values[:, i].view(-1, 1, 1) for i, name in enumerate(factors.names)}
    steps = (torch.arange(size, dtype=values.dtype, device=values.device) + 0.5) * (
        2 / size
    ) - 1
    x, y = SPAN * steps.view(1, 1, -1), SPAN * steps.view(1, -1, 1) - 0.035
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
    skin = (skin * (1 + warm * rgb(values, 0.03, 0.0, -0.16))).clamp(0, 1)
    skin_dark = skin * rgb(values, 0.74, 0.60, 0.58)
    hair = colors.ramp(colors.HAIR, factors.get("hair_tone"))
    red = factors.get("hair_red").view(-1, 1, 1, 1)
    hair = mix(hair, (0.66, 0.24, 0.09), 0.75 * red)
    hair = mix(hair, (0.80, 0.80, 0.82), 0.92 * old.unsqueeze(1))
    light = 0.42 + 0.48 * factors.get("clothing_light")
    a, b = factors.get("clothing_a"), factors.get("clothing_b")
    # Grey cloth is dull: colours near the middle are pushed outward.
    push = 1.5 / (0.5 + (a * a + b * b).sqrt())
    a, b = a * push, b * push
    cloth = oklab.to_srgb(light, 0.11 * a, 0.10 * b)
    hat = oklab.to_srgb(0.78 - 0.38 * factors.get("clothing_light"), -0.11 * b, 0.10 * a)
    return Scene(
        p=p, x=x, y=y, hx=hx, hy=hy, fx=fx, fy=fy,
        side=torch.where(fx < 0, -1.0, 1.0),
        face_a=0.465 + 0.055 * p["face_width"] + 0.015 * child,
        # The jaw drops with an open mouth.
        face_b=0.56 + 0.06 * p["face_length"] - 0.07 * child + 0.06 * p["mouth_open"],
        child=child, old=old, skin=skin, skin_dark=skin_dark, hair=hair, cloth=cloth, hat=hat,
    )  # fmt: skip
