"""How good is a bundle? Figures on held-out renders and on samples.

Factors are read by the judge, a network that took part in no training but its own. A
sampled picture is read against the code it was drawn from, so a factor that the
generator does not draw, or draws too faintly to be read, scores low.

Shapes: N pictures.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from editing.generator import Generator
from editing.regressor import Regressor
from editing.training.distil import psnr
from editing.training.regressor import r2
from editing.training.renders import Renders
from editing.training.segmentation import branch_scores, invert_all

if TYPE_CHECKING:
    from editing.bundle import Bundle


@torch.no_grad()
def drawn_from(generator: Generator, codes: Tensor) -> Tensor:
    """Return the pictures of factor codes (N, C)."""
    return torch.cat([generator(batch).clamp(-1, 1) for batch in codes.split(16)])


@torch.no_grad()
def factor_figures(
    generator: Generator, judge: Regressor, renders: Renders, *, num: int = 512, seed: int = 51
) -> dict[str, float]:
    """Return how well every factor of fresh samples can be read off their pictures.

    Numbers get an R2. Categories get an accuracy and an R2 of "has any" (the first option
    is "none" or the commonest) against its probability as read.
    """
    space = renders.family.factors
    codes = space.encode(space.sample(num, torch.Generator().manual_seed(seed)))
    raw = torch.cat([judge(batch) for batch in drawn_from(generator, codes).split(64)])
    figures: dict[str, float] = {}
    for name, column in space.columns.items():
        read, true = raw[:, column.slice], codes[:, column.slice]
        if column.kind == "continuous":
            figures[f"factor_r2_{name}"] = r2(read[:, 0], true[:, 0])
            continue
        hits = read.argmax(dim=1) == true.argmax(dim=1)
        figures[f"factor_accuracy_{name}"] = float(hits.double().mean())
        has_any = 1 - read.softmax(dim=1)[:, 0]
        figures[f"factor_r2_{name}"] = r2(has_any, (true.argmax(dim=1) > 0).float())
    return figures


def reconstruction_figures(
    bundle: "Bundle", renders: Renders, *, num: int = 64, steps: int = 100
) -> tuple[dict[str, float], tuple[float, float, float], Tensor]:
    """Return figures on `num` held-out renders, the usual error, and their codes.

    The usual error is the 5th, 50th and 95th percentile of the mean absolute difference
    between a picture and its inversion, as a share of the range.
    """
    images, labels, codes = renders.batch(renders.held_out[:num])
    figures = {"psnr_from_codes_db": psnr(drawn_from(bundle.generator, codes), images)}
    if bundle.encoder is not None:
        figures["encoder_psnr_db"] = _mean_psnr(
            bundle.render(bundle.encoder(images).detach()), images
        )
    w_plus = invert_all(bundle, images, steps=steps)
    again = torch.cat([bundle.render(part) for part in w_plus.split(16)])
    figures["inversion_psnr_db"] = _mean_psnr(again, images)
    names = [part.name for part in bundle.schema.parts]
    scores = branch_scores(bundle, w_plus, labels, names=names)
    figures |= {f"segmentation_{name}": value for name, value in scores.items()}
    with torch.no_grad():
        own = bundle.generator.broadcast(bundle.generator.map(codes))
    from_codes = branch_scores(bundle, own, labels, names=names)
    figures["segmentation_miou_from_codes"] = from_codes["miou"]
    error = (again.clamp(-1, 1) - images).abs().mean(dim=(1, 2, 3)) / 2
    low, middle, high = torch.quantile(error, torch.tensor([0.05, 0.5, 0.95])).tolist()
    return figures, (low, middle, high), w_plus


def _mean_psnr(drawn: Tensor, images: Tensor) -> float:
    """Return the mean over pictures of each picture's PSNR in dB."""
    squared = (drawn.clamp(-1, 1) - images).square().mean(dim=(1, 2, 3)).clamp_min(1e-12)
    return float((10 * torch.log10(4.0 / squared)).mean())
