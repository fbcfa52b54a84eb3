"""How do label maps come from other programs, and go to them? Indexed PNG, and COCO.

A zip of indexed PNGs, named by the number of their sample (`007.png`), or a COCO file whose
images carry that name and whose categories are called like the parts. What cannot be used is
listed with its reason; the rest is taken.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from PIL import Image, ImageDraw

from webapp.accounts.models import User
from webapp.common import artifacts
from webapp.common.errors import RefusedInputError, TooLargeError
from webapp.jobs.contract import PartSpec
from webapp.workshop import label_maps, labels, parts, policies
from webapp.workshop.label_maps import BadLabelMapError, Labels
from webapp.workshop.models import FamilyProject, FamilySample
from webapp.workshop.parts import UNLABELED
from webapp.workshop.schemas import Form, ImportedLabelsOut, SkippedOut

MAX_FILE_BYTES = 25 * 1024 * 1024
MAX_ENTRIES = 2000
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_ANNOTATIONS = 20_000
MAX_POINTS = 200_000
_NUMBER = re.compile(r"(\d{1,5})\.png", re.IGNORECASE)


class UnreadableFileError(RefusedInputError):
    """The file is neither a zip of label maps nor COCO."""

    code = "exchange.unreadable"


class UnsafeArchiveError(RefusedInputError):
    """A zip holds an entry that points outside of it, or would grow beyond all limits."""

    code = "pictures.unsafe_archive"


class CocoError(RefusedInputError):
    """A COCO file contradicts itself or its format."""

    code = "exchange.coco"


class ImportTooLargeError(TooLargeError):
    """The file has more bytes than are accepted."""

    code = "workshop.too_large"


# ---- out ---------------------------------------------------------------------------------


def export(actor: User, project_id: UUID, *, form: Form) -> bytes:
    """Return a zip of all label maps that are saved, with their pictures.

    Raises:
        UnknownProjectError: the actor can see no such project.
    """
    project = policies.visible_project(actor, project_id)
    with_parts = parts.read(project.parts)
    samples = list(
        FamilySample.objects.filter(project=project, label_map__isnull=False).order_by("number")
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        schema = {
            "version": project.schema_version,
            "parts": [part.model_dump() for part in with_parts],
        }
        zipped.writestr("schema.json", json.dumps(schema, indent=1, ensure_ascii=False))
        for sample in samples:
            name = f"{sample.number:03d}.png"
            zipped.writestr(f"pictures/{name}", artifacts.read(sample.picture_id))
            if form == "png":
                zipped.writestr(f"labels/{name}", artifacts.read(str(sample.label_map_id)))
        if form == "coco":
            text = json.dumps(_as_coco(samples, with_parts), ensure_ascii=False)
            zipped.writestr("coco.json", text)
    return out.getvalue()


def _as_coco(samples: Sequence[FamilySample], with_parts: Sequence[PartSpec]) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for sample in samples:
        found = label_maps.load(artifacts.read(str(sample.label_map_id)))
        side = found.shape[0]
        name = f"{sample.number:03d}.png"
        images.append({"id": sample.number, "file_name": name, "height": side, "width": side})
        for part in with_parts:
            mask = found == part.id
            if not mask.any():
                continue
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": sample.number,
                    "category_id": part.id + 1,  # COCO's count from 1
                    "iscrowd": 1,
                    "area": int(mask.sum()),
                    "bbox": [
                        int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1),
                        int(rows[-1] - rows[0] + 1),
                    ],
                    "segmentation": {"size": [side, side], "counts": _counts(mask)},
                }
            )  # fmt: skip
    categories = [
        {"id": part.id + 1, "name": part.name, "supercategory": part.group}
        for part in with_parts
    ]
    return {"images": images, "categories": categories, "annotations": annotations}


def _counts(mask: "np.ndarray[Any, Any]") -> list[int]:
    """Return COCO's uncompressed run lengths of a mask: column by column, zeros first."""
    flat = mask.ravel(order="F").astype(np.int8)
    edges = np.flatnonzero(np.diff(flat)) + 1
    bounds = [0, *edges.tolist(), flat.size]
    runs = [after - before for before, after in pairwise(bounds)]
    return [0, *runs] if flat[0] else runs


# ---- in ----------------------------------------------------------------------------------


@transaction.atomic
def import_labels(
    *, actor: User, project_id: UUID, data: bytes, replace: bool, now: datetime
) -> ImportedLabelsOut:
    """Take label maps from a zip of PNGs or a COCO file, and say which were left out and why.

    A sample that has a label map keeps it unless `replace` is set.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        NoPartsError: the family has no parts yet.
        ImportTooLargeError, UnreadableFileError, UnsafeArchiveError, CocoError: nothing of
            the file is taken.
    """
    project = policies.editable_project(actor, project_id)
    if len(data) > MAX_FILE_BYTES:
        raise ImportTooLargeError(
            f"This file has {len(data) / 2**20:.0f} MiB. The most is "
            f"{MAX_FILE_BYTES // 2**20} MiB; send the label maps in several files."
        )
    with_parts = labels.parts_of(project)
    samples = {
        sample.number: sample
        for sample in FamilySample.objects.select_for_update(of=("self",))
        .select_related("saved_by")
        .filter(project=project)
    }
    skipped: list[SkippedOut] = []
    num_imported = 0
    for name, number, found in _label_maps(data, project=project, with_parts=with_parts):
        sample = samples.get(number) if number is not None else None
        reason = ""
        if sample is None:
            reason = "No sample has this number; name files like 007.png."
        elif isinstance(found, BadLabelMapError):
            reason = found.detail
        elif sample.label_map_id is not None and not replace:
            reason = (
                "This sample is labelled already. Import again and replace, if you mean it."
            )
        if reason or sample is None or isinstance(found, BadLabelMapError):
            skipped.append(SkippedOut(name=name, reason=reason))
            continue
        sample.project = project
        labels.put_imported(sample, found, actor=actor, now=now)
        num_imported += 1
    return ImportedLabelsOut(imported=num_imported, skipped=skipped)


Found = tuple[str, int | None, Labels | BadLabelMapError]


def _label_maps(
    data: bytes, *, project: FamilyProject, with_parts: Sequence[PartSpec]
) -> Iterator[Found]:
    """Yield the name, sample number and label map, or what is wrong with it."""
    size = labels.label_size(project) if project.generator else 0
    if data[:1] in (b"{", b" ", b"\n", b"\t"):
        yield from _from_coco(data, size=size, with_parts=with_parts)
        return
    try:
        zipped = zipfile.ZipFile(io.BytesIO(data))
        entries = [entry for entry in zipped.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, ValueError, OSError):
        raise UnreadableFileError(
            "This is neither a zip of label maps nor a COCO file. Export one to see how they "
            "look."
        ) from None
    for entry in entries:
        _check_entry(entry)
    if len(entries) > MAX_ENTRIES:
        raise UnsafeArchiveError(
            f"This zip has {len(entries)} files; {MAX_ENTRIES} is the most."
        )
    by_name = {entry.filename: entry for entry in entries if "__MACOSX" not in entry.filename}
    documents = [name for name in by_name if _last(name) == "coco.json"]
    for document in documents:
        content = _read(zipped, by_name[document], MAX_JSON_BYTES)
        yield from _from_coco(content, size=size, with_parts=with_parts)
    if documents:
        return
    table = np.arange(256, dtype=np.uint8)
    for document in [name for name in by_name if _last(name) == "schema.json"]:
        table = _translation(_read(zipped, by_name[document], MAX_JSON_BYTES), with_parts)
    for path, entry in by_name.items():
        is_picture = path.rpartition("/")[0].rpartition("/")[2] == "pictures"
        if _NUMBER.fullmatch(_last(path)) and not is_picture:
            yield _one(zipped, entry, size=size, with_parts=with_parts, table=table)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _translation(data: bytes, with_parts: Sequence[PartSpec]) -> Labels:
    """Return the table from the ids of a schema file to ours, parts matched by name."""
    ids = {part.name: part.id for part in with_parts}
    table = np.arange(256, dtype=np.uint8)
    try:
        theirs = {int(part["id"]): str(part["name"]) for part in json.loads(data)["parts"]}
        for number, name in theirs.items():
            table[number] = ids.get(name, number)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise UnreadableFileError(
            "The zip's schema.json cannot be read. Take it out, or export one to see how it "
            "looks."
        ) from None
    return table


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Refuse a zip for one entry that was made to do harm.

    Raises:
        UnsafeArchiveError: it points outside, is encrypted, or is larger than it may be.
    """
    name = entry.filename
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name[:3]:
        raise UnsafeArchiveError(
            f"The zip holds the file {name!r}, which points outside of it. Nothing was taken."
        )
    if entry.flag_bits & 1:
        raise UnsafeArchiveError("The zip is encrypted. Send one without a password.")
    if entry.file_size > MAX_JSON_BYTES:
        raise UnsafeArchiveError(f"The file {name!r} in the zip is too large.")


def _read(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    try:
        with zipped.open(entry) as file:
            data = file.read(most + 1)
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError, ValueError) as error:
        raise UnreadableFileError(f"The zip is damaged at {entry.filename!r}.") from error
    if len(data) > most:
        raise UnsafeArchiveError(f"The file {entry.filename!r} in the zip is too large.")
    return data


def _one(
    zipped: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    *,
    size: int,
    with_parts: Sequence[PartSpec],
    table: Labels,
) -> Found:
    name = _last(entry.filename)
    number = int(name.partition(".")[0])
    content = _read(zipped, entry, label_maps.MAX_BYTES)
    try:
        found = table[label_maps.decode(content, size=size, name=name)]
        label_maps.check_ids(found, parts=with_parts, name=name)
        return name, number, found
    except BadLabelMapError as refusal:
        return name, number, refusal


# ---- COCO --------------------------------------------------------------------------------


def _from_coco(data: bytes, *, size: int, with_parts: Sequence[PartSpec]) -> Iterator[Found]:
    """Yield a label map for every image of a COCO file; later annotations lie on top.

    Raises:
        CocoError: it is no such file.
    """
    try:
        content = json.loads(data)
        images = {image["id"]: image for image in content["images"]}
        names = {each["id"]: str(each["name"]) for each in content["categories"]}
        annotations = list(content["annotations"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CocoError(
            "This is no COCO file: it needs images, categories and annotations."
        ) from None
    if len(annotations) > MAX_ANNOTATIONS:
        raise CocoError(f"More than {MAX_ANNOTATIONS} annotations: send several files.")
    ids = {part.name: part.id for part in with_parts}
    unknown = sorted(set(names.values()) - set(ids))
    used = {
        names.get(each.get("category_id")) for each in annotations if isinstance(each, dict)
    }
    if missing := [name for name in unknown if name in used]:
        raise CocoError(
            f"The category {missing[0]} is no part of this family; name categories like the "
            f"parts: {', '.join(ids)}."
        )
    part_of = {key: ids[name] for key, name in names.items() if name in ids}
    of_image: dict[Any, list[Mapping[str, Any]]] = {key: [] for key in images}
    for each in annotations:
        if not isinstance(each, dict) or each.get("image_id") not in of_image:
            raise CocoError("An annotation belongs to no image of the file.")
        of_image[each["image_id"]].append(each)
    for key, image in images.items():
        name = str(image.get("file_name", key)).rpartition("/")[2]
        found = _NUMBER.fullmatch(name)
        number = int(found[1]) if found else None
        if not of_image[key]:
            continue
        try:
            yield name, number, _painted(image, of_image[key], size=size, part_of=part_of)
        except BadLabelMapError as refusal:
            yield name, number, refusal
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            yield name, number, BadLabelMapError(f"The annotations of {name} cannot be read.")


def _painted(
    image: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    *,
    size: int,
    part_of: Mapping[Any, int],
) -> Labels:
    height, width = int(image["height"]), int(image["width"])
    if height != width or not size <= height <= 4096:
        raise BadLabelMapError(
            f"{image.get('file_name')} is {width} x {height}; label maps of this family are "
            f"{size} x {size}.",
            code="labels.size",
        )
    canvas = np.full((height, width), UNLABELED, np.uint8)
    for each in annotations:
        mask = _mask(each["segmentation"], height=height, width=width)
        canvas[mask] = part_of[each["category_id"]]
    if height != size:
        canvas = np.array(
            Image.fromarray(canvas).resize((size, size), Image.Resampling.NEAREST)
        )
    return canvas


def _mask(segmentation: Any, *, height: int, width: int) -> "np.ndarray[Any, Any]":
    """Return where a COCO segmentation is: polygons, or run lengths, plain or compressed."""
    if isinstance(segmentation, list):
        picture = Image.new("1", (width, height))
        draw = ImageDraw.Draw(picture)
        for polygon in segmentation:
            if not 6 <= len(polygon) <= MAX_POINTS:
                raise ValueError("not a polygon")
            draw.polygon([float(value) for value in polygon], fill=1)
        return np.array(picture, dtype=bool)
    if list(segmentation["size"]) != [height, width]:
        raise ValueError("run lengths of another size")
    counts = segmentation["counts"]
    runs = _decompressed(counts) if isinstance(counts, str) else [int(run) for run in counts]
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError("run lengths do not cover the picture")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape((height, width), order="F")


def _decompressed(text: str) -> list[int]:
    """Return the run lengths in COCO's compressed text.

    Six bits a character from "0" on: five of the number, low ones first, and one that says
    whether more follow; from the third run on the difference to the run before last.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError("not a run length")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return runs
