"""Commands that render pictures of a family into PNG files."""

from pathlib import Path

import click
import torch

from editing import families
from editing.images import colorize, labels_to_png, sheet, to_png_bytes


@click.command()
@click.argument("family", type=click.Choice(families.names()), default="portraits")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="PNG file to write; a single picture's label map goes beside it, as .labels.png.",
)
@click.option("--seed", default=0, show_default=True, help="Which pictures are drawn.")
@click.option("--count", default=1, show_default=True, help="More than one gives a sheet.")
@click.option("--size", default=128, show_default=True, help="Side of a picture in pixels.")
@click.option("--columns", default=8, show_default=True, help="Pictures in a row of a sheet.")
@click.option("--labels/--no-labels", default=True, help="Whether to show label maps too.")
def render(
    family: str, out: Path, seed: int, count: int, size: int, columns: int, labels: bool
) -> None:
    """Render one picture with its label map, or a sheet of several, by seed."""
    chosen = families.get(family)
    factors = chosen.factors.sample(count, torch.Generator().manual_seed(seed))
    drawn = chosen.render(factors, size=size)
    out.parent.mkdir(parents=True, exist_ok=True)
    palette = chosen.schema.palette()
    if count == 1:
        out.write_bytes(to_png_bytes(drawn.image))
        if labels:
            out.with_suffix(".labels.png").write_bytes(labels_to_png(drawn.labels[0], palette))
        return
    rows = []
    for start in range(0, count, columns):
        shown = slice(start, start + columns)
        rows.append(list(drawn.image[shown].split(1)))
        if labels:
            rows.append(list(colorize(drawn.labels[shown], palette).split(1)))
    sheet(rows, cell=size).save(out)
