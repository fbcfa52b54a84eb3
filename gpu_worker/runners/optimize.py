"""Optimize: change a code until its label map follows a painting."""

from collections.abc import Iterator

from torch import Tensor

from editing import images, optimize
from editing.bundle import Bundle
from editing.optimize import OptimizeOptions, Step
from editing.region import (
    EmptyRegionError,
    Region,
    changed_parts,
    default_margin,
    region_of_interest,
)
from gpu_worker.runners import outcome
from gpu_worker.workbench import Workbench
from webapp.jobs import worker
from webapp.jobs.contract import Edited, OptimizeEdit, Progress


def run(bench: Workbench, request: OptimizeEdit) -> Edited:
    """Return the best picture on the way to the painting.

    Raises:
        EmptyRegionError: the painting changes no part.
        LabelMapError: it has another size or an unknown part.
        RefusedJobError: the code is not one of this bundle.
    """
    bundle = bench.bundle(request.bundle)
    w_plus = bench.read_code(request.w_plus, bundle)
    target = images.read_labels(
        worker.read_artifact(request.label_map),
        num_parts=bundle.num_parts,
        size=bundle.label_size,
    ).to(bundle.device)
    region = bench.on_device(lambda: find_region(bundle, w_plus, target))
    options = OptimizeOptions(steps=request.steps)
    best, num_done = follow(
        bench, optimize.run(bundle, w_plus, target, region=region, options=options)
    )
    return outcome.edited(
        bench, bundle, before=w_plus, after=best.w_plus, region=region, parts=region.parts,
        steps_done=num_done, best=best,
    )  # fmt: skip


def find_region(bundle: Bundle, w_plus: Tensor, target: Tensor) -> Region:
    """Return where the picture of `w_plus` may change to follow `target`."""
    before = bundle.segment(w_plus)
    parts = changed_parts(before, target, background=bundle.background)
    if not parts:
        raise EmptyRegionError("the painting changes no part")
    margin = default_margin(bundle.label_size)
    return region_of_interest(before, target, parts=parts, margin=margin)


def follow(bench: Workbench, steps: Iterator[Step]) -> tuple[Step, int]:
    """Run the steps to their end, showing each; return the best and the number done."""
    best: Step | None = None
    num_done = 0
    for step in bench.steps(steps):
        if step.is_best:
            best = step
        num_done = step.step
        is_last = step.step == step.num_steps
        shown = best if is_last and best else step
        bench.show(shown.image, step=step.step, is_last=is_last)
        bench.report(
            Progress(step=step.step, num_steps=step.num_steps, figures=outcome.figures(step))
        )
    assert best is not None, "a run has at least one step"
    return best, num_done
