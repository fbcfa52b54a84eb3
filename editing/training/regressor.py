"""How does a network learn to read factors off pictures? From renders and their factors.

Continuous columns of the code are regressed, categorical ones classified. Pictures are
blurred, tinted and noised a little, differently every time, so that the network reads
what a generator draws as well as it reads renders.

Shapes: N pictures, C columns of the factor code.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from editing.families.factor_space import FactorSpace
from editing.regressor import Regressor, RegressorConfig
from editing.training import sheets
from editing.training.renders import Renders
from editing.training.run import Progress, Run, StopWatch, step_generator


@dataclass(frozen=True, slots=True)
class RegressorOptions:
    """Settings of a regressor's training; `stage` names it in logs.

    `passing_weight` is the loss weight of numbers that are not part of identity: a network
    that judges edits had better read expressions well.
    """

    stage: str = "regressor"
    widths: tuple[int, ...] = (32, 64, 96, 128)
    hidden: int = 256
    batch: int = 32
    lr: float = 2e-3
    weight_decay: float = 1e-4
    ema: float = 0.998
    passing_weight: float = 1.0
    half: bool = True
    seed: int = 21


def config_for(
    space: FactorSpace,
    *,
    resolution: int,
    lasting: frozenset[str],
    options: RegressorOptions,
) -> RegressorConfig:
    """Return the regressor's configuration for a factor space.

    `lasting` names the factors that make up identity. Pictures larger than 64 px pass
    narrower stages first, one per doubling, so that all sizes end in the same grid.
    """
    columns = space.columns.values()
    widths = options.widths
    for _ in range((resolution // 64).bit_length() - 1):
        widths = (widths[0] // 2, *widths)
    return RegressorConfig(
        resolution=resolution,
        code_dim=space.code_dim,
        categorical=tuple((c.start, c.stop) for c in columns if c.kind == "categorical"),
        identity_columns=tuple(
            i for c in columns if c.name in lasting for i in range(c.start, c.stop)
        ),
        widths=widths,
        hidden=options.hidden,
    )


def train_regressor(
    config: RegressorConfig, renders: Renders, run: Run, options: RegressorOptions
) -> Iterator[Progress]:
    """Train a regressor; yield after every step; resume where `run` stopped.

    The averaged network is in the checkpoint under "ema".
    """
    torch.manual_seed(options.seed)
    network = Regressor(config).to(renders.device, memory_format=torch.channels_last).train()
    ema = copy.deepcopy(network).requires_grad_(False).eval()
    adam = torch.optim.AdamW(
        network.parameters(),
        lr=options.lr,
        betas=(0.9, 0.99),
        weight_decay=options.weight_decay,
        fused=True,
    )
    step, seconds = 0, 0.0
    state = run.load()
    if state is not None:
        step, seconds = state["step"], state["seconds"]
        network.load_state_dict(state["network"])
        ema.load_state_dict(state["ema"])
        adam.load_state_dict(state["adam"])
    watch = StopWatch(run.clock, seconds)

    def checkpoint() -> dict[str, Any]:
        return {
            "step": step,
            "seconds": watch.seconds,
            "network": network.state_dict(),
            "ema": ema.state_dict(),
            "adam": adam.state_dict(),
        }

    while (fraction := run.budget.fraction(step=step, seconds=watch.seconds)) < 1:
        random = step_generator(options.seed, step)
        rows = torch.randint(renders.num_train, (options.batch,), generator=random)
        images, _, codes = renders.batch(rows)
        images = roughen(images, random)
        with torch.autocast(renders.device.type, dtype=torch.bfloat16, enabled=options.half):
            raw = network(images)
        terms = code_loss(raw.float(), codes, config, passing_weight=options.passing_weight)
        adam.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        warm = min(1.0, fraction / 0.02 + 0.05)
        falling = 0.5 * (1 + math.cos(math.pi * fraction))
        for group in adam.param_groups:
            group["lr"] = options.lr * warm * (0.01 + 0.99 * falling)
        adam.step()
        decay = min(options.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(ema.parameters()), [p.detach() for p in network.parameters()], 1 - decay
            )
            for ours, theirs in zip(ema.buffers(), network.buffers(), strict=True):
                ours.copy_(theirs)
        step += 1
        progress = Progress(
            options.stage,
            step,
            run.budget.fraction(step=step, seconds=watch.seconds),
            watch.seconds,
            {name: float(value.detach()) for name, value in terms.items()},
        )
        if step % 50 == 0:
            run.log(progress)
        if run.is_due("checkpoint", run.checkpoint_seconds):
            run.save(checkpoint())
        yield progress
    run.save(checkpoint() | {"finished": True})
    if run.is_leader:
        scores = score(ema, renders.family.factors, *_held_out(renders))
        run.log(Progress(options.stage, step, 1.0, seconds, scores))
        sheets.write_plot(run.folder / "log.jsonl", run.folder / "loss.png", skip=scores)


def roughen(images: Tensor, random: torch.Generator) -> Tensor:
    """Return pictures a little blurred, tinted and noised, each in its own measure."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(len(images), *shape, generator=random).to(images.device)
        return low + (high - low) * drawn

    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    images = images.lerp(blurred, uniform(-0.3, 0.7, 1, 1, 1).clamp_min(0))
    images = images * uniform(0.93, 1.07, 3, 1, 1) + uniform(-0.04, 0.04, 3, 1, 1)
    noise = torch.randn(images.shape, generator=random).to(images.device)
    return (images + noise * uniform(-0.03, 0.05, 1, 1, 1).clamp_min(0)).clamp(-1, 1)


def code_loss(
    raw: Tensor, codes: Tensor, config: RegressorConfig, *, passing_weight: float = 1.0
) -> dict[str, Tensor]:
    """Return squared error of continuous columns and cross-entropy of categorical ones."""
    weights = raw.new_full((config.code_dim,), passing_weight)
    weights[list(config.identity_columns)] = 1.0
    entropy = raw.new_zeros(())
    for start, stop in config.categorical:
        weights[start:stop] = 0.0
        entropy = entropy + F.cross_entropy(
            raw[:, start:stop], codes[:, start:stop].argmax(dim=1)
        )
    error = (raw - codes).square().mean(dim=0)
    return {
        "number": (error * weights).sum() / weights.sum(),
        "category": 0.2 * entropy,
    }


def _held_out(renders: Renders) -> tuple[Tensor, Tensor]:
    images, _, codes = renders.batch(renders.held_out)
    return images, codes


@torch.no_grad()
def score(
    network: Regressor, space: FactorSpace, images: Tensor, codes: Tensor
) -> dict[str, float]:
    """Return how well pictures are read: R2 of every number, accuracy of every category.

    R2 is relative to the spread of the true values in these pictures; a factor that does
    not vary in them scores 0.
    """
    raw = torch.cat([network(batch) for batch in images.split(64)])
    scores = {}
    for name, column in space.columns.items():
        read, true = raw[:, column.slice], codes[:, column.slice]
        if column.kind == "categorical":
            hits = read.argmax(dim=1) == true.argmax(dim=1)
            scores[f"accuracy_{name}"] = float(hits.double().mean())
        else:
            scores[f"r2_{name}"] = r2(read[:, 0], true[:, 0])
    return scores


def r2(read: Tensor, true: Tensor) -> float:
    """Return the share of the variance of `true` that `read` explains."""
    spread = (true - true.mean()).square().sum()
    return float(1 - (read - true).square().sum() / spread) if spread > 1e-9 else 0.0
