"""How is a small generator fast on a CUDA device? TF32, and one graph per batch size.

Small pictures are bound by the launches of kernels, not by what these compute. A CUDA
graph replays all launches of one forward pass as one. Its inputs and outputs are fixed
memory, hence one graph per batch size, and batches in between are padded.

Written from PyTorch's documentation. Which path is taken, and how batches are split and
padded, is tested on CPUs; capturing and replaying itself is tested where a device is (marker
`gpu`), and has not run on one yet. The optimization loop is not graphed.

Shapes: N images.
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from editing.generator.synthesis import Synthesis

BATCH_SIZES = (1, 2, 4, 8)
WARM_UP_RUNS = 3
# Beyond, kernels take longer than their launches, and every graph holds a picture's features.
LARGEST_GRAPHED = 256
# Volta; what is older has no TF32 and no kernels in today's builds of PyTorch.
OLDEST_CAPABILITY = (7, 0)


def allow_tf32(device: torch.device) -> bool:
    """Let a CUDA device multiply float32 matrices in TF32; return whether it is one.

    Once per process, at its start: it holds for every product from then on. Convolutions may
    already, by PyTorch's default. Products differ by about a thousandth.
    """
    if device.type != "cuda":
        return False
    torch.set_float32_matmul_precision("high")
    return True


def can_graph(device: torch.device, resolution: int) -> bool:
    """Return whether pictures of this side are to be drawn by graphs on the device."""
    return (
        device.type == "cuda"
        and resolution <= LARGEST_GRAPHED
        and torch.cuda.is_available()
        and torch.cuda.get_device_capability(device) >= OLDEST_CAPABILITY
    )


class GraphedSynthesis:
    """Draws pictures from styles by replaying graphs; for previews, without gradients.

    Replaying reuses the memory of the last picture, so one thread may use it, and what it
    returns is a copy. Weights must not be swapped for others, only changed in place.
    """

    def __init__(self, synthesis: Synthesis, graphs: dict[int, "_Graph"]) -> None:
        self._synthesis = synthesis
        self._graphs = graphs

    @classmethod
    @torch.no_grad()
    def capture(
        cls,
        synthesis: Synthesis,
        *,
        batch_sizes: Sequence[int] = BATCH_SIZES,
        dtype: torch.dtype | None = None,
    ) -> Self:
        """Return the synthesis with its forward pass captured at each batch size."""
        const = synthesis.get_submodule("b4").const
        config = synthesis.config
        graphs = {}
        for num in sorted(batch_sizes):
            blank = const.new_zeros(num, config.num_layers, config.w_dim)
            graphs[num] = _Graph(synthesis, synthesis.styles(blank), dtype)
        return cls(synthesis, graphs)

    def from_styles(self, styles: tuple[Tensor, ...]) -> Tensor:
        """Return the pictures (N, 3, R, R) of styles as `Synthesis.from_styles` takes them."""
        num = len(styles[0])
        largest = max(self._graphs)
        if num > largest:
            parts = zip(*(style.split(largest) for style in styles), strict=True)
            return torch.cat([self.from_styles(part) for part in parts])
        size = min(size for size in self._graphs if size >= num)
        return self._graphs[size].replay(styles)[:num].clone()


class _Graph:
    """One captured forward pass."""

    def __init__(
        self, synthesis: Synthesis, styles: tuple[Tensor, ...], dtype: torch.dtype | None
    ) -> None:
        self.styles = tuple(style.contiguous().clone() for style in styles)
        # Capturing needs libraries that have chosen their kernels, on a stream of its own.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_RUNS):
                synthesis.from_styles(self.styles, dtype=dtype)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.image = synthesis.from_styles(self.styles, dtype=dtype).image

    def replay(self, styles: tuple[Tensor, ...]) -> Tensor:
        """Return the graph's own picture memory, drawn anew; rows beyond N are left over."""
        for fixed, style in zip(self.styles, styles, strict=True):
            fixed[: len(style)].copy_(style)
        self.graph.replay()
        return self.image
