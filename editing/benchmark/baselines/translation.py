"""What do the image-to-image methods have in common? Layers, losses and one training loop.

The backbone is pix2pixHD's global generator, narrowed to a family's picture size: one wide
convolution, two that halve, residual blocks, two that double. What a picture is translated
by (nothing, or a style) enters through the normalisation of the residual blocks.

Source: Wang et al. 2018 (pix2pixHD), sections 3.1 and 3.3 and appendix; non-saturating loss,
R1 and the patch critic are those of this library's own training.

Letters: N pictures, R their side, C channels, S style columns.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.losses import Perceptual
from editing.training.discriminator import PatchDiscriminator, penalty
from editing.training.run import Progress, Run, StopWatch, step_generator


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with instance normalisation, added to what came in.

    With `style` columns given, scale and shift of each normalisation are read off a style
    (adaptive instance normalisation, Huang and Belongie 2017).
    """

    def __init__(self, width: int, *, style: int = 0) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.affines = nn.ModuleList(
            nn.Linear(style, 2 * width) for _ in range(2 * bool(style))
        )

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return (N, width, h, w); `style` is (N, S) where the block has one."""
        y = x
        for i, conv in enumerate(self.convs):
            y = F.instance_norm(conv(y))
            if style is not None:
                scale, shift = self.affines[i](style)[:, :, None, None].to(y.dtype).chunk(2, 1)
                y = y * (1 + scale) + shift
            if i == 0:
                y = F.relu(y)
        return x + y


class Translator(nn.Module):
    """From (N, num_in, R, R) to (N, num_out, R, R), unbounded, by a style or none."""

    def __init__(
        self,
        num_in: int,
        num_out: int = 3,
        *,
        width: int = 32,
        num_blocks: int = 4,
        style: int = 0,
    ) -> None:
        super().__init__()
        self.enter = nn.Conv2d(num_in, width, 5, padding=2)
        self.down = nn.ModuleList(
            nn.Conv2d(width << i, width << (i + 1), 4, stride=2, padding=1) for i in range(2)
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(4 * width, style=style) for _ in range(num_blocks)
        )
        self.up = nn.ModuleList(
            nn.Conv2d(width << (i + 1), width << i, 3, padding=1) for i in (1, 0)
        )
        self.leave = nn.Conv2d(width, num_out, 5, padding=2)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return what the translator makes of `x`, in float32."""
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.relu(F.instance_norm(self.enter(x)))
        for conv in self.down:
            x = F.relu(F.instance_norm(conv(x)))
        for block in self.blocks:
            x = block(x, style)
        for conv in self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.relu(F.instance_norm(conv(x)))
        return self.leave(x).float()


@dataclass(frozen=True, slots=True)
class TranslationOptions:
    """Settings of one training.

    Args:
        batch: pictures a step.
        adversarial, matching, perceptual, pixels: weights of the losses; matching is of the
            critic's features, as in pix2pixHD, where it weighs 10 against 1.
        penalty, penalty_every: R1 of the critic, and how often.
        half: whether convolutions run in bfloat16.
    """

    batch: int = 16
    lr: float = 1e-3
    critic_lr: float = 4e-4
    adversarial: float = 0.05
    matching: float = 0.5
    perceptual: float = 1.0
    pixels: float = 5.0
    penalty: float = 0.5
    penalty_every: int = 8
    ema: float = 0.998
    half: bool = True
    seed: int = 31


# Pictures made (N, 3, R, R), what they should be, and further terms by name.
Turn = Callable[[nn.Module, torch.Generator], tuple[Tensor, Tensor, dict[str, Tensor]]]


def train(
    network: nn.Module,
    turn: Turn,
    perceptual: Perceptual,
    run: Run,
    options: TranslationOptions,
    *,
    stage: str,
) -> Iterator[Progress]:
    """Train `network` against a critic; yield after every step; resume where `run` stopped.

    `turn(network, random)` makes one batch. The averaged network is in the checkpoint under
    "ema", and `network` holds it when the training has ended.
    """
    torch.manual_seed(options.seed)
    critic = PatchDiscriminator()
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    adam = torch.optim.Adam(network.parameters(), lr=options.lr, betas=(0.5, 0.99))
    critic_adam = torch.optim.Adam(critic.parameters(), lr=options.critic_lr, betas=(0.5, 0.99))
    step, seconds = 0, 0.0
    state = run.load()
    if state is not None:
        step, seconds, average = state["step"], state["seconds"], state["ema"]
        network.load_state_dict(state["network"])
        critic.load_state_dict(state["critic"])
        adam.load_state_dict(state["adam"])
        critic_adam.load_state_dict(state["critic_adam"])
    watch = StopWatch(run.clock, seconds)
    dtype = torch.bfloat16 if options.half else torch.float32

    def checkpoint() -> dict[str, Any]:
        return {
            "step": step,
            "seconds": watch.seconds,
            "network": network.state_dict(),
            "ema": average,
            "critic": critic.state_dict(),
            "adam": adam.state_dict(),
            "critic_adam": critic_adam.state_dict(),
        }

    while (fraction := run.budget.fraction(step=step, seconds=watch.seconds)) < 1:
        falling = 0.5 * (1 + math.cos(math.pi * fraction))
        for group in adam.param_groups:
            group["lr"] = options.lr * (0.02 + 0.98 * falling)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.half):
            made, wanted, terms = turn(network, step_generator(options.seed, step))
        made = made.float()
        with torch.no_grad():
            features = critic(wanted, dtype=dtype).features
        critic.requires_grad_(False)
        verdict = critic(made, dtype=dtype)
        matching = [
            (a - b).float().abs().mean()
            for a, b in zip(verdict.features, features, strict=True)
        ]
        terms = {
            **terms,
            "pixels": options.pixels * (made - wanted).abs().mean(),
            "perceptual": options.perceptual * perceptual.distance(made, wanted).mean(),
            "fool": options.adversarial * F.softplus(-verdict.logits).mean(),
            "matching": options.matching * torch.stack(matching).mean(),
        }
        adam.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        adam.step()

        critic.requires_grad_(True)
        critic_adam.zero_grad()
        real, drawn = (critic(p, dtype=dtype).logits for p in (wanted, made.detach()))
        loss = F.softplus(-real).mean() + F.softplus(drawn).mean()
        if step % options.penalty_every == 0:
            loss = loss + options.penalty_every * options.penalty * penalty(critic, wanted)
        loss.backward()
        critic_adam.step()

        step += 1
        decay = min(options.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].lerp_(value, 1 - decay)
        progress = Progress(
            stage,
            step,
            run.budget.fraction(step=step, seconds=watch.seconds),
            watch.seconds,
            {name: float(value.detach()) for name, value in terms.items()},
        )
        if step % 20 == 0:
            run.log(progress)
        if run.is_due("checkpoint", run.checkpoint_seconds):
            run.save(checkpoint())
        yield progress
    run.save(checkpoint() | {"finished": True})
    network.load_state_dict(average)
