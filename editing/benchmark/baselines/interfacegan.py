"""InterFaceGAN: which direction of the code separates those who smile from those who do not?

Generated pictures are scored by a network that reads attributes, the extremes of each
attribute are separated by a linear support vector machine, and the unit normal of the
boundary is the edit. Attributes that are correlated with the wanted one are conditioned on:
what the normal shares with the plane of their normals is taken away.

Source: Shen et al. 2020 (InterFaceGAN), sections 3.1 to 3.3; W+ as in Ling et al. 2021.
Ours: one unit of strength is the distance between the two classes' means along the normal,
so that sweeps of different methods have comparable ends.

Letters: N pictures, L layers of `w_plus`, D = w_dim, A attributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from editing.errors import EditingError, ShapeMismatchError


class LibraryMissingError(EditingError):
    """A library that only this benchmark needs is not installed."""

    code = "benchmark.library_missing"


@dataclass(frozen=True, slots=True)
class Boundary:
    """A separating plane: its unit normal (D,) and how well it tells unseen codes apart."""

    normal: Tensor
    accuracy: float


@dataclass(frozen=True, slots=True)
class Direction:
    """An edit as an offset (D,), the same for every layer; strength 1 crosses the classes."""

    offset: Tensor
    boundaries: tuple[Boundary, ...]


def fit(
    codes: Tensor,
    scores: Tensor,
    *,
    share: float = 0.2,
    regularization: float = 1.0,
) -> Direction:
    """Return the edit that raises the first attribute and keeps the others.

    Args:
        codes: w of generated pictures (N, D).
        scores: attributes read off their pictures (N, A), the wanted one first, then those
            that it is conditioned on.
        share: how many of the pictures count as an extreme, at each end.
        regularization: C of the support vector machine.

    Raises:
        ShapeMismatchError: codes and scores differ in number.
    """
    if len(codes) != len(scores):
        raise ShapeMismatchError(f"{len(codes)} codes and {len(scores)} scores")
    boundaries = tuple(
        boundary(codes, column, share=share, regularization=regularization)
        for column in scores.T
    )
    normal = condition(boundaries[0].normal, [found.normal for found in boundaries[1:]])
    low, high = extremes(scores[:, 0], share)
    distance = float((codes[high].mean(dim=0) - codes[low].mean(dim=0)) @ normal)
    return Direction(normal * distance, boundaries)


def boundary(codes: Tensor, score: Tensor, *, share: float, regularization: float) -> Boundary:
    """Return the plane between the codes (N, D) with the lowest and the highest scores (N,).

    Every fifth extreme is left out of the fit, and the accuracy measured on those.

    Raises:
        LibraryMissingError: scikit-learn is not installed.
    """
    low, high = extremes(score, share)
    rows = torch.cat([low, high])
    labels = torch.cat([torch.zeros(len(low)), torch.ones(len(high))])
    unseen = torch.arange(len(rows)) % 5 == 0
    try:
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise LibraryMissingError(
            "InterFaceGAN needs scikit-learn; install the dependency group `bench`"
        ) from error
    machine = LinearSVC(C=regularization, dual=False, tol=1e-4, max_iter=2000)
    machine.fit(codes[rows[~unseen]].double().numpy(), labels[~unseen].numpy())
    accuracy = machine.score(codes[rows[unseen]].double().numpy(), labels[unseen].numpy())
    normal = torch.from_numpy(machine.coef_[0]).to(codes)
    return Boundary(normal / normal.norm(), float(accuracy))


def condition(normal: Tensor, others: Sequence[Tensor]) -> Tensor:
    """Return the unit vector along `normal` (D,) without its part in the span of `others`."""
    if others:
        basis, _ = torch.linalg.qr(torch.stack(tuple(others), dim=1).double())
        plain = normal.double()
        normal = (plain - basis @ (basis.T @ plain)).to(normal)
    return normal / normal.norm()


def extremes(score: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Return the rows with the lowest and those with the highest scores (N,)."""
    count = max(2, round(share * len(score)))
    order = score.argsort()
    return order[:count], order[-count:]


def edit(w_plus: Tensor, direction: Direction, strength: float) -> Tensor:
    """Return codes (N, L, D) moved along the direction, on every layer."""
    return w_plus + strength * direction.offset.to(w_plus)
