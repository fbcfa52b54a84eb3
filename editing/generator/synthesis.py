"""How does one style per layer become a picture, and which features can others read?

A skip generator: every block adds its own RGB to the upsampled RGB of the block before.
`styles` and `from_styles` are the two halves of `forward`, apart because styles are
linear in `w_plus`: a slider can blend styles and skip the affine layers.

Shapes: N images, L layers of `w_plus`, r the resolution of one block.
Source: Karras et al. 2020 (StyleGAN2), figure 2 and section 4.1; taps as in Ling et al.
2021 (EditGAN): the learned constant, then every styled convolution, never toRGB.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from editing.errors import ShapeMismatchError
from editing.generator.config import GeneratorConfig
from editing.generator.layers import StyledConv, ToRGB, fir_kernel, upsample_rgb


@dataclass(frozen=True, slots=True)
class Rendering:
    """A picture (N, 3, R, R), nominally in [-1, 1], and the taps when asked for."""

    image: Tensor
    taps: tuple[Tensor, ...] | None = None


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
        """Return the style (N, C) of every convolution and toRGB, as `layers` orders them."""
        with torch.autocast(w_plus.device.type, enabled=False):
            return tuple(module.affine(w_plus[:, row]) for row, module in self.layers())

    def from_styles(
        self,
        styles: tuple[Tensor, ...],
        *,
        with_taps: bool = False,
        dtype: torch.dtype | None = None,
        resolution: int | None = None,
    ) -> Rendering:
        """Return the picture of `styles`; the other arguments are those of `forward`."""
        device = styles[0].device.type
        if dtype is None and torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return self._draw(styles, with_taps, dtype, resolution or self.config.resolution)

    def _draw(
        self,
        styles: tuple[Tensor, ...],
        with_taps: bool,
        dtype: torch.dtype | None,
        resolution: int,
    ) -> Rendering:
        remaining = iter(styles)
        const = self.get_submodule("b4").const
        x = const.to(dtype or const.dtype).expand(len(styles[0]), -1, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        taps, rgb = [x], None
        for size, block in zip(self.config.resolutions, self._blocks(), strict=True):
            if size > resolution:
                break
            if not block.is_first:
                x = block.conv0(x, next(remaining))
                taps.append(x)
            x = block.conv1(x, next(remaining))
            taps.append(x)
            update = block.torgb(x, next(remaining))
            rgb = update if rgb is None else upsample_rgb(rgb, self.rgb_fir) + update
        assert rgb is not None
        return Rendering(rgb, tuple(taps) if with_taps else None)

    def _blocks(self) -> Iterator[Block]:
        for resolution in self.config.resolutions:
            yield self.get_submodule(f"b{resolution}")  # type: ignore[misc]
