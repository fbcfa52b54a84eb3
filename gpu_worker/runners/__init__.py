"""What does each kind of job do? One module per kind: parameters to result."""

from gpu_worker.runners import invert, match, measure, optimize, refine, render, uncertainty
from gpu_worker.workbench import Workbench
from webapp.jobs.contract import (
    FindUncertainty,
    InvertImage,
    JobResult,
    MatchPainting,
    MeasureEditVector,
    OptimizeEdit,
    RefineEdit,
    RenderEdit,
)


def run(bench: Workbench) -> JobResult:
    """Return the result of the bench's job.

    Raises:
        EditingError: the job is refused; its code says why.
        CanceledError, StoppingError, LostLeaseError: work stopped between two steps.
        OutOfMemoryError, DeviceLostError: see `gpu_worker.device`.
    """
    request = bench.job.request
    match request:
        case InvertImage():
            return invert.run(bench, request)
        case OptimizeEdit():
            return optimize.run(bench, request)
        case RefineEdit():
            return refine.run(bench, request)
        case RenderEdit():
            return render.run(bench, request)
        case MeasureEditVector():
            return measure.run(bench, request)
        case MatchPainting():
            return match.run(bench, request)
        case FindUncertainty():
            return uncertainty.run(bench, request)
