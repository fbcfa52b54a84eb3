"""Render: apply a stack and keep the result."""

import torch
from torch import Tensor

from editing import images, vectors
from editing.bundle import Bundle
from editing.region import Region, changed_parts, default_margin, region_of_interest
from gpu_worker.runners import outcome
from gpu_worker.runners.outcome import Drawn
from gpu_worker.workbench import Workbench
from webapp.jobs import worker
from webapp.jobs.contract import Drawing, Edited, Progress, RenderEdit


def run(bench: Workbench, request: RenderEdit) -> Edited:
    """Return the picture with the stack applied.

    Raises:
        RefusedJobError: code or vectors are not of this bundle.
    """
    bundle = bench.bundle(request.bundle)
    w_plus = bench.read_code(request.w_plus, bundle)
    stack = bench.read_stack(request.stack, bundle)
    bench.look_up()
    known = read_drawn(request.base, bundle) if request.base else None

    def apply() -> tuple[Tensor, list[Drawn]]:
        code = vectors.apply(w_plus, stack)
        unknown = [code] if known else [w_plus, code]
        return code, outcome.draw(bundle, torch.cat(unknown))

    code, drawn = bench.on_device(apply)
    before, after = known or drawn[0], drawn[-1]
    named = frozenset[int]().union(*(vector.parts for vector, _ in stack))
    region = find_region(bundle, before.labels, after.labels, named)
    result = outcome.kept(
        bench, bundle, code=code, before=before, after=after, region=region,
        parts=region.parts if region else frozenset(), steps_done=0, best=None,
    )  # fmt: skip
    bench.report(Progress(step=1, num_steps=1))
    return result


def read_drawn(base: Drawing, bundle: Bundle) -> Drawn:
    """Return what a kept revision looks like, without drawing it again.

    Raises:
        ImageReadError, LabelMapError: what is kept is not of this bundle.
    """
    return Drawn(
        image=images.read_image(worker.read_artifact(base.picture), size=bundle.resolution),
        labels=images.read_labels(
            worker.read_artifact(base.label_map),
            num_parts=bundle.num_parts,
            size=bundle.label_size,
        ),
    )


def find_region(
    bundle: Bundle, old: Tensor, new: Tensor, named: frozenset[int]
) -> Region | None:
    """Return the region of the parts that changed or were meant to, if any shows.

    `old` and `new` are label maps (1, H, H).
    """
    shown = {*old.flatten().tolist(), *new.flatten().tolist()}
    parts = (changed_parts(old, new, background=bundle.background) | named) & shown
    if not parts:
        return None
    return region_of_interest(old, new, parts=parts, margin=default_margin(bundle.label_size))
