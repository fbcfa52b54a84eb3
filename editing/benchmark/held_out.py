"""How well does a bundle know pictures of its family that no training has seen?

Held-out pictures are renders of fixed seeds. Inversion and label maps go the way a user's
picture goes: encoder, optimization, then the branch.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from editing import optimize
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
Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class HeldOut:
    """Held-out renders with their factors, label maps and inversions."""

    factors: Factors
    images: Tensor
    labels: Tensor
    w_plus: Tensor


def invert(
    bundle: Bundle,
    family: Family,
    num: int,
    *,
    steps: int,
    progress: Told = lambda name, done, total: None,
    seed: int = 0,
) -> HeldOut:
    """Return `num` held-out renders, found again by encoder and `steps` of optimization.

    Other seeds give other pictures.
    """
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


def measure(bundle: Bundle, family: Family, seen: HeldOut) -> Iterator[Figure]:
    """Yield how held-out pictures come back, and how well they are labelled."""
    drawn = bundle.render(seen.w_plus).clamp(-1, 1)
    psnr = inversion.psnr(drawn, seen.images)
    yield Figure("inversion_psnr_db", float(psnr.mean()), "dB")
    yield Figure("inversion_psnr_db_p5", float(psnr.quantile(0.05)), "dB")
    for name, codes in (
        ("segmentation_miou", seen.w_plus),
        ("segmentation_miou_true_codes", _true_codes(bundle, family, seen.factors)),
    ):
        predicted = torch.cat([bundle.segment(part) for part in codes.split(16)])
        score, _ = miou(predicted, seen.labels, num_parts=bundle.num_parts)
        yield Figure(name, score, "")


def usual_error(
    bundle: Bundle, family: Family, *, num: int = 32, steps: int = 100
) -> tuple[float, float, float]:
    """Return the 5th, 50th and 95th percentile of inversion errors on held-out renders."""
    seen = invert(bundle, family, num, steps=steps, seed=1)
    change = (bundle.render(seen.w_plus).clamp(-1, 1) - seen.images).abs() / 2
    levels = torch.tensor([0.05, 0.5, 0.95])
    low, middle, high = change.mean(dim=(1, 2, 3)).quantile(levels).tolist()
    return low, middle, high


def optimize_time(bundle: Bundle, family: Family, *, rule: str, steps: int = 30) -> Figure:
    """Return the seconds of one edit painted by a rule, from a code to its best picture.

    The networks are warm, as they are in a running worker.
    """
    paint = family.painting_rules[rule]
    codes = _true_codes(bundle, family, _factors(family, 8, HELD_OUT_SEED + 1))
    for code in codes.split(1):
        labels = bundle.segment(code)
        try:
            target = paint(labels[0], bundle.schema)[None]
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
    raise BundleError(f"{rule} cannot be painted on any of eight held-out pictures")


def _factors(family: Family, num: int, seed: int) -> Factors:
    return family.factors.sample(num, torch.Generator().manual_seed(seed))


@torch.no_grad()
def _true_codes(bundle: Bundle, family: Family, factors: Factors) -> Tensor:
    code = family.factors.encode(factors).to(bundle.device)
    return bundle.generator.broadcast(bundle.generator.map(code)).clone()


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


def judge_of(bundle: Bundle, family: Family) -> Regressor:
    """Return the network that reads the family's factors off pictures.

    Raises:
        BundleError: the bundle has none, or was trained for other factors.
    """
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
