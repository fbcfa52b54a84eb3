"""Region of interest: the pixels an edit may change.

An edit is a pair of label maps, the image's own and the one a user painted. A pixel
may change if an edited part covers it before *or* after, so a part can both grow and
retreat; a small margin lets the optimizer blend the seam. Inside the region the
segmentation must follow the painting; outside it the pixels must stay as they are.

`edit_region` puts the pieces together and is what callers want. A person may also draw a
region by hand: "only" narrows the edit to it, "also" lets a further area change, such as a
shadow on the cheek. Background is never freed by accident: not by painting a part onto it,
not by a brush that slips over it, not by a margin wider than asked for.

Shapes: N images, H x W label-map pixels.
Source: Ling et al. 2021 (EditGAN), section 3.3: `Region` is r of equation 1, `parts`
is Q_edit, `margin` the 5-pixel buffer, whose shape the paper leaves open (here square).
Leaving out of Q what merely gives way is ours.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from editing import images
from editing.errors import EditingError, ShapeMismatchError
from editing.options import check_choice, check_numbers

MARGIN = (0, 512)  # label-map pixels: the side of the largest there is


class EmptyRegionError(EditingError):
    """Some image shows none of the edited parts, neither before nor after."""

    code = "region.empty"


class DrawnRegionError(EditingError):
    """A hand-drawn region is no picture of this size, or marks nothing."""

    code = "region.drawn"


class RegionRuleError(EditingError):
    """A margin, share or choice by which no region can be found."""

    code = "region.rule"


@dataclass(frozen=True, slots=True)
class RegionRule:
    """How the region of an edit is found.

    Args:
        margin_at_512: reach beyond the parts on a label map of 512 pixels; it scales.
        margin: the reach in pixels of the label map itself, instead; None scales.
        give_way: parts of which less than this share moves, and which nothing but other
            parts displaced, are not what the edit is about; 0 counts every part.
        of: "parts" frees what edited parts cover, before or after; "pixels" only the
            pixels that were painted (public release), whatever they belong to.
    """

    margin_at_512: int = 5
    margin: int | None = None
    give_way: float = 0.15
    of: Literal["parts", "pixels"] = "parts"

    def __post_init__(self) -> None:
        """Refuse what no region can be found by.

        Raises:
            RegionRuleError: a margin is no whole number from 0 to 512, `give_way` not within
                0 and 1, or `of` unknown.
        """
        margins = {"margin_at_512": MARGIN} | (
            {} if self.margin is None else {"margin": MARGIN}
        )
        check_numbers(self, margins, refusal=RegionRuleError, whole=True)
        check_numbers(self, {"give_way": (0, 1)}, refusal=RegionRuleError)
        check_choice(self, "of", ("parts", "pixels"), refusal=RegionRuleError)

    def margin_for(self, label_size: int) -> int:
        """Return the margin in pixels of label maps of this side; at least 1 if scaled."""
        if self.margin is not None:
            return self.margin
        return max(1, (self.margin_at_512 * label_size + 256) // 512)


@dataclass(frozen=True, slots=True)
class DrawnRegion:
    """A region drawn by hand: `mask` is bool (N, H, W), `mode` what it does to the edit's.

    "only": nothing outside it may change, whatever was painted there. "also": its pixels may
    change too, except those that show background before and after.
    """

    mask: Tensor
    mode: Literal["only", "also"] = "only"


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
    return RegionRule().margin_for(label_size)


def edit_region(
    before: Tensor,
    after: Tensor,
    *,
    background: Collection[int],
    rule: RegionRule | None = None,
    parts: Collection[int] | None = None,
    drawn: DrawnRegion | None = None,
) -> Region:
    """Return where an edit from label map `before` to `after`, integer (N, H, W), may act.

    Args:
        before, after: label maps of the picture as it is, and as painted or predicted.
        background: ids of background parts, which are never what an edit is about.
        rule: margin and kind; the default is this library's own.
        parts: ids of the edited parts; by default those that changed.
        drawn: a region that a person drew.

    Raises:
        EmptyRegionError: nothing but background changed, an image shows none of `parts`, or
            a drawn region leaves nothing.
        ShapeMismatchError: label maps and drawn region differ in shape.
    """
    rule = rule or RegionRule()
    if parts is None:
        parts = changed_parts(before, after, background=background, give_way=rule.give_way)
        if not parts:
            raise EmptyRegionError("nothing but background changed; paint a part")
    margin = rule.margin_for(before.shape[-1])
    if rule.of == "parts":
        region = region_of_interest(before, after, parts=parts, margin=margin)
    else:
        still_background = _any_of(before, background) & _any_of(after, background)
        touched = (before != after) & ~still_background
        region = Region(mask=_dilated(touched, margin), parts=frozenset(parts))
    return region if drawn is None else _with_drawn(region, drawn, before, after, background)


def _with_drawn(
    region: Region,
    drawn: DrawnRegion,
    before: Tensor,
    after: Tensor,
    background: Collection[int],
) -> Region:
    mask = drawn.mask.to(region.mask.device)
    if mask.shape != region.mask.shape:
        raise ShapeMismatchError(
            f"drawn region {tuple(mask.shape)} for label maps {tuple(region.mask.shape)}"
        )
    if drawn.mode == "only":
        mask = region.mask & mask
        if not bool(mask.flatten(1).any(dim=1).all()):
            raise EmptyRegionError("the drawn region does not touch what was edited")
    else:
        still_background = _any_of(before, background) & _any_of(after, background)
        mask = region.mask | (mask & ~still_background)
    return Region(mask=mask, parts=region.parts)


def read_drawn(
    source: images.Source, *, size: int, mode: Literal["only", "also"] = "only"
) -> DrawnRegion:
    """Return a hand-drawn region from a picture of side `size`: what is light counts.

    Pixels count from half lightness on; in an indexed PNG, those with an id above 0. Where
    the file has transparency, transparent pixels do not count.

    Raises:
        ImageReadError: not a picture.
        DrawnRegionError: another size, or nothing is marked.
    """
    picture = images.open_picture(source)
    if picture.size != (size, size):
        raise DrawnRegionError(
            f"the region is {picture.width} x {picture.height} pixels, expected "
            f"{size} x {size}, the size of the label map"
        )
    try:
        if picture.mode == "P":
            marked = np.array(picture) > 0
        else:
            light = np.array(picture.convert("L")) >= 128
            marked = light & (np.array(picture.convert("RGBA"))[..., 3] >= 128)
    except (OSError, SyntaxError, ValueError) as error:
        raise images.ImageReadError(f"the region is damaged: {error}") from error
    if not marked.any():
        name = source.name if isinstance(source, Path) else "the region"
        raise DrawnRegionError(f"{name} marks no pixel; draw the region in white on black")
    return DrawnRegion(mask=torch.from_numpy(marked)[None], mode=mode)


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
    pairs = pairs[:, _any_of(pairs, parts).any(dim=0)]
    shares = {}
    for part in parts:
        covered = (before == part) | (after == part)
        shares[part] = float(moved[covered].float().mean())
    for part in sorted(parts, key=lambda part: (shares[part], part)):
        if shares[part] < give_way and _all_covered(pairs, parts - {part}):
            parts -= {part}
    return parts


def _all_covered(pairs: Tensor, parts: Collection[int]) -> bool:
    """Return whether every column of (2, P) holds one of `parts`, before or after."""
    return bool(_any_of(pairs, parts).any(dim=0).all())


def _any_of(ids: Tensor, parts: Collection[int]) -> Tensor:
    """Return for each id whether it is one of `parts`, same shape."""
    return torch.isin(ids, torch.tensor(sorted(parts), dtype=ids.dtype, device=ids.device))


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
    covered = _any_of(before, parts) | _any_of(after, parts)
    if not covered.flatten(1).any(dim=1).all():
        raise EmptyRegionError(f"parts {sorted(parts)}")
    return Region(mask=_dilated(covered, margin), parts=frozenset(parts))


def _dilated(mask: Tensor, margin: int) -> Tensor:
    """Return the mask (N, H, W) grown by a square of `margin` pixels to each side."""
    # Max-pooling a 0/1 image dilates it, without leaving the tensor's device.
    return F.max_pool2d(mask.float(), 2 * margin + 1, stride=1, padding=margin).bool()
