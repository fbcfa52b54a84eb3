"""Which code draws this picture? The encoder's guess, then optimization of `w_plus`.

`invert` is a generator: it shows the picture coming into focus and may be closed at any
step. The loss is

    10 perceptual(G(w), x) + 30 MSE(G(w), x) + 1 MSE(w, first encoder output)

whose last term keeps the code near where edits work. Each picture of a batch keeps its own
best code. Without an encoder the mean style is the start. What the code cannot say,
`editing.inversion.tune` can teach the generator; `report` says how close a picture came.

Letters: N pictures, L layers, R image side.
Source: Ling et al. 2021 (EditGAN), section 3.2 and supplement, for start and loss; learning
rate schedule of Karras et al. 2020 (StyleGAN2), appendix D, with a lower peak; lookahead of
Zhang et al. 2019, algorithm 1; the pull toward the first encoder output is ours.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from editing.errors import EditingError, NotFiniteError, ShapeMismatchError
from editing.options import RATE, WEIGHT, check_choice, check_numbers

if TYPE_CHECKING:
    from editing.bundle import Bundle

MAX_STEPS = 1000


class InversionOptionsError(EditingError):
    """A number of steps, a rate, a weight or a choice that no inversion can be made with."""

    code = "invert.options"


@dataclass(frozen=True, slots=True)
class InvertOptions:
    """How one inversion goes.

    Of 16 held-out portraits at 128 px, 100 steps bring back 30.0 dB with the weight and peak
    below, at a perceptual distance of 0.031 and a distance to W of 0.19; with a squared
    weight of 1 and a peak of 0.02 it was 29.3 dB, 0.032 and 0.17.

    Args:
        steps: number of updates, 0 (the encoder alone) to 1000.
        learning_rate: Adam's at its peak.
        schedule: "rise_fall" rises over the first 5 % of the steps and falls along a
            cosine over the last 25 %; "constant" does neither (paper).
        lambda_perceptual, lambda_mse, lambda_pull: weights of the three terms.
        pull_to: what the third term compares the code with: the first guess, what the
            encoder reads off the present picture (public release), or nothing (paper).
        lookahead: every so many updates the code steps back half of its way (paper: 5);
            0 never does.
    """

    steps: int = 100
    learning_rate: float = 0.04
    lambda_perceptual: float = 10.0
    lambda_mse: float = 30.0
    lambda_pull: float = 1.0
    schedule: Literal["rise_fall", "constant"] = "rise_fall"
    pull_to: Literal["first", "own_encoding", "nothing"] = "first"
    lookahead: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that no run can be made with.

        Raises:
            InversionOptionsError: names what is wrong and what was expected.
        """
        counts = dict.fromkeys(("steps", "lookahead"), (0, MAX_STEPS))
        check_numbers(self, counts, refusal=InversionOptionsError, whole=True)
        weights = ("lambda_perceptual", "lambda_mse", "lambda_pull")
        check_numbers(
            self,
            {"learning_rate": RATE} | dict.fromkeys(weights, WEIGHT),
            refusal=InversionOptionsError,
        )
        for name, choices in (
            ("schedule", ("rise_fall", "constant")),
            ("pull_to", ("first", "own_encoding", "nothing")),
        ):
            check_choice(self, name, choices, refusal=InversionOptionsError)

    def rate(self, step: int) -> float:
        """Return the learning rate of update `step`, counted from 0."""
        if self.schedule == "constant":
            return self.learning_rate
        done = (step + 1) / max(self.steps, 1)
        rise = min(1.0, done / 0.05)
        fall = min(1.0, (1 - step / max(self.steps, 1)) / 0.25)
        return self.learning_rate * rise * (0.5 - 0.5 * math.cos(math.pi * fall))


@dataclass(frozen=True, slots=True)
class InversionStep:
    """One evaluation. `image` and `w_plus` are this step's, `best_*` the best so far.

    Pictures (N, 3, R, R), codes (N, L, w_dim), `loss` the mean over pictures.
    """

    step: int
    num_steps: int
    loss: float
    image: Tensor
    w_plus: Tensor
    best_image: Tensor
    best_w_plus: Tensor


@dataclass(frozen=True, slots=True)
class InversionResult:
    """A finished inversion with its figures, each the mean over the batch.

    `error` is the mean absolute difference as a share of the range. `distance_to_w` is the
    RMS spread between the layers of a code, in units of the family's own spread: 0 is a
    code of W, and vectors are the less reliable the higher it is. `residual` (N, R, R) is
    where the error lies, as a share of the range.
    """

    w_plus: Tensor
    image: Tensor
    psnr_db: float
    perceptual: float
    distance_to_w: float
    error: float
    residual: Tensor


def invert(
    bundle: "Bundle", image: Tensor, *, options: InvertOptions | None = None
) -> Iterator[InversionStep]:
    """Yield the steps of finding the codes of pictures (N, 3, R, R) in [-1, 1].

    Raises:
        ShapeMismatchError: not the bundle's picture size.
        NotFiniteError: the picture holds NaN or infinity.
    """
    expected = (3, bundle.resolution, bundle.resolution)
    if image.ndim != 4 or tuple(image.shape[1:]) != expected:
        raise ShapeMismatchError(f"picture {tuple(image.shape)}, expected (N, *{expected})")
    if not bool(torch.isfinite(image).all()):
        raise NotFiniteError("the picture holds NaN or infinity")
    return _steps(bundle, image.to(bundle.device), options or InvertOptions())


@torch.no_grad()
def start(bundle: "Bundle", image: Tensor) -> Tensor:
    """Return the first guess (N, L, w_dim): the encoder's, else the mean style."""
    if bundle.encoder is not None:
        return bundle.encoder(image)
    return bundle.generator.broadcast(bundle.generator.w_avg.expand(len(image), -1)).clone()


def _steps(bundle: "Bundle", image: Tensor, options: InvertOptions) -> Iterator[InversionStep]:
    guess = start(bundle, image)
    with torch.no_grad():
        seen = bundle.perceptual.remember(image)
    code = guess.clone().requires_grad_(True)
    adam = torch.optim.Adam([code], lr=options.learning_rate, foreach=False)
    slow = guess.clone()
    lowest = torch.full((len(image),), math.inf).to(image)
    best_code, best_image = guess.clone(), image
    for step in range(options.steps + 1):
        with torch.enable_grad():
            drawn = bundle.generator.synthesis(code).image
            loss = options.lambda_perceptual * bundle.perceptual.between(drawn, seen)
            loss = loss + options.lambda_mse * (drawn - image).square().mean(dim=(1, 2, 3))
            anchor = _anchor(bundle, guess, drawn, options)
            if anchor is not None:
                loss = loss + options.lambda_pull * (code - anchor).square().mean(dim=(1, 2))
            # Pictures share no weights that move, so the sum keeps them independent.
            total = loss.sum()
        with torch.no_grad():
            better = (loss < lowest)[:, None, None]
            lowest = torch.minimum(lowest, loss)
            best_code = torch.where(better, code, best_code)
            best_image = torch.where(better[..., None], drawn, best_image)
        yield InversionStep(
            step=step,
            num_steps=options.steps,
            loss=float(loss.detach().mean()),
            image=drawn.detach(),
            w_plus=code.detach().clone(),
            best_image=best_image,
            best_w_plus=best_code,
        )
        if step < options.steps:
            (code.grad,) = torch.autograd.grad(total, code)
            adam.param_groups[0]["lr"] = options.rate(step)
            adam.step()
            if options.lookahead and (step + 1) % options.lookahead == 0:
                with torch.no_grad():
                    slow.lerp_(code, 0.5)
                    code.copy_(slow)


@torch.no_grad()
def _anchor(
    bundle: "Bundle", guess: Tensor, drawn: Tensor, options: InvertOptions
) -> Tensor | None:
    """Return the code that the present one is pulled toward, if any."""
    if options.pull_to == "nothing":
        return None
    if options.pull_to == "own_encoding" and bundle.encoder is not None:
        return bundle.encoder(drawn)
    return guess


def finish(bundle: "Bundle", image: Tensor, steps: Iterable[InversionStep]) -> InversionResult:
    """Return the best code with its figures, running the generator to its end.

    Raises:
        ValueError: there were no steps.
    """
    found = None
    for step in steps:
        found = step.best_w_plus
    if found is None:
        raise ValueError("an inversion without steps has no result")
    return assess(bundle, image, found)


@torch.no_grad()
def assess(bundle: "Bundle", image: Tensor, w_plus: Tensor) -> InversionResult:
    """Return the figures of codes (N, L, w_dim) as inversions of pictures (N, 3, R, R)."""
    image = image.to(bundle.device)
    drawn = bundle.render(w_plus)
    shown = drawn.clamp(-1, 1)
    residual = (shown - image).abs().mean(dim=1) / 2
    return InversionResult(
        w_plus=w_plus,
        image=drawn,
        psnr_db=float(psnr(shown, image).mean()),
        perceptual=float(bundle.perceptual.distance(drawn, image).mean()),
        distance_to_w=distance_to_w(bundle, w_plus),
        error=float(residual.mean()),
        residual=residual,
    )


def distance_to_w(bundle: "Bundle", w_plus: Tensor) -> float:
    """Return the RMS spread between the layers of codes (N, L, w_dim), in family units."""
    spread = (w_plus - w_plus.mean(dim=1, keepdim=True)).square().mean().sqrt()
    return float(spread) / max(bundle.w_spread, 1e-9)


def psnr(image: Tensor, other: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio (N,) in dB of pictures in [-1, 1]."""
    squared = (image - other).square().mean(dim=(1, 2, 3)).clamp(min=1e-12)
    return 10 * torch.log10(4 / squared)
