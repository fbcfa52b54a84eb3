"""What does each kind of job do? One module per kind, or per journey: parameters to result."""

from gpu_worker.runners import (
    invert,
    match,
    measure,
    optimize,
    own_family,
    refine,
    render,
    uncertainty,
)
from gpu_worker.workbench import Workbench
from webapp.jobs.contract import (
    BringGenerator,
    FindUncertainty,
    InvertImage,
    JobResult,
    MatchPainting,
    MeasureEditVector,
    OptimizeEdit,
    PublishFamily,
    RefineEdit,
    RenderEdit,
    SampleFamily,
    TrainBranch,
    TrainEncoder,
    TryUpload,
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
        case (
            BringGenerator()
            | SampleFamily()
            | TrainBranch()
            | TrainEncoder()
            | TryUpload()
            | PublishFamily()
        ):
            return own_family.run(bench, request)
