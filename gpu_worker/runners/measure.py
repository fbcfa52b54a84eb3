"""Measure: what an edit vector does to the probe pictures of its family."""

from torch import Tensor

from editing import images, vectors
from gpu_worker.workbench import Workbench, read_vector
from webapp.common import heat
from webapp.jobs.contract import Measured, MeasureEditVector, ProbeStrip, Progress


def run(bench: Workbench, request: MeasureEditVector) -> Measured:
    """Return the card of the edit vector.

    Raises:
        RefusedJobError: the vector is not of this bundle.
    """
    bundle = bench.bundle(request.bundle)
    vector = read_vector(request.edit_vector_version_id, bundle)

    def on_look(num_done: int, num_looks: int) -> None:
        # Measuring is one piece of work: here it reports, and lets previews through.
        bench.report(Progress(step=num_done, num_steps=num_looks))
        bench.look_up()
        bench.device.breathe()

    card = bench.on_device(lambda: vectors.measure(bundle, vector, on_look=on_look))
    strips = []
    for strip in card.strips:
        pictures = tuple(bench.keep_png(images.to_png_bytes(picture)) for picture in strip)
        strips.append(ProbeStrip(pictures=pictures))
    return Measured(
        strengths=card.strengths,
        strips=tuple(strips),
        num_probes=card.num_probes,
        locality=card.locality,
        outside_change=card.outside_change,
        identity=card.identity,
        success=card.success,
        num_asked=card.num_asked,
        effect_by_part={name: effect.area for name, effect in card.effects.items()},
        valid_range=card.valid_range,
        norm=card.norm,
        additivity=getattr(card, "additivity", None),
        signature=tuple(getattr(card, "signature", ())),
        heat=bench.keep_png(heat_map(card.strips, card.strengths)),
    )


def heat_map(strips: Tensor, strengths: tuple[float, ...]) -> bytes:
    """Return a PNG of where strength 1 changes pictures, on average over the faces shown.

    `strips` (n, S, 3, R, R) are pictures at `strengths`, of which 0 and 1 are two.
    """
    pictures = (strips.clamp(-1, 1).permute(0, 1, 3, 4, 2).cpu() + 1) / 2
    return heat.of_strips(pictures[:, strengths.index(0.0)], pictures[:, strengths.index(1.0)])
