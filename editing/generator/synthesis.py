"""How does one style per layer become a picture, and which features can others read?

A skip generator: every block adds its own RGB to the upsampled RGB of the block before.
`styles` and `from_styles` are the two halves of `forward`, apart because styles are
linear in `w_plus`: a slider can blend styles and skip the affine layers. `prefix` is the
part of a drawing that an edit of later layers leaves as it is.

Shapes: N images, L layers of `w_plus`, r the resolution of one block.
Source: Karras et al. 2020 (StyleGAN2), figure 2 and section 4.1; taps as in Ling et al.
2021 (EditGAN): the learned constant, then every styled convolution, never toRGB.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from editing.errors import ShapeMismatchError
from editing.generator.config import GeneratorConfig
from editing.generator.layers import (
    EqualizedLinear,
    StyledConv,
    ToRGB,
    fir_kernel,
    upsample_rgb,
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """A picture (N, 3, R, R), nominally in [-1, 1], and the taps when asked for."""

    image: Tensor
    taps: tuple[Tensor, ...] | None = None


@dataclass(frozen=True, slots=True)
class Prefix:
    """A drawing up to and with the block of side `resolution`: features and running RGB.

    `num_styles` is how many of the styles it used up.
    """

    resolution: int
    num_styles: int
    features: Tensor
    rgb: Tensor


class Block(nn.Module):
    """All layers of one resolution. The first has the constant and a single convolution."""

    def __init__(self, config: GeneratorConfig, resolution: int) -> None:
        super().__init__()
        index = config.resolutions.index(resolution)
        num_out = config.channels[index]
        self.is_first = index == 0
        if self.is_first:
            self.const = nn.Parameter(torch.randn(num_out, 4, 4))
        else:
            self.conv0 = _conv(config, config.channels[index - 1], resolution, upsample=True)
        self.conv1 = _conv(config, num_out, resolution, upsample=False)
        self.torgb = ToRGB(num_out, w_dim=config.w_dim, clamp=config.clamp)


def _conv(
    config: GeneratorConfig, num_in: int, resolution: int, *, upsample: bool
) -> StyledConv:
    return StyledConv(
        num_in,
        config.channels[config.resolutions.index(resolution)],
        w_dim=config.w_dim,
        resolution=resolution,
        upsample=upsample,
        clamp=config.clamp,
        noise=config.noise,
    )


class Synthesis(nn.Module):
    """The part of the generator that draws; parameters are named as in public checkpoints."""

    rgb_fir: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", Block(config, resolution))
        self.register_buffer("rgb_fir", fir_kernel(4.0), persistent=False)
        self._joint: tuple[tuple[int, ...], _JointAffine] | None = None

    @property
    def tap_shapes(self) -> tuple[tuple[int, int], ...]:
        """Return (resolution, channels) of every tap, in order."""
        shapes = [(4, self.config.channels[0]), (4, self.config.channels[0])]
        for r, c in list(zip(self.config.resolutions, self.config.channels, strict=True))[1:]:
            shapes += [(r, c), (r, c)]
        return tuple(shapes)

    def layers(self) -> Iterator[tuple[int, StyledConv | ToRGB]]:
        """Yield (w_layer, module) in the order of `styles`.

        toRGB shares its row of `w_plus` with the next block's conv0.
        """
        row = 0
        for block in self._blocks():
            if not block.is_first:
                yield row, block.conv0
                row += 1
            yield row, block.conv1
            row += 1
            yield row, block.torgb

    def forward(
        self,
        w_plus: Tensor,
        *,
        with_taps: bool = False,
        dtype: torch.dtype | None = None,
        resolution: int | None = None,
    ) -> Rendering:
        """Return the picture of w_plus (N, L, w_dim).

        Args:
            with_taps: whether to return the feature taps too.
            dtype: type of the features; default the parameters' own, or autocast's.
            resolution: stop at this block, whose running RGB is a valid smaller picture.

        Raises:
            ShapeMismatchError: `w_plus` is not (N, L, w_dim) for this generator.
        """
        if w_plus.shape[1:] != (self.config.num_layers, self.config.w_dim):
            raise ShapeMismatchError(
                f"w_plus {tuple(w_plus.shape)} for a generator of "
                f"({self.config.num_layers}, {self.config.w_dim})"
            )
        return self.from_styles(
            self.styles(w_plus), with_taps=with_taps, dtype=dtype, resolution=resolution
        )

    def styles(self, w_plus: Tensor) -> tuple[Tensor, ...]:
        """Return the style (N, C) of every convolution and toRGB, as `layers` orders them.

        Frozen weights are joined once, and all styles are then one batched product.
        """
        with torch.autocast(w_plus.device.type, enabled=False):
            affines = [module.affine for _, module in self.layers()]
            if any(affine.weight.requires_grad for affine in affines):
                return tuple(module.affine(w_plus[:, row]) for row, module in self.layers())
            versions = tuple(
                number
                for affine in affines
                for tensor in (affine.weight, affine.bias)
                for number in (tensor.data_ptr(), tensor._version)
            )
            if self._joint is None or self._joint[0] != versions:
                self._joint = (versions, _joined(affines, [row for row, _ in self.layers()]))
            joint = self._joint[1]
            # In one product: (layers, N, w_dim) times (layers, w_dim, widest).
            each = torch.baddbmm(
                joint.bias, w_plus[:, joint.rows].transpose(0, 1), joint.weight
            )
            return tuple(
                style[:, :width] for style, width in zip(each, joint.widths, strict=True)
            )

    def from_styles(
        self,
        styles: tuple[Tensor, ...],
        *,
        with_taps: bool = False,
        dtype: torch.dtype | None = None,
        resolution: int | None = None,
        prefix: Prefix | None = None,
    ) -> Rendering:
        """Return the picture of `styles`; the other arguments are those of `forward`.

        With a `prefix` only the blocks after it are drawn, and it may not ask for taps.
        """
        assert not (prefix and with_taps), "a prefix holds no taps"
        device = styles[0].device.type
        if dtype is None and torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            drawn, taps = self._draw(
                styles, dtype, resolution or self.config.resolution, prefix, with_taps
            )
        return Rendering(drawn.rgb, tuple(taps) if with_taps else None)

    def prefix(
        self,
        styles: tuple[Tensor, ...],
        *,
        first_layer: int,
        dtype: torch.dtype | None = None,
    ) -> Prefix | None:
        """Return what stays the same when only rows of `w_plus` from `first_layer` change.

        None if the first block changes already. Keep it per picture and first layer: a
        slider of a vector of late layers then draws the late blocks alone.
        """
        # The block of side 4 2^i reads rows up to 2 i + 1.
        num_blocks = min(first_layer // 2, len(self.config.resolutions) - 1)
        if num_blocks == 0:
            return None
        with torch.autocast(styles[0].device.type, enabled=False):
            return self._draw(styles, dtype, 2 << num_blocks, None, False)[0]

    def _draw(
        self,
        styles: tuple[Tensor, ...],
        dtype: torch.dtype | None,
        resolution: int,
        prefix: Prefix | None,
        with_taps: bool,
    ) -> tuple[Prefix, list[Tensor]]:
        num = len(styles[0])
        taps: list[Tensor] = []
        rgb: Tensor | None = None
        used, drawn = 0, 0
        if prefix is None:
            const = self.get_submodule("b4").const
            x = const.to(dtype or const.dtype).expand(num, -1, -1, -1)
            x = x.contiguous(memory_format=torch.channels_last)
            if with_taps:
                taps.append(x)
        else:
            x = prefix.features.expand(num, -1, -1, -1)
            rgb = prefix.rgb.expand(num, -1, -1, -1)
            used, drawn = prefix.num_styles, prefix.resolution
        remaining = iter(styles[used:])
        for size, block in zip(self.config.resolutions, self._blocks(), strict=True):
            if size <= drawn:
                continue
            if size > resolution:
                break
            if not block.is_first:
                x = block.conv0(x, next(remaining))
                if with_taps:
                    taps.append(x)
            x = block.conv1(x, next(remaining))
            if with_taps:
                taps.append(x)
            update = block.torgb(x, next(remaining))
            rgb = update if rgb is None else upsample_rgb(rgb, self.rgb_fir) + update
            used, drawn = used + (2 if block.is_first else 3), size
        assert rgb is not None
        return Prefix(drawn, used, x, rgb), taps

    def _blocks(self) -> Iterator[Block]:
        for resolution in self.config.resolutions:
            yield self.get_submodule(f"b{resolution}")  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _JointAffine:
    """All affine layers in one: `rows` of `w_plus`, weights padded to the widest layer."""

    rows: Tensor  # (layers,)
    widths: tuple[int, ...]
    weight: Tensor  # (layers, w_dim, widest)
    bias: Tensor  # (layers, 1, widest)


def _joined(affines: Sequence[EqualizedLinear], rows: Sequence[int]) -> _JointAffine:
    first = affines[0].weight
    widths = tuple(len(affine.bias) for affine in affines)
    weight = first.new_zeros(len(affines), first.shape[1], max(widths))
    bias = first.new_zeros(len(affines), 1, max(widths))
    for i, (affine, width) in enumerate(zip(affines, widths, strict=True)):
        weight[i, :, :width] = (affine.weight * affine.gain).T
        bias[i, 0, :width] = affine.bias * affine.lr_mul
    return _JointAffine(torch.tensor(rows, device=first.device), widths, weight, bias)
