"""How is a picture edited that the bundle could never have drawn? In one call.

The picture is inverted with 100 steps, the vectors are added, 30 steps of refinement repair
what they disturbed, and the change is put back into the picture at its own resolution. On
request the generator is tuned to the picture first. The result says how far the picture lies
from what the bundle knows.

Source: Ling et al. 2021 (EditGAN), section 4.3, for 100 and 30 steps; tuning and pasting
back are ours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor

from editing import optimize, vectors
from editing.errors import ShapeMismatchError
from editing.inversion import invert as inversion
from editing.inversion import report, tune
from editing.inversion.invert import InversionResult, InvertOptions
from editing.inversion.report import Notice
from editing.inversion.tune import TuneOptions, Tuning
from editing.optimize import OptimizeOptions, Step
from editing.paste_back import PasteOptions, Placement, paste_back
from editing.region import Region, RegionRule
from editing.vectors import EditVector

if TYPE_CHECKING:
    from editing.bundle import Bundle

# Called with the stage ("invert", "tune", "refine"), steps done and steps in all.
Progress = Callable[[str, int, int], None]
AnyStep = TypeVar("AnyStep", inversion.InversionStep, tune.TuneStep, Step)


@dataclass(frozen=True, slots=True)
class PhotoOptions:
    """How a picture from elsewhere is edited; the defaults are the paper's steps.

    Args:
        invert, refine: the two optimizations.
        region: whose margin the region of the refinement gets.
        tune: also fits the generator to the picture before editing; None leaves it.
        paste: how the edit is put back into the upload.
    """

    invert: InvertOptions = field(default_factory=InvertOptions)
    refine: OptimizeOptions = field(default_factory=OptimizeOptions.for_refining)
    region: RegionRule = field(default_factory=RegionRule)
    tune: TuneOptions | None = None
    paste: PasteOptions = field(default_factory=PasteOptions)


@dataclass(frozen=True)
class EditedPhoto:
    """An edited upload with everything that was found on the way.

    Args:
        picture: the upload with the edit in it, (1, 3, H, W).
        square: what the generator was asked to draw, (1, 3, R, R).
        inversion: how well the code alone draws it, before any tuning.
        tuning, after_tuning: what tuning changed, and the figures after it.
        before, after: codes (1, L, w_dim) without and with vectors and refinement.
        images: renders (1, 3, R, R) of the two codes.
        region: where the edit acts, at label-map size.
        best: the best step of the refinement.
        notices: what is doubtful about it; empty for a picture of the family.
    """

    picture: Tensor
    square: Tensor
    inversion: InversionResult
    tuning: Tuning | None
    after_tuning: InversionResult | None
    before: Tensor
    after: Tensor
    images: tuple[Tensor, Tensor]
    region: Region
    best: Step
    notices: tuple[Notice, ...]


def edit_photo(
    bundle: "Bundle",
    photo: Tensor,
    stack: Sequence[tuple[EditVector, float]],
    *,
    placement: Placement | None = None,
    options: PhotoOptions | None = None,
    inverted: InversionResult | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> EditedPhoto:
    """Return an upload (1, 3, H, W) in [-1, 1] with the vectors of `stack` applied.

    Args:
        placement: which square of the upload is the family's picture; default the middle.
        inverted: the inversion of that square, if it was made before.
        progress: called after every step; raising there ends the work.

    Raises:
        OtherModelError, OtherFamilyError: a vector was not made for this bundle.
        StrengthError: a strength is not finite or beyond ±10.
        ShapeMismatchError: not one picture.
        NotFiniteError: it holds NaN or infinity.
        PlacementError: the square lies outside the upload.
        EmptyRegionError: the picture shows none of the vectors' parts; or they name none and
            no part changed.
    """
    options = options or PhotoOptions()
    if photo.ndim != 4 or photo.shape[:2] != (1, 3):
        raise ShapeMismatchError(f"an upload is (1, 3, H, W), not {tuple(photo.shape)}")
    for vector, _ in stack:
        vectors.check(bundle, vector)
    placement = placement or Placement.centre_of(*photo.shape[-2:])
    square = placement.cut(photo, bundle.resolution)

    def shown(stage: str, steps: Iterator[AnyStep]) -> Iterator[AnyStep]:
        for step in steps:
            progress(stage, step.step, step.num_steps)
            yield step

    if inverted is None:
        run = inversion.invert(bundle, square, options=options.invert)
        inverted = inversion.finish(bundle, square, shown("invert", run))
    plain = inverted
    tuning = fitted = None
    at_work = bundle
    if options.tune is not None:
        steps = tune.tune(bundle, square, plain.w_plus, options=options.tune)
        tuning = tune.finish(shown("tune", steps))
        at_work = tune.tuned(bundle, tuning)
        fitted = inversion.assess(at_work, square, plain.w_plus)
        tuning = tune.with_figures(tuning, before=plain, after=fitted)

    plan = optimize.plan_refinement(
        at_work,
        plain.w_plus,
        [(vector.offset.to(bundle.device), strength) for vector, strength in stack],
        # Imported vectors may name no part; then those that change are the edit's.
        parts=frozenset[int]().union(*(vector.parts for vector, _ in stack)) or None,
        margin=options.region.margin_for(bundle.label_size),
    )
    refining = optimize.run(
        at_work,
        plan.start,
        plan.target,
        region=plan.region,
        options=options.refine,
        reference=plain.w_plus,
    )
    best = optimize.best(shown("refine", refining))
    before, after = at_work.render(plain.w_plus), at_work.render(best.w_plus)
    picture = paste_back(
        photo,
        before.cpu(),
        after.cpu(),
        region=plan.region.mask.cpu(),
        placement=placement,
        options=options.paste,
    )
    return EditedPhoto(
        picture=picture,
        square=square,
        inversion=plain,
        tuning=tuning,
        after_tuning=fitted,
        before=plain.w_plus,
        after=best.w_plus,
        images=(before, after),
        region=plan.region,
        best=best,
        notices=report.notices(bundle, plain, stack),
    )
