"""Which shape does a generator have? One frozen object that a manifest can hold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from editing.errors import EditingError


class GeneratorConfigError(EditingError):
    """A generator configuration contradicts itself."""

    code = "generator.config"


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """The sizes of one generator; equal configurations have equal parameter shapes.

    Args:
        resolution: side of the picture, a power of two from 8.
        w_dim: width of `w`.
        z_dim: width of what the mapping takes: noise for "mlp", a factor code for "code".
        channels: features at 4, 8, ... `resolution`.
        mapping: "mlp" is StyleGAN2's mapping of normalized noise. "code" is for families
            whose renderer knows every factor: `w` is an MLP of the code next to
            `code_gain` times the code itself, so that factors which move few pixels are
            not squashed.
        mapping_layers: depth of the MLP.
        mapping_lr_mul: equalized learning rate of the MLP's layers.
        clamp: limit of activations and RGB, for models trained with one.
        noise: whether layers add fixed noise maps; off, `w` determines the picture.
    """

    resolution: int
    w_dim: int
    z_dim: int
    channels: tuple[int, ...]
    mapping: Literal["mlp", "code"] = "mlp"
    mapping_layers: int = 8
    mapping_lr_mul: float = 0.01
    code_gain: float = 2.5
    clamp: float | None = None
    noise: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes that cannot belong together.

        Raises:
            GeneratorConfigError: the sizes contradict each other.
        """
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise GeneratorConfigError(f"resolution {self.resolution} is no power of two >= 8")
        if len(self.channels) != len(self.resolutions):
            raise GeneratorConfigError(
                f"{len(self.channels)} channel counts for {len(self.resolutions)} resolutions"
            )
        if self.mapping not in ("mlp", "code"):
            raise GeneratorConfigError(f"unknown mapping {self.mapping!r}")
        if self.mapping == "code" and self.w_dim <= self.z_dim:
            raise GeneratorConfigError("a code mapping needs w_dim larger than z_dim")
        if self.mapping_layers < 1:
            raise GeneratorConfigError("a mapping needs at least one layer")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Return 4, 8, ... `resolution`."""
        return tuple(4 << i for i in range(self.resolution.bit_length() - 2))

    @property
    def num_layers(self) -> int:
        """Return L = 2 log2(resolution) - 2, the rows of a `w_plus`."""
        return 2 * (self.resolution.bit_length() - 1) - 2

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict that `from_json` reads back."""
        return asdict(self) | {"channels": list(self.channels)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "GeneratorConfig":
        """Return the configuration that `to_json` wrote.

        Raises:
            GeneratorConfigError: a field is missing, unknown or contradictory.
        """
        try:
            return cls(**{**data, "channels": tuple(data["channels"])})
        except (TypeError, KeyError) as error:
            raise GeneratorConfigError(str(error)) from error
