"""How does somebody else's StyleGAN2 become a generator of ours?

A process of its own reads the file (`process`), so that here only plain tensors arrive.
They are checked once more by building the network, the mean style is averaged if the file
has none, one picture is drawn to see that the numbers are sound, and a `generator/1` folder
is written in one move. The original is not opened again.
"""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from editing import images
from editing.errors import EditingError
from editing.generator import Generator, GeneratorConfig
from editing.importers.errors import (
    ArchitectureError,
    NotFiniteWeightsError,
    ShapesError,
    UnreadableError,
)
from editing.importers.folder import Original, save_generator
from editing.importers.limits import Limits
from editing.importers.process import Apart, Progress, read_apart

PREVIEW = "preview.png"
PREVIEW_SEEDS = (1, 2, 3, 4)
PREVIEW_CELL = 256
NUM_MEAN_SAMPLES = 10_000
MEAN_SEED = 0


@dataclass(frozen=True)
class ImportReport:
    """What was read, what was not, and where the result is.

    `widths` names the channel rule, `isolation` what was taken from the reading process.
    """

    folder: Path
    config: GeneratorConfig
    fingerprint: str
    num_parameters: int
    widths: str
    original: Original
    isolation: tuple[str, ...]


def import_generator(
    path: Path,
    out: Path,
    *,
    title: str = "",
    license: str = "",
    with_preview: bool = True,
    limits: Limits | None = None,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Read a foreign StyleGAN2 checkpoint and write it as a `generator/1` folder.

    Reads NVIDIA `.pkl` (`G_ema`), rosinality `.pt` (`g_ema`) and the decoder of pSp, e4e
    and ReStyle `.pt`, of 32 to 1024 pixels.

    Args:
        path: the foreign file; nothing in it is executed.
        out: folder to make; it must not exist yet.
        title: name for people; the file's name if empty.
        license: under which the weights are; they keep it, whatever wrote them.
        with_preview: also draw four samples into `preview.png`.
        on_progress: called with (stage, done, total); raising there ends the import.

    Raises:
        UnreadableError: no such file, or `out` is taken.
        ImportRefusedError: the file is refused; the subclass and its code say why.
    """
    refuse_taken(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    apart = read_apart(
        path, want="generator", limits=limits, on_progress=on_progress, scratch=out.parent
    )
    return save_imported(
        apart,
        path.name,
        out,
        title=title,
        license=license,
        with_preview=with_preview,
        on_progress=on_progress,
    )


def refuse_taken(out: Path) -> None:
    """Refuse a target that exists.

    Raises:
        UnreadableError: it does.
    """
    if out.exists():
        raise UnreadableError(f"expected a folder that is yet to be made, found {out}")


def save_imported(
    apart: Apart,
    file_name: str,
    out: Path,
    *,
    title: str = "",
    license: str = "",
    with_preview: bool = True,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Write what `read_apart` returned of a generator; see `import_generator`."""
    manifest = apart.manifest
    generator = _built(apart)
    notes = list(manifest["notes"])
    if not manifest["has_w_avg"]:
        _average(generator)
        notes.append(f"no mean style in the file; {NUM_MEAN_SAMPLES:,} samples were averaged")
    # One picture at least, because finite weights may still draw nothing.
    pictures = _samples(generator, len(PREVIEW_SEEDS) if with_preview else 1, on_progress)
    original = Original(
        file_name=file_name,
        sha256=manifest["sha256"],
        num_bytes=manifest["num_bytes"],
        format=manifest["format"],
        layout=manifest["layout"],
        ignored=tuple(manifest["ignored"]),
        notes=tuple(notes),
        classes=dict(manifest["classes"]),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=out.parent) as scratch:
        folder = Path(scratch, "generator")
        saved = save_generator(
            generator,
            folder,
            title=title or Path(file_name).stem,
            license=license,
            original=original,
        )
        if with_preview:
            _save_preview(pictures, folder / PREVIEW)
        refuse_taken(out)
        folder.replace(out)
    return ImportReport(
        folder=out,
        config=generator.config,
        fingerprint=saved.fingerprint,
        num_parameters=sum(parameter.numel() for parameter in generator.parameters()),
        widths=manifest["widths"],
        original=original,
        isolation=tuple(manifest["isolation"]),
    )


def _built(apart: Apart) -> Generator:
    """Return the network; the child checked the same, but the child is not trusted."""
    config: dict[str, Any] = apart.manifest["config"]
    try:
        generator = Generator(GeneratorConfig.from_json(config))
        generator.load_state_dict(apart.tensors)
    except EditingError as error:
        raise ArchitectureError(str(error)) from error
    except RuntimeError as error:
        raise ShapesError(f"the tensors do not make this generator: {error}") from error
    return generator.eval().requires_grad_(False)


def _average(generator: Generator) -> None:
    noise = np.random.RandomState(MEAN_SEED).randn(NUM_MEAN_SAMPLES, generator.config.z_dim)
    generator.set_w_avg(torch.from_numpy(noise).to(generator.w_avg))


@torch.no_grad()
def _samples(generator: Generator, count: int, on_progress: Progress | None) -> list[Tensor]:
    """Return the pictures of the first seeds, at most 256 pixels wide.

    Raises:
        NotFiniteWeightsError: the weights are finite, but a picture is not.
    """
    pictures = []
    for done, seed in enumerate(PREVIEW_SEEDS[:count], start=1):
        image = generator.sample(seed)[1].image
        if not math.isfinite(float(image.abs().max())):
            raise NotFiniteWeightsError(
                f"expected a picture of seed {seed}, found values that are not finite"
            )
        pictures.append(images.resize(image, min(PREVIEW_CELL, image.shape[-1])))
        if on_progress is not None:
            on_progress("draw", done, count)
    return pictures


def _save_preview(pictures: list[Tensor], path: Path) -> None:
    names = [f"seed {seed}" for seed in PREVIEW_SEEDS]
    cell = max(128, pictures[0].shape[-1])
    images.sheet([pictures], columns=names, cell=cell).save(path)
