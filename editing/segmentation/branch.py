"""Segmentation branch: which part does each pixel of a generated picture show?

A small ensemble of per-pixel classifiers reads the generator's feature taps. By definition
every tap is resized to the label map, bilinearly, all are concatenated, and each member is

    linear (D -> h1) -> ReLU -> BatchNorm -> linear (h1 -> h2) -> ReLU -> BatchNorm -> linear

with the mean of the members' logits as the answer. What runs here is the same function
without the stacked feature map. A linear layer and a bilinear resize commute, so each tap
is projected at its own resolution, taps of one resolution are added, and each sum is resized
once, straight to the label map. In eval mode every BatchNorm folds into the linear layer
after it, the ensemble is one wide first layer and grouped later ones, and the mean over
members merges with the last layer. When only some pixels matter (`logits_at`) each level
projects just the distinct source cells under them.

Letters: N images, K parts, E members, T taps, D channels of all taps together,
H label-map side, r side of a tap, P chosen pixels, M distinct cells at one level.
Source: Zhang et al. 2021 (DatasetGAN) section 3 for the classifier, Ling et al. 2021
(EditGAN) section 3.1 for its use on a generator; the rearrangement is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.errors import ShapeMismatchError

TapShape = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PixelLevel:
    """How P pixels read a tap of one resolution.

    `cells` (M,) are flat indices into N x r x r, each needed once; `corners` (P, 4) point
    into `cells`, and `weights` (P, 4) are the bilinear shares. Without `cells`, corners
    point into N x r x r themselves. `is_identity` says that the tap has the label map's own
    resolution, so cells are the pixels themselves, in order.
    """

    cells: Tensor | None
    corners: Tensor
    weights: Tensor
    is_identity: bool


@dataclass(frozen=True, slots=True)
class RegionPixels:
    """P pixels of N label maps, and for each tap resolution the cells under them.

    `image`, `row` and `column` are int64 (P,). Build it once per run: the region is fixed.
    """

    image: Tensor
    row: Tensor
    column: Tensor
    size: int
    levels: dict[int, PixelLevel]

    @classmethod
    def of_mask(cls, mask: Tensor, *, resolutions: Sequence[int], dtype: torch.dtype) -> Self:
        """Return the true pixels of `mask` (N, H, H) in reading order."""
        image, row, column = mask.nonzero(as_tuple=True)
        return cls.at(
            image, row, column, size=mask.shape[-1], resolutions=resolutions, dtype=dtype
        )

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
        distinct: bool = True,
    ) -> Self:
        """Return the pixels at these places of label maps of side `size`.

        Finding the distinct cells costs a sort: leave it out for pixels that are used once.
        """
        levels = {
            resolution: _pixel_level(image, row, column, size, resolution, dtype, distinct)
            for resolution in sorted(set(resolutions))
        }
        return cls(image=image, row=row, column=column, size=size, levels=levels)

    def __len__(self) -> int:
        return int(self.image.numel())

    @property
    def dtype(self) -> torch.dtype:
        """Return the floating type in which the pixels blend their cells."""
        return next(iter(self.levels.values())).weights.dtype

    def pick(self, per_pixel: Tensor) -> Tensor:
        """Return the values of a (N, H, H) map at these pixels, (P,)."""
        return per_pixel[self.image, self.row, self.column]


def _pixel_level(
    image: Tensor,
    row: Tensor,
    column: Tensor,
    size: int,
    resolution: int,
    dtype: torch.dtype,
    distinct: bool,
) -> PixelLevel:
    """Return the cells and shares of the pixels at one tap resolution."""
    if resolution == size:
        cells = (image * size + row) * size + column
        nothing = torch.empty(0, dtype=torch.int64, device=image.device)
        return PixelLevel(
            cells=cells, corners=nothing, weights=nothing.to(dtype), is_identity=True
        )

    def axis(position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # Float64 so that shares are right to the last bit of whatever dtype follows.
        source = ((position.double() + 0.5) * resolution / size - 0.5).clamp(min=0)
        low = source.floor().long()
        high = (low + 1).clamp(max=resolution - 1)
        return low, high, source - low

    top, bottom, down = axis(row)
    left, right, across = axis(column)
    base = image * resolution * resolution
    flat = torch.stack(
        [
            base + top * resolution + left,
            base + top * resolution + right,
            base + bottom * resolution + left,
            base + bottom * resolution + right,
        ],
        dim=1,
    )
    shares = torch.stack(
        [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across],
        dim=1,
    )
    chosen: Tensor | None = None
    corners = flat
    if distinct:
        chosen, corners = flat.unique(return_inverse=True)
    return PixelLevel(
        cells=chosen, corners=corners, weights=shares.to(dtype), is_identity=False
    )


class MemberNorm(nn.Module):
    """BatchNorm over pixels for all members at once; features are (E, P, h)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_members: int, width: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = 0.1
        self.weight = nn.Parameter(torch.ones(num_members, width))
        self.bias = nn.Parameter(torch.zeros(num_members, width))
        self.register_buffer("running_mean", torch.zeros(num_members, width))
        self.register_buffer("running_var", torch.ones(num_members, width))

    def forward(self, features: Tensor) -> Tensor:
        """Return normalised features: by the batch in training, by running figures else."""
        if self.training:
            variance, mean = torch.var_mean(features, dim=1, correction=0)
            count = features.shape[1]
            with torch.no_grad():
                unbiased = variance * count / max(count - 1, 1)
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(unbiased, self.momentum)
        else:
            mean, variance = self.running_mean, self.running_var
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return features * scale[:, None] + (self.bias - scale * mean)[:, None]

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return the scale and shift of eval mode, each (E, h)."""
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return scale, self.bias - scale * self.running_mean


@dataclass(frozen=True, slots=True)
class _Folded:
    """Eval-mode weights: BatchNorms folded forward, members merged at the end."""

    first: tuple[Tensor, ...]  # per tap (E*h1, C)
    first_bias: Tensor  # (E*h1,)
    second: Tensor  # (E, h1, h2)
    second_bias: Tensor  # (E, 1, h2)
    last: Tensor  # (E*h2, K), the mean over members included
    last_bias: Tensor  # (K,)
    member_last: Tensor  # (E, h2, K), members apart, for uncertainty
    member_last_bias: Tensor  # (E, 1, K)


class SegmentationBranch(nn.Module):
    """Per-pixel classifier on the taps of one generator."""

    def __init__(
        self,
        tap_shapes: Sequence[TapShape],
        num_parts: int,
        *,
        num_members: int = 10,
        hidden: tuple[int, int] = (128, 32),
    ) -> None:
        super().__init__()
        self.tap_shapes: tuple[TapShape, ...] = tuple((int(r), int(c)) for r, c in tap_shapes)
        self.num_parts = num_parts
        self.num_members = num_members
        self.hidden = (int(hidden[0]), int(hidden[1]))
        width = sum(channels for _, channels in self.tap_shapes)
        h1, h2 = self.hidden
        self.first_weight = nn.Parameter(torch.empty(num_members, h1, width))
        self.first_bias = nn.Parameter(torch.zeros(num_members, h1))
        self.norm1 = MemberNorm(num_members, h1)
        self.second_weight = nn.Parameter(torch.empty(num_members, h2, h1))
        self.second_bias = nn.Parameter(torch.zeros(num_members, h2))
        self.norm2 = MemberNorm(num_members, h2)
        self.last_weight = nn.Parameter(torch.empty(num_members, num_parts, h2))
        self.last_bias = nn.Parameter(torch.zeros(num_members, num_parts))
        self.reset(torch.Generator().manual_seed(0))
        self._cached: tuple[tuple[int, ...], _Folded] | None = None

    def reset(self, generator: torch.Generator) -> None:
        """Start all weights afresh: N(0, 0.02), every member its own, biases zero."""
        with torch.no_grad():
            for weight in (self.first_weight, self.second_weight, self.last_weight):
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.02)

    def to_config(self) -> dict[str, Any]:
        """Return what `from_config` needs to build an equal, untrained branch."""
        return {
            "tap_shapes": [list(shape) for shape in self.tap_shapes],
            "num_parts": self.num_parts,
            "num_members": self.num_members,
            "hidden": list(self.hidden),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return an untrained branch of the described shape."""
        return cls(
            [(int(r), int(c)) for r, c in config["tap_shapes"]],
            int(config["num_parts"]),
            num_members=int(config["num_members"]),
            hidden=(int(config["hidden"][0]), int(config["hidden"][1])),
        )

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Return the distinct tap resolutions, rising."""
        return tuple(sorted({resolution for resolution, _ in self.tap_shapes}))

    # -- the answers -------------------------------------------------------------------

    def logits(self, taps: Sequence[Tensor], *, size: int) -> Tensor:
        """Return the mean logits of all members at every pixel, (N, K, size, size).

        Raises:
            ShapeMismatchError: the taps are not those of this branch's generator.
        """
        self._check_taps(taps)
        folded = self._folded()
        if torch.is_grad_enabled():
            return self._whole(taps, folded, size=size)
        # One picture at a time: the wide hidden map of many would not fit the caches.
        pictures = zip(*(tap.split(1) for tap in taps), strict=True)
        return torch.cat([self._whole(own, folded, size=size) for own in pictures])

    def logits_at(self, taps: Sequence[Tensor], pixels: RegionPixels) -> Tensor:
        """Return the mean logits at chosen pixels only, (P, K).

        Raises:
            ShapeMismatchError: the taps are not those of this branch's generator.
        """
        self._check_taps(taps)
        folded = self._folded()
        total: Tensor | None = None
        for resolution, members in _taps_by_resolution(self.tap_shapes).items():
            level = pixels.levels[resolution]
            projected: Tensor | None = None
            for index in members:
                tap = taps[index]
                cells = tap.permute(0, 2, 3, 1).reshape(-1, tap.shape[1])
                cells = cells if level.cells is None else cells[level.cells]
                part = cells @ folded.first[index].T
                projected = part if projected is None else projected + part
            assert projected is not None
            if not level.is_identity:
                projected = _blend(projected, level)
            total = projected if total is None else total + projected
        assert total is not None
        return self._tail(torch.relu(total + folded.first_bias), folded)

    @torch.no_grad()
    def predict(self, taps: Sequence[Tensor], *, size: int) -> Tensor:
        """Return the most likely part of every pixel, uint8 (N, size, size)."""
        return self.logits(taps, size=size).argmax(dim=1).to(torch.uint8)

    @torch.no_grad()
    def uncertainty(self, taps: Sequence[Tensor], *, size: int) -> Tensor:
        """Return how much the members disagree, (N, size, size), 0 when they agree.

        The Jensen-Shannon divergence of DatasetGAN: entropy of the mean of the members'
        distributions minus the mean of their entropies, in nats.
        """
        shares = self.member_maps(taps, size=size).softmax(dim=2)
        together = torch.special.entr(shares.mean(dim=0)).sum(dim=1)
        apart = torch.special.entr(shares).sum(dim=2).mean(dim=0)
        return (together - apart).clamp(min=0)

    def member_maps(self, taps: Sequence[Tensor], *, size: int) -> Tensor:
        """Return every member's own logits at every pixel, (E, N, K, size, size)."""
        self._check_taps(taps)
        folded = self._folded()
        hidden = self._hidden(taps, folded, size=size)
        pixels = hidden.permute(0, 2, 3, 1).reshape(-1, self.num_members, self.hidden[0])
        second = torch.relu(
            torch.bmm(pixels.transpose(0, 1), folded.second) + folded.second_bias
        )
        logits = torch.bmm(second, folded.member_last) + folded.member_last_bias
        whole = logits.view(self.num_members, -1, size, size, self.num_parts)
        return whole.permute(0, 1, 4, 2, 3)

    # -- training ----------------------------------------------------------------------

    def member_logits(self, features: Tensor) -> Tensor:
        """Return every member's own logits (E, P, K) for stacked features (E, P, D).

        This is the definition, BatchNorm included, and what training runs on.
        """
        hidden = torch.baddbmm(
            self.first_bias[:, None], features, self.first_weight.transpose(1, 2)
        )
        hidden = self.norm1(torch.relu(hidden))
        hidden = torch.baddbmm(
            self.second_bias[:, None], hidden, self.second_weight.transpose(1, 2)
        )
        hidden = self.norm2(torch.relu(hidden))
        return torch.baddbmm(self.last_bias[:, None], hidden, self.last_weight.transpose(1, 2))

    # -- how ---------------------------------------------------------------------------

    def _check_taps(self, taps: Sequence[Tensor]) -> None:
        shapes = tuple((tap.shape[-1], tap.shape[1]) for tap in taps)
        if shapes != self.tap_shapes:
            raise ShapeMismatchError(f"taps {shapes}, the branch reads {self.tap_shapes}")

    def _hidden(self, taps: Sequence[Tensor], folded: _Folded, *, size: int) -> Tensor:
        """Return the first hidden layer after ReLU, (N, E*h1, size, size)."""
        total: Tensor | None = None
        for resolution, members in _taps_by_resolution(self.tap_shapes).items():
            projected: Tensor | None = None
            for index in members:
                part = F.conv2d(taps[index], folded.first[index][:, :, None, None])
                projected = part if projected is None else projected + part
            assert projected is not None
            if resolution != size:
                projected = F.interpolate(
                    projected, size=(size, size), mode="bilinear", align_corners=False
                )
            total = projected if total is None else total + projected
        assert total is not None
        return torch.relu(total + folded.first_bias[:, None, None])

    def _whole(self, taps: Sequence[Tensor], folded: _Folded, *, size: int) -> Tensor:
        """Return mean logits (N, K, size, size)."""
        hidden = self._hidden(taps, folded, size=size)
        second = F.conv2d(
            hidden,
            folded.second.transpose(1, 2).reshape(-1, self.hidden[0], 1, 1),
            folded.second_bias.flatten(),
            groups=self.num_members,
        )
        return F.conv2d(torch.relu(second), folded.last.T[:, :, None, None], folded.last_bias)

    def _tail(self, hidden: Tensor, folded: _Folded) -> Tensor:
        """Return mean logits (P, K) from the first hidden layer (P, E*h1)."""
        split = hidden.view(-1, self.num_members, self.hidden[0]).transpose(0, 1)
        second = torch.relu(torch.bmm(split, folded.second) + folded.second_bias)
        merged = second.transpose(0, 1).reshape(hidden.shape[0], -1)
        return merged @ folded.last + folded.last_bias

    def _folded(self) -> _Folded:
        """Return eval-mode weights, computed once until a weight changes."""
        tensors = [*self.parameters(), *self.buffers()]
        # Versions alone would not notice `.to(dtype)`, which swaps the storage.
        versions = tuple(v for t in tensors for v in (t._version, t.data_ptr()))
        if self._cached is not None and self._cached[0] == versions:
            return self._cached[1]
        with torch.no_grad():
            folded = self._fold()
        self._cached = (versions, folded)
        return folded

    def _fold(self) -> _Folded:
        h1, h2 = self.hidden
        scale1, shift1 = self.norm1.folded()
        scale2, shift2 = self.norm2.folded()
        wide = self.first_weight.reshape(self.num_members * h1, -1)
        widths = [channels for _, channels in self.tap_shapes]
        second = self.second_weight * scale1[:, None, :]
        second_bias = self.second_bias + torch.einsum("ejh,eh->ej", self.second_weight, shift1)
        last = self.last_weight * scale2[:, None, :]
        last_bias = self.last_bias + torch.einsum("ekh,eh->ek", self.last_weight, shift2)
        merged = last.permute(0, 2, 1).reshape(self.num_members * h2, -1) / self.num_members
        return _Folded(
            first=tuple(part.contiguous() for part in wide.split(widths, dim=1)),
            first_bias=self.first_bias.reshape(-1).clone(),
            second=second.transpose(1, 2).contiguous(),
            second_bias=second_bias[:, None],
            last=merged.contiguous(),
            last_bias=last_bias.mean(dim=0),
            member_last=last.transpose(1, 2).contiguous(),
            member_last_bias=last_bias[:, None],
        )


def gather_features(
    flat_taps: Sequence[Tensor], tap_shapes: Sequence[TapShape], pixels: RegionPixels
) -> Tensor:
    """Return stacked features (P, D) at chosen pixels, without a stacked map.

    `flat_taps` are taps laid out as (N * r * r, C): one row per cell.
    """
    parts = []
    for flat, (resolution, _) in zip(flat_taps, tap_shapes, strict=True):
        level = pixels.levels[resolution]
        cells = (flat if level.cells is None else flat[level.cells]).to(pixels.dtype)
        parts.append(cells if level.is_identity else _blend(cells, level))
    return torch.cat(parts, dim=1)


def _blend(cells: Tensor, level: PixelLevel) -> Tensor:
    """Return each pixel's bilinear mixture (P, C) of its four cells (M, C)."""
    return F.embedding_bag(
        level.corners,
        cells,
        per_sample_weights=level.weights.to(cells.dtype),
        mode="sum",
    )


def _taps_by_resolution(tap_shapes: Sequence[TapShape]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for index, (resolution, _) in enumerate(tap_shapes):
        groups.setdefault(resolution, []).append(index)
    return groups
