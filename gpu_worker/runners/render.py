"""Render: apply a stack and keep the result."""

from torch import Tensor

from editing import vectors
from editing.bundle import Bundle
from editing.region import Region, changed_parts, default_margin, region_of_interest
from gpu_worker.runners import outcome
from gpu_worker.workbench import Workbench
from webapp.jobs.contract import Edited, Progress, RenderEdit


def run(bench: Workbench, request: RenderEdit) -> Edited:
    """Return the picture with the stack applied.

    Raises:
        RefusedJobError: code or vectors are not of this bundle.
    """
    bundle = bench.bundle(request.bundle)
    w_plus = bench.read_code(request.w_plus, bundle)
    stack = bench.read_stack(request.stack, bundle)
    bench.look_up()
    named = frozenset[int]().union(*(vector.parts for vector, _ in stack))

    def apply() -> tuple[Tensor, Region | None]:
        after = vectors.apply(w_plus, stack)
        return after, find_region(bundle, w_plus, after, named)

    after, region = bench.on_device(apply)
    result = outcome.edited(
        bench, bundle, before=w_plus, after=after, region=region,
        parts=region.parts if region else frozenset(), steps_done=0, best=None,
    )  # fmt: skip
    bench.report(Progress(step=1, num_steps=1))
    return result


def find_region(
    bundle: Bundle, before: Tensor, after: Tensor, named: frozenset[int]
) -> Region | None:
    """Return the region of the parts that changed or were meant to, if any shows."""
    old, new = bundle.segment(before), bundle.segment(after)
    shown = {*old.flatten().tolist(), *new.flatten().tolist()}
    parts = (changed_parts(old, new, background=bundle.background) | named) & shown
    if not parts:
        return None
    return region_of_interest(old, new, parts=parts, margin=default_margin(bundle.label_size))
