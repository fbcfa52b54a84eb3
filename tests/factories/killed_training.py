"""Trainings that die: tiny stages of both pipelines, run in a process that gets SIGKILL.

Everything here is importable, so that a fork server can load it once and start each doomed
process in milliseconds.
"""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from PIL import Image

from editing.segmentation.training import FitOptions
from editing.training import from_pictures
from editing.training.assemble import assemble_bundle
from editing.training.from_pictures import PicturePipeline
from editing.training.pipeline import Pipeline
from editing.training.run import Budget, Clock, Progress, Run
from editing.training.segmentation import LabelOptions
from tests.factories.training import tiny_pipeline

NUM_STEPS = 6
# With a save every two seconds of a clock that ticks once a step, the step after the first
# save, whose work is lost.
SAVE_SECONDS = 2.0
SAVED_AFTER = 3
KILLED_AFTER = 4

OF_RENDERS = ("regressor", "judge", "distil", "sharpen", "encoder")
OF_PICTURES = tuple(from_pictures.SHARES)


def write_pictures(folder: Path, *, num: int = 24) -> None:
    """Write small pictures of a bright disk on a dark ground, and a broken one."""
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[:20, :28]
    for i in range(num):
        x, y, radius = random.uniform(8, 20), random.uniform(6, 14), random.uniform(2, 6)
        disk = ((columns - x) ** 2 + (rows - y) ** 2 < radius**2)[..., None]
        pixels = np.where(disk, random.integers(150, 255, 3), random.integers(0, 90, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:03}.png")
    (folder / "007.broken.png").write_bytes(b"\x89PNG and nothing else")


def picture_pipeline(folder: Path, clock: Clock = lambda: 0.0) -> PicturePipeline:
    """Return a tiny pipeline from the pictures in folder / "source"."""
    plan = from_pictures.Plan(folder / "source", 16, folder, batch=4, half=False)
    return PicturePipeline(plan, clock)


def steps_of(folder: Path, stage: str, *, of_pictures: bool) -> Iterator[Progress]:
    """Yield the steps of one stage in `folder`, each a second long."""
    now = 0.0

    def clock() -> float:
        return now

    if of_pictures:
        pipeline: PicturePipeline | Pipeline = picture_pipeline(folder, clock)
    else:
        pipeline = replace(tiny_pipeline(folder), clock=clock)
    budget = Budget(steps=NUM_STEPS)
    for progress in pipeline.train(stage, budget, checkpoint_seconds=SAVE_SECONDS):
        yield progress
        now += 1.0


def make_bundle(folder: Path, tell: Callable[[str], None]) -> None:
    """Fit the branch on three labelled renders and write folder / "bundle"."""
    options = LabelOptions(
        num_labelled=3,
        num_candidates=64,
        invert_steps=2,
        fit=FitOptions(num_members=2, max_steps=6, check_every=2),
    )
    assemble_bundle(
        tiny_pipeline(folder),
        folder / "bundle",
        version=1,
        tell=tell,
        options=options,
        num_held_out=4,
        invert_steps=2,
    )


def die() -> NoReturn:
    """End this process as `kill -9` does: nothing is flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def train_and_die(folder: Path, stage: str, of_pictures: bool) -> None:
    """Train a stage and die after some steps."""
    torch.set_num_threads(1)
    for progress in steps_of(folder, stage, of_pictures=of_pictures):
        if progress.step == KILLED_AFTER:
            die()


def draw_and_die(folder: Path) -> None:
    """Draw the first chunk of renders and die."""
    torch.set_num_threads(1)
    for _ in tiny_pipeline(folder).draw():
        die()


def read_and_die(folder: Path) -> None:
    """Read some pictures, the broken one among them, and die in the middle of the next."""
    for progress in picture_pipeline(folder).read():
        if progress.num_done == 11:
            with (folder / "pictures" / "pictures.bin").open("ab") as file:
                file.write(b"half a picture")
            with (folder / "pictures" / "index.jsonl").open("ab") as file:
                file.write(b'{"name": "half a li')
            die()


def fit_and_die(folder: Path) -> None:
    """Fit the segmentation branch and die while it learns."""
    torch.set_num_threads(1)

    def tell(sentence: str) -> None:
        if "step 4" in sentence:
            die()

    make_bundle(folder, tell)


def save_and_die(folder: Path) -> None:
    """Save a state whole, then die in the middle of saving another."""
    run = Run(folder, Budget(steps=2), itertools.count(0.0).__next__)
    run.save({"step": 1, "weights": torch.ones(4)})

    def half_a_save(state: Any, path: Path) -> None:
        path.write_bytes(b"half of a checkpoint")
        die()

    torch.save = half_a_save
    run.save({"step": 2, "weights": torch.zeros(4)})


class Doomed:
    """Runs functions of this module in processes of their own and sees them die."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])

    def __call__(self, function: Callable[..., None], *arguments: object) -> None:
        """Run a function and return when SIGKILL has ended it."""
        process = self._context.Process(target=function, args=arguments)
        process.start()
        process.join(timeout=120)
        assert process.exitcode == -signal.SIGKILL, f"ended by itself: {process.exitcode}"
