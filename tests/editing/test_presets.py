"""Presets: the constants of the paper, of its release, and ours, and what they switch."""

import dataclasses

import pytest
import torch

from editing import losses, optimize, presets
from editing.inversion import invert as inversion
from editing.losses import OutsideReference, Perceptual
from editing.optimize import OptimizeOptions
from editing.presets import OURS, PAPER, RELEASE, UnknownPresetError
from editing.region import edit_region
from tests.factories.networks import tiny_bundle, tiny_codes


def test_constants_of_the_paper():
    assert (PAPER.learn.steps, PAPER.learn.learning_rate) == (100, 0.02)
    assert (PAPER.learn.lambda_rgb, PAPER.learn.lambda_ce, PAPER.learn.lambda_id) == (15, 1, 10)
    assert (PAPER.refine.lambda_rgb, PAPER.refine.lambda_id) == (5, 5)
    assert PAPER.refine_steps == (10, 30, 60)
    assert (PAPER.invert.steps, PAPER.invert.learning_rate) == (500, 1e-3)
    assert PAPER.invert.lookahead == 5
    assert PAPER.region.margin_for(512) == 5


def test_constants_of_the_release():
    assert (RELEASE.learn.steps, RELEASE.refine.lambda_rgb) == (30, 15)
    assert (RELEASE.learn.lambda_perceptual, RELEASE.learn.lambda_mse) == (10, 5)
    assert (RELEASE.learn.lambda_code, RELEASE.refine.lambda_code) == (1, 0)
    assert RELEASE.learn.lambda_id == 0
    assert (RELEASE.invert.learning_rate, RELEASE.invert.pull_to) == (0.1, "own_encoding")
    assert RELEASE.region.margin_for(512) == 3


def test_ours_are_the_defaults_of_the_engine():
    assert OptimizeOptions() == OURS.learn
    assert OptimizeOptions.for_refining() == OURS.refine
    assert inversion.InvertOptions() == OURS.invert
    assert OURS.learn_steps == (30, 60, 100)


def test_steps_can_be_chosen_and_are_recorded_with_every_constant():
    preset = PAPER.with_steps(learn=3, invert=7)

    assert preset.record("learn")["preset"] == "paper"
    assert preset.record("learn")["steps"] == 3
    assert preset.record("invert")["steps"] == 7
    assert preset.record("refine")["steps"] == 30


def test_a_preset_nobody_knows_is_refused_with_those_there_are():
    with pytest.raises(UnknownPresetError, match="ours, paper, release") as refusal:
        presets.get("theirs")
    assert refusal.value.code == "preset.unknown"


def edited(preset):
    bundle = tiny_bundle()
    code = tiny_codes(bundle.generator, 1, seed=5)
    before = bundle.segment(code)
    after = before.clone()
    after[:, 4:8, 4:8] = (before[0, 5, 5] + 1) % 3 + 1
    region = edit_region(before, after, background={0}, rule=preset.region)
    return list(optimize.run(bundle, code, after, region=region, options=preset.learn))


@pytest.mark.parametrize("preset", [PAPER, RELEASE, OURS], ids=lambda preset: preset.name)
def test_every_preset_moves_toward_the_painting(preset):
    steps = edited(preset.with_steps(learn=8))

    assert min(step.ce for step in steps) < steps[0].ce


def test_the_release_keeps_its_last_step_and_the_others_their_best():
    last = edited(RELEASE.with_steps(learn=5))
    best = edited(PAPER.with_steps(learn=5))

    assert optimize.best(last) is last[-1]
    assert optimize.best(best).total == min(step.total for step in best)


def test_mean_over_all_pixels_weakens_the_squared_difference_by_the_region_by_hand():
    nothing = Perceptual(lambda image: (), 0.0)
    image = torch.zeros(1, 3, 4, 4)
    outside = torch.zeros(1, 1, 4, 4)
    outside[..., :1, :] = 1  # a quarter of the picture
    changed = torch.full_like(image, 0.5)

    outside_only, all_pixels = (
        losses.appearance(
            nothing, changed, OutsideReference.of(nothing, image, outside, mean_over=over)
        ).item()
        for over in ("outside", "all")
    )

    assert outside_only == pytest.approx(0.25)
    assert all_pixels == pytest.approx(0.25 / 4)


def test_lookahead_steps_back_half_the_way_every_fifth_update():
    bundle = tiny_bundle()
    image = bundle.render(tiny_codes(bundle.generator, 1, seed=4))

    options = PAPER.with_steps(invert=6).invert

    codes, plain = (
        [step.w_plus for step in inversion.invert(bundle, image, options=each)]
        for each in (options, dataclasses.replace(options, lookahead=0))
    )

    assert torch.equal(codes[4], plain[4])
    assert torch.allclose(codes[5], codes[0].lerp(plain[5], 0.5), atol=1e-7)
