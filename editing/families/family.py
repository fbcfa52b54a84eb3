"""What an image family consists of: parts, factors, a renderer and painting rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from editing.families.factor_space import Factors, FactorSpace
from editing.families.schema import PartSchema


@dataclass(frozen=True, slots=True)
class Render:
    """Pictures with their label maps.

    `image` is RGB float (N, 3, S, S) in [-1, 1], `labels` uint8 part ids (N, S, S).
    """

    image: Tensor
    labels: Tensor


class Renderer(Protocol):
    """Draws factors at any size; the same factors always give the same picture."""

    def __call__(self, factors: Factors, *, size: int) -> Render: ...


# Takes a label map uint8 (H, W) and its schema, returns the map as a user would paint it.
PaintingRule = Callable[[Tensor, PartSchema], Tensor]


@dataclass(frozen=True)
class Family:
    """One kind of image that this library can render, train on and edit.

    `meanings` names for some painting rules the choice among the factors that the picture
    should show afterwards, as (factor, option): what a reader of factors can look for.
    """

    name: str
    schema: PartSchema
    factors: FactorSpace
    render: Renderer
    painting_rules: Mapping[str, PaintingRule] = field(default_factory=dict)
    meanings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
