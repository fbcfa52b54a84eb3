"""How do label maps leave the project and come back? As a zip of PNG, or as COCO.

Nothing is unpacked: entries are read one by one, within limits, after all names were looked
at. A file that is not safe is refused whole. A label map that cannot be used is listed with
its reason, the others are taken; one that is there already stays unless asked otherwise.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from editing.errors import EditingError
from editing.own_family import coco
from editing.own_family import labels as label_maps
from editing.own_family.project import open_project, write_bytes
from editing.own_family.schema import OwnSchema
from editing.training.pictures import safe_names

MAX_ENTRY_BYTES = 64 << 20
MAX_TOTAL_BYTES = 2 << 30
Kind = Literal["png", "coco"]


class ExchangeError(EditingError):
    """A file holds no label maps that can be read."""

    code = "exchange.unreadable"


class AlreadyLabelledError(EditingError):
    """A sample is labelled already."""

    code = "labels.exists"


@dataclass(frozen=True, slots=True)
class Refused:
    """A label map that was not taken, and why."""

    name: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Which samples have new label maps, which maps were refused, what to know."""

    samples: tuple[int, ...]
    refused: tuple[Refused, ...]
    warnings: tuple[str, ...]


def export_labels(folder: Path, target: Path, *, kind: Kind = "png") -> int:
    """Write all label maps and their pictures into a zip; return how many.

    "png": `labels/NNN.png` indexed, `pictures/NNN.png`, `schema.json`. "coco": `coco.json`
    and `NNN.png`. The same labels give the same bytes.

    Raises:
        StepMissingError: there is no schema yet.
        ExchangeError: nothing is labelled.
    """
    project = open_project(folder)
    schema = project.parts()
    samples = label_maps.labelled(folder)
    if not samples:
        raise ExchangeError("Nothing is labelled yet, so there is nothing to export.")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:

        def put(name: str, data: bytes) -> None:
            # A fixed date, or equal labels would give different files.
            archive.writestr(zipfile.ZipInfo(name), data)

        maps = {sample: label_maps.read(folder, sample).numpy() for sample in samples}
        for sample, ids in maps.items():
            picture = (project.samples / f"{sample:03d}.png").read_bytes()
            if kind == "png":
                put(f"labels/{sample:03d}.png", label_maps.to_png(ids, schema))
                put(f"pictures/{sample:03d}.png", picture)
            else:
                put(f"{sample:03d}.png", picture)
        if kind == "png":
            put("schema.json", json.dumps(schema.to_json(), indent=1).encode())
        else:
            document = coco.write(maps, schema, title=project.title)
            put("coco.json", json.dumps(document).encode())
    write_bytes(target, stream.getvalue())
    return len(samples)


def import_labels(folder: Path, source: Path, *, replace: bool = False) -> Imported:
    """Take label maps from a zip of PNG or COCO, a COCO file, or one PNG named by number.

    A `schema.json` of the zip says which numbers its maps use: parts are matched by name.

    Args:
        replace: also take maps of samples that are labelled already.

    Raises:
        StepMissingError: there is no generator, no schema or no sample yet.
        UnsafeArchiveError: the zip is not safe to read; nothing was.
        ExchangeError, CocoError: there is nothing in it that can be read.
    """
    project = open_project(folder)
    schema, size = project.parts(), project.label_size
    label_maps.num_samples(project)
    if not source.is_file():
        raise ExchangeError(f"There is no file at {source}: name a zip, a PNG or a COCO file.")
    refused: list[Refused] = []
    found: dict[str, np.ndarray] = {}
    warnings: list[str] = []
    if zipfile.is_zipfile(source):
        try:
            with zipfile.ZipFile(source) as archive:
                _from_zip(source, archive, schema, size, found, refused, warnings)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise ExchangeError(f"{source.name} is a damaged zip: {error}") from error
    elif source.stat().st_size > MAX_ENTRY_BYTES:
        raise ExchangeError(f"{source.name} is larger than {MAX_ENTRY_BYTES >> 20} MiB.")
    elif source.suffix.lower() == ".json":
        _from_coco(source.read_bytes(), source.name, schema, size, found, refused)
    else:
        _from_png(source.read_bytes(), source.name, schema, size, None, found, refused)
    taken = []
    for name, ids in found.items():
        sample = coco.sample_of(name)
        try:
            if sample is None:
                raise label_maps.UnknownSampleError(
                    f"{name} names no sample: expected a number, such as 037.png."
                )
            label_maps.check_sample(project, sample)
            if not set(np.unique(ids).tolist()) - schema.background - {255}:
                raise label_maps.EmptyLabelsError(f"{name} shows no part but background.")
            if label_maps.path_of(project, sample).exists() and not replace:
                raise AlreadyLabelledError(
                    f"Sample {sample} is labelled already; its map stays unless you replace it."
                )
        except EditingError as error:
            refused.append(Refused(name, error.code, str(error)))
            continue
        write_bytes(label_maps.path_of(project, sample), label_maps.to_png(ids, schema))
        taken.append(sample)
    if not found and not refused:
        raise ExchangeError(
            f"{source.name} holds no label maps: expected labels/NNN.png or a coco.json."
        )
    return Imported(tuple(sorted(taken)), tuple(refused), tuple(warnings))


def copy_labels(folder: Path, *, source: int, target: int, replace: bool = False) -> str:
    """Give sample `target` the label map of `source` as a start; return where it came from.

    `source` may be labelled or predicted; the label map goes before the prediction.

    Raises:
        UnknownSampleError: one of them was never drawn.
        AlreadyLabelledError: the target is labelled, and not `replace`.
        LabelsUnreadableError: the source is neither labelled nor predicted.
    """
    project = open_project(folder)
    for sample in (source, target):
        label_maps.check_sample(project, sample)
    if label_maps.path_of(project, target).exists() and not replace:
        raise AlreadyLabelledError(
            f"Sample {target} is labelled already; its map stays unless you replace it."
        )
    own = label_maps.path_of(project, source)
    predicted = project.predictions / f"{source:03d}.png"
    if not own.exists() and not predicted.exists():
        raise label_maps.LabelsUnreadableError(
            f"Sample {source} is neither labelled nor predicted: there is nothing to copy."
        )
    path = own if own.exists() else predicted
    label_maps.save_labels(folder, target, path.read_bytes())
    return "labels" if own.exists() else "prediction"


def _from_zip(
    path: Path,
    archive: zipfile.ZipFile,
    schema: OwnSchema,
    size: int,
    found: dict[str, np.ndarray],
    refused: list[Refused],
    warnings: list[str],
) -> None:
    names = [
        name
        for name in safe_names(path, archive, max_bytes=MAX_TOTAL_BYTES)
        if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    ]
    documents = [n for n in names if n.endswith(".json") and not n.endswith("schema.json")]
    for name in documents:
        _from_coco(_entry(archive, name), name, schema, size, found, refused)
    if documents:
        return
    table = None
    for name in names:
        if name.rsplit("/", 1)[-1] == "schema.json":
            theirs = _schema(_entry(archive, name), name)
            table = _translated(theirs, schema, warnings)
            break
    for name in _maps(names):
        _from_png(_entry(archive, name), name, schema, size, table, found, refused)


def _maps(names: list[str]) -> Iterator[str]:
    """Yield the label maps among the names: those in `labels`, else every PNG."""
    pictures = [name for name in names if name.lower().endswith(".png")]
    inside = [name for name in pictures if "labels" in name.lower().split("/")[:-1]]
    yield from inside or (n for n in pictures if "pictures" not in n.lower().split("/")[:-1])


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        data = file.read(MAX_ENTRY_BYTES + 1)
    if len(data) > MAX_ENTRY_BYTES:
        raise ExchangeError(f"{name} is larger than {MAX_ENTRY_BYTES >> 20} MiB.")
    return data


def _json(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"{name} is no JSON: {error}") from error


def _schema(data: bytes, name: str) -> OwnSchema:
    return OwnSchema.from_json(_json(data, name))


def _translated(theirs: OwnSchema, ours: OwnSchema, warnings: list[str]) -> np.ndarray:
    """Return the table from their ids to ours, parts matched by name."""
    mine = {part.name: part.id for part in ours.parts}
    # An id of neither schema goes through as it is, and is refused as unknown.
    table = np.arange(256, dtype=np.uint8)
    unknown = []
    for part in theirs.parts:
        if part.name in mine:
            table[part.id % 256] = mine[part.name]
        else:
            table[part.id % 256] = 255
            unknown.append(part.title)
    if unknown:
        warnings.append(
            f"This family has no part for {', '.join(unknown)}: their pixels came in as "
            "unlabelled."
        )
    return table


def _from_png(
    data: bytes,
    name: str,
    schema: OwnSchema,
    size: int,
    table: np.ndarray | None,
    found: dict[str, np.ndarray],
    refused: list[Refused],
) -> None:
    try:
        ids = label_maps.parse(data, size=size, name=name)
        if table is not None:
            ids = table[ids]
        label_maps.check_ids(ids, schema=schema, name=name)
        found[name] = ids
    except EditingError as error:
        refused.append(Refused(name, error.code, str(error)))


def _from_coco(
    data: bytes,
    name: str,
    schema: OwnSchema,
    size: int,
    found: dict[str, np.ndarray],
    refused: list[Refused],
) -> None:
    maps, wrong = coco.read(_json(data, name), schema, size=size)
    found.update(maps)
    refused.extend(Refused(key, "exchange.coco", text) for key, text in wrong.items())
