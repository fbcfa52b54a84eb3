"""How good is a cars bundle? Figures on pictures that no training has seen.

What every family is measured by is in `editing.benchmark.held_out` and `samples`; here is
what edit vectors do to held-out cars, as the judge sees it, which takes part in no loss:
bigger wheels, no roof, no plate, no mirror. A vector that a bundle was left without succeeds on
no car. A van or a pick-up without roof is nothing that the family knows, so roofs are taken off
bodies that come open; what happens to all others is a figure beside. Plates and mirrors are
taken off cars that show one.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from editing import vectors
from editing.benchmark import held_out, samples
from editing.benchmark.figure import Figure
from editing.bundle import Bundle, BundleError
from editing.families.factor_space import Factors
from editing.families.family import Family
from editing.regressor import Regressor
from editing.vectors import EditVector

WHEELS, ROOF = "bigger_wheels", "no_roof"
# Which vectors take off a part of which name, also that of the factor.
TAKEN_OFF = {"no_plate": "plate", "no_mirror": "mirror"}
OPENING_BODIES = ("saloon", "coupe", "hatchback")


def run(
    bundle: Bundle,
    family: Family,
    *,
    num: int = 64,
    num_samples: int = 1000,
    steps: int = 100,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Iterator[Figure]:
    """Yield the figures one by one; minutes on one core.

    `progress` is called with what is being measured and how far it is.

    Raises:
        BundleError: the bundle lacks the judge or both vectors, was trained for other
            factors than the family has, or no held-out car can be edited.
    """
    judge = held_out.judge_of(bundle, family)
    known = bundle.vectors()
    asked = _both(bundle, known)
    yield from samples.measure(bundle, family, judge, num=num_samples, progress=progress)
    yield held_out.optimize_time(bundle, family, rule=WHEELS)
    seen = held_out.invert(bundle, family, num, steps=steps, progress=progress)
    yield from held_out.measure(bundle, family, seen)
    if WHEELS in asked:
        yield from _bigger_wheels(bundle, family, judge, asked[WHEELS], seen.w_plus)
    else:
        yield Figure("wheel_size_success", 0.0, "no_vector")
    if ROOF in asked:
        yield from _no_roof(bundle, family, judge, asked[ROOF], seen)
    else:
        yield Figure("roof_removal_success", 0.0, "no_vector")
    for name, part in TAKEN_OFF.items():
        if name in known:
            yield from _taken_off(bundle, family, judge, known[name], part, seen)
        else:
            yield Figure(f"{part}_removal_success", 0.0, "no_vector")
    worst = 0.0
    for name, vector in asked.items():
        card = vectors.measure(bundle, vector, probes=seen.w_plus, num_strips=1)
        yield Figure(f"outside_change_{name}", card.outside_change, "of_range")
        worst = max(worst, card.outside_change)
    yield Figure("outside_change", worst, "of_range")


def _both(bundle: Bundle, known: Mapping[str, EditVector]) -> dict[str, EditVector]:
    found = {name: vector for name, vector in known.items() if name in (WHEELS, ROOF)}
    if not found:
        raise BundleError(
            f"the bundle has no vector {WHEELS} or {ROOF}; run "
            f"`python -m editing vectors cars --bundle {bundle.path}`"
        )
    return found


def _bigger_wheels(
    bundle: Bundle, family: Family, judge: Regressor, vector: EditVector, w_plus: Tensor
) -> Iterator[Figure]:
    """Yield how often the judge reads larger wheels afterwards, and by how much."""
    column = family.factors.columns["wheel_size"].slice
    before, after = (
        _read(bundle, judge, codes)[:, column].flatten()
        for codes in (w_plus, vectors.apply(w_plus, [(vector, 1.0)]))
    )
    rise = after - before
    yield Figure("wheel_size_success", float((rise > 0).float().mean()), "")
    yield Figure("wheel_size_rise", float(rise.mean()), "SD")


def _no_roof(
    bundle: Bundle,
    family: Family,
    judge: Regressor,
    vector: EditVector,
    seen: held_out.HeldOut,
) -> Iterator[Figure]:
    """Yield how often the judge sees an open car where it was closed and is not any more."""
    open_before = is_open(family, _read(bundle, judge, seen.w_plus))
    may_open = opens(family, seen.factors).to(open_before.device)
    closed = ~open_before & (seen.factors.get("roof") == 0).to(open_before.device)
    edited = vectors.apply(seen.w_plus, [(vector, 1.0)])
    open_after = is_open(family, _read(bundle, judge, edited))
    for name, asked in (
        ("roof_removal_success", closed & may_open),
        ("roof_removal_success_other_bodies", closed & ~may_open),
    ):
        if not asked.any():
            if name == "roof_removal_success":
                raise BundleError("no held-out car is closed and of a body that comes open")
            continue
        yield Figure(name, float(open_after[asked].float().mean()), "")
        yield Figure(f"{name.replace('_success', '')}_asked", float(asked.sum()), "cars")


def _taken_off(
    bundle: Bundle,
    family: Family,
    judge: Regressor,
    vector: EditVector,
    part: str,
    seen: held_out.HeldOut,
) -> Iterator[Figure]:
    """Yield how often the judge misses a part that the car has, shows and was read to have."""
    edited = vectors.apply(seen.w_plus, [(vector, 1.0)])
    had, has = (
        family.factors.is_option(_read(bundle, judge, codes), part, "yes")
        for codes in (seen.w_plus, edited)
    )
    labels = torch.cat([bundle.segment(codes) for codes in seen.w_plus.split(16)])
    shown = (labels == bundle.schema.id_of(part)).any(dim=2).any(dim=1)
    asked = had & shown & (seen.factors.get(part) == 1).to(had.device)
    success = float((~has)[asked].float().mean()) if asked.any() else 0.0
    yield Figure(f"{part}_removal_success", success, "")
    yield Figure(f"{part}_removal_asked", float(asked.sum()), "cars")


def opens(family: Family, factors: Factors) -> Tensor:
    """Return bool (N): which cars have a body that the family also draws without roof."""
    options = family.factors.options("body")
    bodies = torch.tensor([options.index(name) for name in OPENING_BODIES])
    return torch.isin(factors.get("body").long(), bodies)


def is_open(family: Family, code: Tensor) -> Tensor:
    """Return bool (N): which cars of the codes (N, C) that were read have no roof."""
    return family.factors.is_option(code, "roof", "open")


@torch.no_grad()
def _read(bundle: Bundle, judge: Regressor, w_plus: Tensor) -> Tensor:
    """Return what the judge reads off the pictures of codes, (N, C)."""
    return torch.cat([judge.code(bundle.render(part)) for part in w_plus.split(16)])
