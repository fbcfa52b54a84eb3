"""The engine from the command line: pictures, label maps and codes in files, no server.

Codes are safetensors files with one tensor `w_plus` (L, w_dim) and the bundle's name and
fingerprint in the header. Wherever a command wants a code, a PNG or JPEG works too: it is
inverted first.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from editing import images, optimize, vectors
from editing.bundle import Bundle, load_bundle
from editing.errors import EditingError
from editing.inversion import invert as inversion
from editing.region import changed_parts, default_margin, region_of_interest
from editing.vectors import EditVector

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_BUNDLE = Path("bundles/portraits-64")


class Refusing(click.Group):
    """Shows refusals of the library as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an `EditingError` ends it with its code and sentence."""
        try:
            return super().invoke(ctx)
        except EditingError as error:
            raise click.ClickException(f"{error} [{error.code}]") from error


@click.group(cls=Refusing)
@click.option("--threads", type=click.IntRange(1, 64), help="CPU threads; default all cores.")
def main(threads: int | None) -> None:
    """Paint a part, and the picture follows: part-wise editing from the command line."""
    if threads:
        torch.set_num_threads(threads)


def _bundle_option(command: F) -> F:
    return click.option(
        "--bundle",
        "bundle_path",
        type=click.Path(path_type=Path),
        default=DEFAULT_BUNDLE,
        show_default=True,
        help="Folder of the bundle.",
    )(click.option("--device", default="cpu", show_default=True)(command))


def _out_option(help_text: str, *, default: str) -> Any:
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        help=help_text,
    )


_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_invert_steps = click.option(
    "--invert-steps",
    type=click.IntRange(0, inversion.MAX_STEPS),
    default=100,
    show_default=True,
    help="Steps of inversion where a picture is given instead of a code.",
)


@main.command()
@_bundle_option
@click.option("--code", type=_file, help="Code to draw.")
@click.option("--sample", help="Name of a sample of the bundle to draw.")
@click.option("--save-code", type=click.Path(path_type=Path), help="Also write the code.")
@_out_option("Picture to write.", default="picture.png")
def draw(
    bundle_path: Path,
    device: str,
    code: Path | None,
    sample: str | None,
    save_code: Path | None,
    out: Path,
) -> None:
    """Draw the picture of a code or of a sample."""
    bundle = load_bundle(bundle_path, device=device)
    if (code is None) == (sample is None):
        raise click.UsageError("give either --code or --sample")
    if code is not None:
        w_plus = read_code(bundle, code)
    else:
        samples = bundle.samples()
        if sample not in samples:
            raise click.UsageError(f"no sample {sample!r}; there are {', '.join(samples)}")
        w_plus = samples[sample][None]
    _write(out, images.to_png_bytes(bundle.render(w_plus)))
    if save_code:
        write_code(bundle, w_plus, save_code)


@main.command()
@_bundle_option
@click.argument("picture", type=_file)
@click.option("--steps", type=click.IntRange(0, inversion.MAX_STEPS), default=100)
@_out_option("Code to write; the reconstruction goes beside it as PNG.", default="code.st")
def invert(bundle_path: Path, device: str, picture: Path, steps: int, out: Path) -> None:
    """Find the code of PICTURE (its centre square)."""
    bundle = load_bundle(bundle_path, device=device)
    image = images.read_image(picture, size=bundle.resolution)
    result = _invert(bundle, image, steps)
    write_code(bundle, result.w_plus, out)
    _write(out.with_suffix(".png"), images.to_png_bytes(result.image))
    usual = bundle.usual_error
    _say(
        psnr_db=result.psnr_db,
        error=result.error,
        perceptual=result.perceptual,
        distance_to_w=result.distance_to_w,
    )
    if result.error > usual[2] > 0:
        click.echo(
            f"This picture is unlike what {bundle.manifest.title} can draw: the error is "
            f"{result.error:.3f}, usual are {usual[0]:.3f} to {usual[2]:.3f}.",
            err=True,
        )


@main.command()
@_bundle_option
@click.argument("source", type=_file)
@_invert_steps
@click.option("--overlay", type=click.Path(path_type=Path), help="Also write an overlay.")
@_out_option("Label map to write, an indexed PNG of part ids.", default="labels.png")
def segment(
    bundle_path: Path,
    device: str,
    source: Path,
    invert_steps: int,
    overlay: Path | None,
    out: Path,
) -> None:
    """Write the label map of SOURCE, a code or a picture."""
    bundle = load_bundle(bundle_path, device=device)
    image, labels = bundle.render_and_segment(_code_of(bundle, source, invert_steps))
    palette = bundle.schema.palette()
    _write(out, images.labels_to_png(labels, palette))
    if overlay:
        _write(overlay, images.to_png_bytes(images.overlay(image, labels, palette)))
    for part in bundle.schema.parts:
        share = float((labels == part.id).float().mean())
        if share:
            click.echo(f"{part.id:3d}  {part.name:<16} {share:7.2%}")


@main.command(name="optimize")
@_bundle_option
@click.argument("source", type=_file)
@click.argument("painting", type=_file)
@_invert_steps
@click.option("--steps", type=click.IntRange(1, optimize.MAX_STEPS), default=60)
@click.option("--margin", type=click.IntRange(0, 64), help="Default: by the label map.")
@click.option("--save-code", type=click.Path(path_type=Path), help="Also write the code.")
@click.option("--save-vector", type=click.Path(path_type=Path), help="Also write the edit.")
@click.option("--title", default="", help="Title of the edit vector.")
@_out_option("Edited picture to write.", default="edited.png")
def optimize_command(
    bundle_path: Path,
    device: str,
    source: Path,
    painting: Path,
    invert_steps: int,
    steps: int,
    margin: int | None,
    save_code: Path | None,
    save_vector: Path | None,
    title: str,
    out: Path,
) -> None:
    """Change SOURCE, a code or a picture, until its label map follows PAINTING."""
    bundle = load_bundle(bundle_path, device=device)
    w_plus = _code_of(bundle, source, invert_steps)
    target = images.read_labels(painting, num_parts=bundle.num_parts, size=bundle.label_size)
    target = target.to(bundle.device)
    before = bundle.segment(w_plus)
    parts = changed_parts(before, target, background=bundle.background)
    region = region_of_interest(
        before,
        target,
        parts=parts,
        margin=default_margin(bundle.label_size) if margin is None else margin,
    )
    run = optimize.run(
        bundle, w_plus, target, region=region, options=optimize.OptimizeOptions(steps=steps)
    )
    best = optimize.best(_shown(run, steps, "optimize", lambda s: f"{s.agreement:.1%}"))
    _write(out, images.to_png_bytes(best.image))
    if save_code:
        write_code(bundle, best.w_plus, save_code)
    if save_vector:
        how = {"how": "optimize", "steps": steps, "painting": painting.name}
        vector = vectors.make(
            bundle, w_plus, best.w_plus, parts=parts, title=title, learned_from=how
        )
        save_vector.parent.mkdir(parents=True, exist_ok=True)
        vectors.save(vector, save_vector)
    _say(best_step=best.step, agreement=best.agreement, rgb=best.rgb, ce=best.ce)


_stack_option = click.option(
    "--vector",
    "stack",
    type=(str, float),
    multiple=True,
    required=True,
    metavar="FILE_OR_NAME STRENGTH",
    help="Edit vector, a file or a name in the bundle, and its strength. Repeatable.",
)


@main.command(name="apply")
@_bundle_option
@click.argument("source", type=_file)
@_stack_option
@_invert_steps
@click.option("--save-code", type=click.Path(path_type=Path), help="Also write the code.")
@_out_option("Edited picture to write.", default="edited.png")
def apply_command(
    bundle_path: Path,
    device: str,
    source: Path,
    stack: tuple[tuple[str, float], ...],
    invert_steps: int,
    save_code: Path | None,
    out: Path,
) -> None:
    """Add edit vectors to SOURCE, a code or a picture."""
    bundle = load_bundle(bundle_path, device=device)
    found = _stack(bundle, stack)
    result = vectors.apply(_code_of(bundle, source, invert_steps), found)
    _write(out, images.to_png_bytes(bundle.render(result)))
    if save_code:
        write_code(bundle, result, save_code)


@main.command(name="refine")
@_bundle_option
@click.argument("source", type=_file)
@_stack_option
@_invert_steps
@click.option("--steps", type=click.IntRange(1, optimize.MAX_STEPS), default=30)
@click.option("--save-code", type=click.Path(path_type=Path), help="Also write the code.")
@_out_option("Edited picture to write.", default="edited.png")
def refine_command(
    bundle_path: Path,
    device: str,
    source: Path,
    stack: tuple[tuple[str, float], ...],
    invert_steps: int,
    steps: int,
    save_code: Path | None,
    out: Path,
) -> None:
    """Add edit vectors to SOURCE, then repair what they disturbed."""
    bundle = load_bundle(bundle_path, device=device)
    found = _stack(bundle, stack)
    parts = frozenset[int]().union(*(vector.parts for vector, _ in found))
    w_plus = _code_of(bundle, source, invert_steps)
    pairs = [(vector.offset.to(bundle.device), strength) for vector, strength in found]
    run = optimize.refine(bundle, w_plus, pairs, steps=steps, parts=parts)
    best = optimize.best(_shown(run, steps, "refine", lambda s: f"{s.total:.3f}"))
    _write(out, images.to_png_bytes(best.image))
    if save_code:
        write_code(bundle, best.w_plus, save_code)
    _say(best_step=best.step, agreement=best.agreement, rgb=best.rgb)


def read_code(bundle: Bundle, path: Path) -> Tensor:
    """Return the code (1, L, w_dim) stored at `path`.

    Raises:
        EditingError: not such a file, or not for this bundle.
    """
    try:
        with safe_open(path, framework="pt") as file:
            w_plus = file.get_tensor("w_plus")
    except (SafetensorError, OSError) as error:
        raise EditingError(f"{path} is no code: {error}") from error
    w_plus = w_plus if w_plus.ndim == 3 else w_plus[None]
    if tuple(w_plus.shape) != (1, bundle.num_layers, bundle.w_dim):
        raise EditingError(f"{path} holds {tuple(w_plus.shape)}, made for another bundle")
    return w_plus.float().to(bundle.device)


def write_code(bundle: Bundle, w_plus: Tensor, path: Path) -> None:
    """Write a code (1, L, w_dim) for `read_code`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"format": "code/1", "bundle": bundle.name, "fingerprint": bundle.fingerprint}
    save_file({"w_plus": w_plus[0].detach().float().cpu().contiguous()}, path, about)


def _code_of(bundle: Bundle, source: Path, steps: int) -> Tensor:
    """Return the code in `source`, or that of the picture in it."""
    if source.suffix.lower() in (".safetensors", ".st"):
        return read_code(bundle, source)
    return _invert(bundle, images.read_image(source, size=bundle.resolution), steps).w_plus


def _invert(bundle: Bundle, image: Tensor, steps: int) -> inversion.InversionResult:
    options = inversion.InvertOptions(steps=steps)
    run = inversion.invert(bundle, image, options=options)
    return inversion.finish(
        bundle, image, _shown(run, steps, "invert", lambda s: f"{s.loss:.3f}")
    )


def _stack(
    bundle: Bundle, stack: Iterable[tuple[str, float]]
) -> list[tuple[EditVector, float]]:
    own = bundle.vectors()
    found = []
    for name, strength in stack:
        if not math.isfinite(strength):
            raise click.UsageError(f"strength {strength} of {name} is no number to use")
        if name not in own and not Path(name).is_file():
            raise click.UsageError(f"no vector {name!r}; the bundle has {', '.join(own)}")
        vector = own[name] if name in own else vectors.load(Path(name))
        vectors.check(bundle, vector)
        found.append((vector, strength))
    return found


def _shown(steps: Iterator[Any], num_steps: int, title: str, note: Any) -> Iterator[Any]:
    """Yield the steps while a progress bar follows them on stderr."""
    with tqdm(total=num_steps, desc=title, unit="step") as bar:
        for step in steps:
            bar.update(step.step - bar.n)
            bar.set_postfix_str(note(step), refresh=False)
            yield step


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _say(**figures: float) -> None:
    click.echo(json.dumps({key: round(value, 5) for key, value in figures.items()}))


def register(module: str, group: click.Group) -> None:
    """Add every command that a module defines to `group`."""
    for value in vars(import_module(module)).values():
        if isinstance(value, click.Command) and value is not group:
            group.add_command(value)
