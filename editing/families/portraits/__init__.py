"""Stylised portraits: a friendly cast of all ages, drawn from about fifty numbers."""

from editing.families.family import Family
from editing.families.portraits.factors import FACTORS
from editing.families.portraits.paintings import MEANINGS, PAINTING_RULES
from editing.families.portraits.renderer import render
from editing.families.portraits.schema import SCHEMA

PORTRAITS = Family(
    name="portraits",
    schema=SCHEMA,
    factors=FACTORS,
    render=render,
    painting_rules=PAINTING_RULES,
    meanings=MEANINGS,
)

__all__ = ["PORTRAITS"]
