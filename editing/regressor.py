"""What does a picture show? A small frozen network that reads the factors off an image.

A family's renderer knows every factor of every picture, so a network can learn to read
them back. Its activations serve as perceptual features, its reading of the lasting
factors (not expression, pose or light) as identity, and its code starts an inversion. A
second one, trained apart with other widths and another seed, only ever judges.

Shapes: N images, C columns of the factor code, R the image side.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.errors import EditingError, ShapeMismatchError

ONE_HOT_SCALE = 2.0


class RegressorConfigError(EditingError):
    """A regressor configuration lacks a field or has an unknown one."""

    code = "regressor.config"


@dataclass(frozen=True, slots=True)
class RegressorConfig:
    """The sizes of one regressor and what its outputs mean.

    Args:
        resolution: side of the images it reads.
        code_dim: C, columns of the factor code.
        categorical: (start, stop) of the columns of each categorical factor, one-hot.
        identity_columns: columns that stay the same when a person moves or smiles.
        widths: features at R/2, R/4, R/8, ...
        hidden: width of the layer under the outputs.
    """

    resolution: int
    code_dim: int
    categorical: tuple[tuple[int, int], ...]
    identity_columns: tuple[int, ...]
    widths: tuple[int, ...] = (32, 64, 96, 128)
    hidden: int = 256

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RegressorConfig":
        """Return the configuration that `to_json` wrote.

        Raises:
            RegressorConfigError: a field is missing or unknown.
        """
        try:
            return cls(
                **{
                    **data,
                    "categorical": tuple((a, b) for a, b in data["categorical"]),
                    "identity_columns": tuple(data["identity_columns"]),
                    "widths": tuple(data["widths"]),
                }
            )
        except (TypeError, KeyError, ValueError) as error:
            raise RegressorConfigError(str(error)) from error


class _Stage(nn.Module):
    """Halves the side and refines with one residual layer; the first stage does neither."""

    def __init__(self, num_in: int, num_out: int, *, stride: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(num_in, num_out, 3, stride=stride, padding=1)
        self.norm0 = nn.BatchNorm2d(num_out)
        self.has_residual = stride > 1
        if self.has_residual:
            self.refine = nn.Conv2d(num_out, num_out, 3, padding=1)
            self.norm1 = nn.BatchNorm2d(num_out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm0(self.enter(x)), 0.2)
        if self.has_residual:
            x = F.leaky_relu(x + self.norm1(self.refine(x)), 0.2)
        return x


class Regressor(nn.Module):
    """Reads the factor code of images (N, 3, R, R) in [-1, 1]."""

    def __init__(self, config: RegressorConfig) -> None:
        super().__init__()
        self.config = config
        # Two by two pixels become channels: full-size maps cost more than they tell.
        widths = (12, *config.widths)
        self.stages = nn.ModuleList(
            _Stage(widths[i], widths[i + 1], stride=1 if i == 0 else 2)
            for i in range(len(config.widths))
        )
        side = config.resolution >> len(config.widths)
        self.reduce = nn.Conv2d(config.widths[-1], 64, 1)
        self.hidden = nn.Linear(64 * side * side, config.hidden)
        self.out = nn.Linear(config.hidden, config.code_dim)

    def features(self, image: Tensor) -> list[Tensor]:
        """Return activations at R/2, R/4, ..., finest first: the perceptual features.

        Raises:
            ShapeMismatchError: the images are not (N, 3, R, R).
        """
        if image.shape[1:] != (3, self.config.resolution, self.config.resolution):
            raise ShapeMismatchError(
                f"images {tuple(image.shape)} for a regressor of {self.config.resolution} px"
            )
        x = F.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def embed(self, image: Tensor) -> Tensor:
        """Return the layer under the outputs, (N, hidden)."""
        return self.embed_features(self.features(image))

    def embed_features(self, features: list[Tensor]) -> Tensor:
        """Return the same from `features`, for callers that have them already."""
        x = F.leaky_relu(self.reduce(features[-1]), 0.2)
        return F.leaky_relu(self.hidden(x.flatten(1).contiguous()), 0.2)

    def forward(self, image: Tensor) -> Tensor:
        """Return raw outputs (N, C): continuous columns as read, categorical as logits."""
        out: Tensor = self.out(self.embed(image))
        return out

    def code(self, image: Tensor) -> Tensor:
        """Return the factor code (N, C); one-hots are soft, scaled as in the code."""
        return self.code_of(self(image))

    def code_of(self, raw: Tensor) -> Tensor:
        """Return the factor code of raw outputs (N, C)."""
        code = raw.clone()
        for start, stop in self.config.categorical:
            code[:, start:stop] = ONE_HOT_SCALE * raw[:, start:stop].softmax(dim=1)
        return code

    def identity(self, image: Tensor) -> Tensor:
        """Return who is shown, (N, D): the code's lasting columns, for a cosine."""
        return self.code(image)[:, list(self.config.identity_columns)]
