"""What does an edit step cost the plain way? The definitions, as earlier tools run them.

One weight per picture in grouped convolutions; every tap resized to the label map and
stacked; the classifiers one after another on the region's pixels of the stacked map; the
perceptual distance at the picture's full size, its reference computed anew in every step.
The same function as `optimize.run` evaluates, so it is also the oracle of its tests.

Left out, although the public release has it in its loop: an encoder that reads the picture
back. The editor here never needs it, and without it the comparison is the fairer one.

Letters: N pictures, C features, H label-map side, P pixels of the region, K parts.
Source: Karras et al. 2020 (StyleGAN2), section 2.2; Ling et al. 2021 (EditGAN), section 3.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.generator import Rendering, Synthesis
from editing.generator.layers import StyledConv, ToRGB, fir_kernel
from editing.losses import Perceptual
from editing.segmentation.branch import MemberNorm, SegmentationBranch


def render(synthesis: Synthesis, w_plus: Tensor) -> Rendering:
    """Return pictures and taps of w_plus (N, L, w_dim) by one weight per picture."""
    first: Any = synthesis.get_submodule("b4")
    x = first.const.expand(len(w_plus), -1, -1, -1).contiguous()
    fir = fir_kernel(4.0).to(x)
    taps, rgb, row = [x], None, 0
    for resolution in synthesis.config.resolutions:
        block: Any = synthesis.get_submodule(f"b{resolution}")
        if resolution > 4:
            x = styled_conv(block.conv0, x, w_plus[:, row], fir)
            taps.append(x)
            row += 1
        x = styled_conv(block.conv1, x, w_plus[:, row], fir)
        taps.append(x)
        row += 1
        update = to_rgb(block.torgb, x, w_plus[:, row])
        rgb = update if rgb is None else _upsample(rgb, fir) + update
    assert rgb is not None
    return Rendering(rgb, tuple(taps))


def styled_conv(layer: StyledConv, x: Tensor, w: Tensor, fir: Tensor) -> Tensor:
    """Return the features of a styled convolution with per-sample weights."""
    num = len(x)
    weight = layer.weight[None] * layer.affine(w)[:, None, :, None, None]
    weight = weight * torch.rsqrt(weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
    joined = x.reshape(1, -1, *x.shape[2:])
    if layer.upsample:
        weight = weight.transpose(1, 2).flatten(0, 1)
        joined = F.conv_transpose2d(joined, weight, stride=2, groups=num)
        kernel = fir.expand(joined.shape[1], 1, 4, 4)
        joined = F.conv2d(joined, kernel, padding=1, groups=joined.shape[1])
    else:
        joined = F.conv2d(joined, weight.flatten(0, 1), padding=1, groups=num)
    x = joined.view(num, -1, *joined.shape[2:])
    if layer.has_noise:
        x = x + layer.noise_const * layer.noise_strength
    x = F.leaky_relu(x + layer.bias[None, :, None, None], 0.2) * math.sqrt(2.0)
    return x if layer.clamp is None else x.clamp(-layer.clamp, layer.clamp)


def to_rgb(layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    """Return the RGB that one block adds, with per-sample weights."""
    num = len(x)
    style = layer.affine(w) * layer.gain
    weight = (layer.weight[None] * style[:, None, :, None, None]).flatten(0, 1)
    rgb = F.conv2d(x.reshape(1, -1, *x.shape[2:]), weight, groups=num)
    rgb = rgb.view(num, 3, *x.shape[2:]) + layer.bias[None, :, None, None]
    return rgb if layer.clamp is None else rgb.clamp(-layer.clamp, layer.clamp)


def _upsample(rgb: Tensor, fir: Tensor) -> Tensor:
    num, channels, height, width = rgb.shape
    spread = rgb.new_zeros(num, channels, height, 2, width, 2)
    spread[:, :, :, 0, :, 0] = rgb
    padded = F.pad(spread.view(num, channels, 2 * height, 2 * width), (2, 1, 2, 1))
    return F.conv2d(padded, fir.expand(channels, 1, 4, 4), groups=channels)


def logits_at(branch: SegmentationBranch, taps: tuple[Tensor, ...], mask: Tensor) -> Tensor:
    """Return the mean logits (P, K) at the true pixels of `mask` (N, H, H)."""
    size = mask.shape[-1]
    stacked = torch.cat(
        [
            F.interpolate(tap, size=(size, size), mode="bilinear", align_corners=False)
            for tap in taps
        ],
        dim=1,
    )
    pixels = stacked.permute(0, 2, 3, 1)[mask]
    total = pixels.new_zeros(len(pixels), branch.num_parts)
    for member in range(branch.num_members):
        x = F.relu(F.linear(pixels, branch.first_weight[member], branch.first_bias[member]))
        x = _normalized(branch.norm1, member, x)
        x = F.relu(F.linear(x, branch.second_weight[member], branch.second_bias[member]))
        x = _normalized(branch.norm2, member, x)
        total = total + F.linear(x, branch.last_weight[member], branch.last_bias[member])
    return total / branch.num_members


def _normalized(norm: MemberNorm, member: int, x: Tensor) -> Tensor:
    return F.batch_norm(
        x,
        norm.running_mean[member],
        norm.running_var[member],
        norm.weight[member],
        norm.bias[member],
        eps=norm.eps,
    )


def losses_of_step(
    synthesis: Synthesis,
    branch: SegmentationBranch,
    perceptual: Perceptual,
    *,
    w_plus: Tensor,
    original: Tensor,
    mask: Tensor,
    wanted: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return (L_RGB, L_CE) of one code, everything computed anew at full size.

    `original` (1, 3, R, R) is the picture to keep outside `mask` (1, H, H), `wanted` (P,)
    the painted parts inside it.
    """
    rendering = render(synthesis, w_plus)
    assert rendering.taps is not None
    outside = F.interpolate((~mask)[:, None].to(original.dtype), size=original.shape[-2:])
    ours, theirs = rendering.image * outside, original * outside
    rgb = perceptual.distance(ours, theirs).sum()
    rgb = rgb + (ours - theirs).square().sum() / (3 * outside.sum())
    ce = F.cross_entropy(logits_at(branch, rendering.taps, mask), wanted)
    return rgb, ce
