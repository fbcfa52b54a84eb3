"""Which vectors follow from others? Scaled, reversed, added, separated, kept to some layers.

Every result says what it was made of: `lineage` names the operation and the parents by
content hash and strength. What was measured on a parent does not hold for the result, so its
card starts without figures; the learned effect follows the arithmetic, so that a later
measurement still knows which direction was meant.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch

from editing import optimize
from editing.errors import EditingError, ShapeMismatchError
from editing.vectors.vector import EditVector, OtherModelError, touched_layers

KEPT = ("model", "space", "noise", "truncation", "dtype", "part_schema_version", "margin")
UNKNOWN_LICENSE = "LicenseRef-unknown"


class LayersError(EditingError):
    """The layers asked for are not layers of the vector."""

    code = "vector.layers"


class ProjectionError(EditingError):
    """A vector cannot be projected out, because it has no direction."""

    code = "vector.projection"


def scale(vector: EditVector, strength: float) -> EditVector:
    """Return the vector whose strength 1 is `strength` of the given one.

    Raises:
        StrengthError: not finite or beyond ±10.
    """
    return _summed([(vector, strength)], operation="scale")


def negate(vector: EditVector) -> EditVector:
    """Return the vector that undoes the given one."""
    return _summed([(vector, -1.0)], operation="negate")


def combine(stack: Sequence[tuple[EditVector, float]]) -> EditVector:
    """Return one vector that does what the stack does: the sum of strength times offset.

    Raises:
        ShapeMismatchError: the vectors differ in shape, or there are none.
        OtherModelError: they belong to different generators.
        StrengthError: a strength is not finite or beyond ±10.
    """
    return _summed(stack, operation="combine")


def project_out(vector: EditVector, other: EditVector) -> EditVector:
    """Return `vector` without what it shares with `other`: v - (v·o / o·o) o.

    The dot product runs over all layers together. The result is orthogonal to `other`, so
    adding it leaves a code's coordinate along `other` alone, which lessens the side effect
    as far as the two effects are linear (Shen et al. 2020, InterFaceGAN, section 3.3).

    Raises:
        ShapeMismatchError: the vectors differ in shape.
        OtherModelError: they belong to different generators.
        ProjectionError: `other` is zero, or `vector` is but a multiple of it.
    """
    _check_same_model([vector, other])
    if vector.offset.shape != other.offset.shape:
        raise ShapeMismatchError(
            f"offsets {tuple(vector.offset.shape)} and {tuple(other.offset.shape)}"
        )
    ours, theirs = vector.offset.double(), other.offset.double()
    length = float(theirs.square().sum())
    if length == 0:
        raise ProjectionError("the vector to project out is zero")
    share = float((ours * theirs).sum()) / length
    offset = (ours - share * theirs).float()
    if float(offset.norm()) < 1e-4 * vector.norm:
        raise ProjectionError("nothing is left: one vector is a multiple of the other")
    card = _card([(vector, 1.0), (other, -share)], operation="project_out")
    # What the vector was for stays, the projected part was never meant.
    for key in ("learned_effect", "parts", "title"):
        card.pop(key, None)
        if key in vector.card:
            card[key] = vector.card[key]
    return EditVector(offset, vector.parts, card | touched_layers(offset))


def restrict(vector: EditVector, layers: Collection[int]) -> EditVector:
    """Return the vector on these layers alone; the others become zero.

    Early layers move shapes, late ones colour: keeping to some lessens what else changes.

    Raises:
        LayersError: there are none, or one is not a layer of the vector.
    """
    num_layers = len(vector.offset)
    if not layers or not all(0 <= layer < num_layers for layer in layers):
        raise LayersError(f"layers {sorted(layers)}, there are 0 to {num_layers - 1}")
    kept = torch.zeros(num_layers, 1)
    kept[sorted(layers)] = 1
    offset = vector.offset * kept.to(vector.offset)
    card = _card([(vector, 1.0)], operation="restrict")
    return EditVector(offset, vector.parts, card | touched_layers(offset))


def _summed(stack: Sequence[tuple[EditVector, float]], *, operation: str) -> EditVector:
    if not stack:
        raise ShapeMismatchError("nothing to combine")
    _check_same_model([vector for vector, _ in stack])
    zero = torch.zeros_like(stack[0][0].offset)[None]
    offset = optimize.apply(zero, [(vector.offset, s) for vector, s in stack])[0]
    parts = frozenset[int]().union(*(vector.parts for vector, _ in stack))
    card = _card(stack, operation=operation)
    return EditVector(offset, parts, card | touched_layers(offset))


def _check_same_model(vectors: Sequence[EditVector]) -> None:
    prints = {vector.fingerprint for vector in vectors}
    if len(prints) > 1:
        named = " and ".join(sorted(str(print_ or "unknown") for print_ in prints))
        raise OtherModelError(f"the vectors belong to different generators: {named}")


def _card(stack: Sequence[tuple[EditVector, float]], *, operation: str) -> dict[str, Any]:
    """Return the card of a vector made of others, without anything that was measured."""
    cards = [vector.card for vector, _ in stack]
    card: dict[str, Any] = {key: cards[0][key] for key in KEPT if key in cards[0]}
    parts = {part["id"]: part for other in cards for part in other.get("parts", ())}
    if parts:
        card["parts"] = [parts[i] for i in sorted(parts)]
    effect = _learned_effect(stack)
    if effect:
        card["learned_effect"] = effect
    license = _license(cards)
    if license:
        card["license"] = license
    parents = []
    for vector, strength in stack:
        parent: dict[str, Any] = {"content_hash": vector.content_hash, "strength": strength}
        parents.append(parent | ({"title": vector.title} if vector.title else {}))
    card["lineage"] = {"operation": operation, "parents": parents}
    card["learned_from"] = {"how": "combine"}
    return card


def _license(cards: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the terms of everything together, None where no card says any.

    A card without terms beside one with terms counts as `LicenseRef-unknown`: the result is
    not free to use under the terms of the other alone.
    """
    said = [card.get("license") for card in cards]
    if not any(said):
        return None
    names = sorted({str(name or UNKNOWN_LICENSE) for name in said})
    if len(names) == 1:
        return names[0]
    return " AND ".join(f"({name})" if " " in name else name for name in names)


def _learned_effect(stack: Sequence[tuple[EditVector, float]]) -> dict[str, list[float]]:
    total: dict[str, list[float]] = {}
    for vector, strength in stack:
        for name, effect in (vector.card.get("learned_effect") or {}).items():
            old = total.get(name, [0.0, 0.0, 0.0])
            new = [a + strength * float(b) for a, b in zip(old, effect, strict=True)]
            total[name] = [round(value, 6) if math.isfinite(value) else 0.0 for value in new]
    return total
