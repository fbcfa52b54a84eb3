"""How does a generator learn to draw what a renderer draws? By plain regression.

The renderer knows every factor of every picture, so the first stage needs no opponent:
factor code in, render out, compared pixel by pixel, at growing resolution. Small parts
that carry expression weigh more than skin. A linear head that guesses parts from the
last features keeps those features about parts; it is thrown away afterwards.

Shapes: N pictures, S their side, K parts, C columns of the factor code.
Source: the progressive schedule follows Karras et al. 2018 (ProGAN), section 2; the rest
is our own.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing import metrics
from editing.generator import Generator, GeneratorConfig
from editing.training import sheets
from editing.training.parallel import Flat, Team
from editing.training.renders import Renders
from editing.training.run import Progress, Run, StopWatch, step_generator
from editing.training.warm_start import OldGenerator, column_names, start_from

HEAD_SIDE = 64
EVALUATE_EVERY = 1000


@dataclass(frozen=True, slots=True)
class DistilOptions:
    """Settings of the regression stage; the defaults were measured at 64 px on two cores.

    Args:
        batch: pictures per process and step.
        grow: (fraction of the budget, resolution) until which a smaller picture is drawn.
        part_weights: loss weight of the pixels of a part, by part id; others weigh 1.
        half: whether features are bfloat16.
        compile: whether to compile the full-size synthesis; pays on runs of half an hour.
    """

    batch: int = 8
    lr: float = 6e-3
    mapping_lr: float = 0.3
    constant_until: float = 0.55
    final_lr: float = 0.02
    grow: tuple[tuple[float, int], ...] = ((0.12, 16), (0.32, 32), (0.5, 64))
    part_weights: Mapping[int, float] = field(default_factory=dict)
    parts_loss: float = 0.15
    ema: float = 0.998
    early_ema: float = 0.995
    half: bool = True
    compile: bool = False
    seed: int = 11


class PartHeads(nn.Module):
    """A linear guess of the part of every pixel, one per resolution, from its last taps."""

    def __init__(self, config: GeneratorConfig, num_parts: int) -> None:
        super().__init__()
        for resolution, channels in zip(config.resolutions, config.channels, strict=True):
            self.add_module(f"r{resolution}", nn.Conv2d(2 * channels, num_parts, 1))

    def loss(self, taps: tuple[Tensor, ...], labels: Tensor) -> Tensor:
        """Return the mean cross-entropy of `labels` (N, S, S) given the last two taps.

        Large pictures are guessed at `HEAD_SIDE`: finer guesses cost a sixth of a step
        and teach nothing more.
        """
        side = taps[-1].shape[-1]
        head = self.get_submodule(f"r{side}")
        features = torch.cat(taps[-2:], dim=1)
        if side > HEAD_SIDE:
            features = F.avg_pool2d(features, side // HEAD_SIDE)
            labels = shrink_labels(labels, HEAD_SIDE)
        logits = F.conv2d(features, head.weight.to(features.dtype), None).float()
        logits = logits + head.bias[None, :, None, None]
        return F.cross_entropy(logits, labels.long())


class PictureLoss:
    """Compares drawn and rendered pictures where it matters: see the module docstring."""

    def __init__(self, num_parts: int, part_weights: Mapping[int, float]) -> None:
        self.weights = torch.ones(num_parts)
        for part, weight in part_weights.items():
            self.weights[part] = weight

    def pixel_weights(self, labels: Tensor, side: int) -> Tensor:
        """Return weights (N, 1, side, side) for label maps uint8 (N, S, S)."""
        weights = self.weights.to(labels.device)[labels.long()].unsqueeze(1)
        return F.adaptive_avg_pool2d(weights, side)

    def __call__(self, drawn: Tensor, target: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Return the terms, each to be summed as it is."""
        gap = drawn - target
        across = (gap[..., :, 1:] - gap[..., :, :-1]).abs() * weights[..., :, 1:]
        down = (gap[..., 1:, :] - gap[..., :-1, :]).abs() * weights[..., 1:, :]
        pyramid, small = drawn.new_zeros(()), gap
        for _ in range(3):
            small = F.avg_pool2d(small, 2)
            pyramid = pyramid + small.abs().mean()
        return {
            "l1": (gap.abs() * weights).mean(),
            "pyramid": pyramid,
            "gradient": across.mean() + down.mean(),
            "mse": (gap.square() * weights).mean(),
        }


def shrink_labels(labels: Tensor, side: int) -> Tensor:
    """Return label maps (N, side, side), nearest, from (N, S, S)."""
    step = labels.shape[-1] // side
    return labels[:, step // 2 :: step, step // 2 :: step]


def psnr(a: Tensor, b: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB of images in [-1, 1]."""
    return float(10 * torch.log10(4.0 / (a.clamp(-1, 1) - b).square().mean()))


class BestWeights:
    """The weights of a generator at the step that scored best, for the checkpoint.

    Scores are taken every `EVALUATE_EVERY` steps, so that runs repeat exactly.
    """

    def __init__(self) -> None:
        self.score = -1e3
        self.weights: dict[str, Tensor] = {}

    def offer(self, score: float, generator: Generator) -> None:
        """Keep a copy of the weights if none scored better before."""
        if score >= self.score:
            self.score = score
            self.weights = {
                name: value.detach().clone() for name, value in generator.state_dict().items()
            }

    def state_dict(self) -> dict[str, Tensor]:
        """Return the score and the weights."""
        return {"score": torch.tensor(self.score), **self.weights}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up what `state_dict` returned."""
        self.weights = dict(state)
        self.score = float(self.weights.pop("score"))


class AverageWeights:
    """An exponential moving average of a generator: what gets shipped."""

    def __init__(self, generator: Generator) -> None:
        self.generator = copy.deepcopy(generator).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, generator: Generator, decay: float) -> None:
        """Move the average toward `generator`."""
        ours = list(self.generator.parameters())
        torch._foreach_lerp_(ours, [p.detach() for p in generator.parameters()], 1 - decay)


def learning_rate(fraction: float, options: DistilOptions) -> float:
    """Return the factor of the learning rate: constant, then falling linearly."""
    if fraction <= options.constant_until:
        return 1.0
    fallen = (fraction - options.constant_until) / (1 - options.constant_until)
    return 1.0 + (options.final_lr - 1.0) * min(1.0, fallen)


def resolution_at(fraction: float, full: int, options: DistilOptions) -> int:
    """Return the side that is drawn at this point of the stage."""
    for until, side in options.grow:
        if fraction < until and side < full:
            return side
    return full


def distil(
    config: GeneratorConfig,
    renders: Renders,
    run: Run,
    options: DistilOptions,
    team: Team | None = None,
    *,
    old: OldGenerator | None = None,
) -> Iterator[Progress]:
    """Train a generator on `renders`; yield after every step; resume where `run` stopped.

    With `old` the first step goes on from that generator. The averaged generator is in
    the checkpoint under "ema".
    """
    team = team or Team()
    torch.manual_seed(options.seed)
    generator = Generator(config).train()
    if old is not None:
        start_from(generator, old, column_names(renders.family.factors))
    generator.to(renders.device)
    num_parts = len(renders.family.schema.parts)
    heads = PartHeads(config, num_parts).to(renders.device)
    ema, best = AverageWeights(generator), BestWeights()
    flat = Flat([generator.mapping, nn.ModuleList([generator.synthesis, heads])])
    adam = torch.optim.Adam(
        [
            {"params": [flat.groups[0]], "factor": options.mapping_lr},
            {"params": [flat.groups[1]], "factor": 1.0},
        ],
        lr=options.lr,
        betas=(0.9, 0.99),
        fused=True,
    )
    compare = PictureLoss(num_parts, options.part_weights)
    step, seconds = 0, 0.0
    state = run.load()
    if state is not None:
        step, seconds = state["step"], state["seconds"]
        generator.load_state_dict(state["generator"])
        heads.load_state_dict(state["heads"])
        ema.generator.load_state_dict(state["ema"])
        if "best" in state:  # not in checkpoints of before
            best.load_state_dict(state["best"])
        adam.load_state_dict(state["adam"])
    watch = StopWatch(run.clock, seconds)
    dtype = torch.bfloat16 if options.half else None

    def draw(w_plus: Tensor, resolution: int) -> Any:
        return generator.synthesis(w_plus, with_taps=True, dtype=dtype, resolution=resolution)

    compiled = torch.compile(draw) if options.compile else draw

    def checkpoint() -> dict[str, Any]:
        return {
            "step": step,
            "seconds": watch.seconds,
            "generator": generator.state_dict(),
            "heads": heads.state_dict(),
            "ema": ema.generator.state_dict(),
            "best": best.state_dict(),
            "adam": adam.state_dict(),
        }

    while True:
        seconds = team.from_leader(watch.seconds)
        fraction = run.budget.fraction(step=step, seconds=seconds)
        if fraction >= 1:
            break
        side = resolution_at(fraction, config.resolution, options)
        random = step_generator(options.seed, step, team.rank)
        rows = renders.choose(options.batch, random)
        images, labels, codes = renders.batch(rows)
        target = F.adaptive_avg_pool2d(images, side)
        flat.zero_grad()
        w_plus = generator.broadcast(generator.map(codes))
        rendering = (compiled if side == config.resolution else draw)(w_plus, side)
        terms = compare(rendering.image, target, compare.pixel_weights(labels, side))
        terms["parts"] = options.parts_loss * heads.loss(
            rendering.taps, shrink_labels(labels, side)
        )
        torch.stack(list(terms.values())).sum().backward()
        team.average(flat.grad)
        for group in adam.param_groups:
            group["lr"] = options.lr * group["factor"] * learning_rate(fraction, options)
        adam.step()
        ema.update(generator, options.ema if fraction > 0.5 else options.early_ema)
        step += 1
        if run.is_leader and step % EVALUATE_EVERY == 0 and side == config.resolution:
            best.offer(score(ema.generator, renders), ema.generator)
        progress = Progress(
            "distil",
            step,
            run.budget.fraction(step=step, seconds=watch.seconds),
            watch.seconds,
            {name: float(value.detach()) for name, value in terms.items()} | {"side": side},
        )
        if step % 50 == 0:
            run.log(progress)
        if run.is_due("checkpoint", run.checkpoint_seconds):
            run.save(checkpoint())
        if run.is_leader and run.is_due("sheet", run.sheet_seconds):
            report(
                run,
                ema.generator,
                renders,
                stage="distil",
                step=step,
                seconds=watch.seconds,
                side=side,
            )
        yield progress
    finish(ema.generator, best, renders)
    run.save(checkpoint() | {"finished": True})
    if run.is_leader:
        report(
            run,
            ema.generator,
            renders,
            stage="distil",
            step=step,
            seconds=seconds,
            side=config.resolution,
        )


def finish(generator: Generator, best: BestWeights, renders: Renders) -> None:
    """Make the averaged generator the best one so far, and set its mean style."""
    best.offer(score(generator, renders), generator)
    generator.load_state_dict(best.weights)
    set_mean_style(generator, renders)


def set_mean_style(generator: Generator, renders: Renders) -> None:
    """Make `w_avg` the mean style of (up to) 10,000 training codes."""
    codes = torch.from_numpy(renders.codes[: min(10_000, renders.num_train)])
    generator.set_w_avg(codes.to(renders.device))


@torch.no_grad()
def held_out(generator: Generator, renders: Renders, side: int) -> tuple[Tensor, Tensor]:
    """Return 64 held-out renders (64, 3, side, side) and what their codes draw."""
    images, _, codes = renders.batch(renders.held_out[:64])
    w_plus = generator.broadcast(generator.map(codes))
    drawn = torch.cat([generator.synthesis(w, resolution=side).image for w in w_plus.split(16)])
    return F.adaptive_avg_pool2d(images, side), drawn.clamp(-1, 1)


def quality(target: Tensor, drawn: Tensor) -> dict[str, float]:
    """Return the PSNR, the sharpness, and `quality_db`: one less what the other lacks.

    Sharpness is the energy of high frequencies as a share of the target's. Regression
    alone trades it for PSNR and a critic the other way, so the best is neither's best.
    """
    figures = {
        "psnr_from_codes": psnr(drawn, target),
        "sharpness": metrics.high_frequencies(drawn) / metrics.high_frequencies(target),
    }
    lacking = min(1.0, max(figures["sharpness"], 1e-6))
    return figures | {"quality_db": figures["psnr_from_codes"] + 10 * math.log10(lacking)}


def score(generator: Generator, renders: Renders) -> float:
    """Return `quality_db` on held-out pictures at full size."""
    return quality(*held_out(generator, renders, generator.config.resolution))["quality_db"]


def report(
    run: Run,
    generator: Generator,
    renders: Renders,
    *,
    stage: str,
    step: int,
    seconds: float,
    side: int,
) -> None:
    """Write a stage's sheet (targets over outputs), its plot and its figures from codes."""
    target, drawn = held_out(generator, renders, side)
    rows = []
    for start in range(0, 48, 12):
        rows += [target[start : start + 12], drawn[start : start + 12]]
    sheets.write_sheet(rows, run.folder / "sheet.png", scale=max(1, 96 // side))
    run.log(Progress(stage, step, 0.0, seconds, quality(target, drawn)))
    sheets.write_plot(run.folder / "log.jsonl", run.folder / "loss.png", skip=("side",))
