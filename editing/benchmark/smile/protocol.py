"""Who is asked to smile, how many, and how hard does each method try?

The pictures are renders of fixed seeds that no training sees: people from the least smiling
quarter of their family. Percentiles rather than factor values say who that is, so the same
protocol holds after a renderer has changed.

Shapes: N pictures, R their side.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from editing.bundle import Bundle
from editing.families.factor_space import Continuous, Factors
from editing.families.family import Family

ATTRIBUTE = "smile"
# Neutral people there are; protocols take the first of them, so that inversions are shared.
POOLS = {"test": 400, "tuning": 48}
# Seeds of everything that is drawn: none is used by training, seeding or `portraits`.
SEEDS = {
    "test": 61_001,
    "tuning": 61_002,
    "calibration": 61_003,
    "reading": 61_004,
    "reference": 61_005,
    "floor": 61_006,
    "training": 61_008,
    "masks": 61_009,
}
NEUTRAL = (0.03, 0.25)
SMILING = (0.5, 1.0)
ANY = (0.0, 1.0)
BATCH = 16


@dataclass(frozen=True, slots=True)
class Protocol:
    """How much is measured; the defaults are those of the committed table.

    Args:
        num_test: neutral held-out pictures that every method edits, at most 400.
        num_curve: the first of them, on which strengths and refinements are swept.
        num_tuning: other neutral pictures, on which each method's strength is chosen, at
            most 48.
        num_reference: held-out smiling renders that edits are compared with.
        invert_steps: steps of each inversion, the product's.
        strengths: of the sweeps of vectors; 0 is the inversion itself.
        refinements: numbers of refinement steps read off one run of the largest.
        num_samples: generated pictures that the methods that need attributes learn from.
        num_renders: labelled renders for the method that needs masks.
        train_seconds: training of each image-to-image network, on one core.
        accuracy: what the tuned strength of each method has to reach on tuning pictures.
    """

    num_test: int = 400
    num_curve: int = 100
    num_tuning: int = 48
    num_reference: int = 4000
    invert_steps: int = 100
    strengths: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0)
    refinements: tuple[int, ...] = (10, 30, 60)
    num_samples: int = 4000
    num_renders: int = 4096
    train_seconds: float = 600.0
    accuracy: float = 0.9

    @classmethod
    def quick(cls) -> "Protocol":
        """Return a few minutes' worth: every method and stage, figures only roughly."""
        return cls(
            num_test=24,
            num_curve=8,
            num_tuning=8,
            num_reference=512,
            invert_steps=40,
            strengths=(1.0, 2.0),
            refinements=(10, 30),
            num_samples=512,
            num_renders=512,
            train_seconds=20.0,
        )


def key(bundle: Bundle, family: Family) -> str:
    """Return the name of what is measured: it changes with the bundle and the renderer."""
    probe = family.render(people(family, 2, seed=7, smile=ANY), size=bundle.resolution)
    drawn = (probe.image * 127.5).round().to(torch.int16).numpy().tobytes()
    renderer = hashlib.sha256(drawn).hexdigest()
    return f"{bundle.name}-{bundle.fingerprint[:12]}-{renderer[:8]}"


def people(family: Family, num: int, *, seed: int, smile: tuple[float, float]) -> Factors:
    """Return the factors of `num` people whose smile lies between two percentiles."""
    generator = torch.Generator().manual_seed(seed)
    drawn = family.factors.sample(num, generator)
    low, high = smile
    share = low + (high - low) * torch.rand(num, generator=generator)
    return drawn.replace(**{ATTRIBUTE: _at_percentile(family, share)})


def smiling(family: Family, neutral: Factors) -> Factors:
    """Return the same people with the smile as far above the median as it was below."""
    factor = _factor(family)
    middle = float(_at_percentile(family, torch.tensor([0.5])))
    wanted = (2 * middle - neutral.get(ATTRIBUTE)).clamp(factor.low, factor.high)
    return neutral.replace(**{ATTRIBUTE: wanted})


def median(family: Family) -> float:
    """Return the smile that half of the family exceeds: from there on, people smile."""
    return float(_at_percentile(family, torch.tensor([0.5])))


def draw(family: Family, factors: Factors, *, size: int) -> tuple[Tensor, Tensor]:
    """Return renders (N, 3, R, R) and their label maps uint8 (N, R, R)."""
    pictures, labels = [], []
    for start in range(0, len(factors), BATCH):
        render = family.render(factors[start : start + BATCH], size=size)
        pictures.append(render.image)
        labels.append(render.labels)
    return torch.cat(pictures), torch.cat(labels)


def _at_percentile(family: Family, share: Tensor) -> Tensor:
    return _factor(family).quantile(torch.special.ndtri(share.clamp(1e-6, 1 - 1e-6)))


def _factor(family: Family) -> Continuous:
    factor = family.factors.factor(ATTRIBUTE)
    assert isinstance(factor, Continuous)
    return factor
