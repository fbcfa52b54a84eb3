"""How good is a generator that was trained on pictures alone?

Nobody knows any factors, so there is no judge. Reconstructions are compared pixel by pixel,
samples by the codes that the warm start's encoder reads, which took no part in the game.

Shapes: N pictures.
"""

import torch
from torch import Tensor

from editing import metrics
from editing.generator import Generator
from editing.inversion.picture_encoder import PictureEncoder
from editing.training.distil import psnr
from editing.training.pictures import Pictures


@torch.no_grad()
def draw_again(generator: Generator, encoder: PictureEncoder, images: Tensor) -> Tensor:
    """Return what encoder and generator make of pictures (N, 3, R, R)."""
    return torch.cat([generator.synthesis(encoder(b)).image for b in images.split(16)])


def reconstructions(
    generator: Generator, encoder: PictureEncoder, pictures: Pictures
) -> dict[str, float]:
    """Return the PSNR in dB of 64 pictures drawn again, held-out ones and trained-on ones."""
    figures = {}
    for name, rows in (
        ("psnr_held_out", pictures.held_out),
        ("psnr_trained_on", torch.arange(pictures.num_train)),
    ):
        images = pictures.batch(rows[:64])
        figures[name] = psnr(draw_again(generator, encoder, images), images)
    return figures


@torch.no_grad()
def samples(
    generator: Generator, reader: PictureEncoder, pictures: Pictures, *, num: int = 512
) -> dict[str, float]:
    """Return the domain KID of samples to pictures, and as floor that of other pictures.

    `reader` is the encoder of the warm start; its shared codes are the features. Up to `num`
    pictures stand on either side.
    """
    rows = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(6))
    ours, theirs = rows[: 2 * num].chunk(2)
    z = torch.randn(num, generator.config.z_dim, generator=torch.Generator().manual_seed(7)).to(
        generator.w_avg
    )
    known, others = (
        torch.cat([reader.parts(pictures.batch(part))[0] for part in side.split(32)])
        for side in (ours, theirs)
    )
    drawn = torch.cat([reader.parts(generator(part).clamp(-1, 1))[0] for part in z.split(32)])
    figures = {}
    for name, features in (("domain_kid", drawn), ("domain_kid_floor", others)):
        random = torch.Generator().manual_seed(8)
        distance = metrics.kernel_distance(
            features.cpu(), known.cpu(), generator=random, subset=min(200, len(known))
        )
        figures[name] = distance.value
    return figures
