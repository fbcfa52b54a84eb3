"""How does an edit of a small square come back into the large picture it was cut from?

Outside the edited region every pixel of the upload stays as it is, byte for byte and at full
resolution. Inside there are three ways. "difference" adds what the edit changed to the
photograph, `photo + a up(x' - x)`, and keeps grain and detail that the inversion lost: the
default. "render" shows the edited render itself. "gradient" shows it too, with its colours
bent so that the seam fits: the correction is the smoothest one that meets the photograph all
around, found in the bounding box of the region.

Letters: H x W the upload, R side of the family's pictures, S side of the square in the upload.
Source: Perez et al. 2003 (Poisson image editing), section 3, for "gradient"; the correction
form is its equation 4, solved from coarse to fine by conjugate gradients.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import cg
from torch import Tensor

from editing import images
from editing.errors import EditingError, ShapeMismatchError
from editing.options import check_choice, check_numbers

# More pixels than this are first solved at half the size.
DIRECTLY = 4096
# Family pixels: as wide as the largest family's picture.
MAX_REACH = 1024.0
MAX_STRENGTH = 10.0


class PlacementError(EditingError):
    """The square of the family's picture does not touch the upload."""

    code = "paste.placement"


class PasteOptionsError(EditingError):
    """A number or a mode with which nothing can be put back."""

    code = "paste.options"


@dataclass(frozen=True, slots=True)
class Placement:
    """Which square of an upload is the family's picture, in pixels of the upload.

    It may reach beyond the upload: those bars were filled with black. `turns` is how many
    quarter turns clockwise its content was then turned.
    """

    left: int
    top: int
    side: int
    turns: int = 0

    def __post_init__(self) -> None:
        """Refuse a square without pixels.

        Raises:
            PlacementError: the side is not positive.
        """
        if self.side < 1:
            raise PlacementError(f"a square of side {self.side} holds no pixel")

    @classmethod
    def centre_of(cls, height: int, width: int) -> "Placement":
        """Return the largest square in the middle: what `images.read_image` cuts."""
        side = min(height, width)
        return cls(left=(width - side) // 2, top=(height - side) // 2, side=side)

    @classmethod
    def letterbox_of(cls, height: int, width: int) -> "Placement":
        """Return the smallest square around the whole picture; bars fill the rest."""
        side = max(height, width)
        return cls(left=(width - side) // 2, top=(height - side) // 2, side=side)

    def inside(self, height: int, width: int) -> tuple[slice, slice]:
        """Return the rows and columns of the upload that the square covers.

        Raises:
            PlacementError: there are none.
        """
        rows = slice(max(self.top, 0), min(self.top + self.side, height))
        columns = slice(max(self.left, 0), min(self.left + self.side, width))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            raise PlacementError(
                f"the square at ({self.left}, {self.top}) of side {self.side} lies outside a "
                f"picture of {width} x {height}"
            )
        return rows, columns

    def cut(self, photo: Tensor, size: int) -> Tensor:
        """Return the family's picture (1, 3, size, size) of an upload (1, 3, H, W).

        Raises:
            PlacementError: the square lies outside.
        """
        height, width = photo.shape[-2:]
        rows, columns = self.inside(height, width)
        bars = (
            columns.start - self.left,
            self.left + self.side - columns.stop,
            rows.start - self.top,
            self.top + self.side - rows.stop,
        )
        square = F.pad(photo[..., rows, columns], bars, value=-1.0)
        return images.resize(torch.rot90(square, -self.turns, dims=(2, 3)), size)

    def stretch(self, square: Tensor, *, smooth: bool = True) -> Tensor:
        """Return a family's picture (1, C, R, R) at the size of the square, turned back."""
        turned = torch.rot90(square, self.turns, dims=(2, 3))
        return F.interpolate(
            turned,
            size=(self.side, self.side),
            mode="bicubic" if smooth else "bilinear",
            align_corners=False,
            antialias=self.side < square.shape[-1],
        )


@dataclass(frozen=True, slots=True)
class PasteOptions:
    """How an edit is put back.

    Args:
        mode: what is shown inside the region; see the module.
        reach: how far around the region the edit counts in full, in family pixels.
        feather: over how many more family pixels it fades out.
        strength: a of `photo + a up(x' - x)`; for "difference" alone.
    """

    mode: Literal["difference", "render", "gradient"] = "difference"
    reach: float = 1.0
    feather: float = 3.0
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what nothing can be put back with.

        Raises:
            PasteOptionsError: an unknown mode, a reach or feather not within 0 and 1024, or a
                strength beyond ±10.
        """
        check_choice(
            self, "mode", ("difference", "render", "gradient"), refusal=PasteOptionsError
        )
        check_numbers(
            self,
            {
                "reach": (0, MAX_REACH),
                "feather": (0, MAX_REACH),
                "strength": (-MAX_STRENGTH, MAX_STRENGTH),
            },
            refusal=PasteOptionsError,
        )


def paste_back(
    photo: Tensor,
    before: Tensor,
    after: Tensor,
    *,
    region: Tensor,
    placement: Placement,
    options: PasteOptions | None = None,
) -> Tensor:
    """Return the upload (1, 3, H, W) with the edit in it; other pixels are the very same.

    Args:
        photo: the upload (1, 3, H, W) in [-1, 1].
        before: x, what the generator draws of its square, (1, 3, R, R).
        after: x', the same after the edit.
        region: where the edit may act, bool (1, h, h) at any size.
        placement: which square of the upload that is.
        options: by default the difference is added.

    Raises:
        ShapeMismatchError: the pictures do not belong together.
        PlacementError: the square lies outside the upload.
    """
    options = options or PasteOptions()
    if photo.ndim != 4 or photo.shape[:2] != (1, 3) or before.shape != after.shape:
        raise ShapeMismatchError(
            f"upload {tuple(photo.shape)}, before {tuple(before.shape)}, "
            f"after {tuple(after.shape)}"
        )
    height, width = photo.shape[-2:]
    rows, columns = placement.inside(height, width)
    inner = (
        slice(rows.start - placement.top, rows.stop - placement.top),
        slice(columns.start - placement.left, columns.stop - placement.left),
    )
    weight = _weight(region, before.shape[-1], placement, options)[..., inner[0], inner[1]]
    old = photo[..., rows, columns]
    if options.mode == "difference":
        change = placement.stretch(after.clamp(-1, 1) - before.clamp(-1, 1))
        inside = old + options.strength * change[..., inner[0], inner[1]]
    else:
        inside = placement.stretch(after.clamp(-1, 1))[..., inner[0], inner[1]]
    if options.mode == "gradient":
        inside = _seamless(old, inside, weight > 0)
        weight = (weight > 0).to(weight)
    result = photo.clone()
    # Where the weight is zero, nothing is computed and nothing rounded.
    result[..., rows, columns] = torch.where(
        weight > 0, old.lerp(inside.clamp(-1, 1), weight), old
    )
    return result


def _weight(region: Tensor, size: int, placement: Placement, options: PasteOptions) -> Tensor:
    """Return how much of the edit each pixel of the square shows, (1, 1, S, S) in 0..1.

    1 on the region and `reach` around it, then a half cosine down to 0 over `feather`.
    """
    soft = placement.stretch(region[:, None].float(), smooth=False)[0, 0]
    mask = soft.cpu().numpy() > 0.5
    if not mask.any():
        return torch.zeros_like(soft)[None, None]
    scale = placement.side / size
    distance = ndimage.distance_transform_edt(~mask) / scale
    fade = np.clip((distance - options.reach) / max(options.feather, 1e-6), 0, 1)
    weight = torch.from_numpy(0.5 + 0.5 * np.cos(math.pi * fade)).to(soft)
    # The cosine of pi is not quite -1 in every arithmetic.
    return torch.where(torch.from_numpy(fade < 1).to(soft.device), weight, 0.0)[None, None]


def _seamless(old: Tensor, new: Tensor, inside: Tensor) -> Tensor:
    """Return `new` (1, 3, h, w) plus the smoothest correction that meets `old` around it."""
    mask = inside[0, 0].cpu().numpy()
    if not mask.any() or mask.all():
        return new
    where = np.nonzero(mask)
    rows, columns = (
        _box(found, length) for found, length in zip(where, mask.shape, strict=True)
    )
    difference = (old - new)[0, :, rows, columns].permute(1, 2, 0).double().cpu().numpy()
    correction = membrane(difference, mask[rows, columns])
    result = new.clone()
    result[0, :, rows, columns] += torch.from_numpy(correction).permute(2, 0, 1).to(new)
    return result


def _box(found: NDArray[np.int64], length: int) -> slice:
    """Return the range of these indices, one wider on each side where there is room."""
    return slice(max(int(found.min()) - 1, 0), min(int(found.max()) + 2, length))


def membrane(values: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return `values` (H, W, C) with those `inside` (H, W) replaced by the smoothest filling.

    Smoothest means harmonic: every inside pixel is the mean of its four neighbours, where
    the border of the array counts as a mirror. Without any outside pixel it is zero.
    """
    if inside.all():
        return np.zeros_like(values)
    if not inside.any():
        return values.copy()
    guess = np.zeros((int(inside.sum()), values.shape[2]))
    if len(guess) > DIRECTLY:
        # Half the size finds the broad course; what is left to do is local.
        half = membrane(values[::2, ::2], inside[::2, ::2])
        zoomed = np.repeat(np.repeat(half, 2, axis=0), 2, axis=1)
        guess = zoomed[: inside.shape[0], : inside.shape[1]][inside]
    index = np.full(inside.shape, -1)
    index[inside] = np.arange(len(guess))
    rows, columns, degree = [], [], np.zeros(len(guess))
    known = np.zeros_like(guess)
    for axis in (0, 1):
        for ours, theirs in ((slice(0, -1), slice(1, None)), (slice(1, None), slice(0, -1))):
            us = (ours, slice(None)) if axis == 0 else (slice(None), ours)
            them = (theirs, slice(None)) if axis == 0 else (slice(None), theirs)
            here, there, value = index[us], index[them], values[them]
            degree += np.bincount(here[here >= 0], minlength=len(guess))
            both = (here >= 0) & (there >= 0)
            rows.append(here[both])
            columns.append(there[both])
            edge = (here >= 0) & (there < 0)
            np.add.at(known, here[edge], value[edge])
    entries = (np.concatenate(rows), np.concatenate(columns))
    ones = np.ones(len(entries[0]))
    laplacian = diags_array(degree) - coo_array((ones, entries), shape=(len(guess),) * 2)
    result = values.copy()
    for channel in range(values.shape[2]):
        solved, _ = cg(
            laplacian.tocsr(), known[:, channel], x0=guess[:, channel], rtol=1e-5, maxiter=500
        )
        result[..., channel][inside] = solved
    return result
