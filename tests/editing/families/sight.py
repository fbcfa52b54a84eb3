"""How far apart two colours look, to normal sight and to each kind of colour blindness.

Simulation: Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB. Distance:
Euclidean in OKLab (Ottosson 2020).
"""

import torch
from torch import Tensor

SIGHTS: dict[str, list[list[float]]] = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}

_CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
)
_OKLAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
)


def distances(palette: list[tuple[int, int, int]], *, sight: str) -> Tensor:
    """Return OKLab distances (K, K) between the colours as seen with `sight`."""
    srgb = torch.tensor(palette, dtype=torch.float64) / 255
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(SIGHTS[sight], dtype=torch.float64)
    seen = (linear @ matrix.T).clamp(0, 1)
    oklab = (seen @ _CONES.T).clamp(min=0) ** (1 / 3) @ _OKLAB.T
    return torch.cdist(oklab, oklab)
