"""From lightness and two colour axes that people see evenly to what a screen shows.

Source: Björn Ottosson, "A perceptual color space for image processing", 2020; sRGB's
transfer curve by IEC 61966-2-1.
"""

import torch
from torch import Tensor


def to_srgb(lightness: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the sRGB colour of OKLab coordinates (N,), clipped to what a screen shows."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = torch.stack(
        [
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        ],
        dim=1,
    ).clamp(0, 1)
    low = 12.92 * linear
    high = 1.055 * linear.clamp(min=1e-6) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, low, high)[:, :, None, None]
