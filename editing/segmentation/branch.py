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
projects just the distinct source cells under them (`region_logits`). A whole picture is
a region too, some rows at a time.

Letters: N images, K parts, E members, D channels of all taps together, H label-map side,
r side of a tap, P chosen pixels.
Source: Zhang et al. 2021 (DatasetGAN) section 3 for the classifier, Ling et al. 2021
(EditGAN) section 3.1 for its use on a generator; the rearrangement is ours.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from editing.errors import ShapeMismatchError
from editing.segmentation.pixels import PixelSample
from editing.segmentation.pixels import RegionPixels as RegionPixels
from editing.segmentation.region_logits import RegionLogits, hidden_tiles

TapShape = tuple[int, int]
# A label map is made this many rows at a time: projected cells of more would fill memory.
STRIP_ROWS = 64
# An image is as uncertain as its most uncertain tenth of pixels.
UNCERTAIN_SHARE = 0.1


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

    first: dict[int, Tensor]  # by resolution (E*h1, C), C of all its taps
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
        self._small_maps: dict[tuple[int, torch.device, torch.dtype], RegionPixels] = {}

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

    def only(self, members: Sequence[int]) -> "SegmentationBranch":
        """Return a branch of some of the members, with copies of their weights, frozen."""
        chosen = SegmentationBranch(
            self.tap_shapes, self.num_parts, num_members=len(members), hidden=self.hidden
        ).to(self.first_weight)
        # Every weight and every running figure has one row a member.
        chosen.load_state_dict({key: t[list(members)] for key, t in self.state_dict().items()})
        return chosen.eval().requires_grad_(False)

    # -- the answers -------------------------------------------------------------------

    def logits(self, taps: Sequence[Tensor], *, size: int) -> Tensor:
        """Return the mean logits of all members at every pixel, (N, K, size, size).

        Raises:
            ShapeMismatchError: the taps are not those of this branch's generator.
        """
        self._check_taps(taps)
        pictures = [
            self._painted(
                (self.logits_at(own, pixels), pixels)
                for pixels in self._strips(size, taps[0].device)
            )
            for own in zip(*(tap.split(1) for tap in taps), strict=True)
        ]
        return torch.stack(pictures).permute(0, 3, 1, 2)

    def logits_at(self, taps: Sequence[Tensor], pixels: RegionPixels) -> Tensor:
        """Return the mean logits at chosen pixels only, (P, K).

        Raises:
            ShapeMismatchError: the taps are not those of this branch's generator.
        """
        self._check_taps(taps)
        resolutions = [resolution for resolution, _ in self.tap_shapes]
        logits: Tensor = RegionLogits.apply(self._folded(), pixels, resolutions, *taps)
        return logits

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
        maps = []
        for picture in zip(*(tap.split(1) for tap in taps), strict=True):
            found = taps[0].new_empty(size, size, dtype=self.first_weight.dtype)
            for row, column, logits in self._members(picture, size=size):
                found[row, column] = _disagreement(logits)
            maps.append(found)
        return torch.stack(maps)

    @torch.no_grad()
    def predict_with_uncertainty(
        self, taps: Sequence[Tensor], *, size: int
    ) -> tuple[Tensor, Tensor]:
        """Return `predict` and `uncertainty` of the same taps, read once for both."""
        labels, doubts = [], []
        for picture in zip(*(tap.split(1) for tap in taps), strict=True):
            part = taps[0].new_empty(size, size, dtype=torch.uint8)
            doubt = taps[0].new_empty(size, size, dtype=self.first_weight.dtype)
            for row, column, logits in self._members(picture, size=size):
                part[row, column] = logits.mean(dim=0).argmax(dim=1).to(torch.uint8)
                doubt[row, column] = _disagreement(logits)
            labels.append(part)
            doubts.append(doubt)
        return torch.stack(labels), torch.stack(doubts)

    @torch.no_grad()
    def member_maps(self, taps: Sequence[Tensor], *, size: int) -> Tensor:
        """Return every member's own logits at every pixel, (E, N, K, size, size)."""
        shape = (self.num_members, size, size, self.num_parts)
        maps = []
        for picture in zip(*(tap.split(1) for tap in taps), strict=True):
            found = taps[0].new_empty(shape, dtype=self.first_weight.dtype)
            for row, column, logits in self._members(picture, size=size):
                found[:, row, column] = logits
            maps.append(found)
        return torch.stack(maps, dim=1).permute(0, 1, 4, 2, 3)

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

    def _strips(self, size: int, device: torch.device) -> Iterator[RegionPixels]:
        """Yield all pixels of one label map, some rows at a time."""
        dtype = self.first_weight.dtype
        key = (size, device, dtype)
        if key in self._small_maps:
            yield self._small_maps[key]
            return
        for start in range(0, size, STRIP_ROWS):
            mask = torch.zeros(1, size, size, dtype=torch.bool, device=device)
            mask[:, start : start + STRIP_ROWS] = True
            pixels = RegionPixels.of_mask(mask, resolutions=self.resolutions, dtype=dtype)
            if size <= STRIP_ROWS:
                self._small_maps[key] = pixels
            yield pixels

    def _painted(self, strips: Iterable[tuple[Tensor, RegionPixels]]) -> Tensor:
        """Return values (P, K) of each strip where they belong, (size, size, K)."""
        whole: Tensor | None = None
        for values, pixels in strips:
            if whole is None:
                whole = values.new_zeros(pixels.size, pixels.size, values.shape[1])
            whole[pixels.row, pixels.column] = values
        assert whole is not None
        return whole

    def _members(
        self, taps: Sequence[Tensor], *, size: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield rows, columns (p,) and every member's logits there (E, p, K), one picture."""
        self._check_taps(taps)
        folded = self._folded()
        resolutions = [resolution for resolution, _ in self.tap_shapes]
        for pixels in self._strips(size, taps[0].device):
            for tile, hidden in hidden_tiles(folded, pixels, resolutions, taps):
                here = slice(tile.start, tile.stop)
                by_member = hidden.view(-1, self.num_members, self.hidden[0]).transpose(0, 1)
                second = torch.relu(torch.baddbmm(folded.second_bias, by_member, folded.second))
                logits = torch.baddbmm(folded.member_last_bias, second, folded.member_last)
                yield pixels.row[here], pixels.column[here], logits

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
        first: dict[int, list[Tensor]] = {}
        widths = [channels for _, channels in self.tap_shapes]
        for (resolution, _), part in zip(
            self.tap_shapes, wide.split(widths, dim=1), strict=True
        ):
            first.setdefault(resolution, []).append(part)
        second = self.second_weight * scale1[:, None, :]
        second_bias = self.second_bias + torch.einsum("ejh,eh->ej", self.second_weight, shift1)
        last = self.last_weight * scale2[:, None, :]
        last_bias = self.last_bias + torch.einsum("ekh,eh->ek", self.last_weight, shift2)
        merged = last.permute(0, 2, 1).reshape(self.num_members * h2, -1) / self.num_members
        return _Folded(
            first={r: torch.cat(parts, dim=1) for r, parts in first.items()},
            first_bias=self.first_bias.reshape(-1).clone(),
            second=second.transpose(1, 2).contiguous(),
            second_bias=second_bias[:, None],
            last=merged.contiguous(),
            last_bias=last_bias.mean(dim=0),
            member_last=last.transpose(1, 2).contiguous(),
            member_last_bias=last_bias[:, None],
        )


def _disagreement(logits: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence (p,) of the members' logits (E, p, K), in nats."""
    shares = logits.softmax(dim=2)
    together = torch.special.entr(shares.mean(dim=0)).sum(dim=1)
    apart = torch.special.entr(shares).sum(dim=2).mean(dim=0)
    return (together - apart).clamp(min=0)


def image_uncertainty(uncertainty: Tensor) -> Tensor:
    """Return one figure per picture (N,) of `uncertainty` maps (N, H, H).

    The mean over the most uncertain tenth of the pixels (DatasetGAN, section 3): a small
    part that the members disagree on must count, however much background they agree on.
    """
    values = uncertainty.flatten(1)
    num = max(1, round(values.shape[1] * UNCERTAIN_SHARE))
    return values.topk(num, dim=1).values.mean(dim=1)


def gather_features(
    flat_taps: Sequence[Tensor], tap_shapes: Sequence[TapShape], pixels: PixelSample
) -> Tensor:
    """Return stacked features (P, D) at chosen pixels, without a stacked map.

    `flat_taps` are taps laid out as (N * r * r, C): one row per cell.
    """
    width = sum(channels for _, channels in tap_shapes)
    dtype = next(iter(pixels.levels.values())).weights.dtype
    # Filled tap by tap: joined at the end, all features would be held twice.
    features = flat_taps[0].new_empty(len(pixels.image), width, dtype=dtype)
    done = 0
    for flat, (resolution, channels) in zip(flat_taps, tap_shapes, strict=True):
        features[:, done : done + channels] = pixels.levels[resolution].blend(flat)
        done += channels
    return features
