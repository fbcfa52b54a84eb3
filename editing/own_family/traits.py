"""What does a picture show that others do not, in words a person would use?

Nobody knows what a foreign generator draws, so only what any picture has is named: how
bright it is, its colours, its contrast and detail, how full its frame is, and where two
pictures differ.

Shapes: N pictures, S their side, T traits.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# In units of the spread over all samples: from here on people see it.
NOTABLE = 0.5
MOST = 3
_WORDS: tuple[tuple[str, str], ...] = (
    ("the darkest", "the brightest"),
    ("the palest in colour", "the strongest in colour"),
    ("the most green", "the most red"),
    ("the most blue", "the most yellow"),
    ("the flattest in light", "the strongest in contrast"),
    ("the smoothest", "the richest in fine detail"),
    (
        "the darkest in the middle against its edges",
        "the brightest in the middle against its edges",
    ),
    ("the brightest at the bottom", "the brightest at the top"),
    ("the brightest on the right", "the brightest on the left"),
)
_PLACES = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the middle", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)


def describe(pictures: Tensor) -> Tensor:
    """Return traits (N, T) of pictures (N, 3, S, S) in [-1, 1], each of spread 1."""
    red, green, blue = pictures.unbind(dim=1)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    colourful = pictures.max(dim=1).values - pictures.min(dim=1).values
    near = F.avg_pool2d(light[:, None], 3, stride=1, padding=1, count_include_pad=False)
    side = pictures.shape[-1]
    quarter = max(1, side // 4)
    inner = light[:, quarter : side - quarter, quarter : side - quarter]
    half = side // 2
    columns = [
        light.mean(dim=(1, 2)),
        colourful.mean(dim=(1, 2)),
        (red - green).mean(dim=(1, 2)),
        ((red + green) / 2 - blue).mean(dim=(1, 2)),
        light.flatten(1).std(dim=1),
        (light - near[:, 0]).abs().mean(dim=(1, 2)),
        inner.mean(dim=(1, 2)) - light.mean(dim=(1, 2)),
        light[:, :half].mean(dim=(1, 2)) - light[:, half:].mean(dim=(1, 2)),
        light[:, :, :half].mean(dim=(1, 2)) - light[:, :, half:].mean(dim=(1, 2)),
    ]
    found = torch.stack(columns, dim=1)
    return (found - found.mean(dim=0)) / found.std(dim=0).clamp(min=1e-6)


def apart(described: Tensor, sample: int, before: Sequence[int]) -> list[str]:
    """Return, strongest first, in what a sample goes beyond all those `before`."""
    if not before:
        return []
    own, others = described[sample], described[list(before)]
    above, below = own - others.max(dim=0).values, others.min(dim=0).values - own
    beyond = torch.maximum(above, below)
    words: list[str] = []
    for trait in beyond.argsort(descending=True).tolist():
        if float(beyond[trait]) < NOTABLE or len(words) == MOST:
            break
        words.append(_WORDS[trait][int(above[trait] > below[trait])])
    return words


def place(picture: Tensor, other: Tensor) -> str:
    """Return where two pictures (3, S, S) differ most, on a grid of three by three."""
    change = (picture - other).abs().mean(dim=0)[None, None]
    row, column = divmod(int(F.adaptive_avg_pool2d(change, 3).argmax()), 3)
    return _PLACES[row][column]
