"""Distances between sets of features, against cases that can be worked out by hand."""

import numpy as np
import pytest
import scipy.linalg
import torch

from editing import metrics


def normal(num: int, dim: int, seed: int) -> torch.Tensor:
    return torch.randn(num, dim, generator=torch.Generator().manual_seed(seed))


def test_frechet_distance_of_a_set_to_itself_is_zero():
    features = normal(50, 6, 0)

    assert metrics.frechet_distance(features, features) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_in_one_dimension_is_that_of_means_and_deviations():
    # Means 0 and 3, deviations sqrt(2) and sqrt(8): 9 + 2 + 8 - 2 * 4 = 11.
    ours = torch.tensor([[-1.0], [1.0]])
    theirs = torch.tensor([[1.0], [5.0]])

    assert metrics.frechet_distance(ours, theirs) == pytest.approx(11)


def test_frechet_distance_agrees_with_the_root_of_the_product_of_covariances():
    mixing = normal(5, 5, 1)
    ours, theirs = normal(300, 5, 2), normal(200, 5, 3) @ mixing + 0.5

    distance = metrics.frechet_distance(ours, theirs)

    one, two = (np.cov(x.double().numpy(), rowvar=False) for x in (ours, theirs))
    gap = ours.double().mean(dim=0) - theirs.double().mean(dim=0)
    root = scipy.linalg.sqrtm(one @ two).real
    expected = float(gap @ gap) + np.trace(one + two - 2 * root)
    assert distance == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_needs_two_pictures_a_side():
    with pytest.raises(metrics.TooFewPicturesError, match="1 pictures"):
        metrics.frechet_distance(normal(1, 3, 0), normal(9, 3, 1))


def test_kernel_distance_on_one_subset_is_the_unbiased_sum_by_hand():
    ours, theirs = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [1.0]])

    found = metrics.kernel_distance(
        ours, theirs, generator=torch.Generator().manual_seed(0), subset=2, num_subsets=3
    )

    # (xy + 1)^3: within ours 27, within theirs 1, across the mean of 1, 8, 1 and 27.
    assert found.value == pytest.approx(27 + 1 - 2 * (1 + 8 + 1 + 27) / 4)
    assert found.spread == pytest.approx(0)


def test_kernel_distance_tells_a_shifted_set_from_an_equal_one():
    generator = torch.Generator().manual_seed(0)
    features = normal(400, 8, 4)

    same = metrics.kernel_distance(features, normal(400, 8, 5), generator=generator)
    other = metrics.kernel_distance(features, normal(400, 8, 5) + 1, generator=generator)

    assert abs(same.value) < 3 * same.spread
    assert other.value > 10 * abs(same.value)


def test_identity_is_measured_around_the_mean_face():
    center = torch.tensor([[10.0, 10.0]])
    ours = center + torch.tensor([[1.0, 0.0]])
    theirs = center + torch.tensor([[0.0, 1.0]])

    assert float(metrics.cosine(ours, theirs)) > 0.99
    assert float(metrics.cosine(ours, theirs, center=center)) == pytest.approx(0, abs=1e-6)


def test_a_curve_is_read_between_its_points_and_not_beyond_them():
    points = [(0.0, 1.0), (0.8, 0.9), (1.0, 0.7)]

    assert metrics.at_level(points, 0.9) == pytest.approx(0.8)
    assert metrics.at_level(points, 0.0) == 1.0
    assert metrics.at_level(points[:2], 0.9) is None
