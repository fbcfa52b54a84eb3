"""How does a generator start where nobody knows any factors? By drawing pictures again.

An encoder reads pictures into codes, the generator draws them, and both learn by plain
comparison, so the generator draws the right things before any opponent appears. Codes start
as one w for all layers; offsets per layer open later and stay small. Meanwhile the mapping
learns to throw noise where codes lie, so its samples are not noise when the game starts.

Shapes: N pictures, L layers of `w_plus`, P codes in the pool.
Source: warm start as in Han et al. 2021 (AE-StyleGAN), section 3; the mapping's loss is the
sliced Wasserstein distance of Kolouri et al. 2018 (Sliced-Wasserstein autoencoder),
equation 10; losses on pictures are those of `distil`.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from editing.generator import Generator, GeneratorConfig
from editing.inversion.picture_encoder import PictureEncoder, config_for
from editing.training import sheets
from editing.training.distil import PictureLoss, psnr
from editing.training.loop import Stateful
from editing.training.parallel import Flat, Team
from editing.training.pictures import Pictures
from editing.training.run import Run


@dataclass(frozen=True, slots=True)
class AutoencoderOptions:
    """Settings of the warm start; `batch` is per process.

    Args:
        constant_until: fraction of the budget after which the learning rate falls.
        offsets_from: fraction of the budget after which offsets per layer open.
        moments: weight of the pull of codes toward mean 0 and variance 1.
        pool: how many of the newest codes the mapping is compared with.
        mirror: whether half the pictures are mirrored; only where no part has a side.
    """

    batch: int = 16
    lr: float = 3e-3
    encoder_lr: float = 0.3
    mapping_lr: float = 1.0
    constant_until: float = 0.6
    final_lr: float = 0.1
    offsets_from: float = 0.3
    offset_penalty: float = 0.05
    moments: float = 0.02
    pool: int = 512
    slices: int = 64
    ema: float = 0.998
    mirror: bool = False
    half: bool = True
    seed: int = 51


class CodePool(nn.Module):
    """The newest codes (P, w_dim) that the encoder read."""

    codes: Tensor
    num_seen: Tensor

    def __init__(self, size: int, w_dim: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(size, w_dim))
        self.register_buffer("num_seen", torch.zeros((), dtype=torch.long))

    def push(self, codes: Tensor) -> None:
        """Put codes (N, w_dim) in the place of the oldest."""
        at = torch.arange(len(codes), device=codes.device) + self.num_seen
        self.codes[at % len(self.codes)] = codes.detach()
        self.num_seen += len(codes)

    def filled(self) -> Tensor:
        """Return the codes there are."""
        return self.codes[: int(self.num_seen)]


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
        self.pool = CodePool(options.pool, config.w_dim).to(device)
        self.flat = Flat([self.generator.mapping, self.generator.synthesis, self.encoder])
        factors = (options.mapping_lr, 1.0, options.encoder_lr)
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
            "pool": self.pool,
            "adam": self.adam,
        }

    def step(self, step: int, fraction: float, random: torch.Generator) -> dict[str, Tensor]:
        """Draw a batch again and step all three networks."""
        options = self.options
        image = real_pictures(self.pictures, options.batch, random, mirror=options.mirror)
        self.flat.zero_grad()
        shared, offset = read(self.encoder, image, half=options.half)
        w_plus = shared.unsqueeze(1) + offset * opening(fraction, options.offsets_from)
        drawn = self.generator.synthesis(w_plus, dtype=feature_type(options.half)).image
        terms = self.compare(drawn, image, torch.ones_like(image[:, :1]))
        terms["offset"] = options.offset_penalty * offset.square().mean()
        terms["moments"] = options.moments * moments(shared)
        self.pool.push(shared)
        codes = self.pool.filled()
        z = noise(len(codes), self.generator, random)
        terms["matching"] = sliced_distance(
            self.generator.map(z), codes, random, num=options.slices
        )
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
        return report(run, self.average, self.average_encoder, self.pictures)

    def finish(self) -> None:
        """Set the mean style."""
        set_mean_style(self.average)


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


def sliced_distance(a: Tensor, b: Tensor, random: torch.Generator, *, num: int) -> Tensor:
    """Return the squared Wasserstein distance of two sets (P, D), averaged over `num` slices.

    On a line the best assignment is by rank, so each slice costs one sort.
    """
    directions = torch.randn(a.shape[1], num, generator=random).to(a)
    directions = directions / directions.norm(dim=0)
    gap = (a @ directions).sort(dim=0).values - (b @ directions).sort(dim=0).values
    return gap.square().mean()


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

    def again(images: Tensor) -> Tensor:
        return torch.cat([generator.synthesis(encoder(b)).image for b in images.split(16)])

    held_out = pictures.batch(pictures.held_out[:64])
    known = pictures.batch(torch.arange(min(64, pictures.num_train)))
    drawn = again(held_out)
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
    return {
        "psnr_held_out": psnr(drawn, held_out),
        "psnr_trained_on": psnr(again(known), known),
    }
