"""How good is a portraits bundle? Figures on pictures that no training has seen.

What every family is measured by is in `editing.benchmark.held_out` and `samples`; here is
what the smile does to the people of held-out renders, as the judge sees it, which takes part
in no loss.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from editing import metrics, vectors
from editing.benchmark import held_out, samples
from editing.benchmark.figure import Figure
from editing.bundle import Bundle, BundleError
from editing.families.family import Family


def run(
    bundle: Bundle,
    family: Family,
    *,
    num: int = 64,
    num_smiles: int = 50,
    num_samples: int = 1000,
    steps: int = 100,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Iterator[Figure]:
    """Yield the figures one by one; minutes on one core.

    `progress` is called with what is being measured and how far it is.

    Raises:
        BundleError: the bundle lacks the judge or the smile vector, or was trained for
            other factors than the family has.
    """
    judge = held_out.judge_of(bundle, family)
    yield from samples.measure(bundle, family, judge, num=num_samples, progress=progress)
    yield held_out.optimize_time(bundle, family, rule="smile")
    seen = held_out.invert(bundle, family, num, steps=steps, progress=progress)
    yield from held_out.measure(bundle, family, seen)
    yield from _smile(bundle, family, seen.w_plus[:num_smiles])


@torch.no_grad()
def _smile(bundle: Bundle, family: Family, w_plus: Tensor) -> Iterator[Figure]:
    """Yield what the smile vector does at strength 1, as the judge sees it."""
    found = bundle.vectors()
    if "smile" not in found:
        raise BundleError("the bundle has no smile vector; run `python -m editing vectors`")
    judge = held_out.judge_of(bundle, family)
    smile = found["smile"]
    edited = vectors.apply(w_plus, [(smile, 1.0)])
    shown = [torch.cat([bundle.render(part) for part in c.split(16)]) for c in (w_plus, edited)]
    before, after = (torch.cat([judge.code(p) for p in each.split(32)]) for each in shown)
    columns = family.factors.columns
    rise = (after - before)[:, columns["smile"].start]
    moved = (after - before).mean(dim=0).abs()
    others = [
        (float(moved[column.slice].max()), name)
        for name, column in columns.items()
        if name != "smile"
    ]
    yield Figure("smile_success", float((rise > 0).float().mean()), "")
    yield Figure("smile_rise", float(rise.mean()), "SD")
    yield Figure(f"smile_next_largest_{max(others)[1]}", max(others)[0], "SD")
    if lasting := list(judge.config.identity_columns):
        # Around the mean of these people, so that strangers come out near 0.
        center = before[:, lasting].mean(dim=0)
        same = metrics.cosine(after[:, lasting], before[:, lasting], center=center)
        yield Figure("smile_identity", float(same.mean()), "cosine")
    card = vectors.measure(bundle, smile, probes=w_plus, num_strips=1)
    yield Figure("smile_outside_change", card.outside_change, "of_range")
