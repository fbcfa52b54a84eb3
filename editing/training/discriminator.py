"""Is this picture real or drawn? The opponents of the adversarial stages.

`PatchDiscriminator` sharpens: four stride-2 convolutions judge overlapping patches, one
more number judges the picture with the batch's spread beside it. It judges texture and
edges, not faces: regression has settled what is where. `Discriminator` judges whole
pictures, where random codes have to be told what is where.

Shapes: N pictures, S their side.
Source: patch logits as in Isola et al. 2017 (pix2pix), section 2.2.2; minibatch deviation
as in Karras et al. 2018 (ProGAN), section 3; the residual network follows Karras et al.
2020 (StyleGAN2), figure 7, with plain averages for its filters; relativistic pairs and the
two penalties as in Huang et al. 2024 (R3GAN), section 2.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.generator.layers import EqualizedLinear


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


class _EqualizedConv(nn.Module):
    """A convolution whose effective learning rate does not depend on its width."""

    def __init__(self, num_in: int, num_out: int, side: int, *, has_bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_out, num_in, side, side))
        self.bias = nn.Parameter(torch.zeros(num_out)) if has_bias else None
        self.gain = 1 / math.sqrt(num_in * side * side)

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        weight = (self.weight * self.gain).to(x.dtype)
        return F.conv2d(x, weight, bias, padding=self.weight.shape[-1] // 2)


class _Halve(nn.Module):
    """A residual block that halves the side."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.conv0 = _EqualizedConv(num_in, num_in, 3)
        self.conv1 = _EqualizedConv(num_in, num_out, 3)
        self.skip = _EqualizedConv(num_in, num_out, 1, has_bias=False)

    def forward(self, x: Tensor) -> Tensor:
        fine = _activate(self.conv0(x))
        fine = _activate(self.conv1(F.avg_pool2d(fine, 2)))
        return (fine + self.skip(F.avg_pool2d(x, 2))) * math.sqrt(0.5)


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * math.sqrt(2.0)


class Discriminator(nn.Module):
    """Judges pictures (N, 3, S, S) whole; `channels` are features at 4, 8, ... S."""

    def __init__(self, channels: tuple[int, ...], *, group: int = 4) -> None:
        super().__init__()
        self.group = group
        self.from_rgb = _EqualizedConv(3, channels[-1], 1)
        pairs = zip(channels[:0:-1], channels[-2::-1], strict=True)
        self.blocks = nn.ModuleList(_Halve(num_in, num_out) for num_in, num_out in pairs)
        self.last = _EqualizedConv(channels[0] + 1, channels[0], 3)
        self.hidden = EqualizedLinear(channels[0] * 16, channels[0])
        self.out = EqualizedLinear(channels[0], 1)

    def forward(self, image: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return logits (N,), real is high; `dtype` is that of the convolutions."""
        x = image.to(dtype).contiguous(memory_format=torch.channels_last)
        x = _activate(self.from_rgb(x))
        for block in self.blocks:
            x = block(x)
        x = x.float()
        x = _activate(self.last(torch.cat([x, self._spread(x)], dim=1)))
        x = _activate(self.hidden(x.flatten(1)))
        return self.out(x)[:, 0]

    def _spread(self, x: Tensor) -> Tensor:
        """Return how much pictures of a group differ, one channel (N, 1, 4, 4)."""
        group = math.gcd(self.group, len(x))
        apart = x.view(group, -1, *x.shape[1:])
        deviation = (apart.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        return deviation.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])


def relativistic(winner: Tensor, loser: Tensor) -> Tensor:
    """Return the loss of the side whose logits (N,) ought to be the higher of each pair."""
    return F.softplus(loser - winner).mean()


def slope(discriminator: Discriminator, image: Tensor) -> Tensor:
    """Return the mean squared gradient norm at pictures: R1 on real ones, R2 on drawn ones."""
    image = image.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(image).sum(), image, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
