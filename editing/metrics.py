"""How far apart are two sets of pictures, and two faces? Distances of features.

The features are those of a family's own judge, never Inception's, so the results are
*domain* distances: comparable within one table, not with published numbers.

Letters: N, M pictures, D features.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.errors import EditingError


class TooFewPicturesError(EditingError):
    """A distance of distributions needs more pictures than there are."""

    code = "metrics.too_few"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with the standard deviation over the subsets that it is the mean of."""

    value: float
    spread: float


def frechet_distance(ours: Tensor, theirs: Tensor) -> float:
    """Return the Fréchet distance of features (N, D) and (M, D), as of two Gaussians.

        |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2)

    Biased upwards in few pictures: compare equal numbers only. In float64; the trace of the
    root is that of the symmetric (S1^1/2 S2 S1^1/2)^1/2, which has the same eigenvalues.

    Raises:
        TooFewPicturesError: a set has fewer than two pictures.

    Source: Heusel et al. 2017 (TTUR), equation 6.
    """
    _require(ours, theirs, least=2)
    first, second = ours.double(), theirs.double()
    gap = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    one, two = torch.cov(first.T), torch.cov(second.T)
    one, two = torch.atleast_2d(one), torch.atleast_2d(two)
    root = _root(one)
    overlap = torch.linalg.eigvalsh(root @ two @ root).clamp(min=0).sqrt().sum()
    return float(gap + one.trace() + two.trace() - 2 * overlap)


def kernel_distance(
    ours: Tensor,
    theirs: Tensor,
    *,
    generator: torch.Generator,
    subset: int = 200,
    num_subsets: int = 100,
) -> Estimate:
    """Return the kernel distance of features (N, D) and (M, D), the mean over subsets.

    The unbiased squared maximum mean discrepancy with kernel (x.y / D + 1)^3; it may come
    out a little below zero when both sets come from one distribution.

    Raises:
        TooFewPicturesError: a set has fewer than two pictures.

    Source: Bińkowski et al. 2018 (Demystifying MMD GANs), section 3, equation 4.
    """
    _require(ours, theirs, least=2)
    size = min(subset, len(ours), len(theirs))
    values = []
    for _ in range(num_subsets):
        x = ours[torch.randperm(len(ours), generator=generator)[:size]].double()
        y = theirs[torch.randperm(len(theirs), generator=generator)[:size]].double()
        within = sum(
            (k.sum() - k.diagonal().sum()) / (size * (size - 1))
            for k in (_cubic(x, x), _cubic(y, y))
        )
        values.append(float(within - 2 * _cubic(x, y).mean()))
    found = torch.tensor(values, dtype=torch.float64)
    return Estimate(float(found.mean()), float(found.std(correction=0)))


def cosine(ours: Tensor, theirs: Tensor, *, center: Tensor | None = None) -> Tensor:
    """Return the cosine (N,) of embeddings (N, D), row by row, after subtracting `center`.

    Around the mean embedding of a family, unrelated pictures average about 0 instead of
    sharing what all of them have in common.
    """
    if center is not None:
        ours, theirs = ours - center, theirs - center
    return F.cosine_similarity(ours, theirs, dim=1)


def at_level(points: Sequence[tuple[float, float]], level: float) -> float | None:
    """Return y where a curve of (x, y) first reaches x = `level`; None if it never does.

    Points are in the order of the sweep, and joined by straight lines.
    """
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if min(x0, x1) <= level <= max(x0, x1):
            return y0 if x0 == x1 else y0 + (y1 - y0) * (level - x0) / (x1 - x0)
    return None


def _cubic(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _require(*sets: Tensor, least: int) -> None:
    for features in sets:
        if len(features) < least:
            raise TooFewPicturesError(
                f"{len(features)} pictures, a distance needs at least {least}"
            )


def high_frequencies(image: Tensor) -> float:
    """Return the energy of pictures (N, 3, S, S) above half the highest frequency."""
    spectrum = torch.fft.fft2(image.double().cpu()).abs().square()
    frequency = torch.fft.fftfreq(image.shape[-1]).abs()
    is_high = torch.maximum(frequency[:, None], frequency[None, :]) > 0.25
    return float(spectrum[..., is_high].sum())
