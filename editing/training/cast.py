"""Who is in the gallery? The cast of a recipe as factors, ready to be encoded."""

import torch
from torch import Tensor

from editing.families.factor_space import Categorical, Factors, FactorSpace
from editing.training.recipes import CastMember


def cast_factors(space: FactorSpace, cast: tuple[CastMember, ...]) -> Factors:
    """Return the factors (N, F) of the cast, each checked against the space.

    Raises:
        KeyError: a member names a factor or an option that does not exist.
    """
    return Factors(torch.stack([_values(space, member) for member in cast]), space.names)


def _values(space: FactorSpace, member: CastMember) -> Tensor:
    values = []
    unknown = set(member.factors) - set(space.names)
    if unknown:
        raise KeyError(f"{member.name} has unknown factors {sorted(unknown)}")
    for factor in space.factors:
        given = member.factors.get(factor.name)
        if isinstance(factor, Categorical):
            option = given if given is not None else factor.options[0]
            if option not in factor.options:
                raise KeyError(f"{member.name}: {factor.name} has no option {option!r}")
            values.append(float(factor.options.index(str(option))))
        else:
            middle = factor.low if factor.shape == "rare" else factor.center
            number = float(middle if given is None else given)
            values.append(min(max(number, factor.low), factor.high))
    return torch.tensor(values)
