"""What does an edit painted by hand look like? Paintings, and what becomes of them.

An edit vector is for many pictures; this sheet shows the other mode, in which one picture is
painted on and optimized until it agrees, well or not: the sheet is there to be looked at.
"""

from collections.abc import Sequence
from pathlib import Path

import click
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from editing import families, images, optimize, seeding
from editing.bundle import Bundle, load_bundle
from editing.families.family import Family
from editing.families.label_maps import PaintingImpossibleError
from editing.optimize import OptimizeOptions

COLUMNS = ("picture", "parts", "painted", "edited", "change")
# Changes are shown so much larger than they are.
GAIN = 2.0


def row(
    bundle: Bundle,
    family: Family,
    rule: str,
    codes: Tensor,
    labels: Tensor,
    options: OptimizeOptions,
) -> list[Tensor] | None:
    """Return pictures (3, S, S) for `COLUMNS`, None if none of the pictures can be painted on.

    The most telling of `codes` (n, L, w_dim) with predicted label maps `labels` (n, H, H) is
    painted by the rule and edited.
    """
    found = seeding.telling_paintings(bundle, family.painting_rules[rule], labels)
    if not found:
        return None
    source, after, region = found[0]
    code = codes[source][None]
    best = optimize.best(
        optimize.run(bundle, code, after[None], region=region, options=options)
    )
    before, edited = (bundle.render(each).clamp(-1, 1)[0] for each in (code, best.w_plus))
    change = (GAIN * (edited - before).abs() - 1).clamp(-1, 1)
    maps = images.colorize(torch.stack([labels[source], after]), bundle.schema.palette())
    return [before, *maps, edited, change]


def sheet(
    bundle: Bundle, family: Family, rules: Sequence[str], options: OptimizeOptions
) -> Image.Image:
    """Return a sheet with a row for each of the rules that can be painted.

    Raises:
        PaintingImpossibleError: none can.
    """
    codes = seeding.sources(bundle, family)
    labels = torch.cat([bundle.segment(part) for part in codes.split(16)])
    rows, names = [], []
    for rule in tqdm(rules, desc="painted", unit="rule"):
        found = row(bundle, family, rule, codes, labels, options)
        if found is not None:
            rows.append(found)
            names.append(rule.replace("_", " ").capitalize())
    if not rows:
        raise PaintingImpossibleError("none of these rules finds anything to paint on")
    return images.sheet(rows, labels=names, columns=COLUMNS)


@click.command(name="painted")
@click.argument("family", type=click.Choice(families.names()))
@click.option(
    "--bundle", "bundle_path", type=click.Path(path_type=Path, exists=True), required=True
)
@click.option("--only", multiple=True, help="Only this painting rule. Repeatable.")
@click.option("--steps", default=60, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Default docs/families/<family>/painted-<size>.png.",
)
def painted_command(
    family: str, bundle_path: Path, only: tuple[str, ...], steps: int, out: Path | None
) -> None:
    """Show paintings on pictures of a bundle and what optimization makes of them."""
    bundle, known = load_bundle(bundle_path), families.get(family)
    unknown = [name for name in only if name not in known.painting_rules]
    if unknown:
        raise click.BadParameter(
            f"no rule {unknown[0]!r}; there are {', '.join(known.painting_rules)}",
            param_hint="--only",
        )
    place = out or Path("docs/families") / family / f"painted-{bundle.resolution}.png"
    place.parent.mkdir(parents=True, exist_ok=True)
    rules = only or tuple(known.painting_rules)
    picture = sheet(bundle, known, rules, OptimizeOptions(steps=steps))
    picture.save(place, format="PNG", optimize=True)
    click.echo(f"Wrote {place}.")
