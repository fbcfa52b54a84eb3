"""Which `w_plus` draws this picture, where no renderer knows any factors?

A small residual network reads one w for all layers and an offset per layer of low rank.
Staying near one shared w keeps the result editable (the lesson of e4e); GroupNorm makes
the answer independent of who else is in the batch.

Shapes: N images, L layers of `w_plus`, R the image side.
Source: one w plus offsets as in Tov et al. 2021 (e4e), section 4; the trunk is our own.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.errors import ShapeMismatchError

KIND = "pictures/1"


@dataclass(frozen=True, slots=True)
class PictureEncoderConfig:
    """The sizes of one encoder; `widths` are features at R/2, R/4, ... down to 4."""

    resolution: int
    num_layers: int
    w_dim: int
    widths: tuple[int, ...]
    hidden: int = 512
    rank: int = 96

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `from_json` reads back."""
        return {"kind": KIND, **asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PictureEncoderConfig":
        """Return the configuration that `to_json` wrote."""
        fields = {key: value for key, value in data.items() if key != "kind"}
        return cls(**{**fields, "widths": tuple(data["widths"])})


class _Stage(nn.Module):
    """Halves the side and refines with one residual layer; the first one only enters."""

    def __init__(self, num_in: int, num_out: int, *, is_first: bool) -> None:
        super().__init__()
        self.enter = nn.Conv2d(num_in, num_out, 3, stride=1 if is_first else 2, padding=1)
        self.refine = nn.Conv2d(num_out, num_out, 3, padding=1)
        self.norm = nn.GroupNorm(max(1, num_out // 16), num_out)

    def forward(self, x: Tensor) -> Tensor:
        # The way past the norm is what tells a dark picture from a bright one.
        x = F.leaky_relu(self.enter(x), 0.2)
        return F.leaky_relu(x + self.norm(self.refine(x)), 0.2)


class PictureEncoder(nn.Module):
    """Returns w_plus (N, L, w_dim) for images (N, 3, R, R) in [-1, 1]."""

    def __init__(self, config: PictureEncoderConfig) -> None:
        super().__init__()
        self.config = config
        # Two by two pixels become channels: full-size maps cost more than they tell.
        chain = (12, *config.widths)
        self.stages = nn.ModuleList(
            _Stage(chain[i], chain[i + 1], is_first=i == 0) for i in range(len(config.widths))
        )
        side = config.resolution >> len(config.widths)
        self.reduce = nn.Conv2d(config.widths[-1], 64, 1)
        self.hidden = nn.Linear(64 * side * side, config.hidden)
        self.shared = nn.Linear(config.hidden, config.w_dim)
        self.narrow = nn.Linear(config.hidden, config.rank)
        self.offsets = nn.Linear(config.rank, config.num_layers * config.w_dim)
        nn.init.zeros_(self.offsets.weight)
        nn.init.zeros_(self.offsets.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Return w_plus (N, L, w_dim).

        Raises:
            ShapeMismatchError: the images are not (N, 3, R, R).
        """
        shared, offset = self.parts(image)
        return shared.unsqueeze(1) + offset

    def parts(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shared w (N, w_dim) and the per-layer offsets (N, L, w_dim).

        Raises:
            ShapeMismatchError: the images are not (N, 3, R, R).
        """
        side = self.config.resolution
        if image.shape[1:] != (3, side, side):
            raise ShapeMismatchError(f"images {tuple(image.shape)} for an encoder of {side} px")
        x = F.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            x = stage(x)
        x = F.leaky_relu(self.reduce(x), 0.2).flatten(1)
        # Codes keep full precision whatever the convolutions are computed in.
        with torch.autocast(x.device.type, enabled=False):
            hidden = F.leaky_relu(self.hidden(x.to(self.hidden.weight.dtype)), 0.2)
            offset = self.offsets(torch.tanh(self.narrow(hidden)))
            shared = self.shared(hidden)
        return shared, offset.unflatten(1, (self.config.num_layers, self.config.w_dim))


def config_for(
    *, resolution: int, num_layers: int, w_dim: int, width: int = 128
) -> PictureEncoderConfig:
    """Return an encoder's sizes for a generator: widths double from 32 up to `width`."""
    num_stages = resolution.bit_length() - 3
    widths = tuple(min(width, 32 << i) for i in range(num_stages))
    return PictureEncoderConfig(resolution, num_layers, w_dim, widths)
