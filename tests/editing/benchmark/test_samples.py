"""Figures of samples: each on a case small enough to work out, and against renders."""

import pytest
import torch

from editing.benchmark import samples
from editing.benchmark.samples import explained, histogram_distance
from editing.families import Factors
from editing.metrics import high_frequencies
from tests.factories.networks import blocks_family, tiny_bundle, tiny_judge


def test_a_factor_read_perfectly_has_r2_one_and_its_mean_zero():
    wanted = torch.tensor([[0.0, 2.0], [2.0, 0.0]])

    assert explained(wanted, wanted) == 1.0
    assert explained(torch.ones(2, 2), wanted) == 0.0
    # Half the distance to the mean left in each column: a quarter of the variance.
    assert explained((wanted + 1) / 2, wanted) == pytest.approx(0.75)
    assert explained(torch.zeros(2, 1), torch.ones(2, 1)) == 0.0


def test_histograms_of_the_same_people_are_alike_and_of_others_disjoint():
    numbers = torch.arange(100.0)[:, None]
    first, second = torch.eye(3)[[0, 0, 1, 2]], torch.eye(3)[[0, 1, 1, 1]]

    assert histogram_distance(numbers, numbers) == pytest.approx(0.0, abs=0.02)
    assert histogram_distance(numbers + 1000, numbers) == pytest.approx(0.9, abs=0.02)
    assert histogram_distance(first, second) == pytest.approx(0.5)


def test_only_detail_counts_as_high_frequency():
    flat = torch.full((1, 3, 16, 16), 0.7)
    board = torch.ones(1, 3, 16, 16)
    board[..., ::2] = -1
    wave = torch.cos(torch.arange(16) * 2 * torch.pi / 16).expand(1, 3, 16, 16)

    assert high_frequencies(flat) == pytest.approx(0.0, abs=1e-9)
    assert high_frequencies(wave) == pytest.approx(0.0, abs=1e-6)
    assert high_frequencies(board) == pytest.approx(3 * 256.0**2)
    assert high_frequencies(board / 2) == pytest.approx(3 * 256.0**2 / 4)


def test_samples_that_are_renders_meet_their_floor():
    """The oracle: a bundle whose generator draws exactly what the renderer draws."""
    family, judge = blocks_family(), tiny_judge()

    class Perfect:
        resolution, device = 16, torch.device("cpu")

        class generator:  # noqa: N801
            map = staticmethod(lambda code: code)
            broadcast = staticmethod(lambda w: w)

        def render(self, code):
            return family.render(Factors(decoded(code), family.factors.names), size=16).image

    def decoded(code):
        factors = family.factors.factors
        columns = [code[:, i] * f.scale + f.center for i, f in enumerate(factors)]
        return torch.stack(columns, dim=1)

    found = {
        figure.name: figure.value
        for figure in samples.measure(
            Perfect(), family, judge, num=64, progress=lambda name, done, total: None
        )
    }

    assert found["sharpness"] == pytest.approx(1.0, abs=1e-4)
    assert found["domain_kid"] == pytest.approx(found["domain_kid_floor"], abs=1e-6)
    assert found["domain_fid"] == pytest.approx(found["domain_fid_floor"], rel=1e-4)
    assert found["factor_coverage"] == pytest.approx(found["factor_coverage_floor"], abs=1e-6)


def test_samples_of_a_random_generator_are_further_than_the_floor():
    found = {
        figure.name: figure.value
        for figure in samples.measure(
            tiny_bundle(),
            blocks_family(),
            tiny_judge(),
            num=64,
            progress=lambda name, done, total: None,
        )
    }

    assert found["domain_fid"] > 2 * found["domain_fid_floor"]
    assert found["factor_coverage"] > found["factor_coverage_floor"]
    assert abs(found["sharpness"] - 1) > 0.01
