"""How does an encoder learn to find codes? By drawing what it read and comparing.

Half the pictures of a step are real, whose picture must come back, half are samples with
mixed styles, whose codes are known too. Where a renderer knows the factors, the encoder
starts as regressor and mapping joined, which already draws the right person, and the real
half is renders, whose codes are known as well. The generator is frozen throughout.

Shapes: N pictures, L layers of `w_plus`.
Source: start and offsets follow Tov et al. 2021 (e4e), section 4; losses as in Ling et
al. 2021 (EditGAN), supplement, with our own perceptual term.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from editing.generator import Generator
from editing.inversion.encoder import Encoder, EncoderConfig
from editing.inversion.picture_encoder import PictureEncoder
from editing.regressor import Regressor
from editing.training import loop, sheets
from editing.training.distil import PictureLoss, psnr
from editing.training.loop import Stateful
from editing.training.renders import Renders
from editing.training.run import Progress, Run
from editing.training.sharpen import mixed_styles


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """Settings of the encoder's training; `batch` is half real, half samples."""

    batch: int = 16
    lr: float = 1e-3
    trunk_lr: float = 0.2
    code_loss: float = 0.05
    offset_penalty: float = 0.1
    rank: int = 96
    half: bool = True
    seed: int = 31


@dataclass(frozen=True, slots=True)
class Lesson:
    """Pictures (N, 3, R, R), their codes (N, L, w_dim) and 0/1 (N,): which are known."""

    image: Tensor
    w_plus: Tensor
    is_known: Tensor


# Draws a lesson of so many pictures.
Teacher = Callable[[int, torch.Generator], Lesson]


def start_encoder(
    generator: Generator, regressor: Regressor, options: EncoderOptions
) -> Encoder:
    """Return an encoder that reads with `regressor` and maps as `generator` does."""
    torch.manual_seed(options.seed)
    encoder = Encoder(EncoderConfig(generator.config, regressor.config, rank=options.rank))
    encoder.regressor.load_state_dict(regressor.state_dict())
    encoder.mapping.load_state_dict(generator.mapping.state_dict())
    encoder.mapping.requires_grad_(False)
    return encoder.eval()


def train_encoder(
    generator: Generator,
    regressor: Regressor,
    renders: Renders,
    run: Run,
    options: EncoderOptions,
) -> Iterator[Progress]:
    """Train an encoder for the frozen `generator`; yield after every step; resumable.

    The encoder is in the checkpoint under "encoder". It stays in eval mode: batch
    statistics were settled with the regressor.
    """
    generator.to(renders.device)
    encoder = start_encoder(generator, regressor, options).to(renders.device)

    def teach(num: int, random: torch.Generator) -> Lesson:
        num_real = num // 2
        rows = torch.randint(renders.num_train, (num_real + 2 * num,), generator=random)
        images, _, codes = renders.batch(rows)
        # Renders carry the style of their true code, samples a mixture of two.
        own = generator.broadcast(generator.map(codes[:num_real]))
        mixed = mixed_styles(generator, codes[num_real:], 0, random)[:num_real]
        w_plus = torch.cat([own, mixed])
        drawn = generator.synthesis(mixed, dtype=feature_type(options)).image
        return Lesson(torch.cat([images[:num_real], drawn]), w_plus, torch.ones(2 * num_real))

    heads = [*encoder.narrow.parameters(), *encoder.offsets.parameters()]
    groups = [
        {"params": heads, "factor": 1.0},
        {"params": list(encoder.regressor.parameters()), "factor": options.trunk_lr},
    ]
    images, _, _ = renders.batch(renders.held_out[:64])
    stage = EncoderStage(generator, encoder, teach, options, groups=groups, held_out=images)
    yield from loop.train(stage, run)


def feature_type(options: EncoderOptions) -> torch.dtype | None:
    """Return the type that the generator's features are computed in."""
    return torch.bfloat16 if options.half else None


class EncoderStage:
    """The training of an encoder by a teacher; see the module docstring."""

    name = "encoder"

    def __init__(
        self,
        generator: Generator,
        encoder: Encoder | PictureEncoder,
        teach: Teacher,
        options: EncoderOptions,
        *,
        groups: list[dict[str, Any]],
        held_out: Tensor,
    ) -> None:
        """Prepare the training of `groups` of the encoder's parameters.

        Each group holds "params" and "factor", its share of the learning rate. `held_out`
        are the pictures (N, 3, R, R) of the report.
        """
        self.generator, self.encoder, self.teach = generator, encoder, teach
        self.options, self.held_out = options, held_out
        self.seed = options.seed
        self.adam = torch.optim.Adam(groups, lr=options.lr, betas=(0.9, 0.99), fused=True)
        self.compare = PictureLoss(1, {})

    def parts(self) -> Mapping[str, Stateful]:
        """Return what a checkpoint keeps."""
        return {"encoder": self.encoder, "adam": self.adam}

    def step(self, step: int, fraction: float, random: torch.Generator) -> dict[str, Tensor]:
        """Read a lesson, draw it again, compare, and step the encoder."""
        options = self.options
        with torch.no_grad():
            lesson = self.teach(options.batch, random)
        shared, offset = self.encoder.parts(lesson.image)
        w_plus = shared.unsqueeze(1) + offset
        again = self.generator.synthesis(w_plus, dtype=feature_type(options)).image
        terms = self.compare(again, lesson.image, torch.ones_like(again[:, :1]))
        away = (w_plus - lesson.w_plus).square().mean(dim=(1, 2))
        terms["code"] = (
            options.code_loss * (away * lesson.is_known).sum() / (lesson.is_known.sum())
        )
        terms["offset"] = options.offset_penalty * offset.square().mean()
        self.adam.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        warm = min(1.0, step / 50 + 0.02)
        for group in self.adam.param_groups:
            group["lr"] = options.lr * group["factor"] * warm * max(0.02, 1 - fraction)
        self.adam.step()
        return terms

    @torch.no_grad()
    def report(self, run: Run) -> dict[str, float]:
        """Write held-out pictures over what the encoder makes of them; return the PSNR."""
        images = self.held_out
        again = torch.cat(
            [self.generator.synthesis(self.encoder(b)).image for b in images.split(16)]
        )
        rows = [images[:12], again[:12], images[12:24], again[12:24]]
        sheets.write_sheet([row.cpu() for row in rows if len(row)], run.folder / "sheet.png")
        return {"psnr_encoder": psnr(again, images)}

    def finish(self) -> None:
        """Do nothing: the encoder needs no last touch."""
