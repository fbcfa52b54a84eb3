"""Every stage trains, stops at any step, resumes, and ends as if it had never stopped."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from editing.bundle import load_bundle
from editing.generator import Generator
from editing.segmentation.training import FitOptions
from editing.training.assemble import (
    assemble_bundle,
    missed_gates,
    write_card,
    write_documentation,
)
from editing.training.pipeline import Pipeline, StageMissingError, load_stage
from editing.training.recipes import NoRecipeError
from editing.training.run import Budget
from editing.training.segmentation import LabelOptions
from editing.training.warm_start import column_names, read_old, start_from
from tests.factories.training import tiny_pipeline

NEEDS = {
    "regressor": (),
    "distil": (),
    "sharpen": ("distil",),
    "encoder": ("regressor", "distil"),
}


def train(pipeline: Pipeline, stage: str, *, steps: int) -> None:
    for _ in pipeline.train(stage, Budget(steps=steps)):
        pass


def weights(pipeline: Pipeline, stage: str) -> dict[str, torch.Tensor]:
    state = load_stage(pipeline.plan.out, stage)
    assert state is not None
    flat = {}
    for key, value in state.items():
        if isinstance(value, dict) and not key.endswith("adam"):
            flat |= {f"{key}.{name}": tensor for name, tensor in value.items()}
    return flat


@pytest.mark.parametrize("stage", list(NEEDS))
def test_a_stage_that_was_interrupted_ends_as_one_that_was_not(
    stage: str,
    pipeline: Pipeline,
    drawn_renders: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for earlier in NEEDS[stage]:
        train(pipeline, earlier, steps=2)
    other_folder = tmp_path_factory.mktemp("interrupted")
    (other_folder / "renders").symlink_to(drawn_renders)
    for earlier in NEEDS[stage]:
        (other_folder / earlier).symlink_to(pipeline.plan.out / earlier)
    other = tiny_pipeline(other_folder)

    train(pipeline, stage, steps=4)
    started = other.train(stage, Budget(steps=4), checkpoint_seconds=0)
    first_two = list(itertools.islice(started, 2))
    started.close()
    train(other, stage, steps=4)

    assert [progress.step for progress in first_two] == [1, 2]
    whole, resumed = weights(pipeline, stage), weights(other, stage)
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, rtol=1e-5, atol=1e-6, msg=name)


def test_a_finished_stage_is_passed_over_and_goes_on_with_a_larger_budget(
    pipeline: Pipeline,
) -> None:
    train(pipeline, "distil", steps=2)

    again = list(pipeline.train("distil", Budget(steps=2)))
    more = list(pipeline.train("distil", Budget(steps=3)))

    assert again == []
    assert [progress.step for progress in more] == [3]


def test_a_stage_learns(pipeline: Pipeline) -> None:
    steps = list(pipeline.train("distil", Budget(steps=40)))

    losses = [sum(v for k, v in step.figures.items() if k != "side") for step in steps]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_a_stage_leaves_a_log_a_plot_and_a_sheet(pipeline: Pipeline) -> None:
    train(pipeline, "distil", steps=50)

    folder = pipeline.plan.out / "distil"
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert any(line["step"] == 50 and "l1" in line for line in lines)
    assert "psnr_from_codes" in lines[-1]
    assert (folder / "sheet.png").stat().st_size > 1000
    assert (folder / "loss.png").stat().st_size > 1000


@pytest.mark.slow
def test_two_processes_train_one_network(drawn_renders: Path, tmp_path: Path) -> None:
    (tmp_path / "renders").symlink_to(drawn_renders)
    alone = tiny_pipeline(tmp_path)
    team = Pipeline(
        replace(alone.plan, num_processes=2, batch=2), clock=alone.clock.__self__.__next__
    )

    train(team, "distil", steps=3)

    assert all(bool(t.isfinite().all()) for t in weights(team, "distil").values())
    assert load_stage(tmp_path, "distil")["step"] == 3


def test_sharpening_before_distilling_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(StageMissingError):
        train(pipeline, "sharpen", steps=1)


def test_a_size_nobody_planned_for_is_refused(tmp_path: Path) -> None:
    odd = Pipeline(replace(tiny_pipeline(tmp_path).plan, size=32), lambda: 0.0)

    with pytest.raises(NoRecipeError):
        odd.generator_config()


def test_the_last_stage_writes_a_bundle_that_loads_and_its_sheets(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    for stage in ("regressor", "judge", "distil", "encoder"):
        train(pipeline, stage, steps=2)
    options = LabelOptions(
        num_labelled=3,
        num_candidates=64,
        invert_steps=2,
        fit=FitOptions(num_members=2, max_steps=4, check_every=2),
    )
    told: list[str] = []

    figures = assemble_bundle(
        pipeline,
        tmp_path / "bundle",
        version=1,
        tell=told.append,
        options=options,
        num_held_out=4,
        invert_steps=2,
    )
    bundle = load_bundle(tmp_path / "bundle")
    write_documentation(bundle, pipeline, tmp_path, invert_steps=1)
    (tmp_path / "faults-16.md").write_text("- Noses are a pixel wide.\n")
    card = write_card(tmp_path / "bundle", pipeline, tmp_path).read_text()

    assert {"inversion_psnr_db", "segmentation_miou", "factor_r2_smile"} <= figures.keys()
    assert bundle.manifest.figures == pytest.approx(figures)
    assert bundle.usual_error[0] <= bundle.usual_error[1] <= bundle.usual_error[2]
    assert len(bundle.probes) == 16
    assert len(bundle.samples()) == 14
    assert bundle.judge is not None
    again = Generator(pipeline.generator_config())
    old = read_old(tmp_path / "bundle")
    start_from(again, old, column_names(pipeline.renders().family.factors))
    code = torch.zeros(1, again.config.z_dim)
    torch.testing.assert_close(again(code), bundle.generator(code), atol=1e-5, rtol=0)
    assert bundle.encoder is not None
    assert missed_gates("portraits", figures)
    assert (tmp_path / "samples-16.png").exists()
    assert (tmp_path / "reconstructions-16.png").exists()
    assert any("labelled" in sentence for sentence in told)
    assert "2 steps, 0 k pictures" in card
    assert "256 renders of randomly drawn factors (seed 1)" in card
    assert "(samples-16.png)" in card
    assert "(vectors-16.png)" not in card
    assert "- Noses are a pixel wide." in card
    assert f"`segmentation_miou` is {figures['segmentation_miou']:.3f}; 0.74 is wanted." in card
