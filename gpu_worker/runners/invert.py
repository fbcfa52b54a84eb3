"""Invert: find the code of an uploaded picture, showing it come into focus."""

from torch import Tensor

from editing import images
from editing.inversion import invert
from editing.inversion.invert import InversionResult, InversionStep, InvertOptions
from gpu_worker.runners import outcome
from gpu_worker.workbench import Workbench
from webapp.common import heat
from webapp.jobs import worker
from webapp.jobs.contract import Figures, Inverted, InvertImage, Progress


def run(bench: Workbench, request: InvertImage) -> Inverted:
    """Return the reconstruction with its honest figures.

    Raises:
        ImageReadError: the stored crop is not a picture.
        InversionOptionsError: a setting is out of range.
    """
    bundle = bench.bundle(request.bundle)
    source = images.read_image(worker.read_artifact(request.source), size=bundle.resolution).to(
        bundle.device
    )
    options = InvertOptions(steps=request.steps)
    last: InversionStep | None = None
    for step in bench.steps(invert.invert(bundle, source, options=options)):
        last = step
        is_last = step.step == step.num_steps
        bench.show(step.best_image if is_last else step.image, step=step.step, is_last=is_last)
        figures = Figures(total=step.loss)
        bench.report(Progress(step=step.step, num_steps=step.num_steps, figures=figures))
    assert last is not None, "an inversion has at least one step"
    found = last.best_w_plus

    def assess() -> tuple[InversionResult, Tensor]:
        return invert.assess(bundle, source, found), bundle.segment(found)

    result, labels = bench.on_device(assess)
    low, usual, high = bundle.usual_error
    return Inverted(
        picture=bench.keep_picture(result.w_plus, result.image, labels, bundle),
        residual=bench.keep_png(heat.heat_map(outcome.change(source, result.image).cpu())),
        error=result.error,
        psnr_db=result.psnr_db,
        perceptual=result.perceptual,
        distance_to_w=result.distance_to_w,
        usual_error=(low, usual, high),
    )
