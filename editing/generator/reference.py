"""What must the generator compute? The slow readable form, one image at a time.

This module is the oracle of the tests: it modulates a copy of every weight per image,
demodulates it, convolves, upsamples by inserting zeros, and says nothing clever.

Source: Karras et al. 2020 (StyleGAN2), equations 1 and 3, figure 2.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.generator.layers import StyledConv, ToRGB, fir_kernel
from editing.generator.synthesis import Rendering, Synthesis


def render(synthesis: Synthesis, w_plus: Tensor) -> Rendering:
    """Return pictures and taps of w_plus (N, L, w_dim), computed image by image."""
    each = [_render_one(synthesis, w) for w in w_plus]
    taps = zip(*(rendering.taps or () for rendering in each), strict=True)
    return Rendering(
        torch.cat([rendering.image for rendering in each]),
        tuple(torch.cat(tap) for tap in taps),
    )


def _render_one(synthesis: Synthesis, w: Tensor) -> Rendering:
    """Return the picture of w (L, w_dim) as a batch of one."""
    x = synthesis.get_submodule("b4").const[None]
    taps, rgb, row = [x], None, 0
    for resolution in synthesis.config.resolutions:
        block = synthesis.get_submodule(f"b{resolution}")
        if resolution > 4:
            x = styled_conv(block.conv0, x, w[row])
            taps.append(x)
            row += 1
        x = styled_conv(block.conv1, x, w[row])
        taps.append(x)
        row += 1
        update = to_rgb(block.torgb, x, w[row])
        rgb = update if rgb is None else upsample(rgb) + update
    assert rgb is not None
    return Rendering(rgb, tuple(taps))


def style(layer: StyledConv | ToRGB, w: Tensor) -> Tensor:
    """Return s = A w + b, with A scaled by 1/sqrt(w_dim)."""
    return layer.affine.weight @ w / math.sqrt(len(w)) + layer.affine.bias


def styled_conv(layer: StyledConv, x: Tensor, w: Tensor) -> Tensor:
    """Return the features after modulation, convolution, noise, bias and activation."""
    weight = layer.weight * style(layer, w)[None, :, None, None]
    weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
    if layer.upsample:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        x = filtered(F.pad(x, (1, 1, 1, 1)), fir_kernel(4.0))
    else:
        x = F.conv2d(x, weight, padding=1)
    if layer.has_noise:
        x = x + layer.noise_strength * layer.noise_const
    x = F.leaky_relu(x + layer.bias[None, :, None, None], 0.2) * math.sqrt(2.0)
    return x if layer.clamp is None else x.clamp(-layer.clamp, layer.clamp)


def to_rgb(layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    """Return the RGB that one block adds."""
    scaled = style(layer, w) / math.sqrt(x.shape[1])
    rgb = F.conv2d(x, layer.weight * scaled[None, :, None, None])
    rgb = rgb + layer.bias[None, :, None, None]
    return rgb if layer.clamp is None else rgb.clamp(-layer.clamp, layer.clamp)


def upsample(rgb: Tensor) -> Tensor:
    """Return twice the size: zeros after every pixel, padding (2, 1), 4 times the filter."""
    spread = rgb.new_zeros(*rgb.shape[:2], rgb.shape[2] * 2, rgb.shape[3] * 2)
    spread[:, :, ::2, ::2] = rgb
    return filtered(F.pad(spread, (2, 1, 2, 1)), fir_kernel(4.0))


def filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """Return x with `kernel` applied to every channel on its own, without padding."""
    return torch.cat(
        [F.conv2d(channel, kernel.to(x)[None, None]) for channel in x.split(1, dim=1)], dim=1
    )
