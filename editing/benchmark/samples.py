"""How do a generator's samples compare with renders? Factors, distances, sharpness.

Samples are drawn from codes of random factors and set beside renders of the very same
factors, and beside renders of other factors. Whatever is compared, renders are compared
with renders too: that is the floor under the figure. Distances are *domain* distances, of
the judge's own features: comparable within one table, not with published numbers.

Shapes: N pictures, S their side, C columns of the factor code.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from editing import metrics
from editing.benchmark.figure import Figure
from editing.bundle import Bundle
from editing.families.factor_space import Factors, FactorSpace
from editing.families.family import Family
from editing.regressor import Regressor

SEED = 90_101
# Below this the judge cannot read a factor off renders either, and a gap says nothing.
READS_WELL = 0.7
NUM_BINS = 10

Told = Callable[[str, int, int], None]


@torch.no_grad()
def measure(
    bundle: Bundle, family: Family, judge: Regressor, *, num: int, progress: Told
) -> Iterator[Figure]:
    """Yield the figures of `num` samples beside `num` renders of the same factors.

    - `factor_r2_*`: how much of a factor the judge reads off samples; `factor_gap_*`, for
      every factor it reads well: how much more it reads off renders.
    - `domain_kid`, `domain_fid`: distance of samples to renders of other people; `*_floor`:
      of renders to those.
    - `factor_coverage`: total variation between histograms of what is read, the mean over
      factors, 0 alike and 1 disjoint; `*_floor` as above.
    - `sharpness`: energy in the upper half of the spectrum over that of the same renders.
    """
    space = family.factors
    factors, others = (
        space.sample(num, torch.Generator().manual_seed(SEED + i)) for i in range(2)
    )
    drawn, renders, strangers = _Seen(judge), _Seen(judge), _Seen(judge)
    energies: list[tuple[float, float]] = []
    for start in range(0, num, 16):
        part = slice(start, min(start + 16, num))
        sample = _draw(bundle, space, factors[part])
        render = family.render(factors[part], size=bundle.resolution).image
        energies.append((metrics.high_frequencies(sample), metrics.high_frequencies(render)))
        drawn.add(sample)
        renders.add(render)
        strangers.add(family.render(others[part], size=bundle.resolution).image)
        progress("samples", part.stop, num)
    wanted = space.encode(factors)
    yield from _factor_figures(space, drawn.codes, renders.codes, wanted)
    yield from _distances(drawn.features, renders.features, strangers.features)
    yield from _coverage(space, drawn.codes, renders.codes, strangers.codes)
    ours, theirs = (sum(column) for column in zip(*energies, strict=True))
    yield Figure("sharpness", ours / theirs, "of_renders")


class _Seen:
    """What the judge reads off pictures: soft codes (N, C) and hidden features (N, D)."""

    def __init__(self, judge: Regressor) -> None:
        self._judge = judge
        self._codes: list[Tensor] = []
        self._features: list[Tensor] = []

    def add(self, images: Tensor) -> None:
        """Read pictures (n, 3, S, S)."""
        hidden = self._judge.embed(images.to(next(self._judge.parameters()).device))
        self._features.append(hidden.cpu())
        self._codes.append(self._judge.code_of(self._judge.out(hidden)).cpu())

    @property
    def codes(self) -> Tensor:
        """Return what was read so far."""
        return torch.cat(self._codes)

    @property
    def features(self) -> Tensor:
        """Return the features of what was read so far."""
        return torch.cat(self._features)


def _draw(bundle: Bundle, space: FactorSpace, factors: Factors) -> Tensor:
    code = space.encode(factors).to(bundle.device)
    return bundle.render(bundle.generator.broadcast(bundle.generator.map(code))).clamp(-1, 1)


def explained(read: Tensor, wanted: Tensor) -> float:
    """Return R2 of readings (N, c) of a factor's columns, all columns together.

    A factor that does not vary in `wanted` has none, and gives 0.
    """
    spread = (wanted - wanted.mean(dim=0)).square().sum()
    return float(1 - (read - wanted).square().sum() / spread) if spread > 1e-9 else 0.0


def _factor_figures(
    space: FactorSpace, drawn: Tensor, renders: Tensor, wanted: Tensor
) -> Iterator[Figure]:
    gaps = []
    for name, column in space.columns.items():
        ours, theirs = (
            explained(codes[:, column.slice], wanted[:, column.slice])
            for codes in (drawn, renders)
        )
        yield Figure(f"factor_r2_{name}", ours, "")
        if theirs >= READS_WELL:
            gaps.append(theirs - ours)
            yield Figure(f"factor_gap_{name}", theirs - ours, "")
    yield Figure("factors_read_well", len(gaps), f"of_{len(space.columns)}")
    if gaps:
        yield Figure("factor_gap_worst", max(gaps), "")
        within = sum(gap <= 0.05 for gap in gaps)
        yield Figure("factors_within_0.05", within, f"of_{len(gaps)}")


def _distances(drawn: Tensor, renders: Tensor, strangers: Tensor) -> Iterator[Figure]:
    for name, ours in (("", drawn), ("_floor", renders)):
        random = torch.Generator().manual_seed(SEED)
        kid = metrics.kernel_distance(ours, strangers, generator=random)
        yield Figure(f"domain_kid{name}", kid.value, "")
        yield Figure(f"domain_kid{name}_spread", kid.spread, "")
        yield Figure(f"domain_fid{name}", metrics.frechet_distance(ours, strangers), "")


def _coverage(
    space: FactorSpace, drawn: Tensor, renders: Tensor, strangers: Tensor
) -> Iterator[Figure]:
    apart: dict[str, list[float]] = {"": [], "_floor": []}
    for column in space.columns.values():
        for name, ours in (("", drawn), ("_floor", renders)):
            distance = histogram_distance(ours[:, column.slice], strangers[:, column.slice])
            apart[name].append(distance)
    for name, distances in apart.items():
        yield Figure(f"factor_coverage{name}", sum(distances) / len(distances), "variation")
    yield Figure("factor_coverage_worst", max(apart[""]), "variation")


def histogram_distance(ours: Tensor, theirs: Tensor) -> float:
    """Return the total variation between readings (N, c) and (M, c) of one factor.

    A number is counted in bins that hold equally many of `theirs`, a category by its
    likeliest option.
    """
    if ours.shape[1] == 1:
        edges = theirs[:, 0].quantile(torch.linspace(0, 1, NUM_BINS + 1)[1:-1]).contiguous()
        bins = [torch.bucketize(x[:, 0].contiguous(), edges) for x in (ours, theirs)]
        size = NUM_BINS
    else:
        bins = [x.argmax(dim=1) for x in (ours, theirs)]
        size = ours.shape[1]
    a, b = (torch.bincount(each, minlength=size) / len(each) for each in bins)
    return float((a - b).abs().sum() / 2)
