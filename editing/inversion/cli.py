"""`python -m editing invert | tune | edit-photo`: from a picture to its code, and beyond."""

from pathlib import Path
from typing import Literal

import click
from tqdm import tqdm

from editing import images, presets
from editing.command_line import (
    bundle_option,
    code_of,
    existing_file,
    invert,
    invert_steps_option,
    new_file,
    open_bundle,
    out_option,
    preset_option,
    read_stack,
    say,
    stack_option,
    transfer_option,
    with_bar,
    write,
    write_code,
)
from editing.inversion import invert as inversion
from editing.inversion import report, tune
from editing.out_of_domain import PhotoOptions, edit_photo
from editing.paste_back import PasteOptions, Placement

_DEFAULT = tune.TuneOptions()


@click.command(name="invert")
@bundle_option
@click.argument("picture", type=existing_file)
@preset_option
@click.option(
    "--steps",
    type=click.IntRange(0, inversion.MAX_STEPS),
    help="Default: the preset's; 0 is the encoder alone.",
)
@click.option("--residual", type=new_file, help="Also write where the error lies, as PNG.")
@out_option("Code to write; the reconstruction goes beside it as PNG.", default="code.st")
def invert_command(
    bundle_path: Path,
    device: str,
    picture: Path,
    preset_name: str,
    steps: int | None,
    residual: Path | None,
    out: Path,
) -> None:
    """Find the code of PICTURE (its centre square)."""
    bundle = open_bundle(bundle_path, device)
    preset = presets.get(preset_name).with_steps(invert=steps)
    image = images.read_image(picture, size=bundle.resolution)
    result = invert(bundle, image, preset.invert)
    write_code(bundle, result.w_plus, out)
    write(out.with_suffix(".png"), images.to_png_bytes(result.image))
    if residual:
        write(residual, images.to_png_bytes(report.heat_map(result.residual)))
    say(preset=preset.name, steps=preset.invert.steps, **report.figures(result))
    for notice in report.notices(bundle, result):
        click.echo(notice.text, err=True)


@click.command(name="tune")
@bundle_option
@click.argument("picture", type=existing_file)
@invert_steps_option
@click.option("--code", type=existing_file, help="Its code, if it was inverted before.")
@click.option("--steps", type=click.IntRange(1, tune.MAX_STEPS), default=_DEFAULT.steps)
@click.option("--rank", type=click.IntRange(1, tune.MAX_RANK), default=_DEFAULT.rank)
@out_option("Tuning to write; its picture goes beside it.", default="tuning.safetensors")
def tune_command(
    bundle_path: Path,
    device: str,
    picture: Path,
    invert_steps: int,
    code: Path | None,
    steps: int,
    rank: int,
    out: Path,
) -> None:
    """Fit the generator to PICTURE (its centre square): a small file of differences."""
    bundle = open_bundle(bundle_path, device)
    image = images.read_image(picture, size=bundle.resolution).to(bundle.device)
    w_plus = code_of(bundle, code or picture, invert_steps)
    before = inversion.assess(bundle, image, w_plus)
    options = tune.TuneOptions(steps=steps, rank=rank)
    run = tune.tune(bundle, image, w_plus, options=options)
    found = tune.finish(with_bar(run, steps, "tune", lambda s: f"{s.perceptual:.4f}"))
    after = inversion.assess(tune.tuned(bundle, found), image, w_plus)
    tune.save(tune.with_figures(found, before=before, after=after), out)
    write(out.with_suffix(".png"), images.to_png_bytes(after.image))
    say(
        psnr_db_before=before.psnr_db,
        psnr_db=after.psnr_db,
        perceptual_before=before.perceptual,
        perceptual=after.perceptual,
        num_bytes=out.stat().st_size,
    )


@click.command(name="edit-photo")
@bundle_option
@click.argument("picture", type=existing_file)
@stack_option
@transfer_option
@click.option(
    "--square",
    type=(int, int, int),
    metavar="LEFT TOP SIDE",
    help="Which square is the portrait, in pixels; default the middle.",
)
@click.option("--letterbox", is_flag=True, help="The whole picture, with bars around it.")
@click.option("--tune", "with_tuning", is_flag=True, help="Fit the generator to it first.")
@click.option(
    "--paste",
    type=click.Choice(["difference", "render", "gradient"]),
    default="difference",
    show_default=True,
    help="What is shown inside the region; outside, the picture stays as it is.",
)
@preset_option
@click.option("--save-code", type=new_file, help="Also write the edited code.")
@click.option("--save-tuning", type=new_file, help="Also write the tuning.")
@out_option("Edited picture to write, of the size of PICTURE.", default="edited.png")
def edit_photo_command(
    bundle_path: Path,
    device: str,
    picture: Path,
    stack: tuple[tuple[str, float], ...],
    transfer: bool,
    square: tuple[int, int, int] | None,
    letterbox: bool,
    with_tuning: bool,
    paste: Literal["difference", "render", "gradient"],
    preset_name: str,
    save_code: Path | None,
    save_tuning: Path | None,
    out: Path,
) -> None:
    """Edit any PICTURE: invert, add vectors, refine, put the change back at full size."""
    if square and letterbox:
        raise click.UsageError("give either --square or --letterbox")
    bundle = open_bundle(bundle_path, device)
    preset = presets.get(preset_name)
    photo = images.read_image(picture)
    placement = None
    if square:
        placement = Placement(*square)
    elif letterbox:
        placement = Placement.letterbox_of(*photo.shape[-2:])
    # The paper's recipe for such pictures is a hundred steps, whatever the preset.
    preset = preset.with_steps(invert=100, refine=30)
    options = PhotoOptions(
        invert=preset.invert,
        refine=preset.refine,
        region=preset.region,
        tune=tune.TuneOptions() if with_tuning or save_tuning else None,
        paste=PasteOptions(mode=paste),
    )
    with tqdm(unit="step") as bar:

        def follow(stage: str, done: int, total: int) -> None:
            bar.set_description(stage)
            bar.total = total
            bar.update(done - bar.n)

        result = edit_photo(
            bundle,
            photo,
            read_stack(bundle, stack, transfer=transfer),
            placement=placement,
            options=options,
            progress=follow,
        )
    write(out, images.to_png_bytes(result.picture))
    if save_code:
        write_code(bundle, result.after, save_code)
    if save_tuning and result.tuning:
        tune.save(result.tuning, save_tuning)
    tuned = result.after_tuning
    say(
        preset=preset.name,
        paste=paste,
        **report.figures(result.inversion),
        tuned_psnr_db=None if tuned is None else tuned.psnr_db,
        best_step=result.best.step,
    )
    for notice in result.notices:
        click.echo(notice.text, err=True)
