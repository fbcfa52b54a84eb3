"""The engine from the command line: pictures, label maps and codes in files, no server.

Here are the commands of the paper's three modes. Those for uploads are in
`editing.inversion.cli`, those for edit vectors in `editing.vectors.cli`.
"""

from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Literal

import click
import torch

from editing import images, optimize, presets, vectors
from editing.command_line import (
    Refusing,
    bundle_option,
    code_of,
    existing_file,
    invert_steps_option,
    new_file,
    open_bundle,
    out_option,
    preset_option,
    read_code,
    read_stack,
    say,
    stack_option,
    transfer_option,
    tuning_option,
    with_bar,
    write,
    write_code,
)
from editing.inversion.report import heat_map
from editing.region import edit_region, read_drawn
from editing.segmentation.branch import UNCERTAINTY_TOP, image_uncertainty
from editing.vectors.card import check_card


@click.group(cls=Refusing)
@click.option("--threads", type=click.IntRange(1, 64), help="CPU threads; default all cores.")
def main(threads: int | None) -> None:
    """Paint a part, and the picture follows: part-wise editing from the command line."""
    if threads:
        torch.set_num_threads(threads)


@main.command()
@bundle_option
@tuning_option
@click.option("--code", type=existing_file, help="Code to draw.")
@click.option("--sample", help="Name of a sample of the bundle to draw.")
@click.option("--save-code", type=new_file, help="Also write the code.")
@out_option("Picture to write.", default="picture.png")
def draw(
    bundle_path: Path,
    device: str,
    tuning: Path | None,
    code: Path | None,
    sample: str | None,
    save_code: Path | None,
    out: Path,
) -> None:
    """Draw the picture of a code or of a sample."""
    bundle = open_bundle(bundle_path, device, tuning)
    if (code is None) == (sample is None):
        raise click.UsageError("give either --code or --sample")
    if code is not None:
        w_plus = read_code(bundle, code)
    else:
        samples = bundle.samples()
        if sample not in samples:
            raise click.UsageError(f"no sample {sample!r}; there are {', '.join(samples)}")
        w_plus = samples[sample][None]
    write(out, images.to_png_bytes(bundle.render(w_plus)))
    if save_code:
        write_code(bundle, w_plus, save_code)


@main.command()
@bundle_option
@click.argument("source", type=existing_file)
@invert_steps_option
@click.option("--overlay", type=new_file, help="Also write an overlay.")
@click.option(
    "--uncertainty",
    type=new_file,
    help="Also write where the branch's members disagree, black to pale yellow.",
)
@out_option("Label map to write, an indexed PNG of part ids.", default="labels.png")
def segment(
    bundle_path: Path,
    device: str,
    source: Path,
    invert_steps: int,
    overlay: Path | None,
    uncertainty: Path | None,
    out: Path,
) -> None:
    """Write the label map of SOURCE, a code or a picture."""
    bundle = open_bundle(bundle_path, device)
    w_plus = code_of(bundle, source, invert_steps)
    image, labels = bundle.render_and_segment(w_plus)
    palette = bundle.schema.palette()
    write(out, images.labels_to_png(labels, palette))
    if overlay:
        write(overlay, images.to_png_bytes(images.overlay(image, labels, palette)))
    if uncertainty:
        with torch.no_grad():
            taps = bundle.generator.synthesis(w_plus, with_taps=True).taps
        doubt = bundle.branch.uncertainty(taps, size=bundle.label_size)
        write(uncertainty, images.to_png_bytes(heat_map(doubt, top=UNCERTAINTY_TOP)))
        # To standard error, for what follows is a table of parts.
        click.echo(f"uncertainty {float(image_uncertainty(doubt)):.4f} nats", err=True)
    for part in bundle.schema.parts:
        share = float((labels == part.id).float().mean())
        if share:
            click.echo(f"{part.id:3d}  {part.name:<16} {share:7.2%}")


@main.command(name="optimize")
@bundle_option
@click.argument("source", type=existing_file)
@click.argument("painting", type=existing_file)
@invert_steps_option
@preset_option
@click.option(
    "--steps", type=click.IntRange(1, optimize.MAX_STEPS), help="Default: the preset's."
)
@click.option("--margin", type=click.IntRange(0, 64), help="Default: by the label map.")
@click.option(
    "--region",
    "region_path",
    type=existing_file,
    help="Hand-drawn region, white on black, of the label map's size.",
)
@click.option(
    "--region-mode",
    type=click.Choice(["only", "also"]),
    default="only",
    show_default=True,
    help="only: nothing outside it may change. also: it may change as well.",
)
@click.option("--save-code", type=new_file, help="Also write the code.")
@click.option("--save-vector", type=new_file, help="Also write the edit.")
@click.option("--title", default="", help="Title of the edit vector.")
@click.option("--license", "license_id", help="SPDX licence of the edit vector.")
@out_option("Edited picture to write.", default="edited.png")
def optimize_command(
    bundle_path: Path,
    device: str,
    source: Path,
    painting: Path,
    invert_steps: int,
    preset_name: str,
    steps: int | None,
    margin: int | None,
    region_path: Path | None,
    region_mode: Literal["only", "also"],
    save_code: Path | None,
    save_vector: Path | None,
    title: str,
    license_id: str | None,
    out: Path,
) -> None:
    """Change SOURCE, a code or a picture, until its label map follows PAINTING."""
    if save_vector is None and (title or license_id):
        raise click.UsageError("--title and --license describe the file of --save-vector")
    # Now, and not when the work is done.
    check_card({"title": title, "license": license_id})
    bundle = open_bundle(bundle_path, device)
    preset = presets.get(preset_name).with_steps(learn=steps)
    target = images.read_labels(painting, num_parts=bundle.num_parts, size=bundle.label_size)
    drawn = None
    if region_path is not None:
        drawn = read_drawn(region_path, size=bundle.label_size, mode=region_mode)
    w_plus = code_of(bundle, source, invert_steps)
    target = target.to(bundle.device)
    rule = preset.region if margin is None else replace(preset.region, margin=margin)
    region = edit_region(
        bundle.segment(w_plus),
        target,
        background=bundle.background,
        rule=rule,
        drawn=drawn,
    )
    run = optimize.run(bundle, w_plus, target, region=region, options=preset.learn)
    bar = with_bar(run, preset.learn.steps, "optimize", lambda s: f"{s.agreement:.1%}")
    best = optimize.best(bar)
    write(out, images.to_png_bytes(best.image))
    if save_code:
        write_code(bundle, best.w_plus, save_code)
    if save_vector:
        how = {
            "how": "optimize",
            "painting": painting.name,
            "extractor": bundle.perceptual.name,
            "region": asdict(rule) | {"drawn": region_mode if drawn else None},
            **preset.record("learn"),
        }
        vector = vectors.make(
            bundle,
            w_plus,
            best.w_plus,
            parts=region.parts,
            title=title,
            learned_from=how,
            license=license_id,
        )
        save_vector.parent.mkdir(parents=True, exist_ok=True)
        vectors.save(vector, save_vector)
    say(
        preset=preset.name,
        steps=preset.learn.steps,
        best_step=best.step,
        agreement=best.agreement,
        rgb=best.rgb,
        ce=best.ce,
    )


@main.command(name="apply")
@bundle_option
@click.argument("source", type=existing_file)
@stack_option
@transfer_option
@tuning_option
@invert_steps_option
@click.option("--save-code", type=new_file, help="Also write the code.")
@out_option("Edited picture to write.", default="edited.png")
def apply_command(
    bundle_path: Path,
    device: str,
    source: Path,
    stack: tuple[tuple[str, float], ...],
    transfer: bool,
    tuning: Path | None,
    invert_steps: int,
    save_code: Path | None,
    out: Path,
) -> None:
    """Add edit vectors to SOURCE, a code or a picture."""
    bundle = open_bundle(bundle_path, device, tuning)
    found = read_stack(bundle, stack, transfer=transfer)
    result = vectors.apply(code_of(bundle, source, invert_steps), found)
    write(out, images.to_png_bytes(bundle.render(result)))
    if save_code:
        write_code(bundle, result, save_code)


@main.command(name="refine")
@bundle_option
@click.argument("source", type=existing_file)
@stack_option
@transfer_option
@tuning_option
@invert_steps_option
@preset_option
@click.option(
    "--steps", type=click.IntRange(1, optimize.MAX_STEPS), help="Default: the preset's."
)
@click.option("--save-code", type=new_file, help="Also write the code.")
@out_option("Edited picture to write.", default="edited.png")
def refine_command(
    bundle_path: Path,
    device: str,
    source: Path,
    stack: tuple[tuple[str, float], ...],
    transfer: bool,
    tuning: Path | None,
    invert_steps: int,
    preset_name: str,
    steps: int | None,
    save_code: Path | None,
    out: Path,
) -> None:
    """Add edit vectors to SOURCE, then repair what they disturbed."""
    bundle = open_bundle(bundle_path, device, tuning)
    preset = presets.get(preset_name).with_steps(refine=steps)
    found = read_stack(bundle, stack, transfer=transfer)
    # Imported vectors may name no part; then those that change are the edit's.
    parts = frozenset[int]().union(*(vector.parts for vector, _ in found)) or None
    w_plus = code_of(bundle, source, invert_steps)
    pairs = [(vector.offset.to(bundle.device), strength) for vector, strength in found]
    num_steps = preset.refine.steps
    run = optimize.refine(
        bundle, w_plus, pairs, steps=num_steps, parts=parts, options=preset.refine,
        margin=preset.region.margin_for(bundle.label_size),
    )  # fmt: skip
    best = optimize.best(with_bar(run, num_steps, "refine", lambda s: f"{s.total:.3f}"))
    write(out, images.to_png_bytes(best.image))
    if save_code:
        write_code(bundle, best.w_plus, save_code)
    say(
        preset=preset.name,
        steps=num_steps,
        best_step=best.step,
        agreement=best.agreement,
        rgb=best.rgb,
    )


def register(module: str, group: click.Group) -> None:
    """Add the commands of a module to `group`, but for those inside its own groups."""
    found = [v for v in vars(import_module(module)).values() if isinstance(v, click.Command)]
    inner = [
        id(command)
        for outer in found
        if isinstance(outer, click.Group)
        for command in outer.commands.values()
    ]
    for command in found:
        if command is not group and id(command) not in inner:
            group.add_command(command)
