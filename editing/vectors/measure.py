"""What does an edit vector do? Measured on the probe pictures of a bundle: its card.

*Locality* is the share of the energy of visible change that lies inside the region: squared
change summed over the pixels that change visibly. Earlier cards took the share of all
absolute change, which says little: a change of one grey level everywhere, which nobody sees,
outweighs a smile of a few hundred pixels, so figures of 5 % and of 84 % looked alike on
screen. What spreads faintly is still reported, as `outside_change` (all of it) and
`visible_outside` (the share of outside pixels in which it shows).

*Success* is asked of the probes that show what the vector takes away. A picture without a
plate says nothing about whether plates come off, and counting it as a failure would leave out
every vector that removes what few pictures have.

Letters: N pictures, n probes, S strengths, L layers, R image side, H label-map side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from editing import effect_signature
from editing.errors import EditingError
from editing.region import default_margin, region_of_interest
from editing.vectors.looks import CHUNK, Seen, change, look
from editing.vectors.vector import (
    EditVector,
    apply,
    compatibility,
    model_of,
    named_parts,
)

if TYPE_CHECKING:
    from editing.bundle import Bundle

STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)
OUTSIDE_LIMIT = 0.06
# A tenth of the range in one channel, or less in all: where people notice.
VISIBLE = 0.04
# A part changes if its area does by more than this share of the picture, on average.
SEEN_AREA = 5e-4
# What a transferred vector must reach.
TRANSFER_SUCCESS = 0.7
TRANSFER_SIMILARITY = 0.6


class TransferError(EditingError):
    """A vector of another model was measured here, and does not do the same."""

    code = "vector.transfer"


@dataclass(frozen=True, slots=True)
class PartEffect:
    """How one part changes: share of the picture gained, and movement as share of a side."""

    area: float
    dx: float
    dy: float


@dataclass(frozen=True, slots=True)
class AtStrength:
    """What the vector does at one strength; see `Card` for the words."""

    strength: float
    outside_change: float
    locality: float
    identity: float | None
    success: float
    num_asked: int


@dataclass(frozen=True)
class Card:
    """What strength 1 does on the probe pictures, and pictures of several strengths.

    Args:
        strengths, strips: pictures (n, S, 3, R, R) of probes at these strengths.
        num_probes: pictures measured at strength 1; at the others every second of them.
        locality: share of the energy of visible change inside the region; 1 if none shows.
        outside_change: mean absolute change outside it, as a share of the range.
        visible_outside: share of the pixels outside it that change visibly.
        identity: mean cosine of who is shown, or None in a bundle that cannot tell.
        success: share of the probes asked on which the vector's parts change in the learned
            direction.
        num_asked: probes that show the part of which the vector takes most away, of those
            measured at strength 1; all of them if none shows it or it takes none away.
        additivity: the effect at strength 2 along twice that at strength 1; 1 adds up
            exactly, less saturates, more runs away. None where strength 1 has no effect or
            2 was not asked for.
        parts: names of the parts that the vector is for.
        effects: mean effect of strength 1 on those, and on every other part whose area
            changes by more than `SEEN_AREA`.
        valid_range: the strengths up to which the change outside stays below 0.06.
        distance_to_w: spread between layers that strength 1 brings into a code of W, in
            units of the family's spread.
        norm: length of the offset.
        by_strength: the same figures at every strength but 0.
        signature: `effect_signature` of strength 1, rounded to four digits.
    """

    strengths: tuple[float, ...]
    strips: Tensor
    num_probes: int
    locality: float
    outside_change: float
    visible_outside: float
    identity: float | None
    success: float
    num_asked: int
    additivity: float | None
    parts: frozenset[str]
    effects: dict[str, PartEffect]
    valid_range: tuple[float, float]
    distance_to_w: float
    norm: float
    by_strength: tuple[AtStrength, ...]
    signature: tuple[float, ...]

    @property
    def side_effects(self) -> tuple[str, ...]:
        """Return the parts that change though the vector is not for them, most first."""
        others = self.effects.keys() - self.parts
        return tuple(sorted(others, key=lambda name: -abs(self.effects[name].area)))

    def to_json(self) -> dict[str, Any]:
        """Return the figures, without pictures and signature, as plain JSON."""
        return {
            "strengths": list(self.strengths),
            "num_probes": self.num_probes,
            "locality": round(self.locality, 4),
            "outside_change": round(self.outside_change, 5),
            "visible_outside": round(self.visible_outside, 5),
            "identity": _rounded(self.identity),
            "success": round(self.success, 4),
            "num_asked": self.num_asked,
            "additivity": _rounded(self.additivity),
            "effects": {
                name: [round(effect.area, 5), round(effect.dx, 5), round(effect.dy, 5)]
                for name, effect in self.effects.items()
            },
            "valid_range": list(self.valid_range),
            "distance_to_w": round(self.distance_to_w, 4),
            "norm": round(self.norm, 4),
            "by_strength": [
                {
                    "strength": at.strength,
                    "outside_change": round(at.outside_change, 5),
                    "locality": round(at.locality, 4),
                    "identity": _rounded(at.identity),
                    "success": round(at.success, 4),
                }
                for at in self.by_strength
            ],
        }


@dataclass(frozen=True)
class Baseline:
    """Probe codes (n, L, w_dim) and what they show unedited: the same for every vector."""

    probes: Tensor
    seen: Seen
    embedding: Tensor | None

    def every_second(self) -> "Baseline":
        """Return half the probes, enough where only a limit or a ratio is wanted."""
        half = slice(None, None, 2)
        embedding = None if self.embedding is None else self.embedding[half]
        return Baseline(self.probes[half], self.seen[half], embedding)


@torch.no_grad()
def baseline(
    bundle: "Bundle", probes: Tensor | None = None, *, then: Callable[[], None] = lambda: None
) -> Baseline:
    """Return what probe codes (n, L, w_dim), by default the bundle's, show before an edit.

    Measuring several vectors needs it once. `then` is called after each picture.
    """
    probes = bundle.probes if probes is None else probes
    seen = look(bundle, probes, then=then)
    return Baseline(probes, seen, _embed(bundle, seen))


@torch.no_grad()
def measure(
    bundle: "Bundle",
    vector: EditVector,
    *,
    probes: Tensor | None = None,
    before: Baseline | None = None,
    strengths: Sequence[float] = STRENGTHS,
    num_strips: int = 4,
    margin: int | None = None,
    on_look: Callable[[int, int], None] | None = None,
) -> Card:
    """Return what the vector does on probe pictures, by default those of the bundle.

    Args:
        probes: codes (n, L, w_dim) to measure on.
        before: what they show unedited, from `baseline`; spares looking again.
        strengths: measured, and shown in the strips.
        num_strips: how many probes the strips show.
        margin: of the region, in label-map pixels; by default that of the family.
        on_look: called after each picture with (looks done, looks in all); raising there
            ends the measurement.

    Raises:
        OtherFamilyError: the vector does not fit the bundle.
    """
    compatibility(bundle, vector)
    if before is not None:
        probes = before.probes
    probes = bundle.probes if probes is None else probes
    margin = default_margin(bundle.label_size) if margin is None else margin
    others = sorted({*strengths} - {0.0, 1.0})
    per_look = len(probes.split(CHUNK))
    per_half = len(probes[::2].split(CHUNK))
    num_looks = (1 if before is not None else 2) * per_look + len(others) * per_half
    num_done = 0

    def looked() -> None:
        nonlocal num_done
        num_done += 1
        if on_look is not None:
            on_look(num_done, num_looks)

    full = before or baseline(bundle, probes, then=looked)
    half = full.every_second()

    def edited(base: Baseline, strength: float) -> Seen:
        return look(bundle, apply(base.probes, [(vector, strength)]), then=looked)

    after = {1.0: edited(full, 1.0)} | {strength: edited(half, strength) for strength in others}
    by_strength = {
        strength: _at(bundle, vector, full if strength == 1.0 else half, seen, strength, margin)
        for strength, seen in after.items()
    }
    effects = change(full.seen, after[1.0])
    mean = effects.mean(dim=0)
    leak = _leak(full.seen, after[1.0], parts=vector.parts, margin=margin)
    at_two = change(half.seen, after[2.0]) if 2.0 in after else None
    ladder = torch.stack([strength * vector.offset.to(probes) for strength in strengths])
    spread = vector.offset - vector.offset.mean(dim=0)
    leaks = {strength: at.outside_change for strength, at in by_strength.items()}
    reached = [strength for strength in leaks if _reaches(leaks, strength)]
    signature = effect_signature.of_edits(
        full.seen.labels.cpu(), after[1.0].labels.cpu(),
        full.seen.images.cpu(), after[1.0].images.cpu(),
    )  # fmt: skip
    return Card(
        strengths=tuple(strengths),
        strips=torch.stack([bundle.render(probe + ladder) for probe in probes[:num_strips]]),
        num_probes=len(probes),
        locality=leak.locality,
        outside_change=leak.outside_change,
        visible_outside=leak.visible_outside,
        identity=by_strength[1.0].identity,
        success=by_strength[1.0].success,
        num_asked=by_strength[1.0].num_asked,
        additivity=_additivity(effects[::2], at_two, vector.parts),
        parts=frozenset(bundle.schema.parts[part].name for part in vector.parts),
        effects={
            part.name: PartEffect(*mean[part.id].tolist())
            for part in bundle.schema.parts
            if part.id in vector.parts or abs(float(mean[part.id, 0])) > SEEN_AREA
        },
        valid_range=(min(reached, default=0.0), max(reached, default=0.0)),
        distance_to_w=float(spread.square().mean().sqrt()) / max(bundle.w_spread, 1e-9),
        norm=vector.norm,
        by_strength=tuple(by_strength[strength] for strength in sorted(by_strength)),
        signature=tuple(round(float(value), 4) for value in signature),
    )


def with_card(vector: EditVector, card: Card) -> EditVector:
    """Return the vector with the measured figures written on its card."""
    measured = card.to_json()
    more = {
        "calibration": measured,
        "side_effects": list(card.side_effects),
        "valid_range": measured["valid_range"],
        "unit": unit({**vector.card, "calibration": measured}),
        "unit_norm": measured["norm"],
        "signature": {"layout": effect_signature.LAYOUT, "values": list(card.signature)},
    }
    return EditVector(vector.offset, vector.parts, {**vector.card, **more})


def transfer(
    bundle: "Bundle",
    vector: EditVector,
    *,
    before: Baseline | None = None,
    on_look: Callable[[int, int], None] | None = None,
) -> tuple[EditVector, Card]:
    """Return a vector of another generator as one of this bundle, with what it does here.

    Nothing is converted: the offset is added as it is and the effect measured anew. It is
    let through if at least 70 % of the probes change in the learned direction, if the change
    outside stays within the limit, and, where the old card has a signature, if old and new
    effect have a cosine of at least 0.6 (those of unrelated vectors stay below).

    Raises:
        TransferError: it does something else here; names the figures.
        OtherFamilyError: another family or shape; there is nothing to measure.
    """
    card = measure(bundle, vector, before=before, on_look=on_look)
    found = {"success": round(card.success, 3), "outside_change": round(card.outside_change, 4)}
    failed = []
    if card.success < TRANSFER_SUCCESS:
        failed.append(f"success {card.success:.2f} is below {TRANSFER_SUCCESS:.2f}")
    if card.outside_change > OUTSIDE_LIMIT:
        failed.append(f"outside change {card.outside_change:.3f} is above {OUTSIDE_LIMIT}")
    known = vector.card.get("signature") or {}
    if known.get("layout") == effect_signature.LAYOUT:
        alike = effect_signature.similarity(known["values"], card.signature)
        found["similarity"] = round(alike, 3)
        if alike < TRANSFER_SIMILARITY:
            failed.append(f"similarity of effect {alike:.2f} is below {TRANSFER_SIMILARITY}")
    if failed:
        raise TransferError(
            f"made with generator {vector.fingerprint or 'unknown'}; with that of "
            f"{bundle.name}, {bundle.fingerprint}, it does something else: {'; '.join(failed)}"
        )
    parent = {"content_hash": vector.content_hash, "strength": 1.0}
    here = {
        **vector.card,
        "model": model_of(bundle),
        "parts": named_parts(bundle, vector.parts),
        "lineage": {
            "operation": "transfer",
            "parents": [parent | ({"title": vector.title} if vector.title else {})],
            "from_fingerprint": vector.fingerprint,
            "check": found,
        },
    }
    return with_card(EditVector(vector.offset, vector.parts, here), card), card


@dataclass(frozen=True, slots=True)
class _Leak:
    locality: float
    outside_change: float
    visible_outside: float


def _leak(before: Seen, after: Seen, *, parts: frozenset[int], margin: int) -> _Leak:
    """Return how much of the change lies outside the region of the vector's parts."""
    pairs = zip(before.labels.split(1), after.labels.split(1), strict=True)
    inside = torch.cat([_region_or_nothing(*pair, parts, margin) for pair in pairs])
    size = before.images.shape[-2:]
    grown = F.interpolate(inside[:, None].float(), size=size)
    rest = 1 - grown
    difference = after.images.clamp(-1, 1) - before.images.clamp(-1, 1)
    seen = difference.abs().mean(dim=1, keepdim=True) / 2
    num_outside = rest.sum(dim=(1, 2, 3)).clamp(min=1)
    visible = (seen > VISIBLE).to(seen)
    energy = seen.square() * visible
    total = float(energy.sum())
    return _Leak(
        locality=float((energy * grown).sum()) / total if total > 0 else 1.0,
        outside_change=float(((seen * rest).sum(dim=(1, 2, 3)) / num_outside).mean()),
        visible_outside=float(((visible * rest).sum(dim=(1, 2, 3)) / num_outside).mean()),
    )


def _at(
    bundle: "Bundle",
    vector: EditVector,
    base: Baseline,
    seen: Seen,
    strength: float,
    margin: int,
) -> AtStrength:
    leak = _leak(base.seen, seen, parts=vector.parts, margin=margin)
    identity = None
    if base.embedding is not None:
        embedding = _embed(bundle, seen)
        assert embedding is not None
        identity = float(F.cosine_similarity(base.embedding, embedding, dim=1).mean())
    sign = 1.0 if strength > 0 else -1.0
    works = _works(vector, sign, base.seen, seen, bundle)
    return AtStrength(
        strength=strength,
        outside_change=leak.outside_change,
        locality=leak.locality,
        identity=identity,
        success=float(works.float().mean()),
        num_asked=len(works),
    )


def _embed(bundle: "Bundle", seen: Seen) -> Tensor | None:
    if bundle.embed is None:
        return None
    return torch.cat([bundle.embed(image) for image in seen.images.split(CHUNK)])


def _works(
    vector: EditVector, sign: float, before: Seen, after: Seen, bundle: "Bundle"
) -> Tensor:
    """Return of each probe asked whether its parts change in the learned direction, (n,).

    `sign` is that of the strength: a vector turned round adds what it took away.
    """
    effects = sign * change(before, after)
    ids = sorted(vector.parts) or list(range(effects.shape[1]))
    seen = effects[:, ids].flatten(1)
    learned = vector.card.get("learned_effect")
    if not learned:
        # Nobody recorded what was meant: each probe is compared with the others.
        return (seen * (seen.sum(dim=0) - seen)).sum(dim=1) > 0
    names = [bundle.schema.parts[i].name for i in ids]
    wanted = torch.tensor([learned.get(name, [0.0, 0.0, 0.0]) for name in names])
    right = (seen * wanted.flatten()).sum(dim=1) > 0
    loses = int((sign * wanted[:, 0]).argmin())
    shown = before.shows(ids[loses]).cpu()
    asked = shown if sign * wanted[loses, 0] < 0 and shown.any() else torch.ones_like(shown)
    return right[asked]


def _additivity(one: Tensor, two: Tensor | None, parts: frozenset[int]) -> float | None:
    """Return the mean effect of strength 2 (n, K, 3) along twice that of strength 1."""
    if two is None:
        return None
    ids = sorted(parts) or list(range(one.shape[1]))
    twice = 2 * one.mean(dim=0)[ids].flatten()
    length = float(twice.square().sum())
    return float(two.mean(dim=0)[ids].flatten() @ twice) / length if length > 1e-12 else None


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


def unit(card: Mapping[str, Any]) -> str:
    """Return in words what strength 1 does, from a card's `calibration` and `parts`.

    Of the parts that the vector is for, the one that grows or shrinks most speaks.
    """
    effects = card["calibration"]["effects"]
    own = {part["name"] for part in card.get("parts", ())} & set(effects)
    if not effects:
        return "strength 1 changes no part"
    name = max(own or effects, key=lambda part: abs(effects[part][0]))
    area, dx, dy = (100 * value for value in effects[name])
    return (
        f"strength 1 changes {name} by {area:+.2f} % of the picture and moves it "
        f"{abs(dx):.2f} % {'right' if dx > 0 else 'left'}, {abs(dy):.2f} % "
        f"{'down' if dy > 0 else 'up'}"
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
