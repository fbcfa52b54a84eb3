"""How does an encoder learn to find codes? By drawing what it read and comparing.

It starts as regressor and mapping joined, which already draws the right person. Training
adds the per-layer offsets, small and penalized, and lets the regressor's last layers
adapt: half the pictures are renders, whose picture must come back, half are samples with
mixed styles, whose codes are known too. The generator is frozen throughout.

Shapes: N pictures, L layers of `w_plus`.
Source: start and offsets follow Tov et al. 2021 (e4e), section 4; losses as in Ling et
al. 2021 (EditGAN), supplement, with our own perceptual term.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from editing.generator import Generator
from editing.inversion.encoder import Encoder, EncoderConfig
from editing.regressor import Regressor
from editing.training import sheets
from editing.training.distil import PictureLoss, psnr
from editing.training.renders import Renders
from editing.training.run import Progress, Run, StopWatch, step_generator
from editing.training.sharpen import mixed_styles


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """Settings of the encoder's training; `batch` is half renders, half samples."""

    batch: int = 16
    lr: float = 1e-3
    trunk_lr: float = 0.2
    code_loss: float = 0.05
    offset_penalty: float = 0.1
    rank: int = 96
    half: bool = True
    seed: int = 31


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
    encoder = start_encoder(generator, regressor, options)
    heads = [*encoder.narrow.parameters(), *encoder.offsets.parameters()]
    trunk = list(encoder.regressor.parameters())
    adam = torch.optim.Adam(
        [
            {"params": heads, "factor": 1.0},
            {"params": trunk, "factor": options.trunk_lr},
        ],
        lr=options.lr,
        betas=(0.9, 0.99),
        fused=True,
    )
    step, seconds = 0, 0.0
    state = run.load()
    if state is not None:
        step, seconds = state["step"], state["seconds"]
        encoder.load_state_dict(state["encoder"])
        adam.load_state_dict(state["adam"])
    watch = StopWatch(run.clock, seconds)
    compare = PictureLoss(len(renders.family.schema.parts), {})
    dtype = torch.bfloat16 if options.half else None
    num_real = options.batch // 2

    def checkpoint() -> dict[str, Any]:
        return {
            "step": step,
            "seconds": watch.seconds,
            "encoder": encoder.state_dict(),
            "adam": adam.state_dict(),
        }

    while (fraction := run.budget.fraction(step=step, seconds=watch.seconds)) < 1:
        random = step_generator(options.seed, step)
        rows = torch.randint(
            renders.num_train, (num_real + 2 * options.batch,), generator=random
        )
        images, _, codes = renders.batch(rows)
        real = images[:num_real]
        with torch.no_grad():
            # Renders carry the style of their true code, samples a mixture of two.
            own = generator.broadcast(generator.map(codes[:num_real]))
            mixed = mixed_styles(generator, codes[num_real:], 0, random)[:num_real]
            drawn = generator.synthesis(mixed, dtype=dtype).image
            wanted = torch.cat([own, mixed])
        target = torch.cat([real, drawn])
        shared, offset = encoder.parts(target)
        w_plus = shared.unsqueeze(1) + offset
        again = generator.synthesis(w_plus, dtype=dtype).image
        terms = compare(again, target, torch.ones_like(target[:, :1]))
        terms["code"] = options.code_loss * (w_plus - wanted).square().mean()
        terms["offset"] = options.offset_penalty * offset.square().mean()
        adam.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        warm = min(1.0, step / 50 + 0.02)
        for group in adam.param_groups:
            group["lr"] = options.lr * group["factor"] * warm * max(0.02, 1 - fraction)
        adam.step()
        step += 1
        progress = Progress(
            "encoder",
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
        _report(run, generator, encoder, renders, step=step, seconds=seconds)


@torch.no_grad()
def _report(
    run: Run,
    generator: Generator,
    encoder: Encoder,
    renders: Renders,
    *,
    step: int,
    seconds: float,
) -> None:
    """Write held-out pictures over what the encoder makes of them, and the PSNR."""
    images, _, _ = renders.batch(renders.held_out[:64])
    again: Tensor = torch.cat(
        [generator.synthesis(encoder(batch)).image for batch in images.split(16)]
    )
    sheets.write_sheet(
        [images[:12], again[:12], images[12:24], again[12:24]], run.folder / "sheet.png"
    )
    run.log(Progress("encoder", step, 1.0, seconds, {"psnr_encoder": psnr(again, images)}))
    sheets.write_plot(run.folder / "log.jsonl", run.folder / "loss.png")
