"""Mask-driven editing: which change of the code makes the picture follow a painting?

`run` learns an offset from a painted label map, `apply` adds stored offsets, `refine`
repairs a picture after adding. `run` and `refine` are generators that yield one `Step` per
evaluation. A run of S steps makes S updates and S + 1 evaluations and its result is the
evaluation with the lowest total, whose code is a copy, never the variable itself. To cancel,
close the generator: the best step seen so far is still whole in the caller's hands.

Only the offset is optimized, and with `mapping_rate` a shift of the factor code of which it
is partly made; it starts at zero, or at the choices of the family that the painting asks for
(`editing.choices`). Networks are frozen and in eval mode. What does not change
during a run is computed once: the masked reference features, the reference embedding, and
the cells of the feature taps under the region's pixels.

Letters: N = 1 picture, L layers, R image side, H label-map side, P pixels of the region.
Source: Ling et al. 2021 (EditGAN), sections 3.3 and 3.4 and its supplement for the weights.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self

import torch
from torch import Tensor

from editing import choices, losses
from editing.choices import Choice
from editing.errors import EditingError, NotFiniteError, ShapeMismatchError
from editing.generator.model import Generator
from editing.images import check_labels
from editing.losses import OutsideReference, Perceptual
from editing.options import RATE, WEIGHT, check_choice, check_numbers
from editing.region import (
    EmptyRegionError,
    Region,
    changed_parts,
    default_margin,
    region_of_interest,
)
from editing.segmentation.branch import RegionPixels, SegmentationBranch

MAX_STEPS = 1000
# Of a shift of the factor code, in place of `OptimizeOptions.damping`. A pom-pom is a choice
# among hats, on which the first gradient says little: damped more, the choice is never made.
MAPPING_DAMPING = 0.3
# From where a choice was made a run goes on in small steps: with large ones it leaves what the
# family draws for a haze that follows the painting even closer.
CHOSEN_RATE = 0.02
MAX_STRENGTH = 10.0


class StepsOutOfRangeError(EditingError):
    """The number of steps is not between 1 and 1000."""

    code = "optimize.steps"


class OptimizeOptionsError(EditingError):
    """A rate, a weight or a choice that no run can be made with."""

    code = "optimize.options"


class StrengthError(EditingError):
    """A strength is not a finite number between -10 and 10."""

    code = "vector.strength"


class Networks(Protocol):
    """The part of a bundle that editing needs."""

    @property
    def generator(self) -> Generator: ...
    @property
    def branch(self) -> SegmentationBranch: ...
    @property
    def perceptual(self) -> Perceptual: ...
    @property
    def embed(self) -> Callable[[Tensor], Tensor] | None: ...
    @property
    def encoder(self) -> Callable[[Tensor], Tensor] | None: ...
    @property
    def label_size(self) -> int: ...
    @property
    def num_parts(self) -> int: ...
    @property
    def background(self) -> frozenset[int]: ...
    @property
    def choices(self) -> Sequence[Choice]: ...


@dataclass(frozen=True, slots=True)
class OptimizeOptions:
    """How one run goes; the defaults are those for learning an edit.

    The paper's plain Adam with a rate of 0.02 is `learning_rate=0.02, damping=0`. Ours, on
    two paintings of a 64 px bundle, 60 steps: the same agreement (0.96 and 0.97), with the
    offset's norm down from 15 to 10 and the change outside the region, on other portraits,
    down by a tenth to a third.

    Args:
        steps: number of updates, 1 to 1000.
        learning_rate: Adam's, on the offset.
        damping: Adam's epsilon in units of the first gradient's root mean square. Plain
            Adam moves every coordinate alike, also those that this picture hardly shows (the
            hair under a hat); on other pictures they show as leaks. Damped, a coordinate
            moves in proportion to what it does.
        mapping_rate: Adam's, on a shift of the factor code whose way through the generator's
            own mapping is part of the offset; 0 for none, and without effect in a bundle
            whose mapping reads noise. Such an offset stays nearer to what the family draws,
            which shows on other pictures and at large strengths; on its own picture it
            follows the painting a little less.
        tries_choices: whether the run starts from the choices of the family that the
            painting asks for, if it asks for any; costs a rendering for each option. The
            identity term then keeps what is seen after them, and `learning_rate` is at most
            0.02. Without effect in a bundle that knows no choices.
        layer_share: share of the layers, coarsest first, that the offset may change. The
            finest set colours: an offset without them paints no hair blue on other pictures,
            and cannot draw what is a pixel or two wide.
        lambda_rgb: weight of the appearance outside the region.
        lambda_ce: weight of following the painting inside it.
        lambda_id: weight of the identity term; without effect in a bundle without one.
        lambda_perceptual, lambda_mse: weights of the two terms inside the appearance.
        mse_over: whether the squared difference is averaged over the pixels outside the
            region, or over all, so that large regions weaken it (public release).
        lambda_code: pull of the code toward what the encoder reads off the edited picture,
            run at every step (public release); without effect in a bundle without encoder.
        keep: the step that counts as best: the one with the lowest total, or the last.
        precision: type of the generator's features during the run. In bfloat16 (CPUs and
            devices that have it) a step of a large picture is faster, and pictures of steps
            are previews: render the resulting code for a picture to keep. Styles, logits,
            losses, the offset and Adam's state are float32 in either case.
    """

    steps: int = 60
    learning_rate: float = 0.1
    damping: float = 3.0
    mapping_rate: float = 0.0
    tries_choices: bool = True
    layer_share: float = 1.0
    lambda_rgb: float = 15.0
    lambda_ce: float = 1.0
    lambda_id: float = 10.0
    lambda_perceptual: float = 1.0
    lambda_mse: float = 1.0
    mse_over: Literal["outside", "all"] = "outside"
    lambda_code: float = 0.0
    keep: Literal["best", "last"] = "best"
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Refuse numbers that no run can be made with.

        Raises:
            StepsOutOfRangeError: `steps` is not between 1 and 1000.
            OptimizeOptionsError: the rate is not within 1e-8 and 10, damping or a weight
                not within 0 and a million, the share not within 0.1 and 1, or a choice
                unknown.
        """
        steps = {"steps": (1, MAX_STEPS)}
        check_numbers(self, steps, refusal=StepsOutOfRangeError, whole=True)
        weights = (
            "damping", "mapping_rate", "lambda_rgb", "lambda_ce", "lambda_id",
            "lambda_perceptual", "lambda_mse", "lambda_code",
        )  # fmt: skip
        check_numbers(
            self,
            {"learning_rate": RATE, "layer_share": (0.1, 1.0)} | dict.fromkeys(weights, WEIGHT),
            refusal=OptimizeOptionsError,
        )
        for name, allowed in (
            ("mse_over", ("outside", "all")),
            ("keep", ("best", "last")),
            ("precision", ("float32", "bfloat16")),
        ):
            check_choice(self, name, allowed, refusal=OptimizeOptionsError)

    @classmethod
    def for_refining(cls, *, steps: int = 30) -> Self:
        """Return the options for repairing an applied edit: more room to change."""
        return cls(steps=steps, lambda_rgb=5.0, lambda_id=5.0, tries_choices=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One evaluation: its losses, unweighted but for `total`, its picture and its code.

    `agreement` is the share of region pixels whose most likely part is the painted one.
    `image` (1, 3, R, R) and `w_plus` (1, L, w_dim) belong to the caller.
    """

    step: int
    num_steps: int
    total: float
    rgb: float
    ce: float
    identity: float
    agreement: float
    image: Tensor
    w_plus: Tensor
    is_best: bool


def run(
    bundle: Networks,
    w_plus: Tensor,
    target: Tensor,
    *,
    region: Region,
    options: OptimizeOptions | None = None,
    reference: Tensor | None = None,
) -> Iterator[Step]:
    """Yield the steps of changing `w_plus` until its label map follows `target`.

    Args:
        bundle: the family's networks.
        w_plus: the code to start from, (1, L, w_dim).
        target: painted label map, integer (1, H, H).
        region: where the picture may change, at label-map size.
        options: defaults to those for learning an edit.
        reference: the code whose picture is kept outside the region, if not `w_plus`.

    Raises:
        ShapeMismatchError: code, reference, painting and region do not belong together.
        NotFiniteError: code or reference hold NaN or infinity.
        LabelMapError: the painting has the wrong size or an unknown part.
        EmptyRegionError: no pixel may change.
    """
    options = options or OptimizeOptions()
    _check(bundle, w_plus, target, region, reference)
    return _steps(bundle, w_plus, target, region, options, reference)


def _steps(
    bundle: Networks,
    w_plus: Tensor,
    target: Tensor,
    region: Region,
    options: OptimizeOptions,
    reference: Tensor | None,
) -> Iterator[Step]:
    objective = _Objective.of(bundle, w_plus, target, region, options, reference)
    base = w_plus.detach()
    free = torch.zeros_like(base[..., :1])
    free[:, : max(1, round(options.layer_share * base.shape[1]))] = 1
    offset, rate = torch.zeros_like(base), options.learning_rate
    seen = objective.original
    chosen = _chosen(bundle, objective, base, free) if options.tries_choices else None
    if chosen is not None:
        offset, rate = offset + chosen, min(rate, CHOSEN_RATE)
        kept = base if reference is None else reference.detach()
        with torch.no_grad():
            seen, _ = objective.draw(kept + free * chosen)
    embedding = None
    if bundle.embed is not None and options.lambda_id:
        with torch.no_grad():
            embedding = bundle.embed(seen)
    offset.requires_grad_(True)
    groups: list[dict[str, Any]] = [
        {"params": [offset], "lr": rate, "damping": options.damping}
    ]
    mapped = None
    if options.mapping_rate and bundle.generator.config.mapping == "code":
        mapped = _MappedShift(bundle.generator, base + offset.detach())
        groups.append(
            {"params": [mapped.shift], "lr": options.mapping_rate, "damping": MAPPING_DAMPING}
        )
    variables = [group["params"][0] for group in groups]
    # Small tensors: the plain loop is quicker than the one for many.
    adam = torch.optim.Adam(groups, foreach=False)
    lowest = math.inf
    for step in range(options.steps + 1):
        with torch.enable_grad():
            code = base + free * (offset if mapped is None else offset + mapped())
            image, logits = objective.draw(code)
            rgb = objective.appearance(image)
            ce = losses.segmentation(logits, objective.wanted)
            same = ce.new_zeros(())
            if embedding is not None and bundle.embed is not None:
                same = losses.identity(bundle.embed(image), embedding).sum()
            total = options.lambda_rgb * rgb + options.lambda_ce * ce
            total = total + options.lambda_id * same
            if options.lambda_code and bundle.encoder is not None:
                with torch.no_grad():
                    read = bundle.encoder(image)
                total = total + options.lambda_code * (code - read).square().mean()
        with torch.no_grad():
            agreement = (logits.argmax(dim=1) == objective.wanted).to(ce.dtype).mean()
            # One transfer for all figures of the step.
            figures = torch.stack([total, rgb, ce, same, agreement]).tolist()
        is_best = options.keep == "last" or figures[0] < lowest
        lowest = min(lowest, figures[0])
        yield Step(
            step=step,
            num_steps=options.steps,
            total=figures[0],
            rgb=figures[1],
            ce=figures[2],
            identity=figures[3],
            agreement=figures[4],
            image=image.detach(),
            w_plus=code.detach().clone(),
            is_best=is_best,
        )
        if step < options.steps:
            gradients = torch.autograd.grad(total, variables)
            for group, variable, gradient in zip(
                adam.param_groups, variables, gradients, strict=True
            ):
                variable.grad = gradient
                if step == 0:
                    size = float(gradient.square().mean().sqrt())
                    group["eps"] = max(group["damping"] * size, 1e-8)
            adam.step()


@dataclass(frozen=True)
class _Objective:
    """What the pictures of one run are compared with: all that does not change during it."""

    bundle: Networks
    options: OptimizeOptions
    original: Tensor
    outside: OutsideReference
    pixels: RegionPixels
    wanted: Tensor

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        bundle: Networks,
        w_plus: Tensor,
        target: Tensor,
        region: Region,
        options: OptimizeOptions,
        reference: Tensor | None,
    ) -> Self:
        # In the precision of the run: rounding must not count as a change.
        original = bundle.generator.synthesis(
            w_plus if reference is None else reference, dtype=_features(options)
        ).image
        _, outside = region.resized(original.shape[-1]).weights(original.dtype)
        pixels = RegionPixels.of_mask(
            region.mask, resolutions=bundle.branch.resolutions, dtype=original.dtype
        )
        return cls(
            bundle=bundle,
            options=options,
            original=original,
            outside=OutsideReference.of(
                bundle.perceptual, original, outside, mean_over=options.mse_over
            ),
            pixels=pixels,
            wanted=pixels.pick(target.long()),
        )

    def draw(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Return the picture (1, 3, R, R) of a code, and the region's logits (P, K)."""
        rendering = self.bundle.generator.synthesis(
            code, with_taps=True, dtype=_features(self.options)
        )
        assert rendering.taps is not None
        return rendering.image, self.bundle.branch.logits_at(rendering.taps, self.pixels)

    def appearance(self, image: Tensor) -> Tensor:
        """Return L_RGB, a scalar."""
        return losses.appearance(
            self.bundle.perceptual,
            image,
            self.outside,
            lambda_perceptual=self.options.lambda_perceptual,
            lambda_mse=self.options.lambda_mse,
        ).sum()


def _features(options: OptimizeOptions) -> torch.dtype | None:
    return torch.bfloat16 if options.precision == "bfloat16" else None


def _chosen(
    bundle: Networks, objective: _Objective, base: Tensor, free: Tensor
) -> Tensor | None:
    """Return the offset (1, 1, w_dim) to what the painting asks for, None if to nothing."""
    if not bundle.choices:
        return None
    options = objective.options

    def terms(offset: Tensor) -> tuple[Tensor, Tensor]:
        image, logits = objective.draw(base + free * offset)
        return losses.segmentation(logits, objective.wanted), image

    def cost(offset: Tensor) -> float:
        ce, image = terms(offset)
        # No identity: whether somebody wears glasses belongs to it, and is what is painted.
        return float(options.lambda_rgb * objective.appearance(image) + options.lambda_ce * ce)

    return choices.asked_for(
        bundle.generator,
        bundle.choices,
        base,
        mismatch=lambda offset: float(terms(offset)[0]),
        cost=cost,
    )


class _MappedShift:
    """The offset (1, 1, w_dim) that a shift (1, C) of a picture's factor code makes."""

    def __init__(self, generator: Generator, w_plus: Tensor) -> None:
        self._generator = generator
        self._code = generator.mapping.code_of(w_plus.mean(dim=1))
        with torch.no_grad():
            self._unshifted = generator.map(self._code)
        self.shift = torch.zeros_like(self._code, requires_grad=True)

    def __call__(self) -> Tensor:
        moved: Tensor = self._generator.map(self._code + self.shift) - self._unshifted
        return moved.unsqueeze(1)


def best(steps: Iterable[Step]) -> Step:
    """Return the step with the lowest total, running the generator to its end.

    Raises:
        ValueError: there were no steps.
    """
    found = None
    for step in steps:
        if step.is_best:
            found = step
    if found is None:
        raise ValueError("a run without steps has no best one")
    return found


def apply(w_plus: Tensor, stack: Sequence[tuple[Tensor, float]]) -> Tensor:
    """Return `w_plus` (N, L, w_dim) plus each offset (L, w_dim) times its strength.

    Raises:
        ShapeMismatchError: an offset is not (L, w_dim).
        StrengthError: a strength is not finite or beyond ±10.
        NotFiniteError: an offset holds NaN or infinity.
    """
    result = w_plus.clone()
    for offset, strength in stack:
        if not math.isfinite(strength) or abs(strength) > MAX_STRENGTH:
            raise StrengthError(f"strength {strength}, allowed are -10 to 10")
        if offset.shape != w_plus.shape[1:]:
            raise ShapeMismatchError(
                f"offset {tuple(offset.shape)} for codes {tuple(w_plus.shape[1:])}"
            )
        if not bool(torch.isfinite(offset).all()):
            raise NotFiniteError("the offset holds NaN or infinity")
        result += strength * offset.to(result)
    return result


@dataclass(frozen=True, slots=True)
class Refinement:
    """What a refinement works toward: where it starts, the label map, and the region."""

    start: Tensor
    target: Tensor
    region: Region


def plan_refinement(
    bundle: Networks,
    w_plus: Tensor,
    stack: Sequence[tuple[Tensor, float]],
    *,
    parts: frozenset[int] | None = None,
    margin: int | None = None,
) -> Refinement:
    """Return where refining `w_plus` (1, L, w_dim) with `stack` starts and what it keeps.

    The target is the label map that the applied code already predicts. The region covers
    `parts` in the predictions without and with the stack; by default the parts that
    changed between the two.

    Raises:
        EmptyRegionError: the pictures show none of the parts, or no part changed.
    """
    start = apply(w_plus, stack)
    with torch.no_grad():
        before, after = (
            bundle.branch.predict(
                bundle.generator.synthesis(code, with_taps=True).taps, size=bundle.label_size
            )
            for code in (w_plus, start)
        )
    if parts is None:
        parts = changed_parts(before, after, background=bundle.background)
    region = region_of_interest(
        before,
        after,
        parts=parts,
        margin=default_margin(bundle.label_size) if margin is None else margin,
    )
    return Refinement(start=start, target=after, region=region)


def refine(
    bundle: Networks,
    w_plus: Tensor,
    stack: Sequence[tuple[Tensor, float]],
    *,
    steps: int = 30,
    parts: frozenset[int] | None = None,
    margin: int | None = None,
    options: OptimizeOptions | None = None,
) -> Iterator[Step]:
    """Yield the steps of repairing `w_plus` after adding `stack`.

    The picture of `w_plus` itself is the reference outside the region, and the correction
    belongs to this picture: it is not part of any vector. `parts` and `margin`, in label-map
    pixels, are those of `plan_refinement`.

    Raises:
        EmptyRegionError: the stack changes no part.
        ShapeMismatchError, StrengthError, NotFiniteError: as `apply`.
    """
    options = (
        replace(options, steps=steps) if options else OptimizeOptions.for_refining(steps=steps)
    )
    plan = plan_refinement(bundle, w_plus, stack, parts=parts, margin=margin)
    return run(
        bundle, plan.start, plan.target, region=plan.region, options=options, reference=w_plus
    )


def _check(
    bundle: Networks, w_plus: Tensor, target: Tensor, region: Region, reference: Tensor | None
) -> None:
    if w_plus.ndim != 3 or w_plus.shape[0] != 1:
        raise ShapeMismatchError(f"one code (1, L, w_dim), not {tuple(w_plus.shape)}")
    if reference is not None and reference.shape != w_plus.shape:
        raise ShapeMismatchError(
            f"reference {tuple(reference.shape)} for a code {tuple(w_plus.shape)}"
        )
    for code in (w_plus, reference):
        if code is not None and not bool(torch.isfinite(code).all()):
            raise NotFiniteError("the code or the reference holds NaN or infinity")
    check_labels(target, num_parts=bundle.num_parts, size=bundle.label_size)
    if region.mask.shape != target.shape:
        raise ShapeMismatchError(
            f"region {tuple(region.mask.shape)} for a painting {tuple(target.shape)}"
        )
    if not bool(region.mask.any()):
        raise EmptyRegionError("the region has no pixels")
