"""Region of interest: the pixels an edit may change.

An edit is a pair of label maps, the image's own and the one a user painted. A pixel
may change if an edited part covers it before *or* after, so a part can both grow and
retreat; a small margin lets the optimizer blend the seam. Inside the region the
segmentation must follow the painting; outside it the pixels must stay as they are.

Shapes: N images, H x W label-map pixels.
Source: Ling et al. 2021 (EditGAN), section 3.3: `Region` is r of equation 1, `parts`
is Q_edit, `margin` the 5-pixel buffer, whose shape the paper leaves open (here square).
Leaving out of Q what merely gives way is ours.
"""

from collections.abc import Collection
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.errors import EditingError, ShapeMismatchError


class EmptyRegionError(EditingError):
    """Some image shows none of the edited parts, neither before nor after."""

    code = "region.empty"


@dataclass(frozen=True, slots=True)
class Region:
    """Where an edit of `parts` may act: `mask` is bool (N, H, W)."""

    mask: Tensor
    parts: frozenset[int]

    def weights(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return r and 1 - r of equations 2 and 3, as 0/1 weights (N, 1, H, W)."""
        inside = self.mask.unsqueeze(1).to(dtype)
        return inside, 1 - inside

    def resized(self, size: int) -> "Region":
        """Return the same region at image size, nearest pixel, mask (N, size, size)."""
        if self.mask.shape[-2:] == (size, size):
            return self
        mask = F.interpolate(self.mask.unsqueeze(1).float(), size=(size, size))
        return Region(mask=mask[:, 0].bool(), parts=self.parts)


def default_margin(label_size: int) -> int:
    """Return the margin for label maps of this side: 5 pixels at 512, 1 at 64 and 128."""
    return max(1, (5 * label_size + 256) // 512)


def changed_parts(
    before: Tensor, after: Tensor, *, background: Collection[int], give_way: float = 0.15
) -> frozenset[int]:
    """Return the parts that an edit from label map `before` to `after` (N, H, W) is about.

    These are the parts that gained or lost pixels, without two kinds that would set far
    too much free to change:

    - Parts in `background`. With them in, painting a wheel onto the road would free the
      whole road.
    - Parts that merely give way: less than the share `give_way` of their pixels moved, and
      other edited parts cover every pixel that changed. A smile takes some pixels of skin
      and returns others; with skin in, the edit could recolour the whole face. 0 keeps them.
    """
    moved = before != after
    touched: list[int] = torch.cat([before[moved], after[moved]]).unique().tolist()
    parts = frozenset(touched) - frozenset(background)
    pairs = torch.stack([before[moved], after[moved]])
    # Where background became background there is nothing to cover.
    pairs = pairs[:, _any_of(pairs, parts)]
    shares = {}
    for part in parts:
        covered = (before == part) | (after == part)
        shares[part] = float(moved[covered].float().mean())
    for part in sorted(parts, key=lambda part: (shares[part], part)):
        if shares[part] < give_way and bool(_any_of(pairs, parts - {part}).all()):
            parts -= {part}
    return parts


def _any_of(pairs: Tensor, parts: Collection[int]) -> Tensor:
    """Return for each column of (2, P) whether either id is one of `parts`."""
    wanted = torch.tensor(sorted(parts), dtype=pairs.dtype, device=pairs.device)
    return torch.isin(pairs, wanted).any(dim=0)


def region_of_interest(
    before: Tensor, after: Tensor, *, parts: Collection[int], margin: int = 5
) -> Region:
    """Return the region for an edit of `parts`.

    Args:
        before: label map of the image as it is, integer (N, H, W).
        after: label map as painted, same shape.
        parts: ids of the edited parts, usually from `changed_parts`.
        margin: reach beyond the parts, in label-map pixels.

    Raises:
        ShapeMismatchError: the label maps differ in shape.
        EmptyRegionError: an image in the batch shows none of `parts`.
    """
    if before.shape != after.shape:
        raise ShapeMismatchError(f"{tuple(before.shape)} and {tuple(after.shape)}")
    wanted = torch.tensor(sorted(parts), dtype=before.dtype, device=before.device)
    covered = torch.isin(before, wanted) | torch.isin(after, wanted)
    if not covered.flatten(1).any(dim=1).all():
        raise EmptyRegionError(f"parts {sorted(parts)}")
    # Max-pooling a 0/1 image dilates it, without leaving the tensor's device.
    grown = F.max_pool2d(covered.float(), 2 * margin + 1, stride=1, padding=margin)
    return Region(mask=grown.bool(), parts=frozenset(parts))
