"""`python -m editing train`: from a family's renderer to a bundle, one command.

Interrupt it at any moment and start it again: every stage goes on from its last
checkpoint, at most a minute back, and finished stages are passed over.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import click
import torch
from tqdm import tqdm

from editing.bundle import load_bundle
from editing.errors import EditingError
from editing.training import parallel
from editing.training.assemble import (
    assemble_bundle,
    missed_gates,
    write_card,
    write_documentation,
)
from editing.training.pictures_cli import FamilyOrPictures
from editing.training.pipeline import SHARES, Pipeline, Plan
from editing.training.run import Budget, Progress

STAGES = ("all", "renders", *SHARES, "bundle", "sheets", "card")


@click.command()
@click.argument("family")
@click.option("--stage", type=click.Choice(STAGES), default="all", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Working folder: renders, checkpoints, logs, sheets. Default var/training/NAME.",
)
@click.option("--size", default=64, show_default=True, help="Side of the pictures in pixels.")
@click.option(
    "--minutes",
    default=90.0,
    show_default=True,
    help="Training time: of all stages together, or of the one stage named.",
)
@click.option(
    "--steps",
    type=int,
    help="Training steps of the one stage named, in place of minutes: on a machine that "
    "others use too, and for results that repeat exactly.",
)
@click.option("--renders", "num_renders", default=40_960, show_default=True)
@click.option("--processes", default=2, show_default=True, help="One thread each.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train; auto takes a GPU if there is one.",
)
@click.option("--batch", type=int, help="Pictures per process and step; 8, on a GPU 64.")
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path, exists=True),
    help="Go on from an older or smaller generator: a checkpoint.pt or a bundle folder.",
)
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(path_type=Path),
    help="Where the bundle is written. Default bundles/NAME.",
)
@click.option("--version", default=1, show_default=True, help="The bundle's version.")
@click.option(
    "--docs",
    type=click.Path(path_type=Path),
    help="Where sheets and model card are written. Default docs/families/FAMILY.",
)
def train(
    family: str,
    stage: str,
    out: Path | None,
    size: int,
    minutes: float,
    steps: int | None,
    num_renders: int,
    processes: int,
    device: str,
    batch: int | None,
    start: Path | None,
    bundle_path: Path | None,
    version: int,
    docs: Path | None,
) -> None:
    """Train the bundle of FAMILY. Stops and resumes at any second."""
    if steps is not None and stage not in SHARES:
        raise click.UsageError(f"--steps needs --stage, one of {', '.join(SHARES)}")
    name = f"{family}-{size}"
    out = out or Path("var/training") / name
    bundle_path = bundle_path or Path("bundles") / name
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        parallel.single_thread()
    plan = Plan(
        family=family,
        size=size,
        out=out.absolute(),
        num_renders=num_renders,
        num_processes=processes,
        batch=batch or (8 if device == "cpu" else 64),
        device=device,
        start=start.absolute() if start else None,
    )
    pipeline = Pipeline(plan, time.monotonic)
    try:
        if stage in ("all", "renders", *SHARES):
            _draw(pipeline)
        for each, share in SHARES.items():
            if stage in ("all", each):
                budget = Budget(seconds=60 * minutes * (share if stage == "all" else 1.0))
                if steps is not None:
                    budget = Budget(steps=steps)
                _train(each, pipeline.train(each, budget))
        if stage in ("all", "bundle"):
            figures = assemble_bundle(
                pipeline, bundle_path, version=version, tell=lambda text: click.echo(text)
            )
            for key, value in figures.items():
                click.echo(f"{key} {value:.4f}")
            for sentence in missed_gates(family, figures):
                click.echo(f"Gate missed: {sentence}.", err=True)
        if stage in ("all", "sheets"):
            folder = docs or Path("docs/families") / family
            folder.mkdir(parents=True, exist_ok=True)
            write_documentation(load_bundle(bundle_path), pipeline, folder)
            click.echo(f"Wrote the sheets to {folder}.")
        if stage in ("all", "sheets", "card"):
            folder = docs or Path("docs/families") / family
            folder.mkdir(parents=True, exist_ok=True)
            click.echo(f"Wrote {write_card(bundle_path, pipeline, folder)}.")
    except EditingError as error:
        raise click.ClickException(f"{error} [{error.code}]") from error


def _draw(pipeline: Pipeline) -> None:
    """Draw the missing renders behind a progress bar."""
    total = pipeline.renders().num_chunks
    with tqdm(total=total, desc="renders", unit="chunk") as bar:
        for done in pipeline.draw():
            bar.update(done - bar.n)
        bar.update(total - bar.n)


def _train(stage: str, steps: Iterator[Progress]) -> None:
    """Run one stage behind a bar of its budget, with the time left and its losses."""
    form = "{l_bar}{bar}| {elapsed} < {remaining} {postfix}"
    with tqdm(total=1.0, desc=stage, bar_format=form) as bar:
        for progress in steps:
            bar.update(progress.fraction - bar.n)
            if progress.step % 20 == 0:
                loss = sum(v for k, v in progress.figures.items() if k not in _NO_LOSS)
                bar.set_postfix_str(f"step {progress.step} loss {loss:.3f}", refresh=False)


_NO_LOSS = frozenset({"side", "logit_real", "logit_drawn", "critic"})


train = FamilyOrPictures(train)
