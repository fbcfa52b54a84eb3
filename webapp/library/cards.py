"""What does a card say, and does it reach what the community may expect?

The one place that knows which figures a measured card has. A figure that an older card
lacks is None, and is not judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from webapp.jobs.contract import Measured
from webapp.library.models import LABEL_DIM, SIGNATURE_DIM

FigureName = Literal["outside", "identity", "success", "additivity"]


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least that a figure must reach, and the words for one that does not.

    `sentence` has room for the figure and the minimum, both as people read them.
    """

    name: FigureName
    least: float
    sentence: str
    is_percentage: bool = False

    def shown(self, value: float) -> str:
        """Return a figure as people read it."""
        return f"{value:.0%}".replace("%", " %") if self.is_percentage else f"{value:.2f}"

    def failure(self, value: float) -> str:
        """Return why `value` is not enough."""
        return self.sentence.format(self.shown(value), self.shown(self.least))


MINIMUMS = (
    Minimum("outside", 0.97, "it leaves {} of the rest as it was, the minimum is {}", True),
    Minimum("identity", 0.80, "it keeps identity at {}, the minimum is {}"),
    Minimum("success", 0.80, "it works on {} of the probe pictures, the minimum is {}", True),
    Minimum("additivity", 0.70, "two half steps equal one whole step at {}, the minimum is {}"),
)  # fmt: skip


def figure(card: Measured, name: FigureName) -> float | None:
    """Return a figure of a card, or None if it was not measured.

    `outside` is what stays as it was outside the edited parts: one less the mean change
    there, as a share of the range.
    """
    if name == "outside":
        return 1 - card.outside_change
    value = getattr(card, name)
    return None if value is None else float(value)


def failures(card: Measured) -> list[str]:
    """Return why the community does not get a vector with this card; empty if it does."""
    reasons = []
    for minimum in MINIMUMS:
        value = figure(card, minimum.name)
        if value is not None and value < minimum.least:
            reasons.append(minimum.failure(value))
    if card.valid_range[0] == card.valid_range[1] == 0:
        reasons.append("it works at no strength without changing the rest of the picture")
    return reasons


def padded(signature: Sequence[float]) -> list[float] | None:
    """Return a whole signature, or the label half of one, as long as search holds them.

    With zeros for the picture half, the cosine with stored signatures orders them as the
    cosine of the label halves does. None if it is zero everywhere or of another layout.
    """
    values = list(signature)
    if not any(values) or len(values) not in (SIGNATURE_DIM, LABEL_DIM):
        return None
    return values + [0.0] * (SIGNATURE_DIM - len(values))


def signature(card: Measured) -> list[float] | None:
    """Return what search compares of a card, or None while it has nothing to compare."""
    return padded(card.signature)


def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return how much two vectors act on the same parts, 0 to 1.

    Both are `effect_by_part`: the shares of each vector's change of area that fall on the
    same part, added up.
    """

    def shares(effects: Mapping[str, Any]) -> dict[str, float]:
        sizes = {name: abs(float(value)) for name, value in effects.items()}
        total = sum(sizes.values()) or 1.0
        return {name: size / total for name, size in sizes.items()}

    a, b = shares(one), shares(other)
    return sum(min(a[name], b[name]) for name in a.keys() & b.keys())
