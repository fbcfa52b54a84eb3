"""How well did it go? The judge looks at edited pictures; nothing that edits knows it.

The judge is a network that reads factors off pictures, trained apart with a seed and widths
of its own, and part of no loss. A picture smiles when its reading exceeds the threshold that
best tells renders above the family's median smile from those below. Distances of
distributions are between its last hidden features, identity is the cosine between its
readings of what lasts in a face, around the family's mean.

Shapes: N pictures, R their side, D features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from editing import metrics
from editing.benchmark.smile import protocol
from editing.benchmark.smile.protocol import SEEDS, Protocol
from editing.benchmark.smile.store import Store
from editing.bundle import Bundle, BundleError
from editing.families.family import Family
from editing.metrics import Estimate
from editing.regressor import Regressor


@dataclass(frozen=True, slots=True)
class Score:
    """What the judge says of one set of edits.

    `accuracy` is the share that smiles, `smile` the mean reading in standard deviations of
    the family, `fid` and `kid` domain distances to smiling renders, `identity` the mean
    cosine to the pictures as they were before any inversion.
    """

    num: int
    accuracy: float
    smile: float
    fid: float
    kid: Estimate
    identity: float


@dataclass(frozen=True)
class Reading:
    """What a regressor reads off pictures: smile (N,), features (N, D), identity (N, I)."""

    smile: Tensor
    features: Tensor
    identity: Tensor


@dataclass(frozen=True)
class Examiner:
    """The judge with its threshold and what it compares with."""

    judge: Regressor
    column: int
    threshold: float
    reading_accuracy: float
    unrelated_identity: float
    center: Tensor
    reference: Tensor

    def read(self, images: Tensor) -> Reading:
        """Return what the judge reads off pictures (N, 3, R, R), as a viewer sees them."""
        return read(self.judge, self.column, images)

    def score(self, images: Tensor, originals: Tensor) -> Score:
        """Return the score of edits (N, 3, R, R) of the pictures `originals`."""
        seen, before = self.read(images), self.read(originals)
        same = metrics.cosine(seen.identity, before.identity, center=self.center)
        kid = metrics.kernel_distance(
            seen.features,
            self.reference,
            generator=torch.Generator().manual_seed(0),
            subset=min(100, len(images) // 2),
        )
        return Score(
            num=len(images),
            accuracy=float((seen.smile > self.threshold).float().mean()),
            smile=float(seen.smile.mean()),
            fid=metrics.frechet_distance(seen.features, self.reference),
            kid=kid,
            identity=float(same.mean()),
        )


@torch.no_grad()
def read(network: Regressor, column: int, images: Tensor) -> Reading:
    """Return what `network` reads off pictures in bytes, as they would be shown."""
    hidden, codes = [], []
    for part in images.split(64):
        shown = ((part.clamp(-1, 1) * 127.5 + 127.5).round() - 127.5) / 127.5
        embedded = network.embed(shown)
        hidden.append(embedded)
        codes.append(network.code_of(network.out(embedded)))
    code = torch.cat(codes)
    lasting = list(network.config.identity_columns)
    return Reading(code[:, column], torch.cat(hidden), code[:, lasting])


def appoint(bundle: Bundle, family: Family, plan: Protocol, store: Store) -> Examiner:
    """Return the examiner of a bundle, its threshold set on renders.

    Raises:
        BundleError: the bundle has no judge.
    """
    if bundle.judge is None:
        raise BundleError("the bundle has no judge, so nobody can say who smiles")
    judge, column = bundle.judge, family.factors.columns[protocol.ATTRIBUTE].start
    num = plan.num_reference

    def readings(name: str, smile: tuple[float, float], amount: int) -> dict[str, Tensor]:
        factors = protocol.people(family, amount, seed=SEEDS[name], smile=smile)

        def make(rows: slice) -> dict[str, Tensor]:
            images, _ = protocol.draw(family, factors[rows], size=bundle.resolution)
            seen = read(judge, column, images)
            true = factors[rows].get(protocol.ATTRIBUTE)
            return {
                "smile": seen.smile,
                "features": seen.features,
                "identity": seen.identity,
                "true": true,
            }

        return store.keep_chunks(f"judge/{name}-{amount}", amount, make, chunk=256)

    calibration = readings("calibration", protocol.ANY, num // 2)
    held_out = readings("reading", protocol.ANY, num // 2)
    reference = readings("reference", protocol.SMILING, num)
    middle = protocol.median(family)
    threshold = best_threshold(calibration["smile"], calibration["true"] > middle)
    correct = (held_out["smile"] > threshold) == (held_out["true"] > middle)
    center = calibration["identity"].mean(dim=0)
    lasting = held_out["identity"]
    unrelated = metrics.cosine(lasting, lasting.roll(1, dims=0), center=center)
    return Examiner(
        judge=judge,
        column=column,
        threshold=threshold,
        reading_accuracy=float(correct.float().mean()),
        unrelated_identity=float(unrelated.mean()),
        center=center,
        reference=reference["features"],
    )


def best_threshold(readings: Tensor, is_above: Tensor) -> float:
    """Return the number that separates readings (N,) of the two classes with fewest errors."""
    order = readings.argsort()
    above = is_above[order].double()
    # Errors with the cut after the first i readings: what is above before it, below after.
    errors = above.cumsum(0) + (1 - above).sum() - (1 - above).cumsum(0)
    cut = int(errors[:-1].argmin())
    return float((readings[order[cut]] + readings[order[cut + 1]]) / 2)
