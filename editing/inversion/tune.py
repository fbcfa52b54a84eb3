"""What does a code alone not say about this picture? A small difference of the generator.

Pivotal tuning: the code of an inverted picture stays where it is, the pivot, and the
generator's convolutions change a little until they draw this very picture there. The
difference of each weight is of low rank from the start, so one picture costs a small file
instead of a generator, and the change cannot memorise much more than the likeness. A second
term keeps what the generator draws between the pivot and other codes as it was, so that edit
vectors go on working.

    10 perceptual(G'(w), x) + MSE(G'(w), x) + lambda_rest MSE(G'(v), G(v))

with G' the tuned generator, w the pivot, and v halfway between w and a probe code.

Letters: L layers, R image side, r rank.
Source: Roich et al. 2021 (Pivotal Tuning), sections 3.2 and 3.3; the low-rank form is that
of Hu et al. 2021 (LoRA), section 4.1. Our pivot is a code of W+, theirs one of W.
"""

import copy
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor
from torch.func import functional_call

from editing.errors import EditingError, NotFiniteError, ShapeMismatchError
from editing.inversion.invert import InversionResult
from editing.options import RATE, WEIGHT, check_numbers

if TYPE_CHECKING:
    from editing.bundle import Bundle

FORMAT = "tuning/1"
MAX_STEPS = 1000
MAX_RANK = 64
MAX_FILE_BYTES = 64 << 20


class TuneOptionsError(EditingError):
    """A number that no tuning can be made with."""

    code = "tune.options"


class TuningFileError(EditingError):
    """A file is no tuning that can be read, or does not fit the generator."""

    code = "tune.file"


class TuningModelError(EditingError):
    """A tuning belongs to another generator."""

    code = "tune.other_model"


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """How one tuning goes.

    Args:
        steps: number of updates, 1 to 1000.
        learning_rate: Adam's, on the two factors of every difference.
        rank: r of each difference, 1 to 64; the file grows with it.
        lambda_perceptual, lambda_mse: weights of the likeness.
        lambda_rest: weight of keeping everything else as it was.
        stop_at: ends early once the perceptual distance is below this.
        seed: which probe comes when.
    """

    steps: int = 150
    learning_rate: float = 5e-3
    rank: int = 4
    lambda_perceptual: float = 10.0
    lambda_mse: float = 1.0
    lambda_rest: float = 10.0
    stop_at: float = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that no tuning can be made with.

        Raises:
            TuneOptionsError: names the number and its range.
        """
        counts = {"steps": (1, MAX_STEPS), "rank": (1, MAX_RANK)}
        check_numbers(self, counts, refusal=TuneOptionsError, whole=True)
        weights = ("lambda_perceptual", "lambda_mse", "lambda_rest", "stop_at")
        check_numbers(
            self,
            {"learning_rate": RATE} | dict.fromkeys(weights, WEIGHT),
            refusal=TuneOptionsError,
        )


@dataclass(frozen=True)
class Tuning:
    """The difference of one picture's generator to that of its bundle.

    Args:
        fingerprint: of the generator that it belongs to.
        w_plus: the pivot (1, L, w_dim), the code of the picture.
        up, down: by name of the weight, (out, r) and (r, rest) in half precision; their
            product, reshaped, is added to the weight.
        figures: what was measured, plain numbers.
    """

    fingerprint: str
    w_plus: Tensor
    up: Mapping[str, Tensor]
    down: Mapping[str, Tensor]
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def num_values(self) -> int:
        """Return how many numbers the difference takes."""
        return sum(t.numel() for t in [*self.up.values(), *self.down.values()])


@dataclass(frozen=True, slots=True)
class TuneStep:
    """One evaluation: its loss, its picture (1, 3, R, R), and the best tuning so far."""

    step: int
    num_steps: int
    loss: float
    perceptual: float
    image: Tensor
    best: Tuning


def tune(
    bundle: "Bundle", image: Tensor, w_plus: Tensor, *, options: TuneOptions | None = None
) -> Iterator[TuneStep]:
    """Yield the steps of tuning the generator to draw `image` at its code.

    Closing the generator leaves the best tuning so far in the caller's hands.

    Args:
        image: picture (1, 3, R, R) in [-1, 1].
        w_plus: its code (1, L, w_dim), from an inversion.

    Raises:
        ShapeMismatchError: not one picture and one code of this bundle.
        NotFiniteError: either holds NaN or infinity.
    """
    size = (1, 3, bundle.resolution, bundle.resolution)
    code = (1, bundle.num_layers, bundle.w_dim)
    if tuple(image.shape) != size or tuple(w_plus.shape) != code:
        raise ShapeMismatchError(
            f"picture {tuple(image.shape)} and code {tuple(w_plus.shape)}, "
            f"expected {size} and {code}"
        )
    if not bool(torch.isfinite(image).all() and torch.isfinite(w_plus).all()):
        raise NotFiniteError("the picture or its code holds NaN or infinity")
    where = bundle.device
    return _steps(bundle, image.to(where), w_plus.detach().to(where), options or TuneOptions())


def finish(steps: Iterable[TuneStep]) -> Tuning:
    """Return the best tuning, running the generator to its end.

    Raises:
        ValueError: there were no steps.
    """
    best = None
    for step in steps:
        best = step.best
    if best is None:
        raise ValueError("a tuning without steps has no result")
    return best


def with_figures(tuning: Tuning, *, before: InversionResult, after: InversionResult) -> Tuning:
    """Return the tuning with how close the picture was before it and is after it."""
    figures = {
        "psnr_db_before": round(before.psnr_db, 3),
        "psnr_db": round(after.psnr_db, 3),
        "perceptual_before": round(before.perceptual, 5),
        "perceptual": round(after.perceptual, 5),
    }
    return replace(tuning, figures=figures)


def tuned(bundle: "Bundle", tuning: Tuning) -> "Bundle":
    """Return the bundle with its generator changed as `tuning` says.

    It keeps the fingerprint of the original: edit vectors of the family are meant to be used
    on it, and its figures say how far it went.

    Raises:
        TuningModelError: names both fingerprints.
        TuningFileError: it names weights that the generator does not have.
    """
    if tuning.fingerprint != bundle.fingerprint:
        raise TuningModelError(
            f"the tuning belongs to generator {tuning.fingerprint}, "
            f"{bundle.name} has {bundle.fingerprint}"
        )
    generator = copy.deepcopy(bundle.generator)
    weights = _tunable(generator)
    if set(tuning.up) != set(tuning.down) or not set(tuning.up) <= set(weights):
        raise TuningFileError(f"the tuning names weights that {bundle.name} does not have")
    with torch.no_grad():
        for name, up in tuning.up.items():
            weight, down = weights[name], tuning.down[name]
            out, rest = weight.shape[0], weight[0].numel()
            fits = up.ndim == down.ndim == 2 and up.shape[1] == down.shape[0]
            if not fits or up.shape[0] != out or down.shape[1] != rest:
                raise TuningFileError(f"{name}: {tuple(up.shape)} x {tuple(down.shape)}")
            weight += (up.to(weight) @ down.to(weight)).view_as(weight)
    return replace(bundle, generator=generator.eval().requires_grad_(False))


def to_bytes(tuning: Tuning) -> bytes:
    """Return the tuning as a `tuning/1` file: safetensors, figures in its header."""
    tensors = {"w_plus": tuning.w_plus.detach().float().cpu().contiguous()}
    for suffix, factors in (("up", tuning.up), ("down", tuning.down)):
        for name, factor in factors.items():
            tensors[f"{name}.{suffix}"] = factor.detach().half().cpu().contiguous()
    about = {
        "format": FORMAT,
        "fingerprint": tuning.fingerprint,
        "figures": json.dumps(dict(tuning.figures), sort_keys=True, allow_nan=False),
    }
    return save_tensors(tensors, about)


def save(tuning: Tuning, path: Path) -> None:
    """Write the tuning to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(tuning))


def load(path: Path) -> Tuning:
    """Return the tuning stored at `path`.

    Raises:
        TuningFileError: no such file, too large, or not a tuning.
        NotFiniteError: it holds NaN or infinity.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TuningFileError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
        with safe_open(path, framework="pt") as file:
            about: dict[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if about.get("format") != FORMAT:
            raise TuningFileError(f"{path}: format {about.get('format')!r}, expected {FORMAT}")
        w_plus = tensors.pop("w_plus")
        up, down = (
            {name.removesuffix(end): t for name, t in tensors.items() if name.endswith(end)}
            for end in (".up", ".down")
        )
        figures = {key: float(value) for key, value in json.loads(about["figures"]).items()}
        found = Tuning(about["fingerprint"], w_plus, up, down, figures)
    except (SafetensorError, OSError) as error:
        raise TuningFileError(f"{path} is no tuning: {error}") from error
    except (
        KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        raise TuningFileError(f"{path} lacks or garbles {error}") from error
    for name, tensor in [("w_plus", w_plus), *tensors.items()]:
        if not bool(torch.isfinite(tensor).all()):
            raise NotFiniteError(f"{path}: {name} holds NaN or infinity")
    return found


def _tunable(generator: torch.nn.Module) -> dict[str, Tensor]:
    """Return the convolution weights of the synthesis, by name.

    Styles stay out: they say what a code means, and vectors rely on it.
    """
    return {
        name: weight
        for name, weight in generator.get_submodule("synthesis").named_parameters()
        if weight.ndim == 4
    }


def _steps(
    bundle: "Bundle", image: Tensor, pivot: Tensor, options: TuneOptions
) -> Iterator[TuneStep]:
    synthesis = bundle.generator.synthesis
    weights = _tunable(bundle.generator)
    noise = torch.Generator().manual_seed(options.seed)
    up, down = _factors(weights, options.rank, noise)
    adam = torch.optim.Adam([*up.values(), *down.values()], lr=options.learning_rate)
    with torch.no_grad():
        seen = bundle.perceptual.remember(image)
        others = pivot.lerp(bundle.probes.to(pivot), 0.5)
        drawn_before = torch.cat([synthesis(other).image for other in others.split(4)])
    order = torch.randint(len(others), (options.steps + 1,), generator=noise).tolist()
    lowest, best = math.inf, None
    for step in range(options.steps + 1):
        with torch.enable_grad():
            changed = {
                name: weight + (up[name] @ down[name]).view_as(weight)
                for name, weight in weights.items()
            }
            other = order[step]
            both = torch.cat([pivot, others[other : other + 1]])
            drawn = functional_call(synthesis, changed, (both,)).image
            distance = bundle.perceptual.between(drawn[:1], seen).sum()
            loss = options.lambda_perceptual * distance
            loss = loss + options.lambda_mse * (drawn[:1] - image).square().mean()
            kept = (drawn[1:] - drawn_before[other : other + 1]).square().mean()
            total = loss + options.lambda_rest * kept
        figures = torch.stack([loss.detach(), distance.detach()]).tolist()
        if figures[0] < lowest or best is None:
            lowest = figures[0]
            best = _tuning(bundle, pivot, up, down)
        yield TuneStep(
            step=step,
            num_steps=options.steps,
            loss=figures[0],
            perceptual=figures[1],
            image=drawn[:1].detach(),
            best=best,
        )
        if step == options.steps or figures[1] < options.stop_at:
            return
        adam.zero_grad()
        total.backward()
        adam.step()


def _factors(
    weights: Mapping[str, Tensor], rank: int, noise: torch.Generator
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the factors of no difference yet: `down` is random, `up` zero."""
    up, down = {}, {}
    for name, weight in weights.items():
        out, rest = weight.shape[0], weight[0].numel()
        r = min(rank, out, rest)
        start = torch.randn(r, rest, generator=noise).to(weight) / math.sqrt(r)
        down[name] = start.requires_grad_(True)
        up[name] = weight.new_zeros(out, r).requires_grad_(True)
    return up, down


def _tuning(
    bundle: "Bundle", pivot: Tensor, up: Mapping[str, Tensor], down: Mapping[str, Tensor]
) -> Tuning:
    def kept(factors: Mapping[str, Tensor]) -> dict[str, Any]:
        # In the precision of the file, so that what is measured is what is stored.
        return {name: factor.detach().half().clone() for name, factor in factors.items()}

    return Tuning(bundle.fingerprint, pivot.detach().clone(), kept(up), kept(down))
