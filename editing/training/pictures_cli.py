"""`python -m editing train pictures`: from a folder or zip of pictures to a generator.

Interrupt it at any moment and start it again: reading goes on at the next picture, every
stage from its last checkpoint, at most a minute back.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import click
import torch
from tqdm import tqdm

from editing.errors import EditingError
from editing.training import parallel
from editing.training.from_pictures import (
    SHARES,
    SIZES,
    PicturePipeline,
    Plan,
    write_generator,
)
from editing.training.run import Budget, Progress

STAGES = ("all", "read", *SHARES, "generator")


class FamilyOrPictures(click.Group):
    """`train pictures ...` trains from pictures, `train FAMILY ...` from a renderer."""

    def __init__(self, of_family: click.Command) -> None:
        super().__init__(
            "train",
            commands={"pictures": pictures},
            help="Train from pictures, or the bundle of a family that comes with a renderer.",
            # Options may come before the family.
            context_settings={"ignore_unknown_options": True},
        )
        self._of_family = of_family

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command for pictures if named, else the one that takes a family."""
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "", self._of_family, args

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return what `--help` lists."""
        return ["FAMILY", *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the command of that name."""
        return self._of_family if name == "FAMILY" else super().get_command(ctx, name)


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the family, also of its folder.")
@click.option(
    "--size", type=click.Choice([str(s) for s in SIZES]), default="64", show_default=True
)
@click.option(
    "--fit",
    type=click.Choice(["crop", "letterbox"]),
    default="crop",
    show_default=True,
    help="Take the centre square of a picture, or pad it to one.",
)
@click.option(
    "--mirror", is_flag=True, help="Mirror half the pictures; not if parts have sides."
)
@click.option("--stage", type=click.Choice(STAGES), default="all", show_default=True)
@click.option(
    "--minutes",
    default=60.0,
    show_default=True,
    help="Training time: of all stages together, or of the one stage named.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train; auto takes a GPU if there is one.",
)
@click.option("--processes", default=2, show_default=True, help="One thread each; CPU only.")
@click.option("--batch", type=int, help="Pictures per process and step; 16, on a GPU 64.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Working folder: pictures, checkpoints, logs, sheets, and the result in its folder "
    "generator. Default var/training/NAME.",
)
@click.option("--license", default="", help="Licence of the pictures, an SPDX expression.")
def pictures(
    source: Path,
    name: str,
    size: str,
    fit: str,
    mirror: bool,
    stage: str,
    minutes: float,
    device: str,
    processes: int,
    batch: int | None,
    out: Path | None,
    license: str,
) -> None:
    """Train a generator and its encoder on the pictures of SOURCE, a folder or a zip."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    on_gpu = device == "cuda"
    if not on_gpu:
        parallel.single_thread()
    try:
        plan = Plan(
            source=source,
            size=int(size),
            out=(out or Path("var/training") / name).absolute(),
            fit="letterbox" if fit == "letterbox" else "crop",
            mirror=mirror,
            device=device,
            num_processes=1 if on_gpu else processes,
            batch=batch or (64 if on_gpu else 16),
        )
        pipeline = PicturePipeline(plan, time.monotonic)
        _read(pipeline)
        for each, share in SHARES.items():
            if stage in ("all", each):
                seconds = 60 * minutes * (share if stage == "all" else 1.0)
                _train(each, pipeline.train(each, Budget(seconds=seconds)))
        if stage in ("all", "generator"):
            target = plan.out / "generator"
            made = write_generator(pipeline, target, title=name, license=license)
            assert made.trained is not None
            for key, value in made.trained.figures.items():
                click.echo(f"{key} {value:.4g}")
            click.echo(f"Wrote {target}.")
    except EditingError as error:
        raise click.ClickException(f"{error} [{error.code}]") from error


def _read(pipeline: PicturePipeline) -> None:
    """Read the pictures behind a bar; say what was left out and what to know."""
    with tqdm(desc="pictures", unit="picture") as bar:
        for progress in pipeline.read():
            bar.total = progress.num_total
            bar.update(progress.num_done - bar.n)
            bar.set_postfix_str(f"{progress.num_skipped} left out", refresh=False)
    found = pipeline.reading()
    click.echo(f"{found.num_used} pictures to train on, {len(found.skipped)} left out.")
    for each in found.skipped[:20]:
        click.echo(f"  left out {each.name}: {each.reason}", err=True)
    for sentence in found.warnings:
        click.echo(sentence, err=True)


def _train(stage: str, steps: Iterator[Progress]) -> None:
    """Run one stage behind a bar of its budget, with the time left and its losses."""
    form = "{l_bar}{bar}| {postfix}"
    with tqdm(total=1.0, desc=stage, bar_format=form, mininterval=1.0) as bar:
        for progress in steps:
            bar.update(progress.fraction - bar.n)
            left = progress.seconds_left or 0.0
            shown = " ".join(
                f"{name} {progress.figures[name]:.3f}"
                for name in ("l1", "fool", "critic", "code")
                if name in progress.figures
            )
            text = f"{left / 60:.1f} min left, step {progress.step}, {shown}"
            bar.set_postfix_str(text, refresh=False)
