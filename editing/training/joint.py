"""How do samples become as good as reconstructions? In a game, with the warm start going on.

Random codes have to pass a discriminator that sees pairs of a real and a drawn picture.
Reconstruction goes on with falling weight, so what the warm start learned is not forgotten,
and the encoder learns to read samples, whose codes are known.

Shapes: N pictures, L layers of `w_plus`.
Source: relativistic pairs with penalties on real and drawn pictures as in Huang et al. 2024
(R3GAN), section 2; reconstruction beside the game as in Han et al. 2021 (AE-StyleGAN),
section 3; penalties every few steps as in Karras et al. 2020 (StyleGAN2), section 3.1.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from editing.generator import Generator, GeneratorConfig
from editing.training import autoencoder as warm
from editing.training.augment import MANY, augment
from editing.training.discriminator import Discriminator, relativistic, slope
from editing.training.distil import PictureLoss
from editing.training.loop import Stateful
from editing.training.parallel import Flat, Team
from editing.training.pictures import Pictures
from editing.training.run import Run


@dataclass(frozen=True, slots=True)
class JointOptions:
    """Settings of the game; `batch` is per process.

    Args:
        adversarial: weight of the game in the generator's loss.
        reconstruction: weights of reconstruction at the start and from half time on.
        gamma: weight of the two penalties at the start, falling to a tenth; None takes
            (side / 64) ** 3, which meets the values published at 64 and 256 px within a
            factor of 2.5.
        critic_share: how many times narrower than the generator the critic is.
        copied_share: one in how many pictures is also drawn again.
        penalty_every: steps between penalties, whose weight is multiplied by it.
        constant_until: fraction of the budget after which learning rates fall.
    """

    batch: int = 16
    lr: float = 2e-3
    mapping_lr: float = 1.0
    encoder_lr: float = 0.25
    critic_lr: float = 2e-3
    adversarial: float = 0.1
    reconstruction: tuple[float, float] = (1.0, 0.3)
    offset_penalty: float = 0.05
    code_loss: float = 0.05
    gamma: float | None = None
    critic_share: int = 2
    copied_share: int = 2
    penalty_every: int = 4
    constant_until: float = 0.6
    final_lr: float = 0.1
    ema: float = 0.998
    mirror: bool = False
    half: bool = True
    seed: int = 52


class Joint:
    """The second stage of training from pictures; starts from the first one's checkpoint."""

    name = "joint"

    def __init__(
        self,
        config: GeneratorConfig,
        start: Mapping[str, Mapping[str, Any]],
        pictures: Pictures,
        options: JointOptions,
        team: Team | None = None,
    ) -> None:
        self.options, self.pictures, self.team = options, pictures, team or Team()
        self.seed = options.seed
        device = pictures.device
        torch.manual_seed(options.seed)
        self.generator = Generator(config)
        self.generator.load_state_dict(start["ema"])
        self.generator.to(device).train()
        self.encoder = warm.new_encoder(config)
        self.encoder.load_state_dict(start["ema_encoder"])
        self.encoder.to(device).train()
        warm.aim_mapping(self.generator, self.encoder, pictures)
        widths = tuple(max(8, channels // options.critic_share) for channels in config.channels)
        self.critic = Discriminator(widths).to(device)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.average_encoder = copy.deepcopy(self.encoder).requires_grad_(False)
        self.flat = Flat([self.generator.mapping, self.generator.synthesis, self.encoder])
        self.flat_critic = Flat([self.critic])
        factors = (options.mapping_lr, 1.0, options.encoder_lr)
        self.adam = torch.optim.Adam(
            [
                {"params": [group], "factor": factor}
                for group, factor in zip(self.flat.groups, factors, strict=True)
            ],
            lr=options.lr,
            betas=(0.0, 0.99),
            fused=True,
        )
        self.critic_adam = torch.optim.Adam(
            self.flat_critic.groups, lr=options.critic_lr, betas=(0.0, 0.99), fused=True
        )
        self.compare = PictureLoss(1, {})
        self.changes = len(pictures) < MANY
        self.gamma = (config.resolution / 64) ** 3 if options.gamma is None else options.gamma

    def parts(self) -> Mapping[str, Stateful]:
        """Return what a checkpoint keeps; "ema" and "ema_encoder" are for use."""
        return {
            "generator": self.generator,
            "encoder": self.encoder,
            "critic": self.critic,
            "ema": self.average,
            "ema_encoder": self.average_encoder,
            "adam": self.adam,
            "critic_adam": self.critic_adam,
        }

    def step(self, step: int, fraction: float, random: torch.Generator) -> dict[str, Tensor]:
        """Take the generator's and encoder's turn, then the critic's."""
        options = self.options
        num_copied = max(1, options.batch // options.copied_share)
        judged, copied = warm.real_pictures(
            self.pictures, options.batch + num_copied, random, mirror=options.mirror
        ).split([options.batch, num_copied])
        w = self.generator.map(warm.noise(options.batch, self.generator, random))
        fall = warm.falling(fraction, options.constant_until, options.final_lr)
        drawn, terms = self._create(w, judged, copied, fraction, random)
        self.team.average(self.flat.grad)
        for group in self.adam.param_groups:
            group["lr"] = options.lr * group["factor"] * fall
        self.adam.step()
        terms |= self._judge(drawn, judged, step, fraction, random)
        self.team.average(self.flat_critic.grad)
        for group in self.critic_adam.param_groups:
            group["lr"] = options.critic_lr * fall
        self.critic_adam.step()
        decay = min(options.ema, (step + 1) / (step + 10))
        warm.follow(self.average, self.generator, decay)
        warm.follow(self.average_encoder, self.encoder, decay)
        return terms

    def _create(
        self,
        w: Tensor,
        judged: Tensor,
        copied: Tensor,
        fraction: float,
        random: torch.Generator,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the drawn pictures of `w` and the terms whose gradients are now in `flat`."""
        options, dtype = self.options, warm.feature_type(self.options.half)
        self.flat.zero_grad()
        self.critic.requires_grad_(False)
        drawn = self.generator.synthesis(self.generator.broadcast(w), dtype=dtype).image
        shared, offset = warm.read(self.encoder, copied, half=options.half)
        again = self.generator.synthesis(shared.unsqueeze(1) + offset, dtype=dtype).image
        start, end = options.reconstruction
        weight = start + (end - start) * min(1.0, 2 * fraction)
        alike = self.compare(again, copied, torch.ones_like(copied[:, :1]))
        terms = {name: weight * term for name, term in alike.items()}
        terms["offset"] = options.offset_penalty * offset.square().mean()
        sampled = drawn.detach()[: len(copied)]
        found, strayed = warm.read(self.encoder, sampled, half=options.half)
        away = (found - w.detach()[: len(copied)]).square().mean()
        terms["code"] = options.code_loss * (away + strayed.square().mean())
        with torch.no_grad():
            on_judged = self._logits(judged, random)
        on_drawn = self._logits(drawn, random)
        terms["fool"] = options.adversarial * relativistic(on_drawn, on_judged)
        torch.stack(list(terms.values())).sum().backward()
        self.critic.requires_grad_(True)
        return drawn.detach(), terms

    def _judge(
        self, drawn: Tensor, judged: Tensor, step: int, fraction: float, random: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the critic's terms; their gradients are now in `flat_critic`."""
        options = self.options
        self.flat_critic.zero_grad()
        on_judged, on_drawn = self._logits(judged, random), self._logits(drawn, random)
        loss = relativistic(on_judged, on_drawn)
        loss.backward()
        terms = {"critic": loss, "lead": (on_judged - on_drawn).mean()}
        if step % options.penalty_every == 0:
            gamma = self.gamma * 0.1**fraction
            sides = [self._changed(image, random) for image in (judged, drawn)]
            steep = slope(self.critic, sides[0]) + slope(self.critic, sides[1])
            (0.5 * gamma * options.penalty_every * steep).backward()
            terms["slope"] = 0.5 * gamma * steep
        return terms

    def _changed(self, image: Tensor, random: torch.Generator) -> Tensor:
        return augment(image, random) if self.changes else image

    def _logits(self, image: Tensor, random: torch.Generator) -> Tensor:
        dtype = warm.feature_type(self.options.half)
        return self.critic(self._changed(image, random), dtype=dtype)

    def report(self, run: Run) -> dict[str, float]:
        """Write held-out pictures over their reconstructions, and samples below."""
        return warm.report(run, self.average, self.average_encoder, self.pictures)

    def finish(self) -> None:
        """Set the mean style."""
        warm.set_mean_style(self.average)
