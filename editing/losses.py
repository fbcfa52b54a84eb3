"""What makes one edit better than another: appearance, segmentation and identity terms.

With (x, y) the picture and label map before, (x', y') after, y* the painting and r the
region at image size,

    L_RGB = perceptual(x' (1 - r), x (1 - r)) + mean over pixels outside r of (x' - x)^2
    L_CE  = mean over r of the cross-entropy of the branch's mean logits against y*
    L_ID  = 1 - cos(id(x'), id(x))
    total = lambda_1 L_RGB + lambda_2 L_CE + lambda_3 L_ID

Two choices are ours. The squared difference is averaged over the pixels outside r, so its
strength does not depend on the size of the region. And L_ID as printed in the paper rewards
dissimilarity; this is the usable form.

Shapes: N images, C_k x H_k x W_k features of stage k, P pixels in the region, K parts.
Source: Ling et al. 2021 (EditGAN), section 3.3, equations 2 to 4; the distance between
features is that of Zhang et al. 2018 (LPIPS), section 3; channels weigh alike unless the
extractor brings learned weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

UNRELATED_DISTANCE = 0.6
ROUNDING = 0.05

FeatureExtractor = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a perceptual distance remembers of one picture, so that it is computed once."""

    features: tuple[Tensor, ...]
    pyramid: tuple[Tensor, ...]


@dataclass(frozen=True)
class Perceptual:
    """How different two pictures look, scaled so that unrelated ones are 0.6 apart.

    `extractor` turns pictures (N, 3, H, W) in [-1, 1] into feature maps (N, C_k, H_k, W_k);
    the distance adds a multi-scale mean absolute difference, because features of a small
    network alone miss plain colour shifts. `scale` comes from `calibrated`; weights of
    equation 4 keep their meaning across extractors only with it. `name` goes into results.
    Pictures with sides beyond `max_side` are averaged down to it first: what is compared is
    how they look, and at 512 px the extractor would cost four times as much.
    `channel_weights` holds one weight per channel (C_k,) for each stage, not negative; by
    default every channel weighs 1, so wide and narrow stages count alike, and the
    calibration takes up the constant.
    """

    extractor: FeatureExtractor
    scale: float = 1.0
    name: str = "unnamed"
    num_scales: int = 4
    max_side: int = 256
    channel_weights: tuple[Tensor, ...] | None = None

    def remember(self, image: Tensor) -> Reference:
        """Return what `between` needs to know of a picture (N, 3, H, W)."""
        height, width = image.shape[-2:]
        if max(height, width) > self.max_side:
            share = self.max_side / max(height, width)
            size = (max(1, round(height * share)), max(1, round(width * share)))
            image = F.interpolate(image, size=size, mode="area")
        features = tuple(_unit(stage) for stage in self.extractor(image))
        if self.channel_weights is not None:
            # Rooted here, the weights stand before the square of every difference.
            features = tuple(
                stage * weights.sqrt()[:, None, None]
                for stage, weights in zip(features, self.channel_weights, strict=True)
            )
        return Reference(features=features, pyramid=_pyramid(image, self.num_scales))

    def between(self, image: Tensor, reference: Reference) -> Tensor:
        """Return the distance (N,) of pictures to remembered ones."""
        seen = self.remember(image)
        total = image.new_zeros(image.shape[0])
        for ours, theirs in zip(seen.features, reference.features, strict=True):
            total = total + (ours - theirs).square().sum(dim=1).mean(dim=(1, 2))
        for ours, theirs in zip(seen.pyramid, reference.pyramid, strict=True):
            total = total + _distance(ours - theirs).mean(dim=(1, 2, 3))
        return total * self.scale

    def distance(self, image: Tensor, other: Tensor) -> Tensor:
        """Return the distance (N,) between pictures."""
        return self.between(image, self.remember(other))


@torch.no_grad()
def calibrated(perceptual: Perceptual, images: Tensor) -> float:
    """Return the scale at which unrelated pictures are 0.6 apart on average.

    `images` (N, 3, H, W), N >= 2, are unrelated pictures of the family; every picture is
    compared with its next one.
    """
    raw = replace(perceptual, scale=1.0)
    return UNRELATED_DISTANCE / float(raw.distance(images, images.roll(1, dims=0)).mean())


@dataclass(frozen=True, slots=True)
class OutsideReference:
    """A fixed picture outside a fixed region: everything the appearance term compares with.

    `outside` is 1 - r, (N, 1, H, W); `image` is the picture times `outside`.
    """

    image: Tensor
    outside: Tensor
    num_values: Tensor
    seen: Reference

    @classmethod
    def of(
        cls,
        perceptual: Perceptual,
        image: Tensor,
        outside: Tensor,
        *,
        mean_over: Literal["outside", "all"] = "outside",
    ) -> "OutsideReference":
        """Return the reference of `image` (N, 3, H, W) for weights 1 - r (N, 1, H, W).

        `mean_over="all"` averages the squared difference over the whole picture, region
        included, as the public release does: large regions then weaken it.
        """
        masked = image * outside
        counted = outside if mean_over == "outside" else torch.ones_like(outside)
        # A region that covers the whole picture leaves nothing to compare, hence the 1.
        num_values = (counted.sum(dim=(1, 2, 3)) * image.shape[1]).clamp(min=1)
        return cls(masked, outside, num_values, perceptual.remember(masked))


def appearance(
    perceptual: Perceptual,
    image: Tensor,
    reference: OutsideReference,
    *,
    lambda_perceptual: float = 1.0,
    lambda_mse: float = 1.0,
) -> Tensor:
    """Return L_RGB (N,): how much `image` (N, 3, H, W) changed outside the region."""
    masked = image * reference.outside
    squared = (masked - reference.image).square().sum(dim=(1, 2, 3)) / reference.num_values
    distance = perceptual.between(masked, reference.seen)
    return lambda_perceptual * distance + lambda_mse * squared


def segmentation(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return L_CE, a scalar: cross-entropy of logits (P, K) against part ids (P,)."""
    return F.cross_entropy(logits, wanted)


def identity(embedding: Tensor, reference: Tensor) -> Tensor:
    """Return L_ID (N,): one minus the cosine of embeddings (N, D); 0 the same, 2 opposite."""
    return 1 - F.cosine_similarity(embedding, reference, dim=1)


def _distance(difference: Tensor) -> Tensor:
    """Return the absolute difference, rounded off below a few grey levels.

    A kink at zero would make the first trace of a change cost as much as any other, and an
    edit would never leave its starting point.
    """
    return (difference.square() + ROUNDING**2).sqrt() - ROUNDING


def _unit(features: Tensor) -> Tensor:
    """Return features with every pixel's channels scaled to length one."""
    length = features.square().sum(dim=1, keepdim=True).add(1e-20).sqrt()
    return features / (length + 1e-10)


def _pyramid(image: Tensor, num_scales: int) -> tuple[Tensor, ...]:
    levels = [image]
    while len(levels) < num_scales and min(levels[-1].shape[-2:]) >= 2:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return tuple(levels)
