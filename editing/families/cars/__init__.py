"""Cars: six bodies on wheels with spokes, seen from front to rear three-quarter view."""

from editing.families.cars.factors import FACTORS
from editing.families.cars.paintings import MEANINGS, PAINTING_RULES
from editing.families.cars.renderer import render
from editing.families.cars.schema import SCHEMA
from editing.families.family import Family

CARS = Family(
    name="cars",
    schema=SCHEMA,
    factors=FACTORS,
    render=render,
    painting_rules=PAINTING_RULES,
    meanings=MEANINGS,
)

__all__ = ["CARS"]
