"""How do label maps leave the project and come back? As a zip of PNG, or as COCO.

Nothing is unpacked: entries are read one by one, within limits, after all names were looked
at. A file that is not safe is refused whole. A label map that cannot be used is listed with
its reason, the others are taken; one that is there already stays unless asked otherwise.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from editing.errors import EditingError
from editing.own_family import coco
from editing.own_family import labels as label_maps
from editing.own_family.project import Project, open_project, write_bytes
from editing.own_family.schema import UNLABELLED, OwnSchema
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
    intake = _Intake(project, schema, size, replace=replace)
    if zipfile.is_zipfile(source):
        try:
            with zipfile.ZipFile(source) as archive:
                intake.take_zip(source, archive)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
            raise ExchangeError(f"{source.name} is a damaged zip: {error}") from error
    elif source.stat().st_size > MAX_ENTRY_BYTES:
        raise ExchangeError(f"{source.name} is larger than {MAX_ENTRY_BYTES >> 20} MiB.")
    elif source.suffix.lower() == ".json":
        intake.take_coco(source.read_bytes(), source.name)
    else:
        intake.take_png(source.read_bytes, source.name)
    if not intake.found and not intake.refused:
        raise ExchangeError(
            f"{source.name} holds no label maps: expected labels/NNN.png or a coco.json."
        )
    for sample, ids in intake.found.items():
        write_bytes(label_maps.path_of(project, sample), label_maps.to_png(ids, schema))
    return Imported(tuple(sorted(intake.found)), tuple(intake.refused), tuple(intake.warnings))


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


class _Intake:
    """Collects label maps of one file; at most one of every sample is ever decoded."""

    def __init__(
        self, project: Project, schema: OwnSchema, size: int, *, replace: bool
    ) -> None:
        self._project, self._schema, self._size = project, schema, size
        self._replace = replace
        self._num = label_maps.num_samples(project)
        self.found: dict[int, np.ndarray] = {}
        self.refused: list[Refused] = []
        self.warnings: list[str] = []

    def take_zip(self, path: Path, archive: zipfile.ZipFile) -> None:
        """Take the maps of a zip: its COCO files if it has any, else its PNG."""
        names = [
            name
            for name in safe_names(path, archive, max_bytes=MAX_TOTAL_BYTES)
            if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
        ]
        documents = [n for n in names if n.endswith(".json") and not n.endswith("schema.json")]
        for name in documents:
            self.take_coco(_entry(archive, name), name)
        if documents:
            return
        table = None
        for name in names:
            if name.rsplit("/", 1)[-1] == "schema.json":
                theirs = OwnSchema.from_json(_json(_entry(archive, name), name))
                table = _translated(theirs, self._schema, self.warnings)
                break
        for name in _maps(names):
            self.take_png(partial(_entry, archive, name), name, table)

    def take_png(
        self, read: Callable[[], bytes], name: str, table: np.ndarray | None = None
    ) -> None:
        """Take one map, its numbers sent through `table` if there is one."""
        try:
            sample = self._admitted(name)
            ids = label_maps.parse(read(), size=self._size, name=name)
            if table is not None:
                ids = table[ids]
            label_maps.check_ids(ids, schema=self._schema, name=name)
            self._keep(name, sample, ids)
        except EditingError as error:
            self.refused.append(Refused(name, error.code, str(error)))

    def take_coco(self, data: bytes, name: str) -> None:
        """Take the maps of a COCO file."""
        admitted: dict[str, int] = {}

        def admit(file_name: str) -> None:
            sample = self._admitted(file_name)
            if sample in admitted.values():
                raise AlreadyLabelledError(f"{file_name}: sample {sample} is there twice.")
            admitted[file_name] = sample

        maps, wrong = coco.read(_json(data, name), self._schema, size=self._size, admit=admit)
        self.refused += [Refused(key, "exchange.coco", text) for key, text in wrong.items()]
        for key, ids in maps.items():
            try:
                self._keep(key, admitted[key], ids)
            except EditingError as error:
                self.refused.append(Refused(key, error.code, str(error)))

    def _admitted(self, name: str) -> int:
        """Return the sample that a file name speaks of, if its map may be taken."""
        sample = coco.sample_of(name)
        if sample is None:
            raise label_maps.UnknownSampleError(
                f"{name} names no sample: expected a number, such as 037.png."
            )
        if sample >= self._num:
            raise label_maps.UnknownSampleError(
                f"There is no sample {sample}; they go from 0 to {self._num - 1}."
            )
        if sample in self.found:
            raise AlreadyLabelledError(f"{name}: sample {sample} is there twice.")
        if label_maps.path_of(self._project, sample).exists() and not self._replace:
            raise AlreadyLabelledError(
                f"Sample {sample} is labelled already; its map stays unless you replace it."
            )
        return sample

    def _keep(self, name: str, sample: int, ids: np.ndarray) -> None:
        """Keep a map that shows something."""
        shown = set(np.unique(ids).tolist()) - {UNLABELLED}
        if not shown - self._schema.background:
            raise label_maps.EmptyLabelsError(f"{name} shows no part but background.")
        self.found[sample] = ids


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
            table[part.id % 256] = UNLABELLED
            unknown.append(part.title)
    if unknown:
        warnings.append(
            f"This family has no part for {', '.join(unknown)}: their pixels came in as "
            "unlabelled."
        )
    return table
