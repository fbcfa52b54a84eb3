"""Which pictures are edited? Neutral renders, inverted the way a user's upload is.

Shapes: N pictures, R their side, L layers of `w_plus`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from editing.benchmark.smile import protocol
from editing.benchmark.smile.protocol import POOLS, SEEDS, Protocol
from editing.benchmark.smile.store import Store
from editing.bundle import Bundle
from editing.families.factor_space import Factors
from editing.families.family import Family
from editing.inversion import invert as inversion


@dataclass(frozen=True)
class Pictures:
    """Neutral people: renders (N, 3, R, R), exact label maps (N, R, R), inverted codes."""

    factors: Factors
    images: Tensor
    labels: Tensor
    w_plus: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> "Pictures":
        """Return the chosen pictures."""
        return Pictures(
            self.factors[rows], self.images[rows], self.labels[rows], self.w_plus[rows]
        )


def gather(
    bundle: Bundle, family: Family, plan: Protocol, store: Store, *, which: str
) -> Pictures:
    """Return the "test" or the "tuning" pictures, drawn anew, their inversions kept."""
    num = plan.num_test if which == "test" else plan.num_tuning
    pool = protocol.people(family, POOLS[which], seed=SEEDS[which], smile=protocol.NEUTRAL)
    factors = pool[:num]
    num = len(factors)
    images, labels = protocol.draw(family, factors, size=bundle.resolution)

    def invert(rows: slice) -> dict[str, Tensor]:
        options = inversion.InvertOptions(steps=plan.invert_steps)
        found = images[rows]
        for step in inversion.invert(bundle, images[rows], options=options):
            found = step.best_w_plus
        return {"w_plus": found}

    codes = store.keep_chunks(f"inversions/{which}-{plan.invert_steps}-steps", num, invert)
    return Pictures(factors, images, labels, codes["w_plus"])


def render(bundle: Bundle, w_plus: Tensor) -> Tensor:
    """Return the pictures (N, 3, R, R) of codes, some at a time."""
    return torch.cat([bundle.render(part) for part in w_plus.split(protocol.BATCH)])
