"""Which edit vectors does a new bundle start with? Those that painting makes, and measure.

For every painting rule of a family a few pictures of a fixed list are segmented, repainted by
the rule and edited along the product's own path: region, optimization, vector. Each is edited
in two ways, with the offset free and with part of it bound to the generator's mapping: the
first suits a smile, the second a hat. Both leave the finest layers alone, which set colours;
where neither gives a good vector, both are tried on all layers. Each candidate is
looked at on the probe pictures, and where the family says what a rule means, the bundle's
regressor is asked whether it is to be seen: a haze over the roof is no open car. The best one
of each rule is measured at every strength and kept if it passes the limits, and the others are
listed with the reason. Anyone can run it again.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from editing import families, images, optimize, presets, vectors
from editing.bundle import Bundle, load_bundle
from editing.errors import EditingError
from editing.families.family import Family, PaintingRule
from editing.optimize import OptimizeOptions
from editing.region import Region, edit_region
from editing.vectors import Baseline, Card, EditVector
from editing.vectors.vector import named_parts, touched_layers

# That of the code, which drew and painted everything they were learned from.
LICENSE = "Apache-2.0"


# The finest third of the layers is left alone where that suffices.
COARSE = 0.67
# Fewer repainted pixels than this are no painting.
MIN_PIXELS = 5


def ways(*, steps: int = 60, layer_share: float = COARSE) -> tuple[OptimizeOptions, ...]:
    """Return the ways in which a painting is tried: bound to the mapping in part, and free."""
    return (
        OptimizeOptions(
            steps=steps + steps // 3,
            learning_rate=0.02,
            mapping_rate=0.3,
            layer_share=layer_share,
        ),
        OptimizeOptions(steps=steps, layer_share=layer_share),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a vector must reach to be kept, and how hard the script tries.

    Args:
        agreement: share of the region's pixels that follow the painting, on the source.
        success: share of the probes asked on which the parts change in the painted direction.
        transfer: size of that change on those probes, as a share of that on the source.
        outside_change: mean absolute change outside the region, as a share of the range.
        strangeness: how much worse than unedited probes the encoder may give back those at
            strength 2, as a share of its error on the unedited. What it has never seen the
            like of (blue hair, half a hat) it cannot give back.
        read: share of the probes on which the regressor must find what the rule means. It
            names the nearest option, which for a full beard may be a goatee, so little is
            asked; what it finds nowhere is not there.
        ways: how each painting is optimized.
        last_resorts: how it is optimized if no way gave a vector that passes.
        num_sources: pictures tried for each rule.
    """

    agreement: float = 0.75
    success: float = 0.8
    transfer: float = 0.35
    outside_change: float = 0.03
    strangeness: float = 1.5
    read: float = 0.05
    ways: tuple[OptimizeOptions, ...] = field(default_factory=ways)
    last_resorts: tuple[OptimizeOptions, ...] = field(
        default_factory=lambda: ways(layer_share=1.0)
    )
    num_sources: int = 2


@dataclass(frozen=True)
class Candidate:
    """One painting of one picture, carried through; `card` is of strength 1 alone.

    `read` is the share of the probes in which the regressor finds what the rule means, of
    those in which it did not before; None where that cannot be asked.
    """

    rule: str
    source: int
    vector: EditVector
    card: Card
    agreement: float
    transfer: float
    strangeness: float
    read: float | None = None

    @property
    def score(self) -> float:
        """Return how good a library entry it makes; higher is better.

        That it works on other pictures counts most, for the branch and for the regressor: an
        entry is for them.
        """
        clean = 1 - min(1.0, self.card.outside_change / 0.03)
        moves = min(self.transfer, 1.0) + 3 * self.card.success + self.agreement
        moves += 3 * (self.read or 0.0)
        return moves + 0.5 * clean - 0.5 * max(self.strangeness, 0.0)

    def is_convincing(self, limits: Limits) -> bool:
        """Return whether it is so good that trying further pictures is not worth it."""
        return (
            self.failure(limits) is None
            and self.card.success > 0.95
            and self.transfer > 0.7
            and self.card.outside_change < limits.outside_change / 2
            and self.strangeness < limits.strangeness / 5
            and (self.read is None or self.read > 0.8)
        )

    def failure(self, limits: Limits) -> str | None:
        """Return why it is not good enough, or None."""
        checks = [
            ("agreement", self.agreement, limits.agreement),
            ("success", self.card.success, limits.success),
            ("transfer", self.transfer, limits.transfer),
        ]
        if self.read is not None:
            checks.append(("read", self.read, limits.read))
        for name, value, least in checks:
            if value < least:
                return f"{name} {value:.2f} is below {least:.2f}"
        if self.card.outside_change > limits.outside_change:
            change = self.card.outside_change
            return f"outside change {change:.3f} is above {limits.outside_change:.3f}"
        if self.strangeness > limits.strangeness:
            return f"strangeness {self.strangeness:.2f} is above {limits.strangeness:.2f}"
        return None


def sources(bundle: Bundle, family: Family, *, num: int = 48, seed: int = 2024) -> Tensor:
    """Return the codes (num, L, w_dim) of the fixed list of pictures that are painted on."""
    factors = family.factors.sample(num, torch.Generator().manual_seed(seed))
    code = family.factors.encode(factors).to(bundle.device)
    with torch.no_grad():
        return bundle.generator.broadcast(bundle.generator.map(code)).clone()


def candidates(
    bundle: Bundle,
    family: Family,
    name: str,
    *,
    codes: Tensor,
    labels: Tensor,
    limits: Limits,
    baseline: Baseline | None = None,
) -> Iterator[Candidate]:
    """Yield the rule's edits of a few pictures on which it can be painted, way by way.

    Ends early with one that leaves nothing to wish for. `baseline` is what the probes show
    unedited; it spares looking again for every candidate.

    `labels` (n, H, H) are the predicted label maps of `codes` (n, L, w_dim).
    """
    baseline = baseline or vectors.baseline(bundle)
    paintings = telling_paintings(bundle, family.painting_rules[name], labels)
    has_passed = False
    for tried in (limits.ways, limits.last_resorts):
        for source, after, region in paintings[: limits.num_sources]:
            for options in tried:
                candidate = _carry_out(
                    bundle,
                    name,
                    source,
                    codes[source][None],
                    after,
                    region,
                    options,
                    baseline,
                    family,
                )
                yield candidate
                if candidate.is_convincing(limits):
                    return
                has_passed = has_passed or candidate.failure(limits) is None
        if has_passed:
            return


def telling_paintings(
    bundle: Bundle, rule: PaintingRule, labels: Tensor
) -> list[tuple[int, Tensor, Region]]:
    """Return what the rule paints on which of the label maps (n, H, H), the most telling first.

    Those come first that show the painted part well: a quarter of the pictures show more of
    it, and the very largest would be the odd ones.
    """
    found: list[tuple[int, int, Tensor, Region]] = []
    for source, before in enumerate(labels):
        try:
            after = rule(before.cpu(), bundle.schema).to(before.device)
            region = edit_region(before[None], after[None], background=bundle.background)
        except EditingError:
            continue  # The picture has nothing that the rule could act on.
        pixels = int((after != before).sum())
        if pixels >= MIN_PIXELS:
            found.append((pixels, source, after, region))
    found.sort(key=lambda painting: -painting[0])
    first = len(found) // 4
    return [painting[1:] for painting in found[first:] + found[:first]]


def _carry_out(
    bundle: Bundle,
    name: str,
    source: int,
    code: Tensor,
    after: Tensor,
    region: Region,
    options: OptimizeOptions,
    baseline: Baseline,
    family: Family,
) -> Candidate:
    best = optimize.best(
        optimize.run(bundle, code, after[None], region=region, options=options)
    )
    vector = vectors.make(
        bundle,
        code,
        best.w_plus,
        parts=region.parts,
        title=name.replace("_", " ").capitalize(),
        license=LICENSE,
        learned_from={
            "how": "optimize",
            "painting_rule": name,
            "source": source,
            "extractor": bundle.perceptual.name,
            "agreement": round(best.agreement, 4),
            "preset": presets.OURS.name,
            **asdict(options),
        },
    )
    card = vectors.measure(bundle, vector, num_strips=1, strengths=(0.0, 1.0), before=baseline)
    return Candidate(
        rule=name,
        source=source,
        vector=vector,
        card=card,
        agreement=best.agreement,
        transfer=_transfer(vector, card),
        strangeness=_strangeness(bundle, vector, baseline),
        read=_read(bundle, family, name, vector, baseline),
    )


@torch.no_grad()
def _strangeness(bundle: Bundle, vector: EditVector, baseline: Baseline) -> float:
    """Return `Limits.strangeness` of a vector; 0 in a bundle without encoder."""
    if bundle.encoder is None:
        return 0.0
    half = baseline.every_second()
    before, after = (
        _lost(bundle, images)
        for images in (
            half.seen.images,
            bundle.render(vectors.apply(half.probes, [(vector, 2.0)])),
        )
    )
    return after / max(before, 1e-6) - 1


@torch.no_grad()
def _read(
    bundle: Bundle, family: Family, rule: str, vector: EditVector, baseline: Baseline
) -> float | None:
    """Return `Candidate.read`."""
    meaning = family.meanings.get(rule)
    if meaning is None or bundle.regressor is None:
        return None
    edited = bundle.render(vectors.apply(baseline.probes, [(vector, 1.0)]))
    before, after = (
        family.factors.is_option(bundle.regressor.code(images.clamp(-1, 1)), *meaning)
        for images in (baseline.seen.images, edited)
    )
    return float(after[~before].float().mean()) if not before.all() else None


def _lost(bundle: Bundle, pictures: Tensor) -> float:
    """Return how far pictures lie from what the encoder makes of them: a mean difference."""
    assert bundle.encoder is not None
    pictures = pictures.clamp(-1, 1)
    again = torch.cat([bundle.render(bundle.encoder(each)) for each in pictures.split(8)])
    return float((again - pictures).abs().mean())


def _transfer(vector: EditVector, card: Card) -> float:
    """Return the mean change along the learned one of the probes asked, as a share of it."""
    along = learned = 0.0
    for name, wanted in vector.card["learned_effect"].items():
        effect = card.effects[name]
        seen = (effect.area, effect.dx, effect.dy)
        along += sum(a * b for a, b in zip(seen, wanted, strict=True))
        learned += sum(b * b for b in wanted)
    # Effects are means over all probes; those not asked have nothing to lose.
    return along / max(learned, 1e-12) * card.num_probes / max(card.num_asked, 1)


def measured_anew(bundle: Bundle, vector: EditVector, *, baseline: Baseline) -> EditVector:
    """Return a vector of the bundle with the same offset and today's card.

    Raises:
        OtherModelError, OtherFamilyError: it was made with another generator.
    """
    vectors.check(bundle, vector)
    card = {
        **vector.card,
        **touched_layers(vector.offset),
        "parts": named_parts(bundle, vector.parts),
        "part_schema_version": bundle.schema.version,
        "license": vector.card.get("license", LICENSE),
    }
    plain = EditVector(vector.offset, vector.parts, card)
    return vectors.with_card(
        plain, vectors.measure(bundle, plain, num_strips=1, before=baseline)
    )


def sheet(
    bundle: Bundle, found: Sequence[EditVector], codes: Tensor, *, num_shown: int = 2
) -> bytes:
    """Return a PNG: every vector at -2..2 on those of `codes` (n, L, w_dim) it changes most."""
    rows = []
    for vector in found:
        ladder = _ladder(vector, codes)
        shown = _most_changed(bundle, vector, codes, num_shown)
        rows.append([picture for code in shown for picture in bundle.render(code + ladder)])
    columns = [f"{strength:+g}" for strength in vectors.STRENGTHS] * num_shown
    labels = [str(vector.card.get("title", "")) for vector in found]
    stream = io.BytesIO()
    picture = images.sheet(rows, labels=labels, columns=columns, cell=80)
    # A palette is enough to look at, and a third of the bytes in the repository.
    picture.quantize(256).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def strips(bundle: Bundle, vector: EditVector, *, num_probes: int = 4) -> bytes:
    """Return a WebP of probe pictures with `vector`: a row each, a column per strength.

    The pictures are R x R and touch one another, so that a reader can cut them apart. The
    probe on which strength 1 shows most comes first: a beard is best removed where one is.
    """
    ladder = _ladder(vector, bundle.probes)
    shown = _most_changed(bundle, vector, bundle.probes, num_probes)
    rows = [torch.cat(tuple(bundle.render(probe + ladder)), dim=2) for probe in shown]
    stream = io.BytesIO()
    with Image.open(io.BytesIO(images.to_png_bytes(torch.cat(rows, dim=1)))) as picture:
        picture.save(stream, format="WEBP", quality=95, method=6)
    return stream.getvalue()


def _ladder(vector: EditVector, codes: Tensor) -> Tensor:
    """Return the vector at every strength, (S, L, w_dim), like `codes`."""
    offset = vector.offset.to(codes)
    return torch.stack([strength * offset for strength in vectors.STRENGTHS])


def _most_changed(bundle: Bundle, vector: EditVector, codes: Tensor, num: int) -> Tensor:
    """Return those `num` of `codes` (n, L, w_dim) whose pictures strength 1 changes most."""
    change = bundle.render(codes + vector.offset.to(codes)) - bundle.render(codes)
    return codes[change.abs().mean(dim=(1, 2, 3)).topk(num).indices]


@click.command(name="vectors")
@click.argument("family", type=click.Choice(families.names()), default="portraits")
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the bundle, whose vectors are replaced.",
)
@click.option("--only", multiple=True, help="Only this painting rule. Repeatable.")
@click.option("--steps", default=60, show_default=True, type=click.IntRange(1, 1000))
@click.option("--sources", "num_sources", default=2, show_default=True)
@click.option(
    "--sheet",
    "sheet_path",
    type=click.Path(path_type=Path),
    help="Default docs/families/<family>/vectors-<size>.png.",
)
@click.option("--measure-only", is_flag=True, help="Only renew the cards of those there are.")
def vectors_command(
    family: str,
    bundle_path: Path,
    measure_only: bool,
    only: tuple[str, ...],
    steps: int,
    num_sources: int,
    sheet_path: Path | None,
) -> None:
    """Make the edit vectors that come with a bundle, by painting."""
    painted = families.get(family)
    bundle = load_bundle(bundle_path)
    assert bundle.path is not None
    folder = bundle.path / "vectors"
    folder.mkdir(exist_ok=True)
    baseline = vectors.baseline(bundle)
    if measure_only:
        for name, vector in tqdm(bundle.vectors().items(), desc="measure", unit="vector"):
            renewed = measured_anew(bundle, vector, baseline=baseline)
            vectors.save(renewed, folder / f"{name}.safetensors")
            tqdm.write(json.dumps({"name": name, **_headline(renewed)}))
        return
    limits = Limits(
        ways=ways(steps=steps),
        last_resorts=ways(steps=steps, layer_share=1.0),
        num_sources=num_sources,
    )
    codes = sources(bundle, painted)
    labels = torch.cat([bundle.segment(part) for part in codes.split(16)])
    failed: dict[str, str] = {}
    names = only or tuple(painted.painting_rules)
    for name in tqdm(names, desc="vectors", unit="rule"):
        tried = list(
            candidates(
                bundle,
                painted,
                name,
                codes=codes,
                labels=labels,
                limits=limits,
                baseline=baseline,
            )
        )
        # One that passes beats one that merely scores well.
        tried.sort(key=lambda c: (c.failure(limits) is None, c.score), reverse=True)
        target = folder / f"{name}.safetensors"
        reason = tried[0].failure(limits) if tried else "no picture to paint it on"
        if reason is None:
            kept = measured_anew(bundle, tried[0].vector, baseline=baseline)
            vectors.save(kept, target)
        else:
            failed[name] = reason
            target.unlink(missing_ok=True)
            target.with_suffix(".strips.webp").unlink(missing_ok=True)
        for candidate in tried:
            tqdm.write(_line(candidate, candidate.failure(limits)))
    for name, vector in bundle.vectors().items():
        (folder / f"{name}.strips.webp").write_bytes(strips(bundle, vector))
    stored = list(bundle.vectors().values())
    if stored:
        name = f"vectors-{bundle.resolution}.png"
        place = sheet_path or Path("docs/families") / family / name
        place.parent.mkdir(parents=True, exist_ok=True)
        samples = list(bundle.samples().values()) if bundle.manifest.samples else []
        codes = torch.stack(samples) if len(samples) > 1 else bundle.probes
        place.write_bytes(sheet(bundle, stored, codes))
        click.echo(f"{len(stored)} vectors in {folder}, shown in {place}")
    for name, reason in failed.items():
        click.echo(f"left out {name}: {reason}")


def _headline(vector: EditVector) -> dict[str, Any]:
    """Return the figures of a card that say whether a vector is any good."""
    names = ("locality", "outside_change", "identity", "success", "additivity")
    measured = vector.card["calibration"]
    return {name: measured[name] for name in names} | {"unit": vector.card["unit"]}


def _line(candidate: Candidate, reason: str | None) -> str:
    figures = {
        "rule": candidate.rule,
        "source": candidate.source,
        "agreement": round(candidate.agreement, 3),
        "success": round(candidate.card.success, 3),
        "transfer": round(candidate.transfer, 3),
        "outside_change": round(candidate.card.outside_change, 4),
        "strangeness": round(candidate.strangeness, 3),
        "mapping_rate": candidate.vector.card["learned_from"]["mapping_rate"],
        "layer_share": candidate.vector.card["learned_from"]["layer_share"],
        "read": None if candidate.read is None else round(candidate.read, 3),
        "locality": round(candidate.card.locality, 3),
        "norm": round(candidate.card.norm, 2),
        "valid_range": candidate.card.valid_range,
    }
    return json.dumps(figures | ({"left_out": reason} if reason else {}))
