"""How does a discriminator not learn a small set by heart? By never seeing it plain.

Real and drawn pictures go through the same random changes before they are judged, and the
gradient comes back through them, so the generator does not learn to draw the changes. The
changes are fixed in strength: an adaptive strength needs the sign of the logits, which
relativistic pairs leave undetermined.

Shapes: N pictures, S their side.
Source: Zhao et al. 2020 (DiffAugment), section 4: colour and translation.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# Above this number of pictures a discriminator does not overfit at our training times.
MANY = 30_000


def augment(image: Tensor, random: torch.Generator) -> Tensor:
    """Return pictures (N, 3, S, S) changed in brightness, colour, contrast and place.

    Brightness moves by up to a quarter of the range, saturation is scaled by 0 to 2,
    contrast by 0.5 to 1.5, and the picture moves by up to an eighth of its side.
    """
    num, _, side, _ = image.shape
    draw = torch.rand(num, 5, generator=random).to(image.device)
    by = draw[:, :, None, None, None].unbind(dim=1)
    x = image + (by[0] - 0.5)
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * (2 * by[1])
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = middle + (x - middle) * (by[2] + 0.5)
    reach = side // 8
    moves = (draw[:, 3:] * (2 * reach + 1)).long().clamp_max(2 * reach)
    along = torch.arange(side, device=image.device)
    rows = (moves[:, 0, None] + along)[:, None, :, None]
    columns = (moves[:, 1, None] + along)[:, None, None, :]
    padded = F.pad(x, (reach, reach, reach, reach))
    picture = torch.arange(num, device=image.device)[:, None, None, None]
    channel = torch.arange(3, device=image.device)[None, :, None, None]
    return padded[picture, channel, rows, columns]
