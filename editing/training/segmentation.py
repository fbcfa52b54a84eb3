"""Which sixteen pictures get labelled, and what does a branch learn from them?

A person would label a handful of pictures, so this stage takes a handful of renders,
chosen to show every part and every kind of person, inverts them like uploads, and fits
the branch on those codes and their label maps. All other exact labels serve tests only.

Shapes: N pictures, K parts.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from editing.families.factor_space import Categorical, Factors, FactorSpace
from editing.inversion import invert
from editing.inversion.invert import InvertOptions
from editing.segmentation import training as fitting
from editing.segmentation.branch import SegmentationBranch
from editing.training.renders import Renders

if TYPE_CHECKING:
    from editing.bundle import Bundle


# The ensemble of the public release. Against five it costs, at 64 px on one thread, 2 ms more
# than 48 of a step, 27 ms more of a whole label map, and twice the branch's 3.2 MB.
NUM_MEMBERS = 10


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How many pictures are labelled, out of how many, and how hard they are inverted."""

    num_labelled: int = 16
    num_candidates: int = 1024
    min_pixels: int = 5
    invert_steps: int = 150
    fit: fitting.FitOptions = field(
        default_factory=lambda: fitting.FitOptions(num_members=NUM_MEMBERS)
    )
    seed: int = 41


def choose_pictures(
    labels: Tensor, factors: Factors, space: FactorSpace, options: LabelOptions
) -> list[int]:
    """Return the rows of the pictures worth labelling.

    Greedy: the next picture is the one that adds most to a count of everything a label
    map and the factors can show, where the second sighting of a thing counts half the
    first, the third a third, and so on. Rare parts so come in twice before common ones
    come in ten times.

    Args:
        labels: label maps of the candidates, uint8 (N, S, S).
        factors: their factors.
    """
    seen = torch.cat([_parts(labels, options.min_pixels) * 2.0, _kinds(factors, space)], dim=1)
    counts = torch.zeros(seen.shape[1])
    chosen: list[int] = []
    for _ in range(min(options.num_labelled, len(seen))):
        gain = (seen / (1 + counts)).sum(dim=1)
        gain[chosen] = -1.0
        best = int(gain.argmax())
        chosen.append(best)
        counts += (seen[best] > 0).float()
    return chosen


def _parts(labels: Tensor, min_pixels: int) -> Tensor:
    """Return 0/1 (N, K): which parts a picture shows with at least `min_pixels`."""
    num_parts = int(labels.max()) + 1
    flat = labels.flatten(1).long()
    areas = torch.zeros(len(labels), num_parts).scatter_add_(1, flat, torch.ones(flat.shape))
    return (areas >= min_pixels).float()


def _kinds(factors: Factors, space: FactorSpace) -> Tensor:
    """Return 0/1 (N, kinds): options of categories, and low or high ends of numbers."""
    columns: list[Tensor] = []
    for factor in space.factors:
        value = factors.get(factor.name)
        if isinstance(factor, Categorical):
            columns += [(value == i).float() for i in range(len(factor.options))]
        else:
            low, high = value.quantile(0.25), value.quantile(0.75)
            columns += [(value <= low).float() * 0.3, (value >= high).float() * 0.3]
    return torch.stack(columns, dim=1)


def labelled_renders(renders: Renders, options: LabelOptions) -> tuple[Tensor, Tensor]:
    """Return (images, labels uint8) of the training pictures chosen for labelling."""
    rows = torch.arange(min(options.num_candidates, renders.num_train))
    factors = Factors(
        torch.from_numpy(renders.values[rows.numpy()]), renders.family.factors.names
    )
    labels = torch.from_numpy(renders.labels[rows.numpy()])
    chosen = choose_pictures(labels, factors, renders.family.factors, options)
    images, labels, _ = renders.batch(rows[chosen])
    return images, labels


def invert_all(bundle: "Bundle", images: Tensor, *, steps: int, batch: int = 8) -> Tensor:
    """Return codes (N, L, w_dim) of pictures, inverted in small batches."""
    codes = []
    for part in images.split(batch):
        found = invert.invert(bundle, part, options=InvertOptions(steps=steps))
        codes.append(invert.finish(bundle, part, found).w_plus)
    return torch.cat(codes)


def train_branch(
    bundle: "Bundle",
    renders: Renders,
    options: LabelOptions,
    *,
    on_progress: Callable[[fitting.FitProgress], None] | None = None,
) -> SegmentationBranch:
    """Return a branch for the bundle's generator, learned from a handful of renders.

    `bundle` needs its generator, encoder and regressor; its own branch is not used.
    """
    images, labels = labelled_renders(renders, options)
    w_plus = invert_all(bundle, images, steps=options.invert_steps)
    return fitting.fit_branch(
        bundle.generator.synthesis,
        w_plus,
        labels,
        num_parts=len(bundle.schema.parts),
        options=options.fit,
        generator=torch.Generator().manual_seed(options.seed),
        on_progress=on_progress,
    )


@torch.no_grad()
def branch_scores(
    bundle: "Bundle", w_plus: Tensor, labels: Tensor, *, names: Sequence[str]
) -> dict[str, float]:
    """Return mIoU and the IoU of parts of predictions against label maps (N, H, H).

    A part that occurs neither in predictions nor in label maps has no IoU.
    """
    predicted = torch.cat([bundle.segment(codes) for codes in w_plus.split(16)])
    mean, each = fitting.miou(predicted, labels, num_parts=len(names))
    scores = {"miou": mean}
    for name, value in zip(names, each.tolist(), strict=True):
        if not math.isnan(value):
            scores[f"iou_{name}"] = value
    return scores
