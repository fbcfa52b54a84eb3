"""The model card says what logs, manifest and benchmark say, and nothing else."""

import json
from pathlib import Path

import pytest

from editing.bundle import Extractor, Manifest
from editing.training.model_card import model_card, note_stage, read_stage
from editing.training.renders import RenderPlan

PLAN = RenderPlan("portraits", 64, num=2048, num_held_out=256, seed=4)


def manifest(**figures: float) -> Manifest:
    generator = {"channels": [8, 4], "w_dim": 20, "z_dim": 12, "code_gain": 2.5}
    return Manifest(
        format="bundle/1",
        name="portraits-64",
        title="Portraits, 64 px",
        family="portraits",
        version=3,
        resolution=64,
        label_size=64,
        num_layers=10,
        w_dim=20,
        schema={"parts": [{}, {}, {}]},
        fingerprint="ab" * 32,
        extractor=Extractor(name="x", scale=1.0),
        usual_error=(0.01, 0.02, 0.03),
        figures=figures,
        networks={"generator": generator},
        samples=(),
        files={},
    )


def log(out: Path, stage: str, *lines: dict[str, float]) -> None:
    (out / stage).mkdir(exist_ok=True)
    text = "".join(
        json.dumps({"stage": stage, "seconds": 60.0, **line}) + "\n" for line in lines
    )
    (out / stage / "log.jsonl").write_text(text)


def card(out: Path, **figures: float) -> str:
    return model_card(manifest(**figures), out=out, plan=PLAN, bench={}, faults=[], pictures=[])


def test_pictures_seen_are_steps_times_what_a_step_draws(tmp_path: Path) -> None:
    note_stage(tmp_path / "distil", pictures_per_step=16, start=None)
    log(tmp_path, "distil", {"step": 50}, {"step": 4000})

    stage = read_stage(tmp_path, "distil")

    assert stage is not None
    assert stage.pictures == 64_000
    assert "4,000 steps, 64 k pictures" in card(tmp_path)


@pytest.mark.parametrize("said", ["portraits-64/distil/checkpoint.pt", "bundles/portraits-64"])
def test_it_says_which_generator_training_went_on_from(tmp_path: Path, said: str) -> None:
    note_stage(tmp_path / "distil", pictures_per_step=16, start=Path("/somewhere") / said)
    log(tmp_path, "distil", {"step": 1})

    text = card(tmp_path)

    assert f"started from `{said}`" in text
    assert "somewhere" not in text


def test_figures_stand_beside_their_floor_and_what_is_wanted(tmp_path: Path) -> None:
    bench = {
        "domain_kid": {"value": 0.0123, "unit": ""},
        "domain_kid_floor": {"value": 0.001, "unit": ""},
    }

    text = model_card(
        manifest(inversion_psnr_db=30.5),
        out=tmp_path,
        plan=PLAN,
        bench=bench,
        faults=["Hats are soft."],
        pictures=[("Samples", "samples-64.png")],
    )

    assert "| domain_kid | 0.0123 | 0.001 |  |" in text
    assert "| inversion_psnr_db | 30.5 |  | 29 |" in text
    assert "- Hats are soft." in text
    assert "![Samples](samples-64.png)" in text
    assert "2,048 renders of randomly drawn factors (seed 4)" in text


def test_factors_stand_beside_what_can_be_read_off_renders(tmp_path: Path) -> None:
    log(tmp_path, "judge", {"step": 10, "r2_smile": 0.88})

    text = card(tmp_path, factor_r2_smile=0.71)

    assert "| smile | 0.71 | 0.88 |" in text


def test_missed_gates_and_poor_parts_are_named_as_faults(tmp_path: Path) -> None:
    text = card(tmp_path, inversion_psnr_db=27.0, segmentation_iou_nose=0.41)

    assert "`inversion_psnr_db` is 27.000; 29 is wanted." in text
    assert "nose 0.41" in text
    assert "`segmentation_miou` was not measured" in text


def test_a_stage_that_never_ran_is_not_listed(tmp_path: Path) -> None:
    assert read_stage(tmp_path, "sharpen") is None
    assert "| sharpen |" not in card(tmp_path)
