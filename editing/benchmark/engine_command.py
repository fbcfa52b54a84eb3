"""`python -m editing benchmark engine`: this engine against the plain way, as figures."""

import json
from dataclasses import replace
from pathlib import Path

import click
import torch

from editing.benchmark import engine
from editing.benchmark.engine import Plan


@click.command(name="engine")
@click.option("--quick", is_flag=True, help="A tiny model, to see that everything runs.")
@click.option(
    "--case", "cases", multiple=True, type=click.Choice(engine.CASES), help="Only this; repeat."
)
@click.option(
    "--size", "sizes", multiple=True, type=click.Choice(["64", "128", "256", "512"]),
    help="Only pictures of this side; repeat.  [default: 256, 512]",
)  # fmt: skip
@click.option("--threads", default=1, show_default=True, help="Threads of the tensor library.")
@click.option(
    "--bundles", type=click.Path(path_type=Path), default=Path("bundles"), show_default=True,
    help="Folder whose bundles are timed.",
)  # fmt: skip
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write JSON.")
def engine_command(
    quick: bool,
    cases: tuple[str, ...],
    sizes: tuple[str, ...],
    threads: int,
    bundles: Path,
    json_path: Path | None,
) -> None:
    """Time one edit step and its parts against the plain way: minutes, up to 17 GiB.

    Prints one `name value unit` line per figure, then a table of those that something is
    wanted of. What the memory of this machine does not allow is skipped, and said so.
    """
    found = tuple(sorted(path.parent for path in bundles.glob("*/manifest.json")))
    standard = Plan.quick(bundles=found) if quick else Plan(bundles=found)
    plan = replace(
        standard,
        cases=cases or standard.cases,
        sizes=tuple(int(size) for size in sizes) or standard.sizes,
        threads=threads,
    )
    click.echo(f"# {engine.processor()}; torch {torch.__version__}; threads: {threads}")
    figures = []
    for figure in engine.run(plan, notice=lambda text: click.echo(f"# {text}", err=True)):
        figures.append(figure)
        click.echo(f"{figure.name} {figure.value:.4g} {figure.unit}".rstrip())
    click.echo(f"\n{engine.table(figures)}")
    if json_path:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        content = {f.name: {"value": f.value, "unit": f.unit} for f in figures}
        json_path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
