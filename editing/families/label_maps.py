"""What a painter does to a label map: erase, grow, move and redraw the pixels of parts.

Works on one label map of H x W part ids. Functions return new maps and leave their
argument as it was.
"""

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from editing.errors import EditingError


class PaintingImpossibleError(EditingError):
    """The label map lacks what the painting rule would paint on or take away."""

    code = "painting.impossible"


def mask_of(labels: Tensor, parts: Collection[int]) -> Tensor:
    """Return the bool mask (H, W) of pixels that show one of `parts`."""
    wanted = torch.tensor(sorted(parts), dtype=labels.dtype, device=labels.device)
    return torch.isin(labels, wanted)


def bounds(mask: Tensor) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of a mask that is not empty, ends included."""
    ys, xs = mask.nonzero(as_tuple=True)
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def shifted(values: Tensor, *, dx: int, dy: int, fill: int = 0) -> Tensor:
    """Return (H, W) values moved by whole pixels, with `fill` moving in."""
    height, width = values.shape
    out = torch.full_like(values, fill)
    out[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)] = values[
        max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)
    ]
    return out


def grow(mask: Tensor, *, radius: int) -> Tensor:
    """Return the mask widened by `radius` pixels in every direction, corners rounded."""
    for i in range(radius):
        wider = mask.clone()
        reach: tuple[tuple[int, int], ...] = ((1, 0), (-1, 0), (0, 1), (0, -1))
        # Alternating cross and square steps draw an octagon, near enough to a disc.
        if i % 2:
            reach += ((1, 1), (1, -1), (-1, 1), (-1, -1))
        for dx, dy in reach:
            wider |= shifted(mask, dx=dx, dy=dy)
        mask = wider
    return mask


def heal(labels: Tensor, hole: Tensor) -> Tensor:
    """Return the map with `hole` filled from its rim inward by the commonest neighbour.

    A hole that covers the whole map stays as it is.
    """
    if not hole.any() or hole.all():
        return labels.clone()
    # Only the hole and one pixel around it matter.
    left, top, right, bottom = bounds(hole)
    box = (slice(max(top - 1, 0), bottom + 2), slice(max(left - 1, 0), right + 2))
    whole, labels, hole = labels.clone(), labels[box].clone(), hole[box].clone()
    num = int(labels.max()) + 1
    while hole.any():
        votes = torch.zeros(num, *labels.shape, device=labels.device)
        for dx, dy, weight in (
            (1, 0, 1.0), (-1, 0, 1.0), (0, 1, 1.0), (0, -1, 1.0),
            (1, 1, 0.6), (-1, 1, 0.6), (1, -1, 0.6), (-1, -1, 0.6),
        ):  # fmt: skip
            known = shifted((~hole).to(torch.uint8), dx=dx, dy=dy).float() * weight
            neighbour = shifted(labels, dx=dx, dy=dy).long()
            votes.scatter_add_(0, neighbour.unsqueeze(0), known.unsqueeze(0))
        best, choice = votes.max(dim=0)
        reached = hole & (best > 0)
        labels[reached] = choice[reached].to(labels.dtype)
        hole &= ~reached
    whole[box] = labels
    return whole


def warp(
    labels: Tensor,
    *,
    parts: Collection[int],
    source: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    keep: Collection[int] = (),
) -> Tensor:
    """Return the map with `parts` moved, and what they uncovered healed.

    Args:
        labels: integer (H, W).
        parts: ids that move together.
        source: for pixel centres x, y (H, W) of the result, where to look in `labels`.
        keep: ids that lie above the moved parts and are never painted over.
    """
    height, width = labels.shape
    moving = mask_of(labels, parts)
    ys, xs = torch.meshgrid(
        torch.arange(height, device=labels.device).float(),
        torch.arange(width, device=labels.device).float(),
        indexing="ij",
    )
    sx, sy = source(xs, ys)
    sx, sy = sx.round().long(), sy.round().long()
    inside = (sx >= 0) & (sx < width) & (sy >= 0) & (sy < height)
    sx, sy = sx.clamp(0, width - 1), sy.clamp(0, height - 1)
    arrives = inside & moving[sy, sx] & ~mask_of(labels, keep)
    # Heal all of it, or what the part leaves would fill with the part itself.
    return torch.where(arrives, labels[sy, sx], heal(labels, moving))
