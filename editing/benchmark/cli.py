"""`python -m editing benchmark`: measured figures, one line each, and as JSON."""

import json
from pathlib import Path

import click
from tqdm import tqdm

from editing import families
from editing.benchmark import cars, held_out, portraits
from editing.benchmark.engine_command import engine_command
from editing.benchmark.own_family_command import own_family_command
from editing.benchmark.smile import command as smile
from editing.bundle import load_bundle


@click.group(name="benchmark")
def benchmark_command() -> None:
    """Measure a bundle on held-out pictures, or editing methods against one another."""


benchmark_command.add_command(smile.smile_command)
benchmark_command.add_command(engine_command)
benchmark_command.add_command(own_family_command)


def _family_command(family: str) -> click.Command:
    """Return the command that measures a bundle of one family."""

    @click.command(name=family, help="Measure a bundle: one `name value unit` line per figure.")
    @click.option(
        "--bundle",
        "bundle_path",
        type=click.Path(path_type=Path),
        help="Folder of the bundle. Default: the family's largest in bundles.",
    )
    @click.option("--num", default=64, show_default=True, help="Held-out pictures.")
    @click.option("--steps", default=100, show_default=True, help="Steps of each inversion.")
    @click.option(
        "--json", "json_path", type=click.Path(path_type=Path), help="Also write JSON."
    )
    def command(bundle_path: Path | None, num: int, steps: int, json_path: Path | None) -> None:
        chosen = bundle_path or held_out.largest_bundle(family)
        click.echo(f"Measuring {chosen}.", err=True)
        _measure(family, chosen, num, steps, json_path)

    return command


MEASURES = {"portraits": portraits.run, "cars": cars.run}
for _family in families.names():
    benchmark_command.add_command(_family_command(_family))


def _measure(
    family: str, bundle_path: Path, num: int, steps: int, json_path: Path | None
) -> None:
    bundle = load_bundle(bundle_path)
    figures = []
    with tqdm(total=1, unit="picture step", leave=False) as bar:

        def progress(name: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_description(name)
            bar.update(done - bar.n)

        measure = MEASURES[family]
        measured = measure(
            bundle, families.get(family), num=num, steps=steps, progress=progress
        )
        for figure in measured:
            figures.append(figure)
            with tqdm.external_write_mode():
                click.echo(f"{figure.name} {figure.value:.4g} {figure.unit}".rstrip())
    if json_path:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        content = {f.name: {"value": f.value, "unit": f.unit} for f in figures}
        json_path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
