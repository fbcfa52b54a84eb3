"""How are a branch's logits on a region computed, and differentiated, in little memory?

The wide hidden layer of the ensemble (E h1 values a pixel) exists for one small tile of
pixels at a time. Weights are frozen while a picture is edited, so the backward pass needs
of it only which units were on, one byte each; `RegionLogits` keeps those and nothing else.
The result is the function that `SegmentationBranch.logits` evaluates everywhere.

Letters: E members, h1 and h2 widths of the hidden layers, P pixels, K parts, M cells of all
coarse taps together, C channels of the taps of one resolution together.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from editing.segmentation.pixels import RegionPixels, Tile


class EvalWeights(Protocol):
    """Weights of eval mode, BatchNorms folded forward and members merged at the end."""

    @property
    def first(self) -> dict[int, Tensor]: ...  # by resolution (E*h1, C)
    @property
    def first_bias(self) -> Tensor: ...  # (E*h1,)
    @property
    def second(self) -> Tensor: ...  # (E, h1, h2)
    @property
    def second_bias(self) -> Tensor: ...  # (E, 1, h2)
    @property
    def last(self) -> Tensor: ...  # (E*h2, K)
    @property
    def last_bias(self) -> Tensor: ...  # (K,)


def hidden_tiles(
    weights: EvalWeights,
    pixels: RegionPixels,
    resolutions: Sequence[int],
    taps: Sequence[Tensor],
) -> Iterator[tuple[Tile, Tensor]]:
    """Yield each tile of the pixels with its first hidden layer after ReLU, (p, E h1).

    `resolutions` are those of the taps (N, C, r, r), in order.
    """
    groups: dict[int, list[Tensor]] = {}
    for tap, resolution in zip(taps, resolutions, strict=True):
        groups.setdefault(resolution, []).append(_cells(tap))
    fine = [
        torch.cat([level.blend(cells) for cells in groups[resolution]], dim=1)
        for resolution, level in pixels.fine.items()
    ]
    coarse = [
        torch.cat([cells[chosen].to(pixels.dtype) for cells in groups[resolution]], dim=1)
        @ weights.first[resolution].T
        for resolution, chosen in pixels.coarse.items()
    ]
    table = torch.cat(coarse) if coarse else weights.first_bias.new_empty(0, 0)
    for tile in pixels.tiles:
        hidden = weights.first_bias.expand(tile.stop - tile.start, -1)
        for resolution, features in zip(pixels.fine, fine, strict=True):
            near = features[tile.start : tile.stop]
            hidden = torch.addmm(hidden, near, weights.first[resolution].T)
        if coarse:
            hidden = torch.addmm(hidden, tile.shares, table[tile.rows])
        yield tile, hidden.relu()


class RegionLogits(torch.autograd.Function):
    """Mean logits (P, K) of taps at a region's pixels; gradients reach the taps alone."""

    @staticmethod
    def forward(
        ctx: Any,
        weights: EvalWeights,
        pixels: RegionPixels,
        resolutions: Sequence[int],
        *taps: Tensor,
    ) -> Tensor:
        num_members, h1, h2 = weights.second.shape
        keeps = any(tap.requires_grad for tap in taps)
        first_on: list[Tensor] = []
        second_on: list[Tensor] = []
        logits = weights.last_bias.new_empty(len(pixels), weights.last.shape[1])
        for tile, hidden in hidden_tiles(weights, pixels, resolutions, taps):
            here = slice(tile.start, tile.stop)
            by_member = hidden.view(-1, num_members, h1).transpose(0, 1)
            second = torch.baddbmm(weights.second_bias, by_member, weights.second).relu_()
            merged = second.transpose(0, 1).reshape(-1, num_members * h2)
            logits[here] = torch.addmm(weights.last_bias, merged, weights.last)
            if keeps:
                first_on.append(hidden > 0)
                second_on.append(second > 0)
        ctx.weights, ctx.pixels, ctx.resolutions = weights, pixels, resolutions
        ctx.first_on, ctx.second_on = first_on, second_on
        ctx.like = [(tap.shape, tap.dtype) for tap in taps]
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, pixels = ctx.weights, ctx.pixels
        num_members, h1, h2 = weights.second.shape
        num_cells = sum(len(cells) for cells in pixels.coarse.values())
        table = gradient.new_zeros(num_cells, num_members * h1)
        fine = [
            gradient.new_empty(len(pixels), weights.first[resolution].shape[1])
            for resolution in pixels.fine
        ]
        back = weights.second.transpose(1, 2)
        for tile, first_on, second_on in zip(
            pixels.tiles, ctx.first_on, ctx.second_on, strict=True
        ):
            here = slice(tile.start, tile.stop)
            merged = gradient[here] @ weights.last.T
            second = merged.view(-1, num_members, h2).transpose(0, 1) * second_on
            hidden = torch.bmm(second, back).transpose(0, 1).reshape(first_on.shape)
            hidden *= first_on
            for resolution, features in zip(pixels.fine, fine, strict=True):
                torch.mm(hidden, weights.first[resolution], out=features[here])
            if len(tile.rows):
                # Rows of a tile are distinct, so the sum has one order: bits repeat.
                table.index_add_(0, tile.rows, tile.shares.T @ hidden)

        parts = table.split([len(cells) for cells in pixels.coarse.values()])
        narrow = {
            resolution: part @ weights.first[resolution]
            for resolution, part in zip(pixels.coarse, parts, strict=True)
        }
        narrow |= dict(zip(pixels.fine, fine, strict=True))
        used = dict.fromkeys(narrow, 0)
        gradients = []
        for resolution, (shape, dtype) in zip(ctx.resolutions, ctx.like, strict=True):
            num, channels, height, width = shape
            start = used[resolution]
            used[resolution] = start + channels
            mine = narrow[resolution][:, start : start + channels]
            num_here = num * height * width
            if resolution in pixels.fine:
                whole = pixels.fine[resolution].spread(mine, num_cells=num_here)
            else:
                whole = mine.new_zeros(num_here, channels)
                whole[pixels.coarse[resolution]] = mine
            whole = whole.to(dtype).unflatten(0, (num, height, width))
            gradients.append(whole.permute(0, 3, 1, 2))
        return (None, None, None, *gradients)


def _cells(tap: Tensor) -> Tensor:
    """Return (N r r, C), a view of channels-last taps."""
    return tap.permute(0, 2, 3, 1).reshape(-1, tap.shape[1])
