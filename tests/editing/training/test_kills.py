"""A training that gets killed ends, resumed, with the same bits as one that was not."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from editing.bundle import read_manifest
from editing.training.pipeline import load_stage
from editing.training.run import Budget, Progress, Run
from tests.factories import killed_training as doomed
from tests.factories.killed_training import NUM_STEPS, SAVED_AFTER, Doomed
from tests.factories.training import tiny_pipeline


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def kill() -> Doomed:
    return Doomed()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which every stage of renders ran through."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for _ in tiny_pipeline(folder).draw():
        pass
    for stage in doomed.OF_RENDERS:
        run(doomed.steps_of(folder, stage, of_pictures=False))
    doomed.make_bundle(folder, lambda sentence: None)
    return folder


@pytest.fixture(scope="module")
def undisturbed_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which every stage of pictures ran through."""
    folder = tmp_path_factory.mktemp("undisturbed-pictures")
    (folder / "source").mkdir()
    doomed.write_pictures(folder / "source")
    for _ in doomed.picture_pipeline(folder).read():
        pass
    for stage in doomed.OF_PICTURES:
        run(doomed.steps_of(folder, stage, of_pictures=True))
    return folder


def run(steps: Iterator[Progress]) -> list[int]:
    return [progress.step for progress in steps]


def beside(folder: Path, other: Path, *, but: str) -> None:
    """Give `other` everything that `folder` holds, except what is called `but`."""
    for path in folder.iterdir():
        if path.name != but:
            (other / path.name).symlink_to(path)


def assert_same(a: Any, b: Any, place: str) -> None:
    """Compare two checkpoints bit by bit; only the seconds they took may differ."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), place
        for key in a.keys() - {"seconds"}:
            assert_same(a[key], b[key], f"{place}/{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), place
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            assert_same(one, other, f"{place}/{i}")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), f"{place} differs by {(a - b).abs().max()}"
    else:
        assert a == b, place


def kill_and_resume(
    kill: Doomed, whole: Path, folder: Path, stage: str, *, of_pictures: bool
) -> None:
    beside(whole, folder, but=stage)

    kill(doomed.train_and_die, folder, stage, of_pictures)
    resumed = run(doomed.steps_of(folder, stage, of_pictures=of_pictures))

    # What came after the last save was lost, and nothing else.
    assert resumed == list(range(SAVED_AFTER + 1, NUM_STEPS + 1))
    assert_same(load_stage(whole, stage), load_stage(folder, stage), stage)


@pytest.mark.parametrize("stage", doomed.OF_RENDERS)
def test_a_stage_of_renders_that_was_killed_ends_as_one_that_was_not(
    stage: str, kill: Doomed, undisturbed: Path, tmp_path: Path
) -> None:
    kill_and_resume(kill, undisturbed, tmp_path, stage, of_pictures=False)


@pytest.mark.parametrize("stage", doomed.OF_PICTURES)
def test_a_stage_of_pictures_that_was_killed_ends_as_one_that_was_not(
    stage: str, kill: Doomed, undisturbed_pictures: Path, tmp_path: Path
) -> None:
    kill_and_resume(kill, undisturbed_pictures, tmp_path, stage, of_pictures=True)


def test_drawing_that_was_killed_gives_the_same_renders(
    kill: Doomed, undisturbed: Path, tmp_path: Path
) -> None:
    kill(doomed.draw_and_die, tmp_path)
    assert 0 < int(tiny_pipeline(tmp_path).renders().done.sum()) < 2
    for _ in tiny_pipeline(tmp_path).draw():
        pass

    ours, theirs = (tiny_pipeline(f).renders() for f in (tmp_path, undisturbed))
    assert ours.done.all()
    for name in ("images", "labels", "values", "codes"):
        assert (getattr(ours, name) == getattr(theirs, name)).all()


def test_reading_that_was_killed_gives_the_same_pictures(
    kill: Doomed, undisturbed_pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "source").symlink_to(undisturbed_pictures / "source")

    kill(doomed.read_and_die, tmp_path)
    first = next(doomed.picture_pipeline(tmp_path).read())
    for _ in doomed.picture_pipeline(tmp_path).read():
        pass

    assert first.num_done == 12
    for name in ("pictures.bin", "report.json"):
        ours = (tmp_path / "pictures" / name).read_bytes()
        assert ours == (undisturbed_pictures / "pictures" / name).read_bytes()


def test_a_branch_whose_fitting_was_killed_comes_out_the_same(
    kill: Doomed, undisturbed: Path, tmp_path: Path
) -> None:
    beside(undisturbed, tmp_path, but="bundle")

    kill(doomed.fit_and_die, tmp_path)
    doomed.make_bundle(tmp_path, lambda sentence: None)

    ours, theirs = (read_manifest(folder / "bundle") for folder in (tmp_path, undisturbed))
    assert ours.files == theirs.files
    assert ours.figures == theirs.figures


def test_a_kill_while_saving_leaves_the_last_checkpoint_whole(
    kill: Doomed, tmp_path: Path
) -> None:
    kill(doomed.save_and_die, tmp_path)

    state = Run(tmp_path, Budget(steps=2), itertools.count(0.0).__next__).load()

    assert state is not None
    assert state["step"] == 1
    assert torch.equal(state["weights"], torch.ones(4))


def test_the_log_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    stage = Run(tmp_path, Budget(steps=9), itertools.count(0.0).__next__)
    stage.save({"step": 4})
    for step in (2, 4, 6):
        stage.log(Progress("s", step, 0.0, 0.0, {"l1": 1.0}))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"stage": "s", "st')

    stage.load()

    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4]
