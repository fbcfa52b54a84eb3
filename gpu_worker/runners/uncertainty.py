"""Uncertainty: where does the segmentation branch not know which part it sees?"""

import torch
from torch import Tensor

from editing.bundle import Bundle
from editing.segmentation.branch import UNCERTAINTY_TOP, image_uncertainty
from gpu_worker import frames
from gpu_worker.workbench import Workbench
from webapp.jobs.contract import FindUncertainty, Progress, UncertaintyFound


def run(bench: Workbench, request: FindUncertainty) -> UncertaintyFound:
    """Return the map of how much the members of the branch disagree, for one revision.

    Raises:
        RefusedJobError: the code is not one of this bundle.
    """
    bundle = bench.bundle(request.bundle)
    w_plus = bench.read_code(request.w_plus, bundle)
    bench.look_up()
    found = bench.on_device(lambda: of_code(bundle, w_plus))
    result = UncertaintyFound(
        map=bench.keep_png(frames.grey_map(found[0] / UNCERTAINTY_TOP)),
        top=UNCERTAINTY_TOP,
        overall=float(image_uncertainty(found)),
        num_members=bundle.branch.num_members,
    )
    bench.report(Progress(step=1, num_steps=1))
    return result


@torch.no_grad()
def of_code(bundle: Bundle, w_plus: Tensor) -> Tensor:
    """Return the uncertainty (1, H, H), in nats, of the label map of a code (1, L, w_dim)."""
    rendering = bundle.generator.synthesis(w_plus, with_taps=True)
    assert rendering.taps is not None, "taps were asked for"
    return bundle.branch.uncertainty(rendering.taps, size=bundle.label_size)
