"""Which samples are labelled, and is what is painted on them fit to learn from?

A label map is `labels/NNN.png`, an indexed PNG of the project's part ids and `UNLABELLED`,
with the schema's colours as palette.

Shapes: H label-map side.
"""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from editing import images
from editing.errors import EditingError
from editing.images import ImageReadError
from editing.own_family.project import (
    Project,
    StepMissingError,
    open_project,
    read_json,
    write_bytes,
)
from editing.own_family.schema import UNLABELLED, OwnSchema

# What a branch learns a part from, as a share of a picture: 30 pixels of 512 x 512.
LEAST_SHARE = 30 / 512**2


class LabelsUnreadableError(EditingError):
    """A file is no label map: damaged, or it stores colours instead of part ids."""

    code = "labels.unreadable"


class LabelsSizeError(EditingError):
    """A label map is not as large as the family's."""

    code = "labels.size"


class UnknownPartError(EditingError):
    """A label map holds an id that is no part of the family."""

    code = "labels.unknown_part"


class UnknownSampleError(EditingError):
    """A label map belongs to a sample that was never drawn."""

    code = "labels.unknown_sample"


class EmptyLabelsError(EditingError):
    """A label map shows no part but the background, or nothing at all."""

    code = "labels.empty"


class TooFewLabelsError(EditingError):
    """Not all proposed pictures are labelled."""

    code = "labels.too_few"


def parse(data: bytes, *, size: int, name: str) -> np.ndarray:
    """Return the numbers uint8 (H, H) of an indexed or grey PNG, whatever they stand for.

    Args:
        name: what refusals call the file.

    Raises:
        LabelsUnreadableError: it is no picture, damaged, or stores colours.
        LabelsSizeError: its sides are not `size`.
    """
    try:
        picture = images.open_picture(data)
    except ImageReadError as error:
        raise LabelsUnreadableError(f"{name} is no picture that can be read.") from error
    if picture.mode not in ("P", "L"):
        raise LabelsUnreadableError(
            f"{name} stores colours ({picture.mode}); a label map stores one part id per "
            "pixel: save it as an indexed PNG, its numbers as listed in schema.json."
        )
    if picture.size != (size, size):
        width, height = picture.size
        raise LabelsSizeError(
            f"{name} is {width} x {height}; label maps of this family are {size} x {size}."
        )
    try:
        return np.array(picture).astype(np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise LabelsUnreadableError(f"{name} is damaged: {error}") from error


def check_ids(ids: np.ndarray, *, schema: OwnSchema, name: str) -> None:
    """Refuse part ids that the schema does not have.

    Raises:
        UnknownPartError: it names the first and says where it is.
    """
    known = np.zeros(256, dtype=bool)
    known[[*schema.ids, UNLABELLED]] = True
    wrong = ~known[ids]
    if wrong.any():
        row, column = (int(place[0]) for place in wrong.nonzero())
        shown = ", ".join(f"{part.id} {part.title}" for part in schema.parts[:6])
        raise UnknownPartError(
            f"{name} has {int(wrong.sum())} pixels of no part of this family, the first at "
            f"({column}, {row}) with id {int(ids[row, column])}; the parts are {shown}"
            f"{', ...' if len(schema.parts) > 6 else ''}, and {UNLABELLED} is unlabelled."
        )


def to_png(ids: np.ndarray, schema: OwnSchema) -> bytes:
    """Return part ids (H, H) as indexed PNG in the schema's colours."""
    picture = Image.fromarray(ids.astype(np.uint8))
    picture.putpalette([channel for colour in schema.palette() for channel in colour])
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def path_of(project: Project, sample: int) -> Path:
    """Return where the label map of a sample is."""
    return project.labels / f"{sample:03d}.png"


def check_sample(project: Project, sample: int) -> None:
    """Refuse the number of a sample that does not exist.

    Raises:
        UnknownSampleError: it was never drawn.
        StepMissingError: none were.
    """
    num = num_samples(project)
    if not 0 <= sample < num:
        raise UnknownSampleError(f"There is no sample {sample}; they go from 0 to {num - 1}.")


def num_samples(project: Project) -> int:
    """Return how many samples were drawn.

    Raises:
        StepMissingError: none were.
    """
    found = read_json(project.samples / "proposal.json")
    if not found:
        raise StepMissingError(f"{project.title} has no samples yet: draw them first.")
    return int(found["num"])


def save_labels(folder: Path, sample: int, data: bytes) -> None:
    """Keep the label map of a sample, an indexed or grey PNG of part ids.

    It may be unfinished: whatever is `UNLABELLED` teaches nothing.

    Raises:
        UnknownSampleError, LabelsUnreadableError, LabelsSizeError, UnknownPartError.
        StepMissingError: there is no generator, no schema or no sample yet.
    """
    project = open_project(folder)
    check_sample(project, sample)
    schema = project.parts()
    name = f"The label map of sample {sample}"
    ids = parse(data, size=project.label_size, name=name)
    check_ids(ids, schema=schema, name=name)
    write_bytes(path_of(project, sample), to_png(ids, schema))


def remove_labels(folder: Path, sample: int) -> None:
    """Forget the label map of a sample, if there is one."""
    path_of(open_project(folder), sample).unlink(missing_ok=True)


def labelled(folder: Path) -> tuple[int, ...]:
    """Return the samples that have a label map, in order."""
    return tuple(
        sorted(
            int(path.stem)
            for path in (folder / "labels").glob("[0-9]*.png")
            if path.stem.isdigit()
        )
    )


def read(folder: Path, sample: int) -> Tensor:
    """Return the part ids uint8 (H, H) of a labelled sample.

    Raises:
        LabelsUnreadableError: it is not labelled, or its file was damaged.
        LabelsSizeError, UnknownPartError: somebody else wrote the file.
    """
    project = open_project(folder)
    path = path_of(project, sample)
    name = f"The label map of sample {sample}"
    if not path.exists():
        raise LabelsUnreadableError(f"{name} does not exist: it is not labelled yet.")
    ids = parse(path.read_bytes(), size=project.label_size, name=name)
    check_ids(ids, schema=project.parts(), name=name)
    return torch.from_numpy(ids)


def check_ready(folder: Path, *, allow_fewer: bool = False) -> tuple[str, ...]:
    """Return what a person should know before training on the label maps, one a sentence.

    Raises:
        TooFewLabelsError: a proposed sample has none, or with `allow_fewer` all have none.
        EmptyLabelsError: a map shows nothing but background.
        StepMissingError: there is no generator, no schema or no sample yet.
    """
    project = open_project(folder)
    num_samples(project)
    schema = project.parts()
    proposed = [
        entry["sample"]
        for entry in read_json(project.samples / "proposal.json").get("proposed", [])
    ]
    have = labelled(folder)
    missing = [sample for sample in proposed if sample not in have]
    # Pictures beyond the proposal stand in for those that nobody wants to label.
    if len(have) < len(proposed) and not allow_fewer:
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise TooFewLabelsError(
            f"{len(have)} of {len(proposed)} pictures are labelled; missing: {shown}. Label "
            "them or others instead, or say that fewer are enough."
        )
    if len(have) < 2:
        raise TooFewLabelsError(
            f"{len(have)} pictures are labelled; two are the least that can be learned from "
            "and checked."
        )
    areas = np.zeros(256, dtype=np.int64)
    empty = []
    for sample in have:
        ids = read(folder, sample).numpy()
        counts = np.bincount(ids.ravel(), minlength=256)
        areas += counts
        parts = set(np.flatnonzero(counts).tolist()) - {UNLABELLED}
        if not parts - schema.background:
            empty.append((sample, bool(parts)))
    if empty:
        sample, has_background = empty[0]
        what = "nothing but background" if has_background else "nothing"
        others = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        raise EmptyLabelsError(
            f"The label map of sample {sample}{others} shows {what}: paint its parts, or "
            "remove the map and label another picture."
        )
    return tuple(_remarks(schema, areas, project.label_size))


def _remarks(schema: OwnSchema, areas: np.ndarray, size: int) -> list[str]:
    remarks = []
    unused = [part.title for part in schema.parts if not areas[part.id]]
    if unused:
        remarks.append(
            f"Nobody has painted {', '.join(unused)}: the branch will never find what it has "
            "not seen. Paint it on a picture that shows it, or remove the part."
        )
    least = max(1, round(LEAST_SHARE * size * size))
    scarce = [part.title for part in schema.parts if 0 < areas[part.id] < 4 * least]
    if scarce:
        remarks.append(
            f"Very few pixels show {', '.join(scarce)}: expect it to be found badly."
        )
    return remarks


def parts_in_use(project: Project) -> frozenset[int]:
    """Return the ids that some label map holds."""
    found: set[int] = set()
    for sample in labelled(project.folder):
        with Image.open(path_of(project, sample)) as picture:
            found.update(np.unique(np.array(picture)).tolist())
    return frozenset(found - {UNLABELLED})


def rewrite(project: Project, table: bytes, schema: OwnSchema) -> None:
    """Send the pixels of every label map and prediction through `table`, twice is once."""
    mapping = np.frombuffer(table, dtype=np.uint8)
    paths = [path_of(project, sample) for sample in labelled(project.folder)]
    paths += [p for p in sorted(project.predictions.glob("[0-9]*.png")) if p.stem.isdigit()]
    for path in paths:
        with Image.open(path) as picture:
            ids = mapping[np.array(picture)]
        write_bytes(path, to_png(ids, schema))
