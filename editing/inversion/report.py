"""How well does a code stand for a picture, and what should people be told about it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from editing.inversion.invert import InversionResult
from editing.vectors import EditVector

if TYPE_CHECKING:
    from editing.bundle import Bundle

# A residual of this share of the range is shown at the top of the scale.
HEAT_TOP = 0.25
# Inversions of held-out portraits of the first bundle lie 0.10 to 0.16 from W. A gentle
# vector was measured on less, and still it may be used on them.
ORDINARY_DISTANCE = 0.2


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told with a result: a stable code, and a sentence for people."""

    code: str
    text: str


def notices(
    bundle: "Bundle",
    result: InversionResult,
    stack: Sequence[tuple[EditVector, float]] = (),
) -> tuple[Notice, ...]:
    """Return what is doubtful about an inversion, and about using vectors on it.

    `photo.out_of_domain`: the error is beyond that of 95 % of held-out pictures.
    `photo.far_from_w`: the code's layers differ more than those that a vector was measured
    on, at the strongest strength of its valid range, and more than those of ordinary
    inversions; how it acts here was never seen.
    """
    found = []
    low, _, high = bundle.usual_error
    if result.error > high > 0:
        found.append(
            Notice(
                "photo.out_of_domain",
                f"This picture is unlike what {bundle.manifest.title} can draw: the error is "
                f"{result.error:.3f}, usual are {low:.3f} to {high:.3f}. Look at the "
                "residual before you trust an edit.",
            )
        )
    for vector, _ in stack:
        measured = vector.card.get("calibration") or {}
        spread, reach = measured.get("distance_to_w"), measured.get("valid_range")
        if spread is None or reach is None:
            continue
        seen = max(spread * max(abs(strength) for strength in reach), ORDINARY_DISTANCE)
        if result.distance_to_w > seen:
            name = vector.title or "An edit vector"
            found.append(
                Notice(
                    "photo.far_from_w",
                    f"{name} was measured on codes up to {seen:.2f} from W, this picture's "
                    f"is {result.distance_to_w:.2f} away: how it acts here was never seen.",
                )
            )
    return tuple(found)


def figures(result: InversionResult) -> dict[str, float]:
    """Return the figures of an inversion, without pictures, for a report."""
    return {
        "psnr_db": result.psnr_db,
        "error": result.error,
        "perceptual": result.perceptual,
        "distance_to_w": result.distance_to_w,
    }


def heat_map(values: Tensor, *, top: float = HEAT_TOP) -> Tensor:
    """Return maps (N, R, R) from 0 up as pictures (N, 3, R, R) in [-1, 1].

    Black is 0, pale yellow `top` or more; the default is for residuals, shares of the range.
    """
    # Here, because most callers of this module draw nothing.
    import matplotlib

    scaled = (values / top).clamp(0, 1).cpu().numpy()
    colors: Any = matplotlib.colormaps["inferno"](scaled)[..., :3]
    return torch.from_numpy(colors).permute(0, 3, 1, 2).float() * 2 - 1
