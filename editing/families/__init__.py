"""Image families that come with a renderer, by name."""

from editing.families.factor_space import Factors, FactorSpace
from editing.families.family import Family, PaintingRule, Render, Renderer
from editing.families.schema import Part, PartSchema

__all__ = [
    "FactorSpace",
    "Factors",
    "Family",
    "PaintingRule",
    "Part",
    "PartSchema",
    "Render",
    "Renderer",
    "get",
    "names",
]


def names() -> tuple[str, ...]:
    """Return the names of all families that can be rendered."""
    return ("portraits", "cars")


def get(name: str) -> Family:
    """Return the family called `name`.

    Raises:
        KeyError: there is no such family.
    """
    if name == "portraits":
        from editing.families.portraits import PORTRAITS

        return PORTRAITS
    if name == "cars":
        from editing.families.cars import CARS

        return CARS
    raise KeyError(name)
