"""`python -m editing benchmark own-family`: the journey to one's own family, as figures."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from editing.benchmark import own_family
from editing.benchmark.figure import Figure


@click.command(name="own-family")
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(exists=True, path_type=Path),
    default=Path("bundles/portraits-64"),
    show_default=True,
    help="Whose drawing layers the foreign file holds, and whose branch paints the labels.",
)
@click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the journey, emptied first. Default: one that is removed again.",
)
@click.option(
    "--only",
    type=click.Choice(["journey", "memory"]),
    help="The journey at the bundle's size, or the memory at 256 and 512 px, alone.",
)
@click.option("--quick", is_flag=True, help="Few samples and steps, to see that it runs.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write JSON.")
def own_family_command(
    bundle_path: Path, work: Path | None, only: str | None, quick: bool, json_path: Path | None
) -> None:
    """Take a foreign generator to a published family, and say what it took: half an hour.

    Prints one `name value unit` line per figure, then those that something is wanted of.
    """
    plan = own_family.Plan(bundle=bundle_path)
    if quick:
        plan = replace(
            plan, mapping_steps=50, num_samples=24, num_labelled=4, num_fixed=1,
            branch_steps=30, encoder_minutes=0.2, num_uploads=1, invert_steps=5, sizes=(),
        )  # fmt: skip
    if only == "journey":
        plan = replace(plan, sizes=())
    if only == "memory":
        plan = replace(plan, num_labelled=0)
    with tempfile.TemporaryDirectory(prefix="own-family-") as scratch:
        figures = []
        folder = (work or Path(scratch)) / "journey"
        told = own_family.run(
            plan, folder, notice=lambda text: click.echo(f"# {text}", err=True)
        )
        for figure in told:
            figures.append(figure)
            click.echo(f"{figure.name} {figure.value:.4g} {figure.unit}".rstrip())
    click.echo(f"\n{_table(figures)}")
    if json_path:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        content = {f.name: {"value": f.value, "unit": f.unit} for f in figures}
        json_path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _table(figures: list[Figure]) -> str:
    """Return what was reached of what is wanted, for people."""
    found = {figure.name: figure for figure in figures}
    lines = [f"{'figure':<32} {'reached':>12}  wanted"]
    for name, limit in own_family.AT_MOST.items():
        if name not in found:
            lines.append(f"{name:<32} {'not measured':>12}  <= {limit:g}")
            continue
        value, unit = found[name].value, found[name].unit
        missed = "" if value <= limit else "  MISSED"
        lines.append(f"{name:<32} {f'{value:.3g} {unit}':>12}  <= {limit:g}{missed}")
    return "\n".join(lines)
