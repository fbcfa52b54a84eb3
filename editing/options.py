"""Are these options ones that a run can be made with? Checked as soon as they are written.

A weight that is not a number, or a rate below zero, would otherwise show as a picture of
noise, many minutes later.
"""

import math
from collections.abc import Collection, Mapping

from editing.errors import EditingError

Bounds = tuple[float, float]

RATE: Bounds = (1e-8, 10.0)  # of an optimizer
WEIGHT: Bounds = (0.0, 1e6)  # of a term


def check_numbers(
    options: object,
    bounds: Mapping[str, Bounds],
    *,
    refusal: type[EditingError],
    whole: bool = False,
) -> None:
    """Refuse a field of `options` that is no finite number within its (lowest, highest).

    `whole` asks for integers.

    Raises:
        EditingError: a `refusal` that names the field, what it holds and what it may hold.
    """
    for name, (lowest, highest) in bounds.items():
        value = getattr(options, name)
        is_number = isinstance(value, int if whole else int | float)
        if not is_number or not math.isfinite(value) or not lowest <= value <= highest:
            kind = "a whole number" if whole else "a number"
            raise refusal(
                f"{name} is {value!r}, expected {kind} from {lowest:g} to {highest:g}"
            )


def check_choice(
    options: object, name: str, choices: Collection[str], *, refusal: type[EditingError]
) -> None:
    """Refuse a field of `options` that is none of `choices`.

    Raises:
        EditingError: a `refusal` that names the field, what it holds and the choices.
    """
    value = getattr(options, name)
    if value not in choices:
        raise refusal(f"{name} is {value!r}, expected one of {', '.join(choices)}")
