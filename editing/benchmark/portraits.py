"""How good is a portraits bundle? Figures on pictures that no training has seen.

Held-out pictures are renders of fixed seeds. Inversion, label maps and the smile edit go
the way a user's picture goes: encoder, optimization, then the branch and the vector. What
samples show is in `editing.benchmark.samples`. The judge that reads factors takes part in
no loss.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from editing import metrics, optimize, vectors
from editing.benchmark import samples
from editing.benchmark.figure import Figure
from editing.bundle import Bundle, BundleError, read_manifest
from editing.errors import EditingError
from editing.families.factor_space import Factors
from editing.families.family import Family
from editing.inversion import invert as inversion
from editing.optimize import OptimizeOptions
from editing.region import changed_parts, default_margin, region_of_interest
from editing.regressor import Regressor
from editing.segmentation.training import miou

HELD_OUT_SEED = 90_001


@dataclass(frozen=True)
class HeldOut:
    """Held-out renders with their factors, label maps and inversions."""

    factors: Factors
    images: Tensor
    labels: Tensor
    w_plus: Tensor


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
    judge = _judge(bundle, family)
    yield from samples.measure(bundle, family, judge, num=num_samples, progress=progress)
    yield optimize_time(bundle, family)
    held_out = _held_out(bundle, family, num, steps, progress)
    drawn = bundle.render(held_out.w_plus).clamp(-1, 1)
    psnr = inversion.psnr(drawn, held_out.images)
    yield Figure("inversion_psnr_db", float(psnr.mean()), "dB")
    yield Figure("inversion_psnr_db_p5", float(psnr.quantile(0.05)), "dB")
    for name, codes in (
        ("segmentation_miou", held_out.w_plus),
        ("segmentation_miou_true_codes", _true_codes(bundle, family, held_out.factors)),
    ):
        predicted = torch.cat([bundle.segment(part) for part in codes.split(16)])
        score, _ = miou(predicted, held_out.labels, num_parts=bundle.num_parts)
        yield Figure(name, score, "")
    yield from _smile(bundle, family, held_out.w_plus[:num_smiles])


def usual_error(
    bundle: Bundle, family: Family, *, num: int = 32, steps: int = 100
) -> tuple[float, float, float]:
    """Return the 5th, 50th and 95th percentile of inversion errors on held-out renders."""
    held_out = _held_out(bundle, family, num, steps, lambda name, done, total: None, seed=1)
    change = (bundle.render(held_out.w_plus).clamp(-1, 1) - held_out.images).abs() / 2
    levels = torch.tensor([0.05, 0.5, 0.95])
    low, middle, high = change.mean(dim=(1, 2, 3)).quantile(levels).tolist()
    return low, middle, high


def optimize_time(bundle: Bundle, family: Family, *, steps: int = 30) -> Figure:
    """Return the seconds of one painted edit, from a code to its best picture.

    The networks are warm, as they are in a running worker.
    """
    rule = family.painting_rules["smile"]
    codes = _true_codes(bundle, family, _factors(family, 8, HELD_OUT_SEED + 1))
    for code in codes.split(1):
        labels = bundle.segment(code)
        try:
            target = rule(labels[0], bundle.schema)[None]
        except EditingError:
            continue
        seconds = 0.0
        for num_steps in (1, steps):
            begun = time.perf_counter()
            parts = changed_parts(labels, target, background=bundle.background)
            margin = default_margin(bundle.label_size)
            region = region_of_interest(labels, target, parts=parts, margin=margin)
            options = OptimizeOptions(steps=num_steps)
            optimize.best(optimize.run(bundle, code, target, region=region, options=options))
            seconds = time.perf_counter() - begun
        return Figure(f"optimize_{steps}_steps", seconds, "s")
    raise BundleError("no held-out portrait shows a mouth that the smile can be painted on")


def _factors(family: Family, num: int, seed: int) -> Factors:
    return family.factors.sample(num, torch.Generator().manual_seed(seed))


@torch.no_grad()
def _true_codes(bundle: Bundle, family: Family, factors: Factors) -> Tensor:
    code = family.factors.encode(factors).to(bundle.device)
    return bundle.generator.broadcast(bundle.generator.map(code)).clone()


def _held_out(
    bundle: Bundle,
    family: Family,
    num: int,
    steps: int,
    progress: Callable[[str, int, int], None],
    *,
    seed: int = 0,
) -> HeldOut:
    factors = _factors(family, num, HELD_OUT_SEED + 10 * seed)
    renders = family.render(factors, size=bundle.resolution)
    labels = renders.labels
    if bundle.label_size != bundle.resolution:
        labels = family.render(factors, size=bundle.label_size).labels
    codes, total = [], num * (steps + 1)
    done = 0
    for chunk in renders.image.split(8):
        options = inversion.InvertOptions(steps=steps)
        best = chunk
        for step in inversion.invert(bundle, chunk, options=options):
            best = step.best_w_plus
            done += len(chunk)
            progress("inversion", done, total)
        codes.append(best)
    return HeldOut(factors, renders.image, labels, torch.cat(codes))


@torch.no_grad()
def _smile(bundle: Bundle, family: Family, w_plus: Tensor) -> Iterator[Figure]:
    """Yield what the smile vector does at strength 1, as the judge sees it."""
    found = bundle.vectors()
    if "smile" not in found:
        raise BundleError("the bundle has no smile vector; run `python -m editing vectors`")
    judge = _judge(bundle, family)
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


def largest_bundle(family: str, shelf: Path = Path("bundles")) -> Path:
    """Return the folder of the family's bundle with the largest pictures.

    Raises:
        BundleError: the shelf has none of this family.
    """
    found = []
    for path in sorted(shelf.glob(f"{family}-*/manifest.json")):
        manifest = read_manifest(path.parent)
        if manifest.family == family:
            found.append((manifest.resolution, path.parent))
    if not found:
        raise BundleError(f"no bundle of {family} in {shelf}; name one with --bundle")
    return max(found)[1]


def _judge(bundle: Bundle, family: Family) -> Regressor:
    judge = bundle.judge or bundle.regressor
    if judge is None:
        raise BundleError("the bundle has no judge that reads factors")
    if judge.config.code_dim != family.factors.code_dim:
        raise BundleError(
            f"the bundle was trained when {family.name} had factors of "
            f"{judge.config.code_dim} columns, now they have {family.factors.code_dim}: "
            "train it anew"
        )
    return judge
