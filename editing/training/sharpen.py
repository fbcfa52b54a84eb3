"""How does a distilled generator lose its last blur? A short game against a patch critic.

Half of each batch is paired with its render and keeps the regression losses; the other
half mixes the styles of two codes and only has to look rendered. What is where stays
settled by the first half, so the critic's weight can be small and the game short.

Shapes: N pictures, L layers of `w_plus`.
Source: non-saturating loss of Goodfellow et al. 2014; style mixing as in Karras et al.
2019 (StyleGAN), section 3.1; feature matching as in Salimans et al. 2016, section 3.1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.generator import Generator, GeneratorConfig
from editing.training.discriminator import PatchDiscriminator, penalty
from editing.training.distil import (
    EVALUATE_EVERY,
    AverageWeights,
    BestWeights,
    PartHeads,
    PictureLoss,
    finish,
    report,
    score,
)
from editing.training.parallel import Flat, Team
from editing.training.renders import Renders
from editing.training.run import Progress, Run, StopWatch, step_generator


@dataclass(frozen=True, slots=True)
class SharpenOptions:
    """Settings of the adversarial stage; `batch` is per process, half paired, half mixed."""

    batch: int = 8
    lr: float = 1e-3
    mapping_lr: float = 0.1
    critic_lr: float = 4e-4
    adversarial: float = 0.05
    matching: float = 0.3
    penalty: float = 0.5
    penalty_every: int = 8
    final_lr: float = 0.02
    part_weights: Mapping[int, float] = field(default_factory=dict)
    parts_loss: float = 0.15
    ema: float = 0.998
    half: bool = True
    seed: int = 12


def sharpen(
    config: GeneratorConfig,
    start: Mapping[str, Mapping[str, Tensor]],
    renders: Renders,
    run: Run,
    options: SharpenOptions,
    team: Team | None = None,
) -> Iterator[Progress]:
    """Sharpen the generator of the distilling stage's checkpoint `start`.

    Yields after every step and resumes where `run` stopped. The averaged generator is in
    the checkpoint under "ema".
    """
    team = team or Team()
    torch.manual_seed(options.seed)
    num_parts = len(renders.family.schema.parts)
    generator = Generator(config).to(renders.device).train()
    generator.load_state_dict(start["ema"])
    heads = PartHeads(config, num_parts).to(renders.device)
    heads.load_state_dict(start["heads"])
    critic = PatchDiscriminator().to(renders.device)
    ema, best = AverageWeights(generator), BestWeights()
    flat = Flat([generator.mapping, nn.ModuleList([generator.synthesis, heads])])
    flat_critic = Flat([critic])
    adam = torch.optim.Adam(
        [
            {"params": [flat.groups[0]], "factor": options.mapping_lr},
            {"params": [flat.groups[1]], "factor": 1.0},
        ],
        lr=options.lr,
        betas=(0.5, 0.99),
        fused=True,
    )
    critic_adam = torch.optim.Adam(
        flat_critic.groups, lr=options.critic_lr, betas=(0.5, 0.99), fused=True
    )
    compare = PictureLoss(num_parts, options.part_weights)
    step, seconds = 0, 0.0
    state = run.load()
    if state is not None:
        step, seconds = state["step"], state["seconds"]
        generator.load_state_dict(state["generator"])
        heads.load_state_dict(state["heads"])
        critic.load_state_dict(state["critic"])
        ema.generator.load_state_dict(state["ema"])
        if "best" in state:  # not in checkpoints of before
            best.load_state_dict(state["best"])
        adam.load_state_dict(state["adam"])
        critic_adam.load_state_dict(state["critic_adam"])
    watch = StopWatch(run.clock, seconds)
    dtype = torch.bfloat16 if options.half else torch.float32
    num_paired = options.batch // 2

    def checkpoint() -> dict[str, Any]:
        return {
            "step": step,
            "seconds": watch.seconds,
            "generator": generator.state_dict(),
            "heads": heads.state_dict(),
            "critic": critic.state_dict(),
            "ema": ema.generator.state_dict(),
            "best": best.state_dict(),
            "adam": adam.state_dict(),
            "critic_adam": critic_adam.state_dict(),
        }

    while True:
        seconds = team.from_leader(watch.seconds)
        fraction = run.budget.fraction(step=step, seconds=seconds)
        if fraction >= 1:
            break
        random = step_generator(options.seed, step, team.rank)
        rows = renders.choose(2 * options.batch, random)
        images, labels, codes = renders.batch(rows)
        real, paired = images[: options.batch], images[:num_paired]
        labels = labels[:num_paired]
        w_plus = mixed_styles(generator, codes, num_paired, random)

        # The generator's turn.
        flat.zero_grad()
        critic.requires_grad_(False)
        rendering = generator.synthesis(w_plus, with_taps=True, dtype=dtype)
        drawn = rendering.image
        weights = compare.pixel_weights(labels, config.resolution)
        terms = compare(drawn[:num_paired], paired, weights)
        taps = tuple(tap[:num_paired] for tap in rendering.taps or ())
        terms["parts"] = options.parts_loss * heads.loss(taps, labels)
        verdict = critic(drawn, dtype=dtype)
        with torch.no_grad():
            wanted = critic(paired, dtype=dtype).features
        terms["fool"] = options.adversarial * F.softplus(-verdict.logits).mean()
        terms["matching"] = (
            options.matching
            * torch.stack(
                [
                    (ours[:num_paired] - theirs).float().abs().mean()
                    for ours, theirs in zip(verdict.features, wanted, strict=True)
                ]
            ).mean()
        )
        torch.stack(list(terms.values())).sum().backward()
        team.average(flat.grad)
        fall = max(options.final_lr, 1 - fraction)
        for group in adam.param_groups:
            group["lr"] = options.lr * group["factor"] * fall
        adam.step()
        ema.update(generator, options.ema)

        # The critic's turn.
        critic.requires_grad_(True)
        flat_critic.zero_grad()
        on_real = critic(real, dtype=dtype).logits
        on_drawn = critic(drawn.detach(), dtype=dtype).logits
        critic_loss = F.softplus(-on_real).mean() + F.softplus(on_drawn).mean()
        total = critic_loss
        if step % options.penalty_every == 0:
            total = total + options.penalty_every * options.penalty * penalty(critic, real)
        total.backward()
        team.average(flat_critic.grad)
        critic_adam.step()

        step += 1
        if run.is_leader and step % EVALUATE_EVERY == 0:
            best.offer(score(ema.generator, renders), ema.generator)
        figures = {name: float(value.detach()) for name, value in terms.items()}
        figures |= {
            "critic": float(critic_loss.detach()),
            "logit_real": float(on_real.detach().mean()),
            "logit_drawn": float(on_drawn.detach().mean()),
        }
        progress = Progress(
            "sharpen",
            step,
            run.budget.fraction(step=step, seconds=watch.seconds),
            watch.seconds,
            figures,
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
                stage="sharpen",
                step=step,
                seconds=watch.seconds,
                side=config.resolution,
            )
        yield progress
    finish(ema.generator, best, renders)
    run.save(checkpoint() | {"finished": True})
    if run.is_leader:
        report(
            run,
            ema.generator,
            renders,
            stage="sharpen",
            step=step,
            seconds=seconds,
            side=config.resolution,
        )


def mixed_styles(
    generator: Generator, codes: Tensor, num_paired: int, random: torch.Generator
) -> Tensor:
    """Return w_plus (N, L, w_dim) of the first half of `codes`, the later ones crossed.

    From a random layer on, a crossed picture wears the style of its partner in the second
    half of `codes`.
    """
    num = len(codes) // 2
    w = generator.map(codes)
    own, other = generator.broadcast(w[:num]), generator.broadcast(w[num:])
    num_layers = generator.config.num_layers
    crossing = torch.randint(1, num_layers + 1, (num,), generator=random)
    crossing[:num_paired] = num_layers
    keeps = (torch.arange(num_layers)[None, :] < crossing[:, None]).to(codes.device)
    return torch.where(keeps[:, :, None], own, other)
