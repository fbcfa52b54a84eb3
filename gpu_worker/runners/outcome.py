"""What did an edit do to the picture? The kept pictures and figures all edits share."""

import torch
from torch import Tensor

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

    def draw() -> tuple[Tensor, Tensor, Tensor]:
        images, labels = bundle.render_and_segment(torch.cat([before, after]))
        return images[:1].cpu(), images[1:].cpu(), labels[1:].cpu()

    old, new, labels = bench.on_device(draw)
    difference = change(old, new)
    outside = 0.0
    if region is not None:
        mask = ~region.resized(bundle.resolution).mask[0].cpu()
        outside = float(difference[mask].mean()) if bool(mask.any()) else 0.0
    kind = bench.job.request.kind
    assert kind in ("optimize", "refine", "render"), kind
    return Edited(
        kind=kind,
        picture=bench.keep_picture(after, new, labels, bundle),
        parts=tuple(sorted(parts)),
        steps_done=steps_done,
        best_step=best.step if best else 0,
        figures=figures(best) if best else Figures(),
        changed_share=float((difference > VISIBLE).float().mean()),
        outside_change=outside,
    )
