"""Which `w_plus` draws this image, in one pass?

The regressor reads the image's factor code, the mapping turns it into one w for all
layers, and a small head adds an offset per layer for what the code cannot say. Staying
near one shared w keeps the result editable (the lesson of e4e).

Shapes: N images, L layers of `w_plus`, R the image side.
"""

from collections.abc import Mapping as Json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from editing.generator.config import GeneratorConfig
from editing.generator.mapping import Mapping
from editing.regressor import Regressor, RegressorConfig


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The networks an encoder is made of; `rank` limits its per-layer offsets."""

    generator: GeneratorConfig
    regressor: RegressorConfig
    rank: int = 96

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `from_json` reads back."""
        return {
            "generator": self.generator.to_json(),
            "regressor": self.regressor.to_json(),
            "rank": self.rank,
        }

    @classmethod
    def from_json(cls, data: Json[str, Any]) -> "EncoderConfig":
        """Return the configuration that `to_json` wrote."""
        return cls(
            generator=GeneratorConfig.from_json(data["generator"]),
            regressor=RegressorConfig.from_json(data["regressor"]),
            rank=data["rank"],
        )


class Encoder(nn.Module):
    """Returns w_plus (N, L, w_dim) for images (N, 3, R, R) in [-1, 1]."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.regressor = Regressor(config.regressor)
        self.mapping = Mapping(config.generator)
        generator = config.generator
        # The refinement sees the drawn-from code's pooled evidence, not only the code.
        self.narrow = nn.Linear(config.regressor.hidden, config.rank)
        self.offsets = nn.Linear(config.rank, generator.num_layers * generator.w_dim)
        nn.init.zeros_(self.offsets.weight)
        nn.init.zeros_(self.offsets.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Return w_plus (N, L, w_dim)."""
        shared, offset = self.parts(image)
        return shared.unsqueeze(1) + offset

    def parts(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shared w (N, w_dim) and the per-layer offsets (N, L, w_dim)."""
        generator = self.config.generator
        hidden = self.regressor.embed(image)
        code = self.regressor.code_of(self.regressor.out(hidden))
        offset = self.offsets(torch.tanh(self.narrow(hidden)))
        return self.mapping(code), offset.unflatten(1, (generator.num_layers, generator.w_dim))
