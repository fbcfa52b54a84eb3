"""How do label maps look to tools that speak COCO, and how do their files look to us?

Written: one annotation a part and picture, as uncompressed run lengths, which lose nothing.
Read: polygons, uncompressed and compressed run lengths. Parts are matched by name or title,
pictures by the number in their file name. Where annotations overlap the smaller one lies on
top, as a wheel lies on a car.

The run lengths are decoded here, within the size of the picture, because files come from
anywhere and the common library's decoder is C code that trusts its input.

Letters: H label-map side.
Source: the data format page of the COCO data set; run lengths go down columns, the first
run is of zeros.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from editing.errors import EditingError
from editing.own_family.schema import UNLABELLED, OwnSchema

MAX_ANNOTATIONS = 200_000
MAX_POINTS = 1_000_000


class CocoError(EditingError):
    """A COCO file cannot be understood; nothing of it was taken."""

    code = "exchange.coco"


def write(maps: Mapping[int, np.ndarray], schema: OwnSchema, *, title: str) -> dict[str, Any]:
    """Return the COCO document of label maps (H, H) by sample."""
    annotations: list[dict[str, Any]] = []
    for sample, ids in maps.items():
        for part in schema.parts:
            mask = ids == part.id
            if not mask.any():
                continue
            rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
            left, top = int(columns[0]), int(rows[0])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": sample + 1,
                    "category_id": part.id + 1,
                    "iscrowd": 1,
                    "area": int(mask.sum()),
                    "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
                    "segmentation": {"size": list(mask.shape), "counts": runs(mask)},
                }
            )
    return {
        "info": {"description": title, "version": str(schema.version)},
        "licenses": [],
        "categories": [
            {"id": part.id + 1, "name": part.name, "supercategory": part.group}
            for part in schema.parts
        ],
        "images": [
            {
                "id": sample + 1,
                "file_name": f"{sample:03d}.png",
                "width": ids.shape[1],
                "height": ids.shape[0],
            }
            for sample, ids in maps.items()
        ],
        "annotations": annotations,
    }


def read(
    document: Any, schema: OwnSchema, *, size: int
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return label maps (H, H) by file name, and refused pictures with the reason.

    Pixels without annotation are the background, unless a picture annotates that itself:
    then they are unlabelled.

    Raises:
        CocoError: it is no COCO document, or its parts are unknown here.
    """
    if not isinstance(document, dict):
        raise CocoError("This is no COCO file: expected an object with images and annotations.")
    categories = _listed(document, "categories")
    pictures = _listed(document, "images")
    annotations = _listed(document, "annotations")
    if len(annotations) > MAX_ANNOTATIONS:
        raise CocoError(
            f"The COCO file has {len(annotations):,} annotations, at most {MAX_ANNOTATIONS:,} "
            "are read: export only the labelled pictures."
        )
    part_of = _parts(categories, schema)
    by_picture: dict[Any, list[dict[str, Any]]] = {}
    for annotation in annotations:
        by_picture.setdefault(annotation.get("image_id"), []).append(annotation)
    backgrounds = [part.id for part in schema.parts if part.is_background]
    maps, refused = {}, {}
    for picture in pictures:
        name = str(picture.get("file_name", picture.get("id")))
        mine = by_picture.get(picture.get("id"), [])
        if not mine:
            continue
        if (picture.get("width"), picture.get("height")) != (size, size):
            refused[name] = (
                f"{name} is {picture.get('width')} x {picture.get('height')}; label maps of "
                f"this family are {size} x {size}."
            )
            continue
        try:
            masks = [
                (_part_of(part_of, each), mask_of(each.get("segmentation"), size=size))
                for each in mine
            ]
        except CocoError as error:
            refused[name] = f"{name}: {error}"
            continue
        has_background = any(part in backgrounds for part, _ in masks)
        rest = UNLABELLED if has_background or not backgrounds else backgrounds[0]
        ids = np.full((size, size), rest, dtype=np.uint8)
        for part, mask in sorted(masks, key=lambda pair: -int(pair[1].sum())):
            ids[mask] = part
        maps[name] = ids
    return maps, refused


def sample_of(name: str) -> int | None:
    """Return the sample that a file name such as `samples/037.png` speaks of."""
    stem = name.replace("\\", "/").rsplit("/", 1)[-1].split(".", 1)[0]
    found = re.fullmatch(r"(?:sample[-_ ]?)?(\d{1,4})", stem, re.IGNORECASE)
    return int(found.group(1)) if found else None


def runs(mask: np.ndarray) -> list[int]:
    """Return the run lengths of a mask (H, W), column by column, zeros first."""
    flat = np.asarray(mask, dtype=np.uint8).ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    edges = np.concatenate([[0], changes, [len(flat)]])
    lengths: list[int] = np.diff(edges).tolist()
    return [0, *lengths] if len(flat) and flat[0] else lengths


def mask_of(segmentation: Any, *, size: int) -> np.ndarray:
    """Return the bool mask (H, H) of one annotation's segmentation.

    Raises:
        CocoError: it is of no known kind, of another size, or its numbers make no mask.
    """
    if isinstance(segmentation, list):
        return _polygons(segmentation, size)
    if not isinstance(segmentation, dict):
        raise CocoError("an annotation has no segmentation, only a box: export outlines.")
    if list(segmentation.get("size", ())) != [size, size]:
        raise CocoError(
            f"a mask is of size {segmentation.get('size')}, expected {[size, size]}."
        )
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        counts = decompressed(counts, most=size * size)
    if not isinstance(counts, list) or not all(type(n) is int and n >= 0 for n in counts):
        raise CocoError("the run lengths of a mask are no list of counts.")
    if sum(counts) != size * size:
        raise CocoError(
            f"the run lengths of a mask add up to {sum(counts)} pixels, expected {size * size}."
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape((size, size), order="F")


def decompressed(text: str, *, most: int) -> list[int]:
    """Return the run lengths in COCO's compressed string.

    Every character holds five bits, low ones first, and whether more follow; from the third
    run on the difference to the run before the last is stored.

    Raises:
        CocoError: a character or a number cannot be one of a mask of `most` pixels.
    """
    counts: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise CocoError("the compressed run lengths of a mask are damaged.")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        if not 0 <= value <= most or len(counts) > most:
            raise CocoError("the compressed run lengths of a mask leave the picture.")
        counts.append(value)
        value, shift = 0, 0
    if shift:
        raise CocoError("the compressed run lengths of a mask end in the middle of a number.")
    return counts


def _polygons(polygons: Sequence[Any], size: int) -> np.ndarray:
    """Return the mask of pixels whose centre lies in one of the polygons."""
    # Here, because drawing is needed by this alone.
    from matplotlib.path import Path

    mask = np.zeros((size, size), dtype=bool)
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise CocoError("a polygon needs at least three points, x and y of each.")
        if len(polygon) > MAX_POINTS or not all(
            isinstance(v, int | float) and math.isfinite(v) for v in polygon
        ):
            raise CocoError("a polygon has coordinates that are no numbers, or too many.")
        points = np.array(polygon, dtype=np.float64).reshape(-1, 2).clip(-size, 2 * size)
        left, top = np.floor(points.min(axis=0)).clip(0, size).astype(int)
        right, bottom = np.ceil(points.max(axis=0)).clip(0, size).astype(int)
        if right <= left or bottom <= top:
            continue
        ys, xs = np.mgrid[top:bottom, left:right]
        centres = np.stack([xs.ravel() + 0.5, ys.ravel() + 0.5], axis=1)
        inside = Path(np.vstack([points, points[:1]])).contains_points(centres)
        mask[top:bottom, left:right] |= inside.reshape(bottom - top, right - left)
    return mask


def _listed(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise CocoError(f"This is no COCO file: it has no list of {key}.")
    return found


def _parts(categories: Sequence[dict[str, Any]], schema: OwnSchema) -> dict[Any, int]:
    """Return part ids by category id.

    Raises:
        CocoError: a category is no part of the family.
    """
    known = {part.title.casefold(): part.id for part in schema.parts}
    known |= {part.name.casefold(): part.id for part in schema.parts}
    found, unknown = {}, []
    for category in categories:
        name = str(category.get("name", ""))
        if name.strip().casefold() in known:
            found[category.get("id")] = known[name.strip().casefold()]
        else:
            unknown.append(name or "(no name)")
    if unknown:
        raise CocoError(
            f"The COCO file has categories that are no parts of this family: "
            f"{', '.join(unknown[:8])}. The parts are "
            f"{', '.join(part.name for part in schema.parts)}: rename them, or add the parts."
        )
    return found


def _part_of(part_of: Mapping[Any, int], annotation: Mapping[str, Any]) -> int:
    category = annotation.get("category_id")
    if category not in part_of:
        raise CocoError(f"an annotation names category {category}, which the file lacks.")
    return part_of[category]
