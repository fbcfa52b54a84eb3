"""Colours of skin, hair, eyes and cloth, from single numbers.

Colours are sRGB in [0, 1], shape (N, 3, 1, 1).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

Rgb = tuple[float, float, float]

SKIN: Sequence[Rgb] = (
    (0.99, 0.86, 0.78),
    (0.96, 0.77, 0.63),
    (0.86, 0.63, 0.46),
    (0.66, 0.44, 0.30),
    (0.45, 0.29, 0.21),
)
HAIR: Sequence[Rgb] = (
    (0.10, 0.085, 0.10),
    (0.24, 0.145, 0.10),
    (0.47, 0.29, 0.16),
    (0.72, 0.50, 0.25),
    (0.93, 0.78, 0.48),
)
IRIS: Sequence[Rgb] = (
    (0.30, 0.17, 0.09),
    (0.50, 0.31, 0.13),
    (0.36, 0.50, 0.24),
    (0.25, 0.56, 0.66),
    (0.32, 0.52, 0.83),
)
GLASSES: Sequence[Rgb] = (
    (0.10, 0.10, 0.13),
    (0.40, 0.22, 0.11),
    (0.72, 0.14, 0.17),
    (0.13, 0.38, 0.48),
)


def ramp(stops: Sequence[Rgb], position: Tensor) -> Tensor:
    """Return the colour at `position` (N,) in [0, 1] along evenly spaced stops."""
    table = torch.tensor(stops, dtype=position.dtype, device=position.device)
    scaled = position.clamp(0, 1) * (len(stops) - 1)
    index = scaled.floor().clamp(max=len(stops) - 2).long()
    part = (scaled - index).unsqueeze(1)
    color = table[index] * (1 - part) + table[index + 1] * part
    return color[:, :, None, None]


def mix(first: Tensor, second: Tensor | Rgb, amount: Tensor | float) -> Tensor:
    """Return the blend of two colours, `amount` of the second."""
    if isinstance(second, tuple):
        second = torch.tensor(second, dtype=first.dtype, device=first.device).view(1, 3, 1, 1)
    return first + (second - first) * amount
