"""Which cells of the feature taps does each pixel of a label map read, and how much?

A tap of side r is resized bilinearly to the label map of side H. So a pixel reads four
cells of it, `s = max(0, (p + 1/2) r / H - 1/2)` along each axis with the share of the
second cell being the fraction of s. `PixelSample` says so for scattered pixels that are
used once, in training. `RegionPixels` is for a region that stays the same for a whole run:
its pixels are sorted into small square tiles, because a tile reads few distinct cells, and
blending them is then one small matrix product whose backward pass is another.

Letters: N images, H label-map side, r side of a tap, P chosen pixels, M distinct cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

TILE_SIDE = 16


def source_cells(
    position: Tensor, *, size: int, resolution: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (low, high, share of high) along one axis for label-map positions, int64.

    The share is float64, right to the last bit of whatever type follows.
    """
    source = ((position.double() + 0.5) * resolution / size - 0.5).clamp(min=0)
    low = source.floor().long()
    return low, (low + 1).clamp(max=resolution - 1), source - low


@dataclass(frozen=True, slots=True)
class PixelLevel:
    """How P pixels read a tap of one resolution.

    `corners` (P, 4) are flat indices into N x r x r and `weights` (P, 4) the bilinear
    shares. A tap of the label map's own resolution has one corner a pixel, of share 1.
    """

    corners: Tensor
    weights: Tensor

    @classmethod
    def at(
        cls,
        image: Tensor,
        row: Tensor,
        column: Tensor,
        *,
        size: int,
        resolution: int,
        dtype: torch.dtype,
    ) -> Self:
        """Return what pixels (P,) of label maps of side `size` read of one tap."""
        if resolution == size:
            itself = ((image * size + row) * size + column)[:, None]
            return cls(itself, torch.ones_like(itself, dtype=dtype))

        top, bottom, down = source_cells(row, size=size, resolution=resolution)
        left, right, across = source_cells(column, size=size, resolution=resolution)
        upper, lower = ((image * resolution + y) * resolution for y in (top, bottom))
        corners = [upper + left, upper + right, lower + left, lower + right]
        shares = [
            (1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across
        ]  # fmt: skip
        return cls(torch.stack(corners, dim=1), torch.stack(shares, dim=1).to(dtype))

    def blend(self, cells: Tensor) -> Tensor:
        """Return each pixel's mixture (P, C) of rows of `cells` (N r r, C)."""
        if self.corners.shape[1] == 1:
            return cells[self.corners[:, 0]].to(self.weights.dtype)
        picked = cells[self.corners].to(self.weights.dtype)
        return torch.einsum("pkc,pk->pc", picked, self.weights)

    def spread(self, gradient: Tensor, *, num_cells: int) -> Tensor:
        """Return the gradient (num_cells, C) on cells whose mixture has `gradient` (P, C)."""
        total = gradient.new_zeros(num_cells, gradient.shape[1])
        for corner, share in zip(self.corners.unbind(1), self.weights.unbind(1), strict=True):
            total.index_add_(0, corner, gradient * share[:, None])
        return total


@dataclass(frozen=True, slots=True)
class PixelSample:
    """P scattered pixels of N label maps: `image`, `row` and `column` are int64 (P,)."""

    image: Tensor
    row: Tensor
    column: Tensor
    levels: dict[int, PixelLevel]

    @classmethod
    def at(
        cls,
        image: Tensor,
        row: Tensor,
        column: Tensor,
        *,
        size: int,
        resolutions: Sequence[int],
        dtype: torch.dtype,
    ) -> Self:
        """Return the pixels at these places of label maps of side `size`."""
        levels = {
            resolution: PixelLevel.at(
                image, row, column, size=size, resolution=resolution, dtype=dtype
            )
            for resolution in sorted(set(resolutions))
        }
        return cls(image=image, row=row, column=column, levels=levels)

    def pick(self, per_pixel: Tensor) -> Tensor:
        """Return the values of a (N, H, H) map at these pixels, (P,)."""
        return per_pixel[self.image, self.row, self.column]


@dataclass(frozen=True, slots=True)
class Tile:
    """Pixels `start` to `stop` of a region, all in one small square.

    They read `rows` (m,) of the region's cells of all coarse taps together, mixed by
    `shares` (stop - start, m).
    """

    start: int
    stop: int
    rows: Tensor
    shares: Tensor


@dataclass(frozen=True, slots=True)
class RegionPixels:
    """P pixels of N label maps and the cells under them; build it once per run.

    `image`, `row` and `column` are int64 (P,), tile by tile, images in order. `coarse` has
    for each tap smaller than the label map the distinct cells (M,), flat in N x r x r;
    laid one after another they are the cells that tiles point into. `fine` has the taps
    that are as large as the label map or larger.
    """

    image: Tensor
    row: Tensor
    column: Tensor
    size: int
    dtype: torch.dtype
    coarse: dict[int, Tensor]
    fine: dict[int, PixelLevel]
    tiles: tuple[Tile, ...]

    @classmethod
    def of_mask(
        cls,
        mask: Tensor,
        *,
        resolutions: Sequence[int],
        dtype: torch.dtype,
        tile_side: int = TILE_SIDE,
    ) -> Self:
        """Return the true pixels of `mask` (N, H, H), blending in `dtype`."""
        size = mask.shape[-1]
        image, row, column = mask.nonzero(as_tuple=True)
        across = -(-size // tile_side)
        tile_of = (image * across + row // tile_side) * across + column // tile_side
        order = tile_of.argsort(stable=True)
        image, row, column = image[order], row[order], column[order]

        levels = {
            resolution: PixelLevel.at(
                image, row, column, size=size, resolution=resolution, dtype=dtype
            )
            for resolution in sorted(set(resolutions))
        }
        fine = {r: level for r, level in levels.items() if r >= size}
        coarse, corners, shares, num_cells = {}, [], [], 0
        for resolution, level in levels.items():
            if resolution < size:
                coarse[resolution], place = level.corners.unique(return_inverse=True)
                corners.append(place + num_cells)
                shares.append(level.weights)
                num_cells += len(coarse[resolution])

        tiles, start = [], 0
        for count in tile_of[order].unique_consecutive(return_counts=True)[1].tolist():
            stop = start + count
            if corners:
                rows, place = torch.cat([c[start:stop] for c in corners], dim=1).unique(
                    return_inverse=True
                )
                mixed = torch.zeros(count, len(rows), dtype=dtype, device=mask.device)
                mixed.scatter_add_(1, place, torch.cat([s[start:stop] for s in shares], dim=1))
            else:
                rows = torch.empty(0, dtype=torch.int64, device=mask.device)
                mixed = torch.empty(count, 0, dtype=dtype, device=mask.device)
            tiles.append(Tile(start, stop, rows, mixed))
            start = stop
        return cls(
            image=image, row=row, column=column, size=size, dtype=dtype,
            coarse=coarse, fine=fine, tiles=tuple(tiles),
        )  # fmt: skip

    def __len__(self) -> int:
        return int(self.image.numel())

    def pick(self, per_pixel: Tensor) -> Tensor:
        """Return the values of a (N, H, H) map at these pixels, (P,)."""
        return per_pixel[self.image, self.row, self.column]
