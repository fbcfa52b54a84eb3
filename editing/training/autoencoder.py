"""How does a generator start where nobody knows any factors? By drawing pictures again.

An encoder reads pictures into codes, the generator draws them, and both learn by plain
comparison, so the generator draws the right things before any opponent appears. Codes start
as one w for all layers; offsets per layer open later and stay small. In the end the mapping
is aimed, in closed form, at where the codes lie, so samples are not noise when the game
starts. Learning it along the way, by a sliced Wasserstein distance, left samples that
showed no face after the same time.

Shapes: N pictures, L layers of `w_plus`.
Source: warm start as in Han et al. 2021 (AE-StyleGAN), section 3; growing resolution and
losses on pictures are those of `distil`; aiming the mapping is our own.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.generator import Generator, GeneratorConfig
from editing.generator.layers import SQRT2
from editing.inversion.picture_encoder import PictureEncoder, config_for
from editing.training import picture_figures, sheets
from editing.training.distil import DistilOptions, PictureLoss, resolution_at
from editing.training.loop import Stateful
from editing.training.parallel import Flat, Team
from editing.training.pictures import Pictures
from editing.training.run import Run

GROWING = DistilOptions()


@dataclass(frozen=True, slots=True)
class AutoencoderOptions:
    """Settings of the warm start; `batch` is per process.

    Args:
        constant_until: fraction of the budget after which the learning rate falls.
        offsets_from: fraction of the budget after which offsets per layer open.
        moments: weight of the pull of codes toward mean 0 and variance 1.
        mirror: whether half the pictures are mirrored; only where no part has a side.
    """

    batch: int = 16
    lr: float = 6e-3
    encoder_lr: float = 0.2
    constant_until: float = 0.55
    final_lr: float = 0.05
    offsets_from: float = 0.3
    offset_penalty: float = 0.05
    moments: float = 0.02
    ema: float = 0.998
    mirror: bool = False
    half: bool = True
    seed: int = 51


class Autoencoder:
    """The first stage of training from pictures; see the module docstring."""

    name = "autoencoder"

    def __init__(
        self,
        config: GeneratorConfig,
        pictures: Pictures,
        options: AutoencoderOptions,
        team: Team | None = None,
    ) -> None:
        self.options, self.pictures, self.team = options, pictures, team or Team()
        self.seed = options.seed
        device = pictures.device
        torch.manual_seed(options.seed)
        self.generator = Generator(config).to(device).train()
        self.encoder = new_encoder(config).to(device).train()
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.average_encoder = copy.deepcopy(self.encoder).requires_grad_(False)
        self.flat = Flat([self.generator.synthesis, self.encoder])
        factors = (1.0, options.encoder_lr)
        self.adam = torch.optim.Adam(
            [
                {"params": [group], "factor": factor}
                for group, factor in zip(self.flat.groups, factors, strict=True)
            ],
            lr=options.lr,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.compare = PictureLoss(1, {})

    def parts(self) -> Mapping[str, Stateful]:
        """Return what a checkpoint keeps; "ema" and "ema_encoder" are for use."""
        return {
            "generator": self.generator,
            "encoder": self.encoder,
            "ema": self.average,
            "ema_encoder": self.average_encoder,
            "adam": self.adam,
        }

    def step(self, step: int, fraction: float, random: torch.Generator) -> dict[str, Tensor]:
        """Draw a batch again, at growing resolution, and step both networks."""
        options = self.options
        image = real_pictures(self.pictures, options.batch, random, mirror=options.mirror)
        self.flat.zero_grad()
        shared, offset = read(self.encoder, image, half=options.half)
        w_plus = shared.unsqueeze(1) + offset * opening(fraction, options.offsets_from)
        side = resolution_at(fraction, self.pictures.size, GROWING)
        drawn = self.generator.synthesis(
            w_plus, dtype=feature_type(options.half), resolution=side
        ).image
        target = F.adaptive_avg_pool2d(image, side)
        terms = self.compare(drawn, target, torch.ones_like(target[:, :1]))
        terms["offset"] = options.offset_penalty * offset.square().mean()
        terms["moments"] = options.moments * moments(shared)
        torch.stack(list(terms.values())).sum().backward()
        self.team.average(self.flat.grad)
        warm = min(1.0, (step + 1) / 100)
        fall = falling(fraction, options.constant_until, options.final_lr)
        for group in self.adam.param_groups:
            group["lr"] = options.lr * group["factor"] * warm * fall
        self.adam.step()
        decay = min(options.ema, (step + 1) / (step + 10))
        follow(self.average, self.generator, decay)
        follow(self.average_encoder, self.encoder, decay)
        return terms

    def report(self, run: Run) -> dict[str, float]:
        """Write held-out pictures over their reconstructions, and samples below."""
        generator, encoder = copy.deepcopy(self.average), copy.deepcopy(self.average_encoder)
        aim_mapping(generator, encoder, self.pictures)
        return report(run, generator, encoder, self.pictures)

    def finish(self) -> None:
        """Do nothing: whoever takes the networks over aims the mapping."""


def new_encoder(config: GeneratorConfig) -> PictureEncoder:
    """Return an untrained encoder of a generator's size."""
    return PictureEncoder(
        config_for(
            resolution=config.resolution, num_layers=config.num_layers, w_dim=config.w_dim
        )
    )


def feature_type(half: bool) -> torch.dtype:
    """Return the type that convolutions are computed in."""
    return torch.bfloat16 if half else torch.float32


def real_pictures(
    pictures: Pictures, num: int, random: torch.Generator, *, mirror: bool
) -> Tensor:
    """Return `num` random training pictures, every other one mirrored if asked for."""
    rows = torch.randint(pictures.num_train, (num,), generator=random)
    image = pictures.batch(rows)
    if not mirror:
        return image
    turned = (torch.rand(num, generator=random) < 0.5).to(image.device)
    return torch.where(turned[:, None, None, None], image.flip(3), image)


def read(encoder: PictureEncoder, image: Tensor, *, half: bool) -> tuple[Tensor, Tensor]:
    """Return the shared w and the offsets of pictures, convolutions in bfloat16 if `half`."""
    with torch.autocast(image.device.type, dtype=torch.bfloat16, enabled=half):
        return encoder.parts(image)


def noise(num: int, generator: Generator, random: torch.Generator) -> Tensor:
    """Return z (num, z_dim) on the generator's device."""
    z = torch.randn(num, generator.config.z_dim, generator=random)
    return z.to(generator.w_avg.device)


def moments(codes: Tensor) -> Tensor:
    """Return how far codes (N, w_dim) are from mean 0 and variance 1, column by column."""
    apart = codes.var(dim=0, unbiased=False) - 1
    return codes.mean(dim=0).square().mean() + apart.square().mean()


def opening(fraction: float, start: float) -> float:
    """Return 0 until `start`, then a rise to 1 over a fifth of the budget."""
    return min(1.0, max(0.0, (fraction - start) / 0.2))


def falling(fraction: float, constant_until: float, final: float) -> float:
    """Return 1 until `constant_until`, then a linear fall to `final`."""
    fallen = max(0.0, fraction - constant_until) / (1 - constant_until)
    return 1.0 + (final - 1.0) * min(1.0, fallen)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the moving average of a network's parameters toward them."""
    torch._foreach_lerp_(
        list(average.parameters()), [p.detach() for p in network.parameters()], 1 - decay
    )


@torch.no_grad()
def aim_mapping(generator: Generator, encoder: PictureEncoder, pictures: Pictures) -> None:
    """Give mapping(z) the mean and covariance of codes, changing no picture of any code.

    Only the last dense layer is set. A leaky ReLU follows it, so all codes are first moved
    to where that is a plain factor: the encoder's bias moves them, the biases of the
    synthesis move back. The mean style is set too.
    """
    known = torch.arange(min(2048, pictures.num_train))
    codes = torch.cat([encoder.parts(pictures.batch(rows))[0] for rows in known.split(64)])
    spread = codes.std(dim=0)
    move = (5 * spread - codes.mean(dim=0)).clamp_min(0)
    encoder.shared.bias.add_(move)
    for _, layer in generator.synthesis.layers():
        layer.affine.bias.sub_((layer.affine.weight @ move) * layer.affine.gain)
    codes = codes + move
    z = noise(10_000, generator, torch.Generator().manual_seed(2))
    # What the last layer sees: the same mapping without it.
    last = generator.mapping.get_submodule(f"fc{generator.config.mapping_layers - 1}")
    seen: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    generator.map(z)
    hook.remove()
    hidden = seen[0]
    factor = _root(torch.cov(codes.T), 0.5) @ _root(torch.cov(hidden.T), -0.5) / SQRT2
    last.weight.copy_(factor / last.gain)
    last.bias.copy_((codes.mean(dim=0) / SQRT2 - factor @ hidden.mean(dim=0)) / last.lr_mul)
    set_mean_style(generator)


def _root(covariance: Tensor, power: float) -> Tensor:
    """Return a power of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(covariance.double())
    scaled = values.clamp_min(1e-8 * values.max()) ** power
    return ((vectors * scaled) @ vectors.T).to(covariance)


def set_mean_style(generator: Generator) -> None:
    """Make `w_avg` the mean of 10,000 mapped samples."""
    generator.set_w_avg(noise(10_000, generator, torch.Generator().manual_seed(3)))


@torch.no_grad()
def report(
    run: Run, generator: Generator, encoder: PictureEncoder, pictures: Pictures
) -> dict[str, float]:
    """Write a sheet and return the PSNR of reconstructions, held-out and trained on.

    Rows: held-out pictures over what the encoder and generator make of them, twice; then
    samples, the first row pulled halfway toward the mean style.
    """
    held_out = pictures.batch(pictures.held_out[:24])
    drawn = picture_figures.draw_again(generator, encoder, held_out)
    w = generator.map(noise(36, generator, torch.Generator().manual_seed(4)))
    w = torch.cat([w.mean(dim=0).lerp(w[:12], 0.5), w[12:]])
    samples = torch.cat(
        [generator.synthesis(generator.broadcast(part)).image for part in w.split(12)]
    )
    rows = [held_out[:12], drawn[:12], held_out[12:24], drawn[12:24], *samples.split(12)]
    sheets.write_sheet(
        [row.cpu() for row in rows if len(row)],
        run.folder / "sheet.png",
        scale=max(1, 96 // pictures.size),
    )
    return picture_figures.reconstructions(generator, encoder, pictures)
