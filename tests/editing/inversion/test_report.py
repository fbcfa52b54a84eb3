"""What people are told about an inversion."""

import dataclasses

import pytest
import torch

from editing.inversion import invert as inversion
from editing.inversion import report
from editing.vectors import EditVector
from tests.factories.networks import tiny_bundle, tiny_codes


def result_of(bundle, **changes):
    code = tiny_codes(bundle.generator, 1, seed=5)
    found = inversion.assess(bundle, bundle.render(code).clamp(-1, 1), code)
    return dataclasses.replace(found, **changes)


def test_the_residual_says_where_the_error_lies_and_averages_to_it():
    bundle = tiny_bundle()
    code = tiny_codes(bundle.generator, 1, seed=5)
    image = bundle.render(code).clamp(-1, 1)
    image[:, :, 0, 0] += 0.5

    result = inversion.assess(bundle, image, code)

    assert result.residual.shape == (1, 16, 16)
    assert result.residual[0, 0, 0] == pytest.approx(0.25, abs=1e-5)
    assert result.residual.sum() == pytest.approx(0.25, abs=1e-4)
    assert result.error == pytest.approx(0.25 / 256, abs=1e-6)


def test_an_error_beyond_the_usual_is_told_with_the_figures():
    manifest = tiny_bundle().manifest.model_copy(update={"usual_error": (0.01, 0.02, 0.03)})
    bundle = dataclasses.replace(tiny_bundle(), manifest=manifest)

    (notice,) = report.notices(bundle, result_of(bundle, error=0.0312))

    assert notice.code == "photo.out_of_domain"
    assert "0.031" in notice.text
    assert not report.notices(bundle, result_of(bundle, error=0.029))


def test_a_code_farther_from_w_than_a_vector_was_measured_on_is_told():
    bundle = tiny_bundle()
    card = {"title": "Smile", "calibration": {"distance_to_w": 0.2, "valid_range": [-1, 2]}}
    vector = EditVector(torch.ones(6, 12), frozenset({1}), card)

    far = report.notices(bundle, result_of(bundle, distance_to_w=0.41), [(vector, 1.0)])
    near = report.notices(bundle, result_of(bundle, distance_to_w=0.39), [(vector, 1.0)])

    assert [notice.code for notice in far] == ["photo.far_from_w"]
    assert "Smile" in far[0].text
    assert near == ()


def test_an_ordinary_distance_is_no_notice_however_gentle_the_vector():
    bundle = tiny_bundle()
    card = {"calibration": {"distance_to_w": 0.01, "valid_range": [-1, 1]}}
    vector = EditVector(torch.ones(6, 12), frozenset({1}), card)

    assert not report.notices(bundle, result_of(bundle, distance_to_w=0.16), [(vector, 1.0)])
    assert report.notices(bundle, result_of(bundle, distance_to_w=0.25), [(vector, 1.0)])


def test_a_heat_map_is_black_without_error_and_bright_at_its_top():
    picture = report.heat_map(torch.tensor([[[0.0, report.HEAT_TOP]]]))

    assert picture.shape == (1, 3, 1, 2)
    assert picture[0, :, 0, 0].max() < -0.9
    assert picture[0, 0, 0, 1] > 0.9
