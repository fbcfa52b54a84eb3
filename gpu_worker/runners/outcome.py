"""What did an edit do to the picture? The kept pictures and figures all edits share."""

from dataclasses import dataclass

import torch
from torch import Tensor

from editing import images
from editing.bundle import Bundle
from editing.optimize import Step
from editing.region import Region
from gpu_worker.workbench import Workbench
from webapp.jobs.contract import Edited, Figures

# A tenth of the range in one channel, or less in all: where people notice.
VISIBLE = 0.04


def figures(step: Step) -> Figures:
    """Return the figures of a step in the words of the contract."""
    return Figures(
        total=step.total,
        painting=step.ce,
        rest=step.rgb,
        identity=step.identity,
        agreement=step.agreement,
    )


def change(before: Tensor, after: Tensor) -> Tensor:
    """Return the mean absolute change per pixel (R, R) as a share of the range."""
    return (after.clamp(-1, 1) - before.clamp(-1, 1)).abs().mean(dim=1)[0] / 2


@dataclass(frozen=True, slots=True)
class Drawn:
    """A code's picture (1, 3, R, R) in [-1, 1] and label map (1, H, H), off the device."""

    image: Tensor
    labels: Tensor


def draw(bundle: Bundle, codes: Tensor) -> list[Drawn]:
    """Return codes (N, L, w_dim) drawn in one pass; to be called on the device."""
    drawn, labels = bundle.render_and_segment(codes)
    drawn, labels = drawn.cpu(), labels.cpu()
    return [Drawn(drawn[n : n + 1], labels[n : n + 1]) for n in range(len(codes))]


def as_kept(image: Tensor) -> Tensor:
    """Return a picture with the 256 levels of its file, so that drawn and read ones agree."""
    return images.from_uint8(images.to_uint8(image))


def edited(
    bench: Workbench,
    bundle: Bundle,
    *,
    before: Tensor,
    after: Tensor,
    region: Region | None,
    parts: frozenset[int],
    steps_done: int,
    best: Step | None,
) -> Edited:
    """Keep the picture of code `after` and return what changed against code `before`.

    Codes are (1, L, w_dim). Without a region nothing counts as outside.
    """
    old, new = bench.on_device(lambda: draw(bundle, torch.cat([before, after])))
    return kept(
        bench, bundle, code=after, before=old, after=new, region=region, parts=parts,
        steps_done=steps_done, best=best,
    )  # fmt: skip


def kept(
    bench: Workbench,
    bundle: Bundle,
    *,
    code: Tensor,
    before: Drawn,
    after: Drawn,
    region: Region | None,
    parts: frozenset[int],
    steps_done: int,
    best: Step | None,
) -> Edited:
    """Keep what `code` looks like and return what changed; see `edited`."""
    difference = change(as_kept(before.image), as_kept(after.image))
    outside = 0.0
    if region is not None:
        mask = ~region.resized(bundle.resolution).mask[0].cpu()
        outside = float(difference[mask].mean()) if bool(mask.any()) else 0.0
    kind = bench.job.request.kind
    assert kind in ("optimize", "refine", "render"), kind
    return Edited(
        kind=kind,
        picture=bench.keep_picture(code, after.image, after.labels, bundle),
        parts=tuple(sorted(parts)),
        steps_done=steps_done,
        best_step=best.step if best else 0,
        figures=figures(best) if best else Figures(),
        changed_share=float((difference > VISIBLE).float().mean()),
        outside_change=outside,
    )
