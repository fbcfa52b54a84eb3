"""What is an edit vector, what is it made of, and which pictures may it be added to?

Letters: N pictures, L layers of `w_plus`.
Source: Ling et al. 2021 (EditGAN), section 3.4.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from editing import optimize
from editing.errors import EditingError, NotFiniteError, ShapeMismatchError
from editing.region import default_margin
from editing.vectors.looks import change, look

if TYPE_CHECKING:
    from editing.bundle import Bundle

MAX_NORM = 1e3


class OtherFamilyError(EditingError):
    """A vector was made for another family, or for a generator of another shape."""

    code = "vector.other_family"


class OtherModelError(EditingError):
    """A vector fits the shape but was made with another generator, or nobody knows which."""

    code = "vector.other_model"


@dataclass(frozen=True)
class EditVector:
    """An edit as an offset: `offset` float32 (L, w_dim), `parts` the ids it was made for.

    `card` is plain JSON as `VectorCard` describes it: title, model, how it was learned, what
    was measured. Fields that nobody filled in are absent.
    """

    offset: Tensor
    parts: frozenset[int]
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an offset that nobody could apply.

        Raises:
            ShapeMismatchError: not (L, w_dim).
            NotFiniteError: it holds NaN or infinity, or its norm is beyond 1000.
        """
        if self.offset.ndim != 2:
            raise ShapeMismatchError(f"an offset is (L, w_dim), not {tuple(self.offset.shape)}")
        if not math.isfinite(self.norm) or self.norm > MAX_NORM:
            raise NotFiniteError(f"the offset has norm {self.norm}")

    @property
    def norm(self) -> float:
        """Return the length of the offset."""
        return float(self.offset.double().norm())

    @property
    def content_hash(self) -> str:
        """Return the SHA-256 of the offset's little-endian float32 bytes."""
        return hashlib.sha256(offset_bytes(self.offset)).hexdigest()

    @property
    def title(self) -> str:
        """Return what people call it, or nothing."""
        return str(self.card.get("title") or "")

    @property
    def fingerprint(self) -> str | None:
        """Return the fingerprint of the generator it was made with, if it says so."""
        found = (self.card.get("model") or {}).get("fingerprint")
        return None if found is None else str(found)


def make(
    bundle: "Bundle",
    before: Tensor,
    after: Tensor,
    *,
    parts: frozenset[int],
    title: str = "",
    learned_from: Mapping[str, Any] | None = None,
    license: str | None = None,
    author: str | None = None,
) -> EditVector:
    """Return the vector that leads from code `before` to `after`, each (1, L, w_dim).

    Its card records the model, the space and the effect on the picture it comes from, which
    later measurements compare with. `license` is an SPDX expression.
    """
    if before.shape != after.shape or before.shape[0] != 1:
        raise ShapeMismatchError(f"{tuple(before.shape)} and {tuple(after.shape)}")
    offset = (after - before)[0].detach().float().cpu()
    effect = change(look(bundle, before), look(bundle, after))[0]
    card: dict[str, Any] = {
        "title": title,
        "model": model_of(bundle),
        "space": "w_plus",
        **touched_layers(offset),
        "noise": "const",
        "truncation": 1.0,
        "dtype": "float32",
        "unit": "offset as learned",
        "unit_norm": round(float(offset.double().norm()), 4),
        "default_strength": 1.0,
        "parts": named_parts(bundle, parts),
        "part_schema_version": bundle.schema.version,
        "margin": default_margin(bundle.label_size),
        "learned_effect": {
            bundle.schema.parts[i].name: [round(v, 6) for v in effect[i].tolist()]
            for i in sorted(parts)
        },
        "learned_from": dict(learned_from or {}),
    }
    said = {"license": license, "author": author}
    card |= {key: value for key, value in said.items() if value}
    return EditVector(offset=offset, parts=parts, card=card)


def apply(w_plus: Tensor, stack: Sequence[tuple[EditVector, float]]) -> Tensor:
    """Return codes (N, L, w_dim) with every vector of the stack added at its strength.

    Raises:
        ShapeMismatchError, StrengthError: as `optimize.apply`.
    """
    return optimize.apply(w_plus, [(vector.offset, strength) for vector, strength in stack])


def compatibility(bundle: "Bundle", vector: EditVector) -> Literal["same", "other", "unknown"]:
    """Return whether the vector was made with this very generator, another, or who knows.

    Raises:
        OtherFamilyError: another family, another shape, or a part that the family lacks.
    """
    family = (vector.card.get("model") or {}).get("family", bundle.family)
    expected = (bundle.num_layers, bundle.w_dim)
    if family != bundle.family:
        raise OtherFamilyError(f"made for {family}, the bundle draws {bundle.family}")
    if tuple(vector.offset.shape) != expected:
        raise OtherFamilyError(f"offset {tuple(vector.offset.shape)}, expected {expected}")
    if not all(0 <= part < bundle.num_parts for part in vector.parts):
        raise OtherFamilyError(
            f"made for parts {sorted(vector.parts)}, {bundle.family} has {bundle.num_parts}"
        )
    if vector.fingerprint is None:
        return "unknown"
    return "same" if vector.fingerprint == bundle.fingerprint else "other"


def check(bundle: "Bundle", vector: EditVector) -> None:
    """Refuse a vector that was not made with this bundle's generator.

    Codes of two generators mean different things even where their shapes agree. `transfer`
    measures whether this vector happens to work here too.

    Raises:
        OtherModelError: names both fingerprints.
        OtherFamilyError: it cannot be added at all.
    """
    found = compatibility(bundle, vector)
    if found == "same":
        return
    name = repr(vector.title) if vector.title else "this vector"
    raise OtherModelError(
        f"{name} was made with generator {vector.fingerprint or 'unknown'}, "
        f"{bundle.name} has {bundle.fingerprint}; transfer it to find out whether it works here"
    )


def model_of(bundle: "Bundle") -> dict[str, Any]:
    """Return what a card says of the bundle it belongs to."""
    w_avg = bundle.generator.w_avg.detach().float().cpu().contiguous()
    return {
        "fingerprint": bundle.fingerprint,
        "w_avg_hash": hashlib.sha256(w_avg.numpy().astype("<f4").tobytes()).hexdigest(),
        "family": bundle.family,
        "bundle": bundle.name,
        "bundle_version": bundle.version,
        "resolution": bundle.resolution,
        "w_dim": bundle.w_dim,
        "num_layers": bundle.num_layers,
    }


def touched_layers(offset: Tensor) -> dict[str, Any]:
    """Return what a card says of the layers that an offset (L, w_dim) changes."""
    mask = offset.norm(dim=1).gt(0)
    touched = mask.nonzero().flatten().tolist()
    return {
        "layers": [min(touched, default=0), max(touched, default=0)],
        "layer_mask": mask.tolist(),
    }


def named_parts(bundle: "Bundle", parts: frozenset[int]) -> list[dict[str, Any]]:
    """Return what a card says of parts, in the order of their ids."""
    return [{"id": i, "name": bundle.schema.parts[i].name} for i in sorted(parts)]


def offset_bytes(offset: Tensor) -> bytes:
    """Return the offset's little-endian float32 bytes, row by row."""
    return offset.detach().float().cpu().contiguous().numpy().astype("<f4").tobytes()
