"""What is a styled convolution, and how is it fast without per-sample weights?

The textbook form modulates one copy of the weight per image and runs a grouped
convolution. Scaling commutes with convolution, so the same function is

    y = d * conv(x * s, W),    d = 1 / sqrt(s^2 T^t + 1e-8),    T[out, in] = sum_k W^2

with one shared weight: `reference` keeps the slow form as the oracle. Styles,
demodulation and RGB stay in at least float32 whatever the features are computed in.

While a picture is edited the weights are frozen and only styles and features need a
gradient. `_FrozenStyledConv` then keeps nothing but its input and its output, which are
feature taps anyway: what lies between is recomputed from the output, since leaky ReLU can
be undone. Five maps a layer less to keep, at the same result.

Shapes: N images, C features, H x W pixels.
Source: Karras et al. 2020 (StyleGAN2), section 2.2 and appendix B.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

SQRT2 = math.sqrt(2.0)
DEMODULATION_EPS = 1e-8
SLOPE = 0.2


def fir_kernel(gain: float = 1.0) -> Tensor:
    """Return the 4 x 4 low-pass filter, outer product of [1, 3, 3, 1], summing to `gain`."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = row[:, None] * row[None, :]
    return kernel * (gain / kernel.sum())


def upsample_rgb(rgb: Tensor, kernel: Tensor) -> Tensor:
    """Return (N, 3, H, W) at twice the size: zero-insert, pad (2, 1), filter with `kernel`.

    `kernel` is `fir_kernel(4)`. A transposed convolution does the three in one.
    """
    weight = kernel.to(rgb.dtype).expand(rgb.shape[1], 1, 4, 4)
    return F.conv_transpose2d(rgb, weight, stride=2, padding=1, groups=rgb.shape[1])


class EqualizedLinear(nn.Module):
    """A dense layer whose effective learning rate does not depend on its width."""

    def __init__(
        self, num_in: int, num_out: int, *, bias_init: float = 0.0, lr_mul: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_out, num_in) / lr_mul)
        self.bias = nn.Parameter(torch.full((num_out,), bias_init / lr_mul))
        self.gain = lr_mul / math.sqrt(num_in)
        self.lr_mul = lr_mul

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, num_out) from (N, num_in)."""
        return F.linear(x, self.weight * self.gain, self.bias * self.lr_mul)


class StyledConv(nn.Module):
    """A 3 x 3 convolution whose input channels are scaled by a style, then demodulated."""

    fir: Tensor
    noise_const: Tensor

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        w_dim: int,
        resolution: int,
        upsample: bool,
        clamp: float | None,
        noise: bool,
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.clamp = clamp
        self.weight = nn.Parameter(torch.randn(num_out, num_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(num_out))
        self.affine = EqualizedLinear(w_dim, num_in, bias_init=1.0)
        self.has_noise = noise
        if noise:
            self.noise_strength = nn.Parameter(torch.zeros([]))
            self.register_buffer("noise_const", torch.randn(resolution, resolution))
        if upsample:
            self.register_buffer("fir", fir_kernel(4.0), persistent=False)
        self._squares: tuple[tuple[object, ...], Tensor] | None = None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Return features (N, num_out, H, W) from (N, num_in, ...) and style (N, num_in)."""
        demodulation = torch.rsqrt(style.square() @ self._energy().t() + DEMODULATION_EPS)
        # Leaky ReLU commutes with positive factors, so its gain rides on the other two.
        factor = (demodulation * SQRT2).to(x.dtype)
        shift = (self.bias * SQRT2).to(x.dtype)[None, :, None, None]
        if self.has_noise:
            shift = shift + (self.noise_const * (self.noise_strength * SQRT2)).to(x.dtype)
        style, weight = style.to(x.dtype), self.weight.to(x.dtype)
        if torch.is_grad_enabled() and not any(p.requires_grad for p in self.parameters()):
            fir = self.fir.to(x.dtype) if self.upsample else None
            out: Tensor = _FrozenStyledConv.apply(
                x, style, factor, weight, shift, fir, self.clamp
            )
            return out
        x = x * style[:, :, None, None]
        if self.upsample:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = _filter(x, self.fir.to(x.dtype), padding=1)
        else:
            x = F.conv2d(x, weight, padding=1)
        x = F.leaky_relu(x * factor[:, :, None, None] + shift, SLOPE)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)

    def _energy(self) -> Tensor:
        """Return T (out, in); frozen weights compute it once."""
        if self.weight.requires_grad:
            return self.weight.square().sum(dim=(2, 3))
        key = (self.weight.data_ptr(), self.weight._version, self.weight.dtype)
        if self._squares is None or self._squares[0] != key:
            self._squares = (key, self.weight.square().sum(dim=(2, 3)))
        return self._squares[1]


class _FrozenStyledConv(torch.autograd.Function):
    """leaky_relu(factor * conv(x * style, weight) + shift), for weights without gradient.

    `style` (N, in), `factor` (N, out), `shift` broadcasts to the output, `fir` is the
    upsampling filter or None.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        style: Tensor,
        factor: Tensor,
        weight: Tensor,
        shift: Tensor,
        fir: Tensor | None,
        clamp: float | None,
    ) -> Tensor:
        out = x * style[:, :, None, None]
        if fir is not None:
            out = F.conv_transpose2d(out, weight.transpose(0, 1), stride=2)
            out = _filter(out, fir, padding=1)
        else:
            out = F.conv2d(out, weight, padding=1)
        out = F.leaky_relu_(out.mul_(factor[:, :, None, None]).add_(shift), SLOPE)
        if clamp is not None:
            out.clamp_(-clamp, clamp)
        ctx.save_for_backward(x, style, factor, weight, shift, fir, out)
        ctx.clamp = clamp
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, style, factor, weight, shift, fir, out = ctx.saved_tensors
        gradient = torch.ops.aten.leaky_relu_backward(gradient, out, SLOPE, True)
        if ctx.clamp is not None:
            gradient *= out.abs() < ctx.clamp
        # What the activation saw, less the shift: factor * conv(...).
        scaled = F.leaky_relu(out, 1 / SLOPE).sub_(shift)
        to_factor = _per_channel(scaled, gradient) / factor
        gradient = gradient * factor[:, :, None, None]
        if fir is not None:
            # The filter is symmetric, so it is its own transpose.
            gradient = _filter(gradient, fir, padding=2)
            gradient = F.conv2d(gradient, weight.transpose(0, 1), stride=2)
        else:
            gradient = F.conv_transpose2d(gradient, weight, padding=1)
        to_style = _per_channel(x, gradient)
        return gradient * style[:, :, None, None], to_style, to_factor, None, None, None, None


def _filter(x: Tensor, fir: Tensor, *, padding: int) -> Tensor:
    """Return x with `fir` (4, 4) applied channel by channel: one for all would mix them."""
    return F.conv2d(x, fir.expand(x.shape[1], 1, 4, 4), padding=padding, groups=x.shape[1])


def _per_channel(a: Tensor, b: Tensor) -> Tensor:
    """Return the sum over pixels of a * b, (N, C), summed in at least float32."""
    wide = torch.promote_types(a.dtype, torch.float32)
    return (a * b).sum(dim=(2, 3), dtype=wide).to(a.dtype)


class ToRGB(nn.Module):
    """Reads a picture off features: 1 x 1, modulated, not demodulated, no activation."""

    def __init__(self, num_in: int, *, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.weight = nn.Parameter(torch.randn(3, num_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine = EqualizedLinear(w_dim, num_in, bias_init=1.0)
        self.gain = 1.0 / math.sqrt(num_in)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Return RGB (N, 3, H, W), float32 or wider, from features (N, C, H, W)."""
        weight = self.weight[None, :, :, 0, 0] * (style * self.gain)[:, None, :]
        # Three outputs only: a batched product costs less than scaling all features, and
        # on (N, H W, C) it reads channels-last features as they lie in memory.
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
        rgb = torch.bmm(pixels, weight.to(x.dtype).transpose(1, 2))
        rgb = rgb.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
        rgb = rgb.to(torch.promote_types(rgb.dtype, torch.float32))
        rgb = rgb + self.bias[None, :, None, None].to(rgb.dtype)
        return rgb if self.clamp is None else rgb.clamp(-self.clamp, self.clamp)
