"""Which of the family's choices does a painting ask for? A beard, no glasses, an open roof.

Whoever draws a family chooses among kinds: no beard, a moustache, a goatee, a full one.
Between two kinds lies nothing that looks like either, so a gradient that sets out for a beard
ends in a haze that the branch takes for one. But there are few kinds, and a generator whose
mapping reads a factor code knows them: each can be tried, one picture per option, and the
one that answers the painting is where optimization starts.

Letters: N = 1 picture, C columns of the factor code, L layers.
Source: ours; the code path through the mapping is ADR 0002, this one is ADR 0018.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from editing.generator.model import Generator
from editing.regressor import ONE_HOT_SCALE

# An option that leaves more than this share of the disagreement is not what was painted.
SHARE_LEFT = 2 / 3
# A choice that is off by less is made, in a code whose one-hots are 2.
ALIKE = 0.2

# The columns (start, stop) of one choice in the factor code.
Choice = tuple[int, int]


@torch.no_grad()
def asked_for(
    generator: Generator,
    choices: Sequence[Choice],
    w_plus: Tensor,
    *,
    mismatch: Callable[[Tensor], float],
    cost: Callable[[Tensor], float],
) -> Tensor | None:
    """Return the offset (1, 1, w_dim) to the choices that a painting asks for, None if to none.

    One option after the other is taken, as long as one is found that leaves at most two
    thirds of the mismatch and lowers the cost; of several the one that costs least.

    Args:
        generator: its mapping reads factor codes.
        choices: the columns of each choice in the code.
        w_plus: the code (1, L, w_dim) of the picture painted on.
        mismatch: says how far a picture with such an offset is from following the painting.
        cost: says the same with what changes elsewhere added. Asked only of the promising.
    """
    code = generator.mapping.code_of(w_plus.mean(dim=1))
    unchosen = generator.map(code)
    offset = torch.zeros_like(unchosen)[:, None]
    misses, costs = mismatch(offset), cost(offset)
    is_chosen = False
    while True:
        found = None
        for other in _others(code, choices):
            tried = (generator.map(other) - unchosen)[:, None]
            missed = mismatch(tried)
            if missed <= SHARE_LEFT * misses and (costing := cost(tried)) < costs:
                found, costs = (other, tried, missed), costing
        if found is None:
            return offset if is_chosen else None
        (code, offset, misses), is_chosen = found, True


def _others(code: Tensor, choices: Sequence[Choice]) -> Iterator[Tensor]:
    """Yield the codes (1, C) that differ from `code` in one choice.

    The code of an upload may lie between two options; then the nearer one is another, too.
    """
    for start, stop in choices:
        for option in range(start, stop):
            other = code.clone()
            other[:, start:stop] = 0
            other[:, option] = ONE_HOT_SCALE
            if float((other - code).abs().max()) > ALIKE:
                yield other
