"""What do the commands share? Options, codes and pictures in files, bars, refusals.

Codes are safetensors files with one tensor `w_plus` (L, w_dim) and the bundle's name and
fingerprint in the header. Wherever a command wants a code, a PNG or JPEG works too: it is
inverted first.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from editing import images, presets, vectors
from editing.bundle import Bundle, load_bundle
from editing.errors import EditingError
from editing.inversion import invert as inversion
from editing.inversion import tune
from editing.vectors import EditVector

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_BUNDLE = Path("bundles/portraits-64")


class CodeFileError(EditingError):
    """A file is no code, or not one of this bundle."""

    code = "code.file"


class Refusing(click.Group):
    """Shows refusals of the library as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an `EditingError` ends it with its code and sentence."""
        try:
            return super().invoke(ctx)
        except EditingError as error:
            raise click.ClickException(f"{error} [{error.code}]") from error


# -- options -------------------------------------------------------------------------------

existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
new_file = click.Path(dir_okay=False, path_type=Path)


def bundle_option(command: F) -> F:
    """Add `--bundle` and `--device`."""
    return click.option(
        "--bundle",
        "bundle_path",
        type=click.Path(path_type=Path),
        default=DEFAULT_BUNDLE,
        show_default=True,
        help="Folder of the bundle.",
    )(click.option("--device", default="cpu", show_default=True)(command))


def out_option(help_text: str, *, default: str) -> Any:
    """Return the option `--out`."""
    return click.option(
        "--out", type=new_file, default=Path(default), show_default=True, help=help_text
    )


preset_option = click.option(
    "--preset",
    "preset_name",
    type=click.Choice(sorted(presets.PRESETS)),
    default=presets.OURS.name,
    show_default=True,
    help="Whose constants to run with; --steps goes before them.",
)
invert_steps_option = click.option(
    "--invert-steps",
    type=click.IntRange(0, inversion.MAX_STEPS),
    default=100,
    show_default=True,
    help="Steps of inversion where a picture is given instead of a code.",
)
tuning_option = click.option(
    "--tuning", type=existing_file, help="Draw with the generator tuned to a picture."
)
transfer_option = click.option(
    "--transfer",
    is_flag=True,
    help="Measure vectors of another model here, and use those that do the same.",
)
stack_option = click.option(
    "--vector",
    "stack",
    type=(str, float),
    multiple=True,
    required=True,
    metavar="FILE_OR_NAME STRENGTH",
    help="Edit vector, a file or a name in the bundle, and its strength. Repeatable.",
)


# -- files ---------------------------------------------------------------------------------


def open_bundle(path: Path, device: str, tuning: Path | None = None) -> Bundle:
    """Return the bundle in a folder, its generator tuned as the file says.

    Raises:
        BundleError, TuningFileError, TuningModelError: as `load_bundle` and `tune`.
    """
    bundle = load_bundle(path, device=device)
    return bundle if tuning is None else tune.tuned(bundle, tune.load(tuning))


def read_code(bundle: Bundle, path: Path) -> Tensor:
    """Return the code (1, L, w_dim) stored at `path`.

    Raises:
        CodeFileError: not such a file, or not for this bundle.
    """
    try:
        with safe_open(path, framework="pt") as file:
            w_plus = file.get_tensor("w_plus")
            fingerprint = (file.metadata() or {}).get("fingerprint", bundle.fingerprint)
    except (SafetensorError, OSError) as error:
        raise CodeFileError(f"{path} is no code: {error}") from error
    w_plus = w_plus if w_plus.ndim == 3 else w_plus[None]
    expected = (1, bundle.num_layers, bundle.w_dim)
    if tuple(w_plus.shape) != expected:
        raise CodeFileError(f"{path} holds {tuple(w_plus.shape)}, {bundle.name} has {expected}")
    if fingerprint != bundle.fingerprint:
        raise CodeFileError(
            f"{path} is a code of generator {fingerprint}, {bundle.name} has "
            f"{bundle.fingerprint}; invert the picture with this bundle instead"
        )
    if not bool(w_plus.isfinite().all()):
        raise CodeFileError(f"{path} holds NaN or infinity")
    return w_plus.float().to(bundle.device)


def write_code(bundle: Bundle, w_plus: Tensor, path: Path) -> None:
    """Write a code (1, L, w_dim) for `read_code`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"format": "code/1", "bundle": bundle.name, "fingerprint": bundle.fingerprint}
    save_file({"w_plus": w_plus[0].detach().float().cpu().contiguous()}, path, about)


def code_of(bundle: Bundle, source: Path, steps: int) -> Tensor:
    """Return the code in `source`, or that of the picture in it.

    Raises:
        CodeFileError, ImageReadError: `source` is neither.
    """
    if source.suffix.lower() in (".safetensors", ".st"):
        return read_code(bundle, source)
    image = images.read_image(source, size=bundle.resolution)
    return invert(bundle, image, inversion.InvertOptions(steps=steps)).w_plus


def invert(
    bundle: Bundle, image: Tensor, options: inversion.InvertOptions
) -> inversion.InversionResult:
    """Return the inversion of a picture (1, 3, R, R), a progress bar following it."""
    run = inversion.invert(bundle, image, options=options)
    bar = with_bar(run, options.steps, "invert", lambda step: f"{step.loss:.3f}")
    return inversion.finish(bundle, image, bar)


def read_stack(
    bundle: Bundle, stack: Iterable[tuple[str, float]], *, transfer: bool = False
) -> list[tuple[EditVector, float]]:
    """Return the vectors of a command, each of this bundle or transferred to it.

    Raises:
        OtherModelError, OtherFamilyError: a vector was made with another generator.
        TransferError: it was to be transferred, and does something else here.
    """
    own = bundle.vectors()
    found = []
    for name, strength in stack:
        if not math.isfinite(strength):
            raise click.UsageError(f"strength {strength} of {name} is no number to use")
        if name not in own and not Path(name).is_file():
            raise click.UsageError(f"no vector {name!r}; the bundle has {', '.join(own)}")
        vector = own[name] if name in own else vectors.load(Path(name))
        if transfer and vectors.compatibility(bundle, vector) != "same":
            vector, card = vectors.transfer(bundle, vector)
            click.echo(
                f"{name} is of another model; here it succeeds on {card.success:.0%} of "
                f"{card.num_probes} probes, change outside {card.outside_change:.3f}.",
                err=True,
            )
        vectors.check(bundle, vector)
        found.append((vector, strength))
    return found


def with_bar(steps: Iterator[Any], num_steps: int, title: str, note: Any) -> Iterator[Any]:
    """Yield the steps while a progress bar follows them on stderr."""
    with tqdm(total=num_steps, desc=title, unit="step") as bar:
        for step in steps:
            bar.update(step.step - bar.n)
            bar.set_postfix_str(note(step), refresh=False)
            yield step


def write(path: Path, data: bytes) -> None:
    """Write a file, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def say(**figures: float | str | None) -> None:
    """Print figures as one line of JSON, numbers with five decimals."""
    click.echo(
        json.dumps(
            {
                key: round(value, 5) if isinstance(value, float) else value
                for key, value in figures.items()
            }
        )
    )
