"""What is left of a step whose process was killed in the middle, and how does it end?

The step runs in a process of its own that ends itself by SIGKILL, so that no `finally` of ours
gets to run; then it is asked for again, as the platform does when a lease runs out.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from editing.own_family import bring, encoder, project, publish, samples
from tests.editing.importers.foreign import official_state, rosinality_training_file
from tests.editing.own_family.conftest import clock, finish, label, proposed
from tests.editing.own_family.test_branch import train

ROOT = Path(__file__).parents[3]
STEPS = {
    "draw": "samples.draw_samples(folder, clock=time.monotonic, num=24, num_proposed=4)",
    "import": "bring.bring_checkpoint(folder, file, clock=time.monotonic)",
    "publish": (
        "publish.publish(folder, clock=time.monotonic, invert_steps=4, num_measured=3)"
    ),
}
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
import torch
from editing.own_family import bring, publish, samples
torch.set_num_threads(1)
folder, file = Path(sys.argv[1]), Path(sys.argv[2])
for told in {step}:
    print(told.sentence)
    if {until!r} in told.sentence:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(step: str, folder: Path, *, until: str, file: Path = Path("none")) -> None:
    """Run a step in a process that is killed once it says `until`."""
    program = PROGRAM.format(step=STEPS[step], until=until)
    ended = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(file)], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stdout + ended.stderr


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_killed_drawing_goes_on_with_the_next_sample_and_ends_the_same(
    drawn_family: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "family"
    project.create(folder, name="tiny-blocks", title="Tiny blocks")
    bring.bring_generator(folder, drawn_family / "generator")

    killed("draw", folder, until="sample 10 of 24")
    drawn = folder / "samples" / "drawn" / "003.png"
    stamp = drawn.stat().st_mtime_ns
    assert not (folder / "samples" / "proposal.json").exists()
    finish(samples.draw_samples(folder, clock=clock(), num=24, num_proposed=4))

    assert (folder / "samples" / "003.png").stat().st_mtime_ns == stamp, "drawn once"
    assert files(folder / "samples") == files(drawn_family / "samples")


def test_a_killed_import_leaves_nothing_behind_once_it_is_done_again(tmp_path: Path) -> None:
    file = tmp_path / "tiny.pt"
    file.write_bytes(rosinality_training_file(official_state()))
    folder, whole = tmp_path / "family", tmp_path / "whole"
    for each in (folder, whole):
        project.create(each, name="tiny-blocks", title="Tiny blocks")
    finish(bring.bring_checkpoint(whole, file, clock=clock()))

    killed("import", folder, until="Drawing the first samples", file=file)
    assert not (folder / "generator").exists()
    finish(bring.bring_checkpoint(folder, file, clock=clock()))

    assert files(folder) == files(whole)


def test_half_a_generator_in_place_of_another_never_blocks_the_next_import(
    drawn_family: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "family"
    project.create(folder, name="tiny-blocks", title="Tiny blocks")
    shutil.copytree(drawn_family / "generator", folder / ".generator.former")
    shutil.copytree(drawn_family / "generator", folder / ".generator.partial")

    bring.bring_generator(folder, drawn_family / "generator")

    assert files(folder / "generator") == files(drawn_family / "generator")
    assert [path.name for path in folder.glob(".*")] == []


@pytest.fixture
def trained_family(drawn_family: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(drawn_family, tmp_path / "trained"))
    label(folder, proposed(folder))
    finish(train(folder))
    finish(encoder.train_encoder(folder, clock=clock(), steps=12))
    return folder


def test_a_killed_publication_measures_no_picture_twice_and_ends_the_same(
    trained_family: Path, tmp_path: Path
) -> None:
    whole = Path(shutil.copytree(trained_family, tmp_path / "whole"))
    finish(publish.publish(whole, clock=clock(), invert_steps=4, num_measured=3))

    killed("publish", trained_family, until="picture 2 of 3")
    stamps = project.read_json(trained_family / "publishing.json")
    told = [
        each.sentence
        for each in publish.publish(
            trained_family, clock=clock(), invert_steps=4, num_measured=3
        )
    ]

    assert len(stamps["measured"]) == 2
    assert told[-1] == "Tiny blocks, version 1"
    assert files(trained_family) == files(whole)
