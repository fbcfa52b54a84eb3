"""Is this patch rendered or drawn? The opponent of the sharpening stage.

Four stride-2 convolutions judge overlapping patches; one more number judges the picture
with the batch's spread beside it. It judges texture and edges, not faces: regression has
settled what is where.

Shapes: N pictures, S their side.
Source: patch logits as in Isola et al. 2017 (pix2pix), section 2.2.2; minibatch deviation
as in Karras et al. 2018 (ProGAN), section 3.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Verdict:
    """Logits (N, patches + 1), rendered is high, and the features that led to them."""

    logits: Tensor
    features: tuple[Tensor, ...]


class PatchDiscriminator(nn.Module):
    """Judges pictures (N, 3, S, S)."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 160)) -> None:
        super().__init__()
        chain = (3, *widths)
        self.convs = nn.ModuleList(
            nn.Conv2d(chain[i], chain[i + 1], 4, stride=2, padding=1)
            for i in range(len(widths))
        )
        self.patch = nn.Conv2d(widths[-1], 1, 1)
        self.whole = nn.Sequential(
            nn.Linear(widths[-1] + 1, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)
        )
        for layer in self.convs:
            assert isinstance(layer, nn.Conv2d)
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor, *, dtype: torch.dtype = torch.float32) -> Verdict:
        """Return the verdict on pictures; `dtype` is that of the convolutions."""
        x = image.to(dtype).contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.convs:
            weight, bias = layer.weight.to(dtype), layer.bias.to(dtype)
            x = F.leaky_relu(F.conv2d(x, weight, bias, stride=2, padding=1), 0.2)
            features.append(x)
        x = x.float()
        patches = self.patch(x).flatten(1)
        spread = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
        pooled = torch.cat([x.mean(dim=(2, 3)), spread.expand(len(x), 1)], dim=1)
        return Verdict(torch.cat([patches, self.whole(pooled)], dim=1), tuple(features))


def penalty(discriminator: PatchDiscriminator, image: Tensor) -> Tensor:
    """Return R1: the mean squared gradient norm of the mean logit on rendered pictures.

    Source: Mescheder et al. 2018, equation 9.
    """
    image = image.detach().requires_grad_()
    logits = discriminator(image).logits
    per_picture = logits[:, :-1].mean(dim=1) + logits[:, -1]
    (slope,) = torch.autograd.grad(per_picture.sum(), image, create_graph=True)
    return slope.square().sum(dim=(1, 2, 3)).mean()
