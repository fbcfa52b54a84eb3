"""Refine: apply a stack, then repair the result toward the label map it already predicts."""

from torch import Tensor

from editing import optimize
from editing.bundle import Bundle
from editing.optimize import OptimizeOptions, Refinement
from editing.region import EmptyRegionError
from editing.vectors import EditVector
from gpu_worker.runners import outcome
from gpu_worker.runners.optimize import follow
from gpu_worker.workbench import Workbench
from webapp.jobs.contract import Edited, RefineEdit


def run(bench: Workbench, request: RefineEdit) -> Edited:
    """Return the best picture near the applied stack.

    Raises:
        EmptyRegionError: nothing of the stack can be seen in the picture.
        RefusedJobError: code or vectors are not of this bundle.
    """
    bundle = bench.bundle(request.bundle)
    w_plus = bench.read_code(request.w_plus, bundle)
    stack = bench.read_stack(request.stack, bundle)
    plan = bench.on_device(lambda: make_plan(bundle, w_plus, stack))
    steps = optimize.run(
        bundle, plan.start, plan.target, region=plan.region, reference=w_plus,
        options=OptimizeOptions.for_refining(steps=request.steps),
    )  # fmt: skip
    best, num_done = follow(bench, steps)
    return outcome.edited(
        bench, bundle, before=w_plus, after=best.w_plus, region=plan.region,
        parts=plan.region.parts, steps_done=num_done, best=best,
    )  # fmt: skip


def make_plan(
    bundle: Bundle, w_plus: Tensor, stack: list[tuple[EditVector, float]]
) -> Refinement:
    """Return what to work toward, for the parts that changed, else those of the vectors."""
    plain = [(vector.offset, strength) for vector, strength in stack]
    try:
        return optimize.plan_refinement(bundle, w_plus, plain)
    except EmptyRegionError:
        # Too small a change to move a label: the vectors know which parts are meant.
        named = frozenset[int]().union(*(vector.parts for vector, _ in stack))
        return optimize.plan_refinement(bundle, w_plus, plain, parts=named)
