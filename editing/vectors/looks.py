"""What is to be seen in the pictures of some codes: parts, their areas and their places?

Letters: N pictures, L layers of `w_plus`, K parts, R picture side, H label-map side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from editing.bundle import Bundle

# Pictures looked at in one go. One by one costs no time, and lets others through in between.
CHUNK = 1
# A part that covers less of the picture, three pixels in 128 x 128, is not there.
PRESENT = 2e-4
# Where less than this share of the larger area is left, a part comes or goes and does not move.
STAYING = 0.25


@dataclass(frozen=True, slots=True)
class Seen:
    """Codes looked at: pictures (N, 3, R, R), label maps uint8 (N, H, H), parts' areas (N, K)
    and centres (N, K, 2).

    Areas are shares of the picture and centres shares of its side, (x, y), both from the
    branch's probabilities, not its winners, so that less than a pixel counts.
    """

    images: Tensor
    labels: Tensor
    areas: Tensor
    centers: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def shows(self, part: int) -> Tensor:
        """Return bool (N): whose label map has the part; a trace of doubt is not enough."""
        return self.label_area(part) > PRESENT

    def label_area(self, part: int) -> Tensor:
        """Return the share (N,) of the label map that a part wins."""
        return (self.labels == part).float().mean(dim=(1, 2))

    def __getitem__(self, index: slice) -> "Seen":
        columns = (self.images, self.labels, self.areas, self.centers)
        return Seen(*(column[index] for column in columns))


@torch.no_grad()
def look(bundle: "Bundle", w_plus: Tensor, *, then: Callable[[], None] = lambda: None) -> Seen:
    """Return what codes (N, L, w_dim) show; `then` is called after each picture."""
    parts = []
    for codes in w_plus.split(CHUNK):
        parts.append(_look_at(bundle, codes))
        then()
    return Seen(*(torch.cat(column) for column in zip(*parts, strict=True)))


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


def change(before: Seen, after: Seen) -> Tensor:
    """Return per picture and part (N, K, 3): change of area, dx and dy.

    A part that comes or goes has no movement.
    """
    # By the label maps: the doubt about a part that is not there has a centre, too.
    parts = range(before.areas.shape[1])
    areas = [
        torch.stack([seen.label_area(part) for part in parts], dim=1)
        for seen in (before, after)
    ]
    smaller, larger = torch.minimum(*areas), torch.maximum(*areas)
    stays = (smaller > PRESENT) & (smaller > STAYING * larger)
    moved = (after.centers - before.centers) * stays.unsqueeze(2)
    return torch.cat([(after.areas - before.areas).unsqueeze(2), moved], dim=2).cpu()
