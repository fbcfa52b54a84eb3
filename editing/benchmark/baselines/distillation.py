"""StyleGAN2-Distillation: can a plain image-to-image network learn what a direction does?

A direction of W makes pairs of generated pictures, before and after; pairs in which the
attribute did not change as wanted, or something else did, are thrown out; a pix2pixHD-like
network learns to go from one to the other, and needs no inversion afterwards.

Source: Viazovetskyi et al. 2020 (StyleGAN2 Distillation), sections 3.1 and 3.2. The
direction is the difference between the classes' mean codes, as there. Ours: the network
adds to its input, which at this size and training time keeps more of the picture than
drawing it anew.

Letters: N pairs, R picture side, D = w_dim.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from editing.benchmark.baselines import translation
from editing.benchmark.baselines.interfacegan import extremes
from editing.benchmark.baselines.translation import TranslationOptions, Translator
from editing.losses import Perceptual
from editing.training.run import Progress, Run

OPTIONS = TranslationOptions(batch=8)


@dataclass(frozen=True)
class Pairs:
    """Generated pictures before and after, uint8 (N, 3, R, R)."""

    before: Tensor
    after: Tensor

    def __len__(self) -> int:
        return len(self.before)


class Distilled(nn.Module):
    """Adds the smile to pictures (N, 3, R, R) in [-1, 1]."""

    def __init__(self, *, width: int = 24, num_blocks: int = 4) -> None:
        super().__init__()
        self.change = Translator(3, width=width, num_blocks=num_blocks)
        nn.init.zeros_(self.change.leave.weight)
        if self.change.leave.bias is not None:
            nn.init.zeros_(self.change.leave.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Return the pictures after the edit."""
        changed: Tensor = image + self.change(image)
        return changed


def direction(codes: Tensor, score: Tensor, *, share: float = 0.2) -> Tensor:
    """Return the way (D,) from the mean code of the lowest scores (N,) to the highest's."""
    low, high = extremes(score, share)
    return codes[high].mean(dim=0) - codes[low].mean(dim=0)


def is_good_pair(before: Tensor, after: Tensor, *, level: float, others: Tensor) -> Tensor:
    """Return which pairs (N,) flip the attribute and keep the rest.

    `before` and `after` are the attribute's readings, to lie below and above `level`;
    `others` (N,) is the largest change of any other reading, of which the worst fifth goes.
    """
    flips = (before < level) & (after > level)
    return flips & (others <= others.quantile(0.8))


def train(
    network: Distilled,
    pairs: Pairs,
    perceptual: Perceptual,
    run: Run,
    options: TranslationOptions = OPTIONS,
) -> Iterator[Progress]:
    """Train the network on the pairs; see `translation.train`."""

    def turn(
        module: nn.Module, random: torch.Generator
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        rows = torch.randint(len(pairs), (options.batch,), generator=random)
        before, after = (
            (pictures[rows].float() - 127.5) / 127.5 for pictures in (pairs.before, pairs.after)
        )
        return module(before), after, {}

    yield from translation.train(network, turn, perceptual, run, options, stage="distillation")


@torch.no_grad()
def edit(network: Distilled, images: Tensor) -> Tensor:
    """Return the edited pictures (N, 3, R, R)."""
    network.eval()
    return torch.cat([network(part) for part in images.split(16)])
