"""How do edits fare on pictures that the renderer could never make? Three of them, shown.

An ink drawing in another style, a painted filter over a render, and a photograph: the
official portrait of Rear Admiral Grace Hopper (James S. Davis, United States Navy, public
domain), which matplotlib ships as sample data. `python -m editing out-of-domain` carries each
through `editing.out_of_domain.edit_photo`, once with the code alone and once with the
generator tuned to it, and writes one sheet with the figures, and the figures as JSON.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import matplotlib.cbook
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor
from tqdm import tqdm

from editing import families, images
from editing.bundle import Bundle, load_bundle
from editing.inversion import report, tune
from editing.inversion.invert import InversionResult
from editing.inversion.tune import TuneOptions
from editing.out_of_domain import EditedPhoto, PhotoOptions, edit_photo
from editing.paste_back import Placement
from editing.vectors import EditVector

SIDE = 512
STRENGTH = 1.5
DARK_INK, LIGHT_INK = (-0.9, -0.75, 0.1), (1.0, 0.8, 0.3)
PAPER, INK = (246, 240, 226), (42, 36, 44)


@dataclass(frozen=True)
class Stranger:
    """A picture (1, 3, H, W) from elsewhere, which square of it is the portrait, and which
    edit vector of the bundle is tried on it.
    """

    title: str
    picture: Tensor
    placement: Placement
    vector: str


def strangers() -> Iterator[Stranger]:
    """Yield an ink drawing, a painted render and a photograph."""
    drawing, painting = _tensor(ink_drawing()), _tensor(painted_render())
    middle = Placement.centre_of(SIDE, SIDE)
    yield Stranger("ink drawing", drawing, middle, "thick_brows")
    yield Stranger("painted filter", painting, middle, "smile")
    sample = Path(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    photo = images.read_image(sample)
    yield Stranger("photograph", photo, Placement(left=60, top=10, side=410), "smile")


def ink_drawing() -> Image.Image:
    """Return a face of plain ink lines and flat washes, drawn twice as large and shrunk."""
    picture = Image.new("RGB", (2 * SIDE, 2 * SIDE), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.polygon([(150, 1024), (230, 850), (420, 790), (604, 790), (794, 850), (874, 1024)],
                 fill=(122, 148, 150), outline=INK, width=12)  # fmt: skip
    draw.rectangle([420, 700, 604, 830], fill=(236, 204, 176), outline=INK, width=12)
    draw.ellipse([230, 90, 794, 640], fill=(96, 66, 58))
    draw.ellipse([270, 170, 754, 790], fill=(242, 212, 186), outline=INK, width=12)
    fringe = [
        (262, 430),
        (300, 240),
        (420, 170),
        (520, 300),
        (640, 180),
        (730, 250),
        (764, 430),
    ]
    draw.polygon([*fringe, (800, 300), (660, 80), (360, 80), (226, 300)], fill=(96, 66, 58))
    draw.line(fringe, INK, 12, "curve")
    for x in range(300, 760, 46):  # hatching in the hair
        draw.line([(x, 130), (x + 26, 220)], fill=INK, width=6)
    for x in (400, 624):
        draw.arc([x - 62, 380, x + 62, 470], 200, 340, fill=INK, width=16)
        draw.ellipse([x - 50, 440, x + 50, 500], fill=(252, 250, 246), outline=INK, width=10)
        draw.ellipse([x - 22, 446, x + 22, 494], fill=INK)
    draw.line([(512, 470), (488, 580), (530, 588)], INK, 12, "curve")
    draw.polygon([(420, 668), (480, 650), (512, 660), (544, 650), (604, 668), (512, 706)],
                 fill=(190, 96, 92), outline=INK, width=8)  # fmt: skip
    draw.line([(420, 668), (604, 668)], fill=INK, width=10)
    for y in range(560, 700, 24):  # hatching on the cheek
        draw.line([(640, y), (704, y - 40)], fill=(176, 140, 124), width=5)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def painted_render(seed: int = 1) -> Image.Image:
    """Return a render as if painted: flat strokes in two inks, bristles, canvas."""
    family = families.get("portraits")
    factors = family.factors.sample(1, torch.Generator().manual_seed(seed))
    data = images.to_uint8(family.render(factors, size=SIDE).image)[0]
    picture = Image.fromarray(data.permute(1, 2, 0).contiguous().numpy())
    strokes = picture.filter(ImageFilter.ModeFilter(9))
    tones = _tensor(strokes.quantize(20, dither=Image.Dither.NONE).convert("RGB"))
    # From indigo in the dark to cream in the light, with a third of the true colour left.
    dark, light = (torch.tensor(ink)[:, None, None] for ink in (DARK_INK, LIGHT_INK))
    inked = dark + (light - dark) * (tones.mean(dim=1, keepdim=True) + 1) / 2
    noise = torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    bristles = F.avg_pool2d(noise, (3, 17), 1, (1, 8)) + F.avg_pool2d(noise, (17, 3), 1, (8, 1))
    painted = images.to_uint8((0.65 * inked + 0.35 * tones + 0.3 * bristles).clamp(-1, 1))[0]
    return Image.fromarray(painted.permute(1, 2, 0).contiguous().numpy())


def _tensor(picture: Image.Image) -> Tensor:
    """Return a picture as (1, 3, H, W) in [-1, 1]."""
    data = torch.from_numpy(np.array(picture.convert("RGB")))
    return images.from_uint8(data.permute(2, 0, 1)[None])


@dataclass(frozen=True)
class Carried:
    """One picture carried through, with the code alone and with a tuned generator."""

    stranger: Stranger
    plain: EditedPhoto
    tuned: EditedPhoto

    def figures(self, bundle: Bundle) -> dict[str, Any]:
        """Return what was measured, rounded for people."""
        assert self.tuned.after_tuning is not None
        assert self.tuned.tuning is not None
        probes = bundle.render(bundle.probes)
        moved = tune.tuned(bundle, self.tuned.tuning).render(bundle.probes) - probes
        return {
            "title": self.stranger.title,
            "vector": self.stranger.vector,
            **{k: round(v, 4) for k, v in report.figures(self.plain.inversion).items()},
            "tuned_psnr_db": round(self.tuned.after_tuning.psnr_db, 4),
            "tuned_perceptual": round(self.tuned.after_tuning.perceptual, 4),
            "tuned_error": round(self.tuned.after_tuning.error, 4),
            "tuning_bytes": len(tune.to_bytes(self.tuned.tuning)),
            "probes_moved": round(float(moved.abs().mean()) / 2, 4),
            "usual_error": bundle.usual_error[2],
            "notices": [notice.code for notice in self.plain.notices],
        }


def carry(
    bundle: Bundle,
    stranger: Stranger,
    stack: Sequence[tuple[EditVector, float]],
    *,
    options: PhotoOptions | None = None,
    tuning: TuneOptions | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Carried:
    """Return one picture with the vectors of `stack`, without and with tuning."""
    options = options or PhotoOptions()

    def edited(fitted: TuneOptions | None, inverted: InversionResult | None) -> EditedPhoto:
        return edit_photo(
            bundle,
            stranger.picture,
            stack,
            placement=stranger.placement,
            options=replace(options, tune=fitted),
            inverted=inverted,
            progress=progress,
        )

    plain = edited(None, None)
    tuned = edited(tuning or TuneOptions(), plain.inversion)
    return Carried(stranger, plain, tuned)


def sheet(bundle: Bundle, carried: list[Carried], *, cell: int = 208) -> Image.Image:
    """Return the sheet: a row per picture, its figures at the left."""
    columns = ("", "picture", "its code draws", "residual", "tuned, it draws",
               "edited, code alone", "edited, tuned")  # fmt: skip
    rows = []
    for one in carried:
        place = one.stranger.placement
        after = one.tuned.after_tuning
        assert after is not None
        rows.append(
            [
                _told(one.figures(bundle), cell),
                place.cut(one.stranger.picture, cell),
                one.plain.inversion.image.clamp(-1, 1),
                report.heat_map(one.plain.inversion.residual),
                after.image.clamp(-1, 1),
                place.cut(one.plain.picture, cell),
                place.cut(one.tuned.picture, cell),
            ]
        )
    return images.sheet(rows, columns=columns, cell=cell)


def _told(figures: dict[str, Any], cell: int) -> Tensor:
    """Return the figures of a picture as a picture (1, 3, cell, cell)."""
    picture = Image.new("RGB", (2 * cell, 2 * cell), (250, 249, 247))
    unlike = "photo.out_of_domain" in figures["notices"]
    lines = [
        figures["title"],
        f"error {figures['error']:.3f}" + (" (unusual)" if unlike else " (usual)"),
        f"{figures['psnr_db']:.1f} dB by its code",
        f"{figures['tuned_psnr_db']:.1f} dB tuned",
        f"tuning {figures['tuning_bytes'] / 1000:.0f} kB",
        f"{figures['vector'].replace('_', ' ')} at {STRENGTH:g}",
    ]
    draw = ImageDraw.Draw(picture)
    for i, line in enumerate(lines):
        font = ImageFont.load_default(size=34 if i == 0 else 27)
        draw.text((8, 80 + 46 * i), line, fill=(30, 30, 30), font=font)
    return _tensor(picture)


@click.command(name="out-of-domain")
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(path_type=Path),
    default=Path("bundles/portraits-64"),
    show_default=True,
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("docs/families/portraits/out-of-domain.jpg"),
    show_default=True,
    help="Sheet to write; the figures go beside it as JSON.",
)
def out_of_domain_command(bundle_path: Path, out: Path) -> None:
    """Edit three pictures that the bundle could never draw, and show them on one sheet."""
    bundle = load_bundle(bundle_path)
    known = bundle.vectors()
    carried = []
    with tqdm(unit="step") as bar:
        for stranger in strangers():
            stack = [(known[stranger.vector], STRENGTH)]

            def follow(stage: str, done: int, total: int, title: str = stranger.title) -> None:
                bar.set_description(f"{title}: {stage}")
                bar.total = total
                bar.update(done - bar.n)

            carried.append(carry(bundle, stranger, stack, progress=follow))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet(bundle, carried).save(out, quality=90)
    figures = [one.figures(bundle) for one in carried]
    out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for one in figures:
        click.echo(json.dumps(one))
