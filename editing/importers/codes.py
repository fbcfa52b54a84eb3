"""How do codes and directions that people own become codes and edit vectors of ours?

Files in circulation hold bare numbers: no model, space, layers, unit, sign or licence. What
the shape leaves open is asked for, never guessed, and stays on the card; the original norm
too. Only W and W+ are read.

Letters: n codes, L layers of `w_plus`, w the width of a style.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from editing import bundle as bundles
from editing.bundle import Bundle, BundleError
from editing.importers.errors import (
    ChoiceNeededError,
    MalformedError,
    ShapesError,
    SpaceError,
    UnknownFormatError,
)
from editing.importers.folder import WEIGHTS, read_generator_manifest
from editing.importers.limits import Limits
from editing.importers.process import Apart, Progress, read_apart
from editing.vectors import EditVector
from editing.vectors.vector import model_of, touched_layers

Space = Literal["w", "w_plus", "z", "s"]
Sign = Literal[1, -1]

_REFUSED_SPACES = {
    "z": "the mapping bends a step in z, so it has no fixed effect on a picture; expected W or "
    "W+, so map the codes first",
    "s": "style space has one number per channel, of another length for every layer and model; "
    "expected W or W+",
}


@dataclass(frozen=True)
class Model:
    """The generator that codes belong to: `card` is what a vector's card says of it."""

    num_layers: int
    w_dim: int
    card: dict[str, Any]

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> "Model":
        """Return the model of a loaded bundle."""
        return cls(bundle.num_layers, bundle.w_dim, model_of(bundle))

    @classmethod
    def of_folder(cls, path: Path) -> "Model":
        """Return the model of a bundle's or an imported generator's folder.

        Raises:
            BundleError: the folder is neither.
        """
        card: dict[str, Any]
        manifest: bundles.Manifest | Any
        try:
            manifest = bundles.read_manifest(path)
            card = {
                "family": manifest.family,
                "bundle": manifest.name,
                "bundle_version": manifest.version,
            }
        except bundles.BundleMissingError:
            raise
        except BundleError:
            manifest = read_generator_manifest(path)
            card = {"bundle": path.name}
        mean = bundles.read_tensors(path, manifest.files, WEIGHTS)["mapping.w_avg"]
        card |= {
            "fingerprint": manifest.fingerprint,
            "w_avg_hash": hashlib.sha256(mean.numpy().astype("<f4").tobytes()).hexdigest(),
            "resolution": manifest.resolution,
            "w_dim": manifest.w_dim,
            "num_layers": manifest.num_layers,
        }
        return cls(manifest.num_layers, manifest.w_dim, card)


@dataclass(frozen=True)
class ImportedCodes:
    """Codes `w_plus` (n, L, w), and where they come from in plain JSON."""

    w_plus: Tensor
    source: dict[str, Any]
    ignored: tuple[str, ...] = field(default=())


def import_codes(
    path: Path,
    *,
    model: Model,
    space: Space | None = None,
    key: str | None = None,
    limits: Limits | None = None,
    on_progress: Progress | None = None,
) -> ImportedCodes:
    """Return the codes in an `.npy`, `.npz`, `.pt` or numpy pickle.

    Args:
        path: the foreign file; nothing in it is executed.
        model: whose codes they are.
        space: "w" or "w_plus"; needed when the shape fits both W and Z.
        key: which array, when the file holds several.

    Raises:
        ChoiceNeededError: the file leaves something open; the message says what to give.
        SpaceError: codes of Z or S. ShapesError: they do not fit the model.
        ImportRefusedError: the file is refused.
    """
    apart = read_apart(path, want="arrays", limits=limits, on_progress=on_progress)
    rows, source = _rows(apart, path.name, model=model, space=space, key=key)
    # A code in W is the same style on every layer.
    w_plus = rows.expand(-1, model.num_layers, -1).contiguous()
    return ImportedCodes(w_plus, source, tuple(apart.manifest["ignored"]))


def import_vector(
    path: Path,
    *,
    model: Model,
    sign: Sign | None = None,
    license: str = "",
    space: Space | None = None,
    layers: tuple[int, int] | None = None,
    key: str | None = None,
    row: int | None = None,
    difference: tuple[int, int] | None = None,
    parts: frozenset[int] = frozenset(),
    title: str = "",
    attribution: str = "",
    limits: Limits | None = None,
    on_progress: Progress | None = None,
) -> EditVector:
    """Return a direction somebody else found as an edit vector, marked uncalibrated.

    Args:
        path: the foreign file; nothing in it is executed.
        model: with which generator the direction was found.
        sign: 1 if strength 1 shall go the way the file goes, -1 for the opposite way.
        license: SPDX expression of the file, such as "CC-BY-4.0" or "LicenseRef-unknown".
        space: "w" or "w_plus"; needed when the shape fits both W and Z.
        layers: first and last layer on which a direction of W acts; needed with "w".
        key: which array, when the file holds several.
        row: which of n directions.
        difference: (from, to), two of n codes whose difference is the direction.
        parts: ids of the parts it is for, if known.

    Raises:
        ChoiceNeededError: the file leaves something open; the message says what to give.
        SpaceError: a direction of Z or S. ShapesError: it does not fit the model.
        ImportRefusedError: the file is refused.
    """
    apart = read_apart(path, want="arrays", limits=limits, on_progress=on_progress)
    rows, source = _rows(apart, path.name, model=model, space=space, key=key)
    direction = _one(rows, row=row, difference=difference)
    # Of this direction, not of all that the file holds; before it is laid on layers.
    norm = float(direction.double().norm())
    if len(direction) == 1 and model.num_layers > 1:
        if layers is None:
            raise ChoiceNeededError(
                "a direction of W acts on every layer or on some; expected layers, from 0-0 "
                f"to 0-{model.num_layers - 1} for all"
            )
        direction = _on_layers(direction, layers, model.num_layers)
    elif layers is not None:
        keep = _on_layers(torch.ones(1, 1), layers, model.num_layers)
        direction = direction * keep
    missing = [
        words
        for words, given in (
            ("sign (1 as in the file, -1 the other way)", sign in (1, -1)),
            ("license (an SPDX expression, LicenseRef-unknown if nobody knows)", license),
        )
        if not given
    ]
    if missing:
        raise ChoiceNeededError(
            f"the file does not say and you have to: {' and '.join(missing)}"
        )
    assert sign is not None
    offset = (direction * sign).contiguous()
    if not bool(offset.any()):
        raise MalformedError("expected a direction, found only zeros")
    source |= {"sign": sign, "row": row, "difference": list(difference or ()) or None}
    card: dict[str, Any] = {
        "title": title or path.stem,
        "model": model.card,
        "space": "w_plus",
        **touched_layers(offset),
        "noise": "const",
        "dtype": "float32",
        "unit": "as imported, uncalibrated",
        "unit_norm": norm,
        "default_strength": 1.0,
        "calibration": None,
        "license": license,
        "learned_from": {"how": "import", **source},
    }
    if attribution:
        card["attribution"] = attribution
    return EditVector(offset=offset, parts=parts, card=card)


def _rows(
    apart: Apart, file_name: str, *, model: Model, space: Space | None, key: str | None
) -> tuple[Tensor, dict[str, Any]]:
    """Return codes or directions (n, L, w), or (n, 1, w) of W, and where they come from."""
    if space in _REFUSED_SPACES:
        raise SpaceError(f"space {space.upper()} is refused: {_REFUSED_SPACES[space]}")
    index, about = _chosen(apart.manifest["arrays"], key)
    array = apart.tensors[str(index)]
    rows = _shaped(array, model, space)
    source = {
        "file_name": file_name,
        "sha256": apart.manifest["sha256"],
        "array": about["name"],
        "shape": about["shape"],
        "dtype": about["dtype"],
        "norm": about["norm"],
        "space": "w" if rows.shape[1] == 1 < model.num_layers else "w_plus",
    }
    return rows, source


def _chosen(arrays: Sequence[dict[str, Any]], key: str | None) -> tuple[int, dict[str, Any]]:
    listed = ", ".join(f"{each['name'] or 'array'} {each['shape']}" for each in arrays[:12])
    if not arrays:
        raise UnknownFormatError("expected an array of floating-point numbers, found none")
    if key is None:
        if len(arrays) > 1:
            raise ChoiceNeededError(f"several arrays; expected the key of one of: {listed}")
        return 0, arrays[0]
    for index, each in enumerate(arrays):
        if each["name"] == key:
            return index, each
    raise ChoiceNeededError(f"no array {key!r}; expected the key of one of: {listed}")


def _shaped(array: Tensor, model: Model, space: Space | None) -> Tensor:
    """Return (n, L, w), or (n, 1, w) for W, if the shape and the space allow one reading."""
    num_layers, w_dim = model.num_layers, model.w_dim
    shape = tuple(array.shape)
    found = list(shape)
    expected = (
        f"[{w_dim}], [n, {w_dim}], [{num_layers}, {w_dim}], [n, {num_layers}, {w_dim}] or "
        f"[{num_layers * w_dim}] for this model"
    )
    is_plus = shape[-2:] == (num_layers, w_dim) and len(shape) in (2, 3)
    is_flat = shape in ((num_layers * w_dim,), (1, num_layers * w_dim)) and num_layers > 1
    is_narrow = shape[-1] == w_dim and (
        len(shape) < 3 or (len(shape) == 3 and shape[1] == 1 < num_layers)
    )
    if is_plus or is_flat:
        if space == "w":
            raise ShapesError(f"expected [{w_dim}] or [n, {w_dim}] in W, found {found}")
        return array.reshape(-1, num_layers, w_dim)
    if not is_narrow:
        raise ShapesError(f"expected {expected}, found {found}")
    if space is None:
        raise ChoiceNeededError(
            f"{found} fits W and Z; expected the space, w if the file's owner says so"
        )
    if space != "w":
        raise ShapesError(
            f"expected one row for each of {num_layers} layers in W+, found {found}"
        )
    return array.reshape(-1, 1, w_dim)


def _one(rows: Tensor, *, row: int | None, difference: tuple[int, int] | None) -> Tensor:
    """Return the one direction (L or 1, w) that is meant."""
    count = len(rows)
    for index in [row, *(difference or ())]:
        if index is not None and not 0 <= index < count:
            raise ChoiceNeededError(f"no row {index}; expected 0 to {count - 1}")
    if row is not None and difference is not None:
        raise ChoiceNeededError("expected a row or the difference of two, found both")
    if difference is not None:
        return rows[difference[1]] - rows[difference[0]]
    if row is None and count > 1:
        raise ChoiceNeededError(
            f"{count} rows; expected one of them if they are directions, or two whose "
            "difference is the direction if they are codes"
        )
    return rows[row or 0]


def _on_layers(direction: Tensor, layers: tuple[int, int], num_layers: int) -> Tensor:
    first, last = layers
    if not 0 <= first <= last < num_layers:
        raise ChoiceNeededError(
            f"layers {first}-{last}; expected a range within 0-{num_layers - 1}"
        )
    mask = np.zeros((num_layers, 1), np.float32)
    mask[first : last + 1] = 1
    return direction * torch.from_numpy(mask)
