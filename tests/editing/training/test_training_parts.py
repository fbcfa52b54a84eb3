"""The pieces of training: renders on disk, losses, schedules, labels, cast."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from editing import families
from editing.families.factor_space import Factors
from editing.generator import Generator, GeneratorConfig
from editing.training import recipes
from editing.training.cast import cast_factors
from editing.training.distil import (
    BestWeights,
    DistilOptions,
    PictureLoss,
    learning_rate,
    psnr,
    quality,
    resolution_at,
    shrink_labels,
)
from editing.training.parallel import Flat
from editing.training.pipeline import Pipeline
from editing.training.recipes import CastMember
from editing.training.regressor import r2
from editing.training.renders import RenderPlan, Renders, StaleRendersError
from editing.training.run import Budget, Run, StopWatch
from editing.training.segmentation import LabelOptions, choose_pictures


def test_renders_drawn_in_two_parts_equal_renders_drawn_at_once(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    whole = pipeline.renders()
    parts = Renders(tmp_path / "other", pipeline.plan.render_plan)

    for part in (1, 0):
        list(parts.draw(part=part, num_parts=2))

    assert parts.done.all()
    assert (parts.images == whole.images).all()
    assert (parts.labels == whole.labels).all()


def test_renders_survive_bytes_and_agree_with_the_renderer(pipeline: Pipeline) -> None:
    renders = pipeline.renders()
    values = torch.from_numpy(renders.values[5:6])
    factors = Factors(values, renders.family.factors.names)

    image, labels, code = renders.batch(torch.tensor([5]))

    exact = renders.family.render(factors, size=16)
    assert (image - exact.image).abs().max() <= 1.01 / 127.5
    assert torch.equal(labels, exact.labels)
    assert torch.equal(code, renders.family.factors.encode(factors))


def test_rare_people_are_trained_on_more_often_and_held_out_ones_never(
    pipeline: Pipeline,
) -> None:
    renders = pipeline.renders()
    at = renders.family.factors.names.index("headwear")

    rows = renders.choose(4000, torch.Generator().manual_seed(0))

    wears = torch.from_numpy(renders.values[:, at]) > 0
    share = float(wears[: renders.num_train].float().mean())
    assert float(wears[rows].float().mean()) > 1.3 * share
    assert int(rows.max()) < renders.num_train


def test_a_folder_grows_when_more_pictures_are_wanted(tmp_path: Path) -> None:
    few, more = (RenderPlan("portraits", 16, num=num, num_held_out=16) for num in (128, 256))
    for _ in Renders(tmp_path, few).draw():
        pass
    first = Renders(tmp_path, few).images.copy()

    grown = Renders(tmp_path, more)
    drawn = list(grown.draw())
    again = Renders(tmp_path, more)

    assert drawn == [2], "only the new chunk was drawn"
    assert (again.images[:128] == first).all()
    assert len(again.images) == 256
    assert again.done.all()
    assert int(again.held_out.min()) >= 128
    with pytest.raises(StaleRendersError, match="at least as many"):
        Renders(tmp_path, few)


def test_a_folder_of_other_renders_is_refused(pipeline: Pipeline) -> None:
    other = replace(pipeline.plan.render_plan, seed=99)

    with pytest.raises(StaleRendersError):
        Renders(pipeline.plan.out / "renders", other)


def test_the_picture_loss_of_one_wrong_pixel_is_its_weight_over_the_number_of_values() -> None:
    target = torch.zeros(1, 3, 8, 8)
    drawn = target.clone()
    drawn[0, 0, 0, 0] = 0.5
    labels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    labels[0, 0, 0] = 1
    compare = PictureLoss(2, {1: 6.0})

    terms = compare(drawn, target, compare.pixel_weights(labels, 8))

    assert float(terms["l1"]) == pytest.approx(6 * 0.5 / 192)
    assert float(terms["mse"]) == pytest.approx(6 * 0.25 / 192)
    # At /2, /4 and /8 the pixel is a quarter, a sixteenth, ... among ever fewer values.
    assert float(terms["pyramid"]) == pytest.approx(3 * 0.5 / 192)


def test_labels_shrink_to_the_pixel_in_the_middle() -> None:
    labels = torch.arange(16).view(1, 4, 4)

    assert shrink_labels(labels, 2).tolist() == [[[5, 7], [13, 15]]]


def test_psnr_of_a_tenth_of_the_range_is_twenty_decibels() -> None:
    assert psnr(torch.full((1, 3, 2, 2), 0.2), torch.zeros(1, 3, 2, 2)) == pytest.approx(20.0)


def test_the_learning_rate_stays_then_falls_and_the_picture_grows() -> None:
    options = DistilOptions()

    assert [learning_rate(f, options) for f in (0.0, 0.55)] == [1.0, 1.0]
    assert learning_rate(1.0, options) == pytest.approx(0.02)
    assert [resolution_at(f, 64, options) for f in (0.0, 0.2, 0.5)] == [16, 32, 64]
    assert resolution_at(0.2, 16, options) == 16


def test_flat_parameters_and_gradients_are_the_modules_own() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 1)
    flat = Flat([first, second])

    second(first(torch.ones(1, 2))).sum().backward()
    with torch.no_grad():
        flat.data.zero_()

    assert flat.grad.abs().sum() > 0
    assert torch.equal(flat.groups[1].grad, flat.grad[6:])
    assert torch.equal(first.weight, torch.zeros(2, 2))


def test_a_budget_counts_steps_or_seconds() -> None:
    assert Budget(steps=4).fraction(step=1, seconds=100.0) == 0.25
    assert Budget(seconds=10.0).fraction(step=1, seconds=5.0) == 0.5
    assert Budget(seconds=10.0).fraction(step=1, seconds=50.0) == 1.0


def test_a_stopwatch_counts_on_from_an_earlier_run() -> None:
    times = iter([100.0, 103.0])

    watch = StopWatch(times.__next__, seconds=7.0)

    assert watch.seconds == 10.0


def test_something_is_due_only_after_its_wait(tmp_path: Path) -> None:
    times = iter([0.0, 30.0, 61.0, 62.0])
    run = Run(tmp_path, Budget(steps=1), times.__next__)

    assert [run.is_due("save", 60.0) for _ in range(4)] == [False, False, True, False]


def test_a_branch_is_an_ensemble_of_ten_unless_told_otherwise() -> None:
    assert LabelOptions().fit.num_members == 10


def test_the_labelled_pictures_show_a_rare_part_at_least_twice() -> None:
    space = families.get("portraits").factors
    factors = space.sample(64, torch.Generator().manual_seed(0))
    labels = torch.zeros(64, 8, 8, dtype=torch.uint8)
    labels[:, 4:] = 1
    labels[[10, 50], :2] = 2

    chosen = choose_pictures(labels, factors, space, LabelOptions(num_labelled=6))

    assert len(set(chosen)) == 6
    assert {10, 50} <= set(chosen)


def test_the_cast_is_made_of_factors_and_options_that_exist() -> None:
    space = families.get("portraits").factors
    cast = recipes.get("portraits").cast

    factors = cast_factors(space, cast)

    assert len(factors) == 14
    glasses = dict(zip((m.name for m in cast), factors.get("glasses").tolist(), strict=True))
    assert [glasses[name] for name in ("henrik", "priya", "rosa")] == [1, 2, 0]


def test_a_cast_member_with_an_unknown_factor_is_refused() -> None:
    space = families.get("portraits").factors

    with pytest.raises(KeyError):
        cast_factors(space, (CastMember("x", "X", {"wings": 1.0}),))


def test_r2_is_one_for_a_perfect_reading_and_zero_for_the_mean() -> None:
    true = torch.tensor([0.0, 1.0, 2.0])

    assert r2(true, true) == 1.0
    assert r2(torch.ones(3), true) == 0.0
    assert r2(torch.zeros(2), torch.zeros(2)) == 0.0


def test_the_best_weights_outlive_worse_ones_and_the_checkpoint() -> None:
    config = GeneratorConfig(
        resolution=8, w_dim=6, z_dim=3, channels=(4, 4), mapping="code", mapping_layers=1
    )
    good, worse = Generator(config), Generator(config)
    best = BestWeights()

    best.offer(20.0, good)
    best.offer(19.0, worse)
    again = BestWeights()
    again.load_state_dict(best.state_dict())
    again.offer(19.5, worse)
    worse.load_state_dict(again.weights)

    assert again.score == 20.0
    for ours, theirs in zip(worse.parameters(), good.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_quality_takes_off_what_blur_hides() -> None:
    sharp = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    blurred = F.avg_pool2d(F.pad(sharp, (1, 1, 1, 1), mode="replicate"), 3, 1)

    same, soft = quality(sharp, sharp * 0.999), quality(sharp, blurred)

    assert same["sharpness"] == pytest.approx(0.998, abs=1e-3)
    assert same["quality_db"] == pytest.approx(same["psnr_from_codes"], abs=0.02)
    assert soft["sharpness"] < 0.5
    assert soft["quality_db"] < soft["psnr_from_codes"] - 3
