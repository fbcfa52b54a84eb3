"""Flat shapes as distance fields, and how much of a pixel they cover.

Distances are negative inside, in picture units (the picture spans -1 to 1, y down). They
are exact or first-order near the outline, which is where anti-aliasing reads them.
Everything broadcasts: coordinates (1, H, W) or (N, H, W), parameters (N, 1, 1).
"""

import torch
from torch import Tensor


def coverage(distance: Tensor, pixel: float) -> Tensor:
    """Return how much of each pixel lies inside, in [0, 1]."""
    return (0.5 - distance / pixel).clamp(0, 1)


def soft(distance: Tensor, width: float | Tensor) -> Tensor:
    """Return a smooth 1-to-0 step of the given width about the outline."""
    t = (0.5 - distance / width).clamp(0, 1)
    return t * t * (3 - 2 * t)


def band(y: Tensor, top: Tensor, bottom: Tensor, pixel: float) -> Tensor:
    """Return the covered share of each pixel between two curves y = top, y = bottom."""
    below_top = ((y - top) / pixel + 0.5).clamp(0, 1)
    below_bottom = ((y - bottom) / pixel + 0.5).clamp(0, 1)
    return (below_top - below_bottom).clamp(min=0)


def ellipse(x: Tensor, y: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    """Return the first-order distance to an origin-centred ellipse with half axes a, b."""
    u, v = x / a, y / b
    k = (u * u + v * v).clamp(min=1e-8).sqrt()
    slope = ((u / a) ** 2 + (v / b) ** 2).clamp(min=1e-8).sqrt()
    return (k - 1) * k / slope


def box(
    x: Tensor, y: Tensor, a: Tensor | float, b: Tensor | float, r: Tensor | float
) -> Tensor:
    """Return the distance to a box with half sides a, b and corner radius r."""
    qx, qy = x.abs() - a + r, y.abs() - b + r
    outside = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2 + 1e-12).sqrt()
    return outside + torch.maximum(qx, qy).clamp(max=0) - r


def bump(t: Tensor) -> Tensor:
    """Return a smooth hill of height 1 at 0 and width about 1, falling like a bell."""
    return 1 / (1 + t * t) ** 2
