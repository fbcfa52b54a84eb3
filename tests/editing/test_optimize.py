"""The mask-driven loop: how many updates, which result, what it refuses."""

import dataclasses
import math

import pytest
import torch

from editing import optimize
from editing.errors import NotFiniteError, ShapeMismatchError
from editing.images import LabelMapError
from editing.optimize import (
    OptimizeOptions,
    OptimizeOptionsError,
    StepsOutOfRangeError,
    StrengthError,
)
from editing.region import EmptyRegionError, Region, changed_parts, region_of_interest
from tests.factories.networks import TINY_CONFIG, tiny_bundle, tiny_codes

CODE_CONFIG = dataclasses.replace(TINY_CONFIG, mapping="code")


def edit(bundle, seed: int = 5):
    """Return a code, a painting of its most common part over a square, and the region."""
    w_plus = tiny_codes(bundle.generator, 1, seed=seed)
    before = bundle.segment(w_plus)
    after = before.clone()
    after[:, 5:9, 5:9] = before.flatten().bincount(minlength=4)[1:].argmax() + 1
    parts = changed_parts(before, after, background=bundle.background)
    return w_plus, after, region_of_interest(before, after, parts=parts, margin=1)


def test_a_run_of_s_steps_makes_s_updates_and_s_plus_one_evaluations(monkeypatch):
    bundle = tiny_bundle()
    w_plus, target, region = edit(bundle)
    updates = []
    original = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self: (updates.append(1), original(self))[1]
    )

    steps = list(
        optimize.run(bundle, w_plus, target, region=region, options=OptimizeOptions(steps=7))
    )

    assert [step.step for step in steps] == list(range(8))
    assert len(updates) == 7
    assert all(step.num_steps == 7 for step in steps)


def test_the_first_step_is_the_picture_as_it_was_and_later_ones_follow_the_painting():
    bundle = tiny_bundle(dtype=torch.float64)
    w_plus, target, region = edit(bundle)
    options = OptimizeOptions(steps=60, lambda_rgb=0.2, learning_rate=0.05)

    steps = list(optimize.run(bundle, w_plus, target, region=region, options=options))

    assert torch.equal(steps[0].w_plus, w_plus)
    assert steps[0].rgb == 0
    best = min(steps, key=lambda step: step.total)
    assert best.ce < steps[0].ce
    assert best.total < steps[0].total


def test_a_shift_of_the_factor_code_moves_all_layers_as_the_mapping_does():
    bundle = tiny_bundle(config=CODE_CONFIG, dtype=torch.float64)
    w_plus, target, region = edit(bundle)
    # The offset itself hardly moves, so what is found is what the mapping made.
    options = OptimizeOptions(
        steps=20, lambda_rgb=0.2, learning_rate=1e-8, damping=0.0, mapping_rate=0.1
    )

    best = optimize.best(optimize.run(bundle, w_plus, target, region=region, options=options))

    mapping = bundle.generator.mapping
    before, after = (mapping.code_of(codes[:, 0]) for codes in (w_plus, best.w_plus))
    assert float((after - before).abs().max()) > 0.1
    mapped = bundle.generator.broadcast(bundle.generator.map(after))
    assert torch.allclose(best.w_plus, mapped, atol=1e-5)


def test_an_offset_of_a_share_of_the_layers_leaves_the_finest_alone():
    bundle = tiny_bundle(config=CODE_CONFIG)
    w_plus, target, region = edit(bundle)
    options = OptimizeOptions(steps=3, mapping_rate=0.1, layer_share=0.5)

    *_, last = optimize.run(bundle, w_plus, target, region=region, options=options)

    moved = (last.w_plus - w_plus)[0].abs().amax(dim=1) > 0
    half = len(moved) // 2
    assert moved.tolist() == [True] * half + [False] * (len(moved) - half)


def test_without_a_factor_code_there_is_nothing_to_shift():
    bundle = tiny_bundle()
    w_plus, target, region = edit(bundle)

    totals = [
        [
            step.total
            for step in optimize.run(
                bundle, w_plus, target, region=region,
                options=OptimizeOptions(steps=3, mapping_rate=rate),
            )
        ]
        for rate in (0.0, 0.5)
    ]  # fmt: skip

    assert totals[0] == totals[1]


def test_best_has_the_lowest_total_and_is_no_alias_of_the_variable():
    bundle = tiny_bundle()
    w_plus, target, region = edit(bundle)
    # A rate this high overshoots, so the last step is not the best.
    options = OptimizeOptions(steps=12, learning_rate=0.5)
    seen = []

    def watched():
        for step in optimize.run(bundle, w_plus, target, region=region, options=options):
            seen.append((step.total, step.w_plus.clone(), step.image.clone()))
            yield step

    best = optimize.best(watched())

    totals = [total for total, _, _ in seen]
    assert best.step == totals.index(min(totals)) != 12
    assert torch.equal(best.w_plus, seen[best.step][1])
    again = next(
        optimize.run(
            bundle, best.w_plus, target, region=region, options=options, reference=w_plus
        )
    )
    assert again.total == pytest.approx(best.total, rel=1e-4)


def test_closing_the_generator_keeps_the_best_step_so_far():
    bundle = tiny_bundle()
    w_plus, target, region = edit(bundle)
    steps = optimize.run(bundle, w_plus, target, region=region, options=OptimizeOptions(60))

    kept = next(steps)
    code = kept.w_plus.clone()
    next(steps)
    steps.close()

    assert torch.equal(kept.w_plus, code)
    with pytest.raises(StopIteration):
        next(steps)


def test_networks_are_as_before_and_no_gradient_stays_on_them():
    bundle = tiny_bundle()
    before = {k: v.clone() for k, v in bundle.generator.state_dict().items()}
    w_plus, target, region = edit(bundle)

    list(optimize.run(bundle, w_plus, target, region=region, options=OptimizeOptions(3)))

    after = bundle.generator.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(parameter.grad is None for parameter in bundle.generator.parameters())


def test_figures_of_a_step_are_the_losses_worked_out_apart():
    bundle = tiny_bundle(dtype=torch.float64)
    w_plus, target, region = edit(bundle)
    options = OptimizeOptions(steps=3)

    last = list(optimize.run(bundle, w_plus, target, region=region, options=options))[-1]

    taps = bundle.generator.synthesis(last.w_plus, with_taps=True).taps
    logits = bundle.branch.logits(taps, size=16).permute(0, 2, 3, 1)[region.mask]
    wanted = target.long()[region.mask]
    ce = torch.nn.functional.cross_entropy(logits, wanted).item()
    outside = (~region.mask)[:, None].double()
    x, y = bundle.render(w_plus) * outside, bundle.render(last.w_plus) * outside
    squared = (x - y).square().sum().item() / (3 * outside.sum().item())
    rgb = bundle.perceptual.distance(y, x).item() + squared
    assert last.ce == pytest.approx(ce, rel=1e-9)
    assert last.rgb == pytest.approx(rgb, rel=1e-9)
    assert last.total == pytest.approx(15 * rgb + ce, rel=1e-9)
    assert last.agreement == (logits.argmax(1) == wanted).double().mean().item()


def test_apply_adds_offsets_by_strength_and_leaves_its_input():
    w_plus = torch.zeros(2, 6, 12)
    one, two = torch.ones(6, 12), torch.full((6, 12), 10.0)

    result = optimize.apply(w_plus, [(one, 1.5), (two, -0.5)])

    assert torch.equal(result, torch.full((2, 6, 12), -3.5))
    assert w_plus.abs().sum() == 0


@pytest.mark.parametrize("strength", [math.nan, math.inf, 1e9, -10.5])
def test_strengths_that_mean_nothing_are_refused(strength):
    with pytest.raises(StrengthError):
        optimize.apply(torch.zeros(1, 6, 12), [(torch.ones(6, 12), strength)])


def test_offsets_of_another_shape_or_with_nan_are_refused():
    w_plus = torch.zeros(1, 6, 12)

    with pytest.raises(ShapeMismatchError):
        optimize.apply(w_plus, [(torch.ones(6, 13), 1.0)])
    with pytest.raises(NotFiniteError):
        optimize.apply(w_plus, [(torch.full((6, 12), math.nan), 1.0)])


def test_refining_starts_at_the_applied_code_and_keeps_the_original_outside():
    bundle = tiny_bundle()
    w_plus = tiny_codes(bundle.generator, 1, seed=5)
    offset = tiny_codes(bundle.generator, 1, seed=6)[0] - w_plus[0]

    plan = optimize.plan_refinement(bundle, w_plus, [(offset, 0.5)])
    steps = list(optimize.refine(bundle, w_plus, [(offset, 0.5)], steps=10))

    assert torch.equal(steps[0].w_plus, w_plus + 0.5 * offset)
    assert torch.equal(plan.target, bundle.segment(steps[0].w_plus))
    assert steps[0].rgb > 0  # the reference is the picture without the edit
    assert min(step.total for step in steps) < steps[0].total
    assert len(steps) == 11


def test_a_wider_margin_of_a_refinement_leaves_less_to_compare():
    bundle = tiny_bundle()
    w_plus = tiny_codes(bundle.generator, 1, seed=5)
    stack = [(tiny_codes(bundle.generator, 1, seed=6)[0] - w_plus[0], 0.5)]

    # So wide that the region is the whole picture, and nothing lies outside.
    narrow, wide = (
        next(optimize.refine(bundle, w_plus, stack, steps=1, parts=frozenset({1}), margin=m))
        for m in (0, 16)
    )

    assert narrow.rgb > 0
    assert wide.rgb == 0


@pytest.mark.parametrize("steps", [-1, 0, 10**6, 2.5, math.nan])
def test_step_counts_out_of_range_are_refused(steps):
    with pytest.raises(StepsOutOfRangeError):
        OptimizeOptions(steps=steps)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0), ("learning_rate", math.nan), ("learning_rate", "fast"),
        ("damping", -1.0), ("lambda_ce", math.inf), ("lambda_rgb", -0.1), ("keep", "first"),
        ("precision", "float16"), ("mse_over", "inside"),
    ],
)  # fmt: skip
def test_rates_weights_and_choices_that_no_run_can_be_made_with_are_refused_in_words(
    name, value
):
    with pytest.raises(OptimizeOptionsError, match=f"{name} is {value!r}, expected"):
        OptimizeOptions(**{name: value})


def test_paintings_that_do_not_belong_to_the_picture_are_refused_before_any_work():
    bundle = tiny_bundle()
    w_plus, target, region = edit(bundle)
    unknown = target.clone()
    unknown[0, 0, 0] = 9

    with pytest.raises(LabelMapError):
        optimize.run(bundle, w_plus, target[:, :8, :8], region=region)
    with pytest.raises(LabelMapError):
        optimize.run(bundle, w_plus, unknown, region=region)
    with pytest.raises(NotFiniteError):
        optimize.run(bundle, w_plus * math.nan, target, region=region)
    with pytest.raises(NotFiniteError, match="reference"):
        optimize.run(bundle, w_plus, target, region=region, reference=w_plus * math.inf)
    with pytest.raises(ShapeMismatchError, match="reference"):
        optimize.run(bundle, w_plus, target, region=region, reference=w_plus[:, :3])
    empty = Region(mask=torch.zeros(1, 16, 16, dtype=torch.bool), parts=frozenset())
    with pytest.raises(EmptyRegionError):
        optimize.run(bundle, w_plus, target, region=empty)


def test_a_run_in_half_precision_ends_where_a_run_in_single_precision_does():
    bundle = tiny_bundle()
    w_plus, target, region = edit(bundle)
    found = {}
    for precision in ("float32", "bfloat16"):
        options = OptimizeOptions(
            steps=40, lambda_rgb=0.2, learning_rate=0.05, precision=precision
        )
        steps = list(optimize.run(bundle, w_plus, target, region=region, options=options))
        found[precision] = min(steps, key=lambda step: step.total).w_plus
        assert steps[0].rgb == 0  # rounding is no change

    def total(code: torch.Tensor) -> float:
        options = OptimizeOptions(steps=1, lambda_rgb=0.2)
        exact = optimize.run(
            bundle, code, target, region=region, options=options, reference=w_plus
        )
        return next(exact).total

    before, exact, rough = (total(c) for c in (w_plus, found["float32"], found["bfloat16"]))
    assert exact < before
    # Judged in single precision, both have come equally far.
    assert rough - exact < 0.02 * (before - exact)


def test_the_identity_term_holds_back_a_change_of_who_is_shown():
    bundle = tiny_bundle()
    w_plus, target, region = edit(bundle)
    # Here a person is what the corner looks like.
    bundle = dataclasses.replace(bundle, embed=lambda image: image[:, :, :4, :4].flatten(1))

    def furthest(lambda_id: float) -> float:
        options = OptimizeOptions(
            steps=30, lambda_rgb=0.05, lambda_id=lambda_id, learning_rate=0.05
        )
        steps = list(optimize.run(bundle, w_plus, target, region=region, options=options))
        assert steps[0].identity == pytest.approx(0, abs=1e-6)
        last = steps[-1]
        by_hand = 0.05 * last.rgb + last.ce + lambda_id * last.identity
        assert last.total == pytest.approx(by_hand, rel=1e-5)
        return last.identity

    free, held = furthest(1e-6), furthest(10.0)

    assert 0 < held < 0.5 * free
