"""Edit vectors: an edit as a reusable offset of the code, with a card that says what it does.

`w_edited - w` of one picture, added to another picture's code times a strength, makes the
same edit there. Vectors add up and scale. A vector travels as one safetensors file,
`editvector/1`: tensor `offset` float32 (L, w_dim) and a JSON card in the header. Writing is
deterministic: equal vectors are equal bytes.

Letters: N pictures, L layers of `w_plus`, n probes, R image side, H label-map side.
Source: Ling et al. 2021 (EditGAN), section 3.4.
"""

import hashlib
import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from editing import optimize
from editing.errors import EditingError, NotFiniteError, ShapeMismatchError
from editing.region import default_margin, region_of_interest

if TYPE_CHECKING:
    from editing.bundle import Bundle

FORMAT = "editvector/1"
MAX_HEADER_BYTES = 1 << 20
MAX_FILE_BYTES = 16 << 20
MAX_NORM = 1e3
STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)
OUTSIDE_LIMIT = 0.06
# Pictures looked at in one go. One by one costs no time, and lets others through in between.
CHUNK = 1


class VectorFileError(EditingError):
    """A file is no edit vector that can be read."""

    code = "vector.file"


class OtherFamilyError(EditingError):
    """A vector was made for another family, or for a generator of another shape."""

    code = "vector.other_family"


@dataclass(frozen=True)
class EditVector:
    """An edit as an offset: `offset` float32 (L, w_dim), `parts` the ids it was made for.

    `card` is plain JSON: title, model, how it was learned, what was measured. Fields that
    nobody filled in are absent.
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
        return hashlib.sha256(_offset_bytes(self.offset)).hexdigest()


@dataclass(frozen=True, slots=True)
class PartEffect:
    """How one part changes: share of the picture gained, and movement as share of a side."""

    area: float
    dx: float
    dy: float


@dataclass(frozen=True)
class Card:
    """What strength 1 does on the probe pictures, and pictures of several strengths.

    `locality` is the share of all change that lies inside the region, `outside_change` the
    mean absolute change outside it as a share of the range, `success` the share of probes
    on which the vector's parts change in the learned direction. `strips` holds pictures
    (n, S, 3, R, R) of probes at `strengths`. `valid_range` is where the change outside
    stays small.
    """

    strengths: tuple[float, ...]
    strips: Tensor
    num_probes: int
    locality: float
    outside_change: float
    identity: float | None
    success: float
    effects: dict[str, PartEffect]
    valid_range: tuple[float, float]
    norm: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures, without pictures, as plain JSON."""
        return {
            "strengths": list(self.strengths),
            "num_probes": self.num_probes,
            "locality": round(self.locality, 4),
            "outside_change": round(self.outside_change, 5),
            "identity": None if self.identity is None else round(self.identity, 4),
            "success": round(self.success, 4),
            "effects": {
                name: [round(effect.area, 5), round(effect.dx, 5), round(effect.dy, 5)]
                for name, effect in self.effects.items()
            },
            "valid_range": list(self.valid_range),
            "norm": round(self.norm, 4),
        }


def make(
    bundle: "Bundle",
    before: Tensor,
    after: Tensor,
    *,
    parts: frozenset[int],
    title: str = "",
    learned_from: Mapping[str, Any] | None = None,
) -> EditVector:
    """Return the vector that leads from code `before` to `after`, each (1, L, w_dim).

    Its card records the model, the space and the effect on the picture it comes from, which
    later measurements compare with.
    """
    if before.shape != after.shape or before.shape[0] != 1:
        raise ShapeMismatchError(f"{tuple(before.shape)} and {tuple(after.shape)}")
    offset = (after - before)[0].detach().float().cpu()
    effect = _change(_look(bundle, before), _look(bundle, after))[0]
    touched = offset.norm(dim=1).gt(0).nonzero().flatten().tolist()
    card: dict[str, Any] = {
        "title": title,
        "model": _model(bundle),
        "space": "w_plus",
        "layers": [min(touched, default=0), max(touched, default=0)],
        "noise": "const",
        "truncation": 1.0,
        "dtype": "float32",
        "unit": "offset as learned",
        "default_strength": 1.0,
        "parts": _named(bundle, parts),
        "margin": default_margin(bundle.label_size),
        "learned_effect": {
            bundle.schema.parts[i].name: [round(v, 6) for v in effect[i].tolist()]
            for i in sorted(parts)
        },
        "learned_from": dict(learned_from or {}),
    }
    return EditVector(offset=offset, parts=parts, card=card)


def scale(vector: EditVector, strength: float) -> EditVector:
    """Return the vector whose strength 1 is `strength` of the given one.

    Raises:
        StrengthError: not finite or beyond ±10.
    """
    zero = torch.zeros_like(vector.offset)[None]
    offset = optimize.apply(zero, [(vector.offset, strength)])[0]
    card = _derived([vector], [strength])
    return EditVector(offset=offset, parts=vector.parts, card=card)


def combine(stack: Sequence[tuple[EditVector, float]]) -> EditVector:
    """Return one vector that does what the stack does.

    Raises:
        ShapeMismatchError: the vectors differ in shape, or there are none.
        OtherFamilyError: they belong to different generators.
        StrengthError: a strength is not finite or beyond ±10.
    """
    if not stack:
        raise ShapeMismatchError("nothing to combine")
    vectors = [vector for vector, _ in stack]
    prints = {vector.card.get("model", {}).get("fingerprint") for vector in vectors}
    if len(prints) > 1:
        raise OtherFamilyError("the vectors belong to different generators")
    zero = torch.zeros_like(vectors[0].offset)[None]
    offset = optimize.apply(zero, [(vector.offset, s) for vector, s in stack])[0]
    parts = frozenset[int]().union(*(vector.parts for vector in vectors))
    return EditVector(offset, parts, _derived(vectors, [s for _, s in stack]))


def apply(w_plus: Tensor, stack: Sequence[tuple[EditVector, float]]) -> Tensor:
    """Return codes (N, L, w_dim) with every vector of the stack added at its strength.

    Raises:
        ShapeMismatchError, StrengthError: as `optimize.apply`.
    """
    return optimize.apply(w_plus, [(vector.offset, strength) for vector, strength in stack])


def compatibility(bundle: "Bundle", vector: EditVector) -> Literal["same", "untested"]:
    """Return whether the vector was made for this very generator or only fits its shape.

    Raises:
        OtherFamilyError: another family, or another shape.
    """
    model = vector.card.get("model", {})
    family = model.get("family", bundle.family)
    expected = (bundle.num_layers, bundle.w_dim)
    if family != bundle.family:
        raise OtherFamilyError(f"made for {family}, the bundle draws {bundle.family}")
    if tuple(vector.offset.shape) != expected:
        raise OtherFamilyError(f"offset {tuple(vector.offset.shape)}, expected {expected}")
    return "same" if model.get("fingerprint") == bundle.fingerprint else "untested"


# -- files ---------------------------------------------------------------------------------


def to_bytes(vector: EditVector) -> bytes:
    """Return the vector as an `editvector/1` file; equal vectors give equal bytes."""
    data = _offset_bytes(vector.offset)
    card = {
        **vector.card,
        "part_ids": sorted(vector.parts),
        "content_hash": vector.content_hash,
    }
    header = {
        "__metadata__": {
            "card": json.dumps(card, sort_keys=True, ensure_ascii=False, allow_nan=False),
            "format": FORMAT,
        },
        "offset": {
            "dtype": "F32",
            "shape": list(vector.offset.shape),
            "data_offsets": [0, len(data)],
        },
    }
    # By hand, because the library writes the metadata in an order that varies.
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def from_bytes(data: bytes) -> EditVector:
    """Return the vector of an `editvector/1` file.

    Raises:
        VectorFileError: not such a file, too large, or its hash disagrees.
        NotFiniteError: the offset holds NaN or infinity, or its norm is out of bounds.
    """
    if not 8 < len(data) <= MAX_FILE_BYTES:
        raise VectorFileError(f"{len(data)} bytes")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise VectorFileError("the header is too long")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header["__metadata__"]
        if metadata["format"] != FORMAT:
            raise VectorFileError(f"format {metadata['format']!r}, expected {FORMAT}")
        if set(header) != {"__metadata__", "offset"} or header["offset"]["dtype"] != "F32":
            raise VectorFileError("expected exactly one float32 tensor, offset")
        card = json.loads(metadata["card"])
        offset = load_tensors(data)["offset"]
        parts = frozenset(int(part) for part in card.pop("part_ids"))
        claimed = card.pop("content_hash")
    except (KeyError, TypeError, AttributeError, ValueError, SafetensorError) as error:
        raise VectorFileError(f"not an edit vector file: {error}") from error
    vector = EditVector(offset=offset, parts=parts, card=card)
    if vector.content_hash != claimed:
        raise VectorFileError("the offset is not the one that the card describes")
    return vector


def save(vector: EditVector, path: Path) -> None:
    """Write the vector to `path`."""
    path.write_bytes(to_bytes(vector))


def load(path: Path) -> EditVector:
    """Return the vector stored at `path`.

    Raises:
        VectorFileError, NotFiniteError: as `from_bytes`.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise VectorFileError(f"{path} is too large")
        return from_bytes(path.read_bytes())
    except OSError as error:
        raise VectorFileError(str(error)) from error


# -- measuring -----------------------------------------------------------------------------


@torch.no_grad()
def measure(
    bundle: "Bundle",
    vector: EditVector,
    *,
    probes: Tensor | None = None,
    strengths: Sequence[float] = STRENGTHS,
    num_strips: int = 4,
    margin: int | None = None,
    on_look: Callable[[int, int], None] | None = None,
) -> Card:
    """Return what the vector does on probe pictures, by default those of the bundle.

    `probes` are codes (n, L, w_dim). Figures are those of strength 1; `strips` shows the
    first `num_strips` probes at all strengths. `on_look` is called after each look at
    some of them with (looks done, looks in all); raising there ends the measurement.

    Raises:
        OtherFamilyError: the vector does not fit the bundle.
    """
    compatibility(bundle, vector)
    probes = bundle.probes if probes is None else probes
    margin = default_margin(bundle.label_size) if margin is None else margin
    others = sorted({*strengths} - {0.0, 1.0})
    num_looks = (2 + len(others)) * len(probes.split(CHUNK))
    num_done = 0

    def looked() -> None:
        nonlocal num_done
        num_done += 1
        if on_look is not None:
            on_look(num_done, num_looks)

    def look(codes: Tensor) -> _Seen:
        return _look(bundle, codes, then=looked)

    before, after = look(probes), look(apply(probes, [(vector, 1.0)]))
    inside_share, outside = _locality(before, after, parts=vector.parts, margin=margin)
    effects = _change(before, after)
    mean = effects.mean(dim=0)
    identity = None
    if bundle.embed is not None:
        pair = (bundle.embed(before.images), bundle.embed(after.images))
        identity = float(torch.nn.functional.cosine_similarity(*pair, dim=1).mean())
    leaks = {1.0: outside}
    for strength in others:
        seen = look(apply(probes, [(vector, strength)]))
        leaks[strength] = _locality(before, seen, parts=vector.parts, margin=margin)[1]
    ladder = torch.stack([strength * vector.offset.to(probes) for strength in strengths])
    return Card(
        strengths=tuple(strengths),
        strips=torch.stack([bundle.render(probe + ladder) for probe in probes[:num_strips]]),
        num_probes=len(probes),
        locality=inside_share,
        outside_change=outside,
        identity=identity,
        success=_success(vector, effects, bundle),
        effects={
            part.name: PartEffect(*mean[part.id].tolist())
            for part in bundle.schema.parts
            if part.id in vector.parts or abs(float(mean[part.id, 0])) > 5e-4
        },
        valid_range=(
            min((s for s in leaks if _reaches(leaks, s)), default=0.0),
            max((s for s in leaks if _reaches(leaks, s)), default=0.0),
        ),
        norm=vector.norm,
    )


def with_card(vector: EditVector, card: Card) -> EditVector:
    """Return the vector with the measured figures written on its card."""
    measured = card.to_json()
    more = {"calibration": measured, "valid_range": measured["valid_range"]}
    return EditVector(vector.offset, vector.parts, {**vector.card, **more})


def signature(effects: Mapping[str, PartEffect], names: Sequence[str]) -> list[float]:
    """Return a fixed-length description for search: area, dx, dy per part, length one."""
    nothing = PartEffect(0.0, 0.0, 0.0)
    values: list[float] = []
    for name in names:
        effect = effects.get(name, nothing)
        # Areas are shares of the picture and small; the root brings them near movements.
        area = math.copysign(math.sqrt(abs(effect.area)), effect.area)
        values += [area, effect.dx, effect.dy]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Codes looked at: pictures, label maps, part areas (N, K) and centres (N, K, 2).

    Areas are shares of the picture and centres shares of its side, (x, y), both from the
    branch's probabilities, not its winners, so that less than a pixel counts.
    """

    images: Tensor
    labels: Tensor
    areas: Tensor
    centers: Tensor


@torch.no_grad()
def _look(
    bundle: "Bundle", w_plus: Tensor, *, then: Callable[[], None] = lambda: None
) -> _Seen:
    parts = []
    for codes in w_plus.split(CHUNK):
        parts.append(_look_at(bundle, codes))
        then()
    return _Seen(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _look_at(bundle: "Bundle", w_plus: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rendering = bundle.generator.synthesis(w_plus, with_taps=True)
    assert rendering.taps is not None
    logits = bundle.branch.logits(rendering.taps, size=bundle.label_size)
    shares = logits.softmax(dim=1)
    ticks = (torch.arange(bundle.label_size).to(shares) + 0.5) / bundle.label_size
    total = shares.sum(dim=(2, 3)).clamp(min=1e-6)
    x = (shares.sum(dim=2) * ticks).sum(dim=2) / total
    y = (shares.sum(dim=3) * ticks).sum(dim=2) / total
    labels = logits.argmax(dim=1).to(torch.uint8)
    return rendering.image, labels, shares.mean(dim=(2, 3)), torch.stack([x, y], dim=2)


def _change(before: _Seen, after: _Seen) -> Tensor:
    """Return per picture and part (N, K, 3): change of area, dx and dy.

    A part absent before or after has no movement.
    """
    stays = ((before.areas > 2e-4) & (after.areas > 2e-4)).unsqueeze(2)
    moved = (after.centers - before.centers) * stays
    return torch.cat([(after.areas - before.areas).unsqueeze(2), moved], dim=2).cpu()


def _success(vector: EditVector, effects: Tensor, bundle: "Bundle") -> float:
    """Return the share of probes whose parts change in the learned direction."""
    ids = sorted(vector.parts) or list(range(effects.shape[1]))
    seen = effects[:, ids].flatten(1)
    learned = vector.card.get("learned_effect")
    if learned:
        names = [bundle.schema.parts[i].name for i in ids]
        wanted = torch.tensor([learned.get(name, [0.0, 0.0, 0.0]) for name in names])
        direction = wanted.flatten().expand_as(seen)
    else:
        # Nobody recorded what was meant: each probe is compared with the others.
        direction = seen.sum(dim=0) - seen
    return float(((seen * direction).sum(dim=1) > 0).float().mean())


def _locality(
    before: _Seen, after: _Seen, *, parts: frozenset[int], margin: int
) -> tuple[float, float]:
    """Return (share of change inside the region, mean change outside as share of range)."""
    pairs = zip(before.labels.split(1), after.labels.split(1), strict=True)
    inside = torch.cat([_region_or_nothing(*pair, parts, margin) for pair in pairs])
    size = before.images.shape[-2:]
    grown = torch.nn.functional.interpolate(inside[:, None].float(), size=size)
    rest = 1 - grown
    change = after.images.clamp(-1, 1) - before.images.clamp(-1, 1)
    change = change.abs().mean(dim=1, keepdim=True) / 2
    outside = (change * rest).sum(dim=(1, 2, 3)) / rest.sum(dim=(1, 2, 3)).clamp(min=1)
    share = (change * grown).sum() / change.sum().clamp(min=1e-9)
    return float(share), float(outside.mean())


def _region_or_nothing(
    before: Tensor, after: Tensor, parts: frozenset[int], margin: int
) -> Tensor:
    shown = set(before.unique().tolist()) | set(after.unique().tolist())
    if not parts & shown:
        return torch.zeros_like(before, dtype=torch.bool)
    return region_of_interest(before, after, parts=parts & shown, margin=margin).mask


def _reaches(leaks: Mapping[float, float], strength: float) -> bool:
    """Return whether all strengths from 0 to this one stay within the limit."""
    between = [s for s in leaks if 0 < s / strength <= 1]
    return all(leaks[s] <= OUTSIDE_LIMIT for s in between)


def _model(bundle: "Bundle") -> dict[str, Any]:
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


def _named(bundle: "Bundle", parts: frozenset[int]) -> list[dict[str, Any]]:
    return [{"id": i, "name": bundle.schema.parts[i].name} for i in sorted(parts)]


def _derived(vectors: Sequence[EditVector], strengths: Sequence[float]) -> dict[str, Any]:
    first = vectors[0].card
    card: dict[str, Any] = {key: first[key] for key in ("model", "space") if key in first}
    parents = [
        {"content_hash": vector.content_hash, "strength": strength}
        for vector, strength in zip(vectors, strengths, strict=True)
    ]
    return {**card, "lineage": {"parents": parents}, "learned_from": {"how": "combine"}}


def _offset_bytes(offset: Tensor) -> bytes:
    return offset.detach().float().cpu().contiguous().numpy().astype("<f4").tobytes()
