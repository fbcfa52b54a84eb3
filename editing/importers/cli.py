"""`python -m editing import`: one command for generators, codes and directions."""

from pathlib import Path
from typing import Any

import click
from safetensors.torch import save_file
from tqdm import tqdm

from editing import vectors
from editing.importers import codes
from editing.importers.errors import ChoiceNeededError
from editing.importers.generators import ImportReport, import_generator

DEFAULT_BUNDLE = Path("bundles/portraits-64")


class _Range(click.ParamType):
    """Two counts, such as 0-7."""

    name = "A-B"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return (A, B)."""
        first, dash, last = str(value).partition("-")
        if not (first.isdigit() and last.isdigit() and dash):
            self.fail(f"expected two numbers such as 0-7, found {value!r}", param, ctx)
        return int(first), int(last)


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "kind",
    type=click.Choice(["generator", "code", "vector"]),
    help="What FILE holds. Default: generator, except for .npy and .npz.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Where the result goes.")
@click.option("--title", default="", help="Name for people; default the file's.")
@click.option("--license", default="", help="Licence of FILE, an SPDX expression.")
@click.option("--preview/--no-preview", default=True, help="Draw four samples of a generator.")
@click.option(
    "--bundle",
    "model_path",
    type=click.Path(path_type=Path),
    default=DEFAULT_BUNDLE,
    show_default=True,
    help="Bundle or imported generator that codes and vectors belong to.",
)
@click.option("--key", help="Which array, when FILE holds several.")
@click.option(
    "--space", type=click.Choice(["w", "w_plus", "z", "s"]), help="In which space it is."
)
@click.option("--layers", type=_Range(), help="Layers on which a direction of W acts.")
@click.option("--row", type=click.IntRange(0), help="Which of several directions or codes.")
@click.option("--difference", type=_Range(), help="Two codes: the direction from A to B.")
@click.option(
    "--sign",
    type=click.Choice(["1", "-1"]),
    help="Whether strength 1 goes as FILE does, or the other way.",
)
def import_command(
    file: Path,
    kind: str | None,
    out: Path | None,
    title: str,
    license: str,
    preview: bool,
    model_path: Path,
    key: str | None,
    space: codes.Space | None,
    layers: tuple[int, int] | None,
    row: int | None,
    difference: tuple[int, int] | None,
    sign: str | None,
) -> None:
    """Read FILE, a checkpoint, codes or a direction from elsewhere, without running it.

    Generators: StyleGAN2 of NVIDIA (.pkl) and rosinality (.pt), and the decoder of pSp,
    e4e and ReStyle. Codes and directions: .npy, .npz, .pt and pickles of numpy arrays.
    """
    is_array = file.suffix.lower() in (".npy", ".npz")
    if kind is None and is_array:
        raise ChoiceNeededError(
            "arrays hold codes or directions; expected --as code or --as vector"
        )
    progress = _Bars()
    try:
        if kind in (None, "generator"):
            report = import_generator(
                file,
                out or Path(f"{file.stem}-generator"),
                title=title,
                license=license,
                with_preview=preview,
                on_progress=progress,
            )
            progress.close()
            _tell(report)
            return
        model = codes.Model.of_folder(model_path)
        if kind == "code":
            found = codes.import_codes(
                file, model=model, space=space, key=key, on_progress=progress
            )
            progress.close()
            _write_codes(found, model, out or Path(f"{file.stem}.st"), row)
            return
        vector = codes.import_vector(
            file,
            model=model,
            sign=None if sign is None else (1 if sign == "1" else -1),
            license=license,
            space=space,
            layers=layers,
            key=key,
            row=row,
            difference=difference,
            title=title,
            on_progress=progress,
        )
        progress.close()
    finally:
        progress.close()
    target = out or Path(f"{file.stem}.safetensors")
    target.parent.mkdir(parents=True, exist_ok=True)
    vectors.save(vector, target)
    first, last = vector.card["layers"]
    click.echo(f"vector     {vector.card['title']}: layers {first} to {last}")
    click.echo(f"norm       {vector.norm:.4g}, uncalibrated: its strengths were not measured")
    click.echo(f"sha-256    {vector.card['learned_from']['sha256']}")
    click.echo(f"written    {target}")


class _Bars:
    """Progress on stderr, one bar per stage."""

    def __init__(self) -> None:
        self.stage = ""
        self.bar: tqdm[Any] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self.stage or self.bar is None:
            self.close()
            self.stage = stage
            unit = {"hash": "B", "read": "tensors", "draw": "pictures"}.get(stage, "step")
            self.bar = tqdm(total=total, desc=f"{stage:<10}", unit=unit, unit_scale=unit == "B")
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        """End the bar that is shown."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _tell(report: ImportReport) -> None:
    config, original = report.config, report.original
    noise = "noise" if config.noise else "no noise"
    clamp = "no clamp" if config.clamp is None else f"clamp {config.clamp:g}"
    click.echo(
        f"found      StyleGAN2 of {config.resolution} px, {original.layout} layout "
        f"({original.format}), {report.num_parameters / 1e6:.1f} M parameters"
    )
    click.echo(
        f"sizes      z {config.z_dim}, w {config.w_dim}, {config.mapping_layers} mapping "
        f"layers, channels {report.widths}, {noise}, {clamp}"
    )
    if original.ignored:
        click.echo(f"not read   {', '.join(original.ignored)}")
    if original.classes:
        click.echo(f"never run  source of {', '.join(sorted(original.classes))}")
    for note in original.notes:
        click.echo(f"note       {note}")
    click.echo(f"read       by a process with limits on {', '.join(report.isolation)}")
    click.echo(f"sha-256    {original.sha256} ({original.num_bytes:,} bytes)")
    click.echo(f"print      {report.fingerprint}")
    click.echo(f"written    {report.folder}")


def _write_codes(
    found: codes.ImportedCodes, model: codes.Model, out: Path, row: int | None
) -> None:
    """Write one code as a file, several as files in a folder."""
    count = len(found.w_plus)
    if row is not None and row >= count:
        raise ChoiceNeededError(f"no row {row}; expected 0 to {count - 1}")
    rows = range(count) if row is None else range(row, row + 1)
    about = {
        "format": "code/1",
        "bundle": str(model.card.get("bundle", "")),
        "fingerprint": str(model.card["fingerprint"]),
        "sha256": found.source["sha256"],
    }
    targets = [out] if len(rows) == 1 else [out.with_suffix("") / f"{i:04d}.st" for i in rows]
    for index, target in zip(rows, targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        save_file({"w_plus": found.w_plus[index].clone()}, target, about)
    shape = list(found.w_plus.shape[1:])
    click.echo(f"found      {count} codes {found.source['shape']} of {found.source['space']}")
    click.echo(f"sha-256    {found.source['sha256']}")
    click.echo(
        f"written    {len(targets)} of shape {shape}, {targets[0]}"
        + (f" to {targets[-1].name}" if len(targets) > 1 else "")
    )
