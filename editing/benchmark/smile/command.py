"""`python -m editing benchmark smile`: all methods, one table; stops and resumes anywhere."""

from dataclasses import replace
from pathlib import Path

import click
import torch
from tqdm import tqdm

from editing import families
from editing.benchmark.smile import protocol, report
from editing.benchmark.smile.methods import Setting
from editing.benchmark.smile.protocol import Protocol
from editing.benchmark.smile.run import run
from editing.benchmark.smile.store import Store
from editing.bundle import load_bundle


@click.command(name="smile")
@click.argument("family", type=click.Choice(families.names()), default="portraits")
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(path_type=Path),
    help="Folder of the bundle; default bundles/<family>-64.",
)
@click.option("--quick", is_flag=True, help="A few minutes: every stage, rough figures.")
@click.option(
    "--pictures", type=click.IntRange(4, 400), help="Test pictures; default 400, quick 24."
)
@click.option(
    "--curve",
    type=click.IntRange(2, 400),
    help="How many of them the sweeps are measured on; default 100, quick 8.",
)
@click.option(
    "--train-seconds",
    type=click.FloatRange(1, 36_000),
    help="Training of each image-to-image network, on one core; default 600, quick 20.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("var/benchmark/smile"),
    show_default=True,
    help="Where finished pieces, tables and pictures are kept.",
)
@click.option(
    "--page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Also write tables into this Markdown page, with pictures and JSON beside it.",
)
def smile_command(
    family: str,
    bundle_path: Path | None,
    quick: bool,
    pictures: int | None,
    curve: int | None,
    train_seconds: float | None,
    work: Path,
    page: Path | None,
) -> None:
    """Make neutral portraits smile by every method, and compare.

    Start it again after an interruption: what is finished is not done twice.
    """
    # Trainings are measured in seconds of one core.
    torch.set_num_threads(1)
    bundle = load_bundle(bundle_path or Path("bundles") / f"{family}-64")
    known = families.get(family)
    plan = Protocol.quick() if quick else Protocol()
    plan = replace(
        plan,
        num_test=pictures or plan.num_test,
        num_curve=curve or plan.num_curve,
        train_seconds=train_seconds or plan.train_seconds,
    )
    folder = work / protocol.key(bundle, known)
    form = "{desc:<34}{bar}| {n:4.0%} {elapsed}"
    with tqdm(total=1.0, bar_format=form) as bar:

        def progress(stage: str, share: float) -> None:
            bar.set_description_str(stage[:33], refresh=False)
            bar.update(share - bar.n)

        found = None
        for found in run(Setting(bundle, known, plan, Store(folder, progress))):
            shown = found.rows[-1]
            bar.set_description_str(f"measured {shown.method}"[:33])
    assert found is not None
    results = page.parent / page.stem if page else folder / ("quick" if quick else "full")
    report.write(found, results)
    if page:
        report.update_page(page, found)
    click.echo(report.measured(found))
    click.echo(f"\nJSON and pictures are in {results}.")
