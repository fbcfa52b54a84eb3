"""LocalEditing: which channels of the style draw a part, so that a part can be borrowed?

Features of generated pictures are clustered by spherical k-means; the cluster that covers
the mouth is the part. How much a channel is about the part is its share of energy inside the
cluster. Borrowing the part from a reference picture moves each channel of the style toward
the reference's in that proportion:

    s' = s + q (s_reference - s),    q_c = min(1, lambda M_kc)

with M_kc the share of channel c's normalised energy that lies in cluster k, so that sums over
clusters are 1. lambda is the query parameter: higher borrows more, and less locally.

Source: Collins et al. 2020 (Editing in Style), sections 3.1 to 3.3, the simultaneous mode.
Ours: in StyleGAN2 a style scales the features that enter a convolution, so those are the
ones whose energy counts; the styles of toRGB are left alone; and the reference is the one
nearest in pose, which the paper leaves to the user.

Letters: N pictures, r the resolution of a tap, C its channels, K clusters, L layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.bundle import Bundle
from editing.generator.layers import StyledConv

BATCH = 16


@dataclass(frozen=True)
class Catalogue:
    """Per style of the generator, how much each channel is about the part: (C,) or None.

    None stands for toRGB, whose style stays. `overlap` is the intersection over union of
    the chosen cluster and the part in label maps.
    """

    shares: tuple[Tensor | None, ...]
    overlap: float


def fit(
    bundle: Bundle,
    w_plus: Tensor,
    parts: frozenset[int],
    *,
    resolution: int,
    num_clusters: int,
    generator: torch.Generator,
) -> Catalogue:
    """Return which channels draw `parts`, from generated pictures (N, L, w_dim).

    `resolution` names the tap whose features are clustered. Of the clusters, the one that
    overlaps most with the parts in the predicted label maps is taken.
    """
    taps, labels = _look(bundle, w_plus)
    shapes = bundle.generator.synthesis.tap_shapes
    chosen = max(i for i, (side, _) in enumerate(shapes) if side == resolution)
    members = spherical_k_means(taps[chosen], num_clusters, generator=generator)
    wanted = torch.isin(labels, torch.tensor(sorted(parts), dtype=labels.dtype))
    share = F.adaptive_avg_pool2d(wanted[:, None].float(), resolution)[:, 0]
    is_part = share >= 0.5
    overlaps = [_overlap(members == k, is_part) for k in range(num_clusters)]
    best = max(range(num_clusters), key=overlaps.__getitem__)
    inside = (members == best)[:, None].float()
    shares: list[Tensor | None] = []
    entering = 0
    for _, module in bundle.generator.synthesis.layers():
        if isinstance(module, StyledConv):
            shares.append(contribution(taps[entering], inside))
            entering += 1
        else:
            shares.append(None)
    return Catalogue(tuple(shares), overlaps[best])


def contribution(features: Tensor, inside: Tensor) -> Tensor:
    """Return M_k (C,): the share of each channel's normalised energy inside the cluster.

    `features` are (N, C, r, r), `inside` is (N, 1, s, s), 1 in the cluster.
    """
    mean = features.mean(dim=(0, 2, 3), keepdim=True)
    energy = (features - mean).square()
    size = features.shape[-1]
    mask = (
        F.adaptive_avg_pool2d(inside, size)
        if size <= inside.shape[-1]
        else F.interpolate(inside, size=(size, size))
    )
    whole = energy.sum(dim=(0, 2, 3)).clamp(min=1e-12)
    return (energy * mask).sum(dim=(0, 2, 3)) / whole


def spherical_k_means(
    features: Tensor, num_clusters: int, *, generator: torch.Generator, rounds: int = 40
) -> Tensor:
    """Return the cluster (N, r, r) of every feature vector of (N, C, r, r), by direction.

    Source: Buchta et al. 2012, spherical k-means with the standard alternation; centres
    start as in k-means++ under the cosine distance.
    """
    count, channels, height, width = features.shape
    points = F.normalize(features.permute(0, 2, 3, 1).reshape(-1, channels), dim=1)
    rows = torch.randint(len(points), (1,), generator=generator)
    centers = points[rows]
    for _ in range(num_clusters - 1):
        distance = (1 - (points @ centers.T).max(dim=1).values).clamp(min=1e-9)
        centers = torch.cat(
            [centers, points[torch.multinomial(distance, 1, generator=generator)]]
        )
    members = torch.zeros(len(points), dtype=torch.int64)
    for _ in range(rounds):
        found = (points @ centers.T).argmax(dim=1)
        if torch.equal(found, members):
            break
        members = found
        sums = torch.zeros_like(centers).index_add_(0, members, points)
        # An empty cluster keeps its centre.
        centers = torch.where(
            sums.norm(dim=1, keepdim=True) > 0, F.normalize(sums, dim=1), centers
        )
    return members.view(count, height, width)


def nearest(poses: Tensor, reference_poses: Tensor) -> Tensor:
    """Return, for each pose (N, P), the row of the nearest reference pose (M, P)."""
    return torch.cdist(poses, reference_poses).argmin(dim=1)


@torch.no_grad()
def edit(
    bundle: Bundle, w_plus: Tensor, references: Tensor, catalogue: Catalogue, *, query: float
) -> Tensor:
    """Return pictures (N, 3, R, R) of codes that borrow the part from `references`.

    Both codes are (N, L, w_dim); `query` is lambda.
    """
    synthesis = bundle.generator.synthesis
    pictures = []
    for ours, theirs in zip(w_plus.split(BATCH), references.split(BATCH), strict=True):
        blended = blend(synthesis.styles(ours), synthesis.styles(theirs), catalogue, query)
        pictures.append(synthesis.from_styles(blended).image)
    return torch.cat(pictures)


def blend(
    ours: Sequence[Tensor], theirs: Sequence[Tensor], catalogue: Catalogue, query: float
) -> tuple[Tensor, ...]:
    """Return styles moved toward the reference's, each channel by min(1, lambda M)."""
    return tuple(
        own if share is None else own + (query * share).clamp(max=1).to(own) * (other - own)
        for own, other, share in zip(ours, theirs, catalogue.shares, strict=True)
    )


@torch.no_grad()
def _look(bundle: Bundle, w_plus: Tensor) -> tuple[list[Tensor], Tensor]:
    taps, labels = [], []
    for codes in w_plus.split(BATCH):
        rendering = bundle.generator.synthesis(codes, with_taps=True)
        assert rendering.taps is not None
        taps.append(rendering.taps)
        labels.append(bundle.branch.predict(rendering.taps, size=bundle.label_size))
    return [torch.cat(tap) for tap in zip(*taps, strict=True)], torch.cat(labels)


def _overlap(ours: Tensor, theirs: Tensor) -> float:
    union = (ours | theirs).sum()
    return float((ours & theirs).sum() / union) if union else 0.0
