"""How are per-pixel differences shown? As a PNG in colours that rise from dark to bright."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

# Dark to bright with rising lightness, so that it also reads without colour vision.
SCALE: npt.NDArray[np.float64] = np.array(
    [[8, 8, 16], [74, 18, 92], [176, 42, 92], [240, 108, 54], [252, 226, 150]], dtype=np.float64
)
LEAST_TOP = 0.02  # of the range: where a vector does next to nothing, noise stays dark


def heat_map(difference: npt.ArrayLike, *, full: float = 0.25) -> bytes:
    """Return per-pixel differences (R, R), shares of the range, as a PNG heat map.

    Black is no difference; `full` and more is the brightest of the scale.
    """
    share = np.clip(np.asarray(difference, dtype=np.float64) / full, 0, 1)
    stops = np.linspace(0, 1, len(SCALE))
    channels = [np.interp(share, stops, SCALE[:, channel]) for channel in range(3)]
    picture = Image.fromarray(np.stack(channels, axis=-1).round().astype(np.uint8))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def of_strips(before: npt.ArrayLike, after: npt.ArrayLike) -> bytes:
    """Return a PNG of where pictures change, on average over the faces shown.

    Both are pictures (n, R, R, 3) in [0, 1], without and with an edit vector.
    """
    change = np.abs(np.asarray(after) - np.asarray(before)).mean(axis=(0, -1))
    return heat_map(change, full=max(float(change.max()), LEAST_TOP))
