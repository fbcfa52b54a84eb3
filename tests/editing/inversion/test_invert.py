"""From a picture to its code: better with every step kept, honest about the rest."""

import math
from itertools import pairwise

import pytest
import torch

from editing.errors import NotFiniteError, ShapeMismatchError
from editing.inversion import invert as inversion
from editing.inversion.invert import InversionOptionsError, InvertOptions
from tests.factories.networks import tiny_bundle, tiny_codes


def test_optimization_brings_the_picture_into_focus():
    bundle = tiny_bundle()
    image = bundle.render(tiny_codes(bundle.generator, 2, seed=4))

    steps = list(inversion.invert(bundle, image, options=InvertOptions(steps=60)))
    start = inversion.assess(bundle, image, steps[0].w_plus)
    result = inversion.assess(bundle, image, steps[-1].best_w_plus)

    assert [step.step for step in steps] == list(range(61))
    assert result.psnr_db > start.psnr_db + 3
    assert result.error < start.error
    assert torch.equal(result.image, bundle.render(steps[-1].best_w_plus))


def test_each_picture_of_a_batch_is_inverted_as_if_alone():
    bundle = tiny_bundle(dtype=torch.float64)
    image = bundle.render(tiny_codes(bundle.generator, 2, seed=4))
    options = InvertOptions(steps=10)

    both = list(inversion.invert(bundle, image, options=options))[-1].best_w_plus
    alone = list(inversion.invert(bundle, image[1:], options=options))[-1].best_w_plus

    assert torch.allclose(both[1:], alone, atol=1e-9)


def test_best_code_is_that_of_the_lowest_loss():
    bundle = tiny_bundle()
    image = bundle.render(tiny_codes(bundle.generator, 1, seed=4))
    options = InvertOptions(steps=12, learning_rate=3.0)  # overshoots

    steps = list(inversion.invert(bundle, image, options=options))

    best = min(steps, key=lambda step: step.loss)
    assert best.step < 12
    assert torch.equal(steps[-1].best_w_plus, best.w_plus)


def test_steps_are_the_same_when_the_caller_has_gradients_off():
    bundle = tiny_bundle()
    image = bundle.render(tiny_codes(bundle.generator, 1, seed=4))
    options = InvertOptions(steps=3)

    usual = list(inversion.invert(bundle, image, options=options))
    with torch.no_grad():
        nested = list(inversion.invert(bundle, image, options=options))

    assert torch.equal(nested[-1].w_plus, usual[-1].w_plus)


def test_no_steps_give_the_first_guess():
    bundle = tiny_bundle()
    image = bundle.render(tiny_codes(bundle.generator, 1, seed=4))

    (only,) = inversion.invert(bundle, image, options=InvertOptions(steps=0))

    assert torch.equal(only.best_w_plus[0, 0], bundle.generator.w_avg)


def test_distance_to_w_is_zero_for_one_style_and_grows_with_the_spread():
    bundle = tiny_bundle()
    code = tiny_codes(bundle.generator, 1, seed=4)
    image = bundle.render(code).clamp(-1, 1)
    spread = code + torch.randn(code.shape, generator=torch.Generator().manual_seed(0))

    near = inversion.assess(bundle, image, code)
    far = inversion.assess(bundle, image, spread)

    assert near.distance_to_w == pytest.approx(0, abs=1e-6)
    assert near.psnr_db > 100
    assert far.distance_to_w > 0.1


def test_learning_rate_rises_then_falls():
    options = InvertOptions(steps=100, learning_rate=0.02)

    rates = [options.rate(step) for step in range(100)]

    assert rates[0] == pytest.approx(0.004)
    assert rates[4:76] == pytest.approx([0.02] * 72)
    assert rates[-1] < 0.001
    assert all(a >= b for a, b in pairwise(rates[75:]))


def test_psnr_by_hand():
    values = inversion.psnr(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.2))

    assert values.item() == pytest.approx(20.0)


def test_pictures_of_wrong_size_or_with_nan_and_odd_step_counts_are_refused():
    bundle = tiny_bundle()

    with pytest.raises(ShapeMismatchError):
        inversion.invert(bundle, torch.zeros(1, 3, 8, 8))
    with pytest.raises(NotFiniteError):
        inversion.invert(bundle, torch.full((1, 3, 16, 16), math.nan))
    for wrong in ({"steps": -1}, {"learning_rate": math.nan}, {"lambda_pull": -1.0},
                  {"schedule": "linear"}, {"lookahead": 1.5}):  # fmt: skip
        with pytest.raises(InversionOptionsError, match=f"{next(iter(wrong))} is .* expected"):
            InvertOptions(**wrong)
