"""The steps by which a team makes its own family, each a call into `editing.own_family`.

What people decided travels in the request, label maps and parts included; what was learned
lies in the project's folder and is gone on with. Refusals keep the engine's own words.
"""

import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from editing import bundle as bundles
from editing import images
from editing.bundle import Bundle
from editing.errors import EditingError
from editing.families.schema import Part
from editing.inversion import invert
from editing.inversion.invert import InvertOptions
from editing.own_family import branch as own_branch
from editing.own_family import bring, encoder, labels, project, publish, samples
from editing.own_family.progress import Progress as Told
from editing.own_family.schema import OwnSchema
from gpu_worker.project_folder import opened, show_sheet
from gpu_worker.refusals import RefusedJobError
from gpu_worker.workbench import Workbench
from webapp.jobs import worker
from webapp.jobs.contract import (
    BranchTrained,
    BringGenerator,
    Brought,
    EncoderTrained,
    PartSpec,
    Picture,
    Prediction,
    Progress,
    PublishedFamily,
    PublishFamily,
    Reconstruction,
    Sampled,
    SampledPicture,
    SampleFamily,
    SkippedFile,
    TrainBranch,
    TrainEncoder,
    Tried,
    TryUpload,
)

NUM_STEPS = 1000  # how finely progress is told
NUM_SHOWN = 6  # reconstructions beside the figures of an encoder
NUM_BEGINNINGS = 6  # pictures that a published family begins a gallery with
TRY_STEPS = 100
MAX_SKIPPED = 200
THUMBNAIL = 160
Request = BringGenerator | SampleFamily | TrainBranch | TrainEncoder | TryUpload | PublishFamily
Result = Brought | Sampled | BranchTrained | EncoderTrained | Tried | PublishedFamily


def run(bench: Workbench, request: Request) -> Result:
    """Return what a step made.

    Raises:
        RefusedJobError: the engine refuses, in its words.
        CanceledError, StoppingError, LostLeaseError: work stopped between two steps.
    """
    try:
        if isinstance(request, TryUpload):
            return _try(bench, request)  # reads the folder alone, beside a job that trains
        title = getattr(request, "title", "")
        with opened(bench, request.project_id, title=title) as folder:
            match request:
                case BringGenerator():
                    return _bring(bench, folder, request)
                case SampleFamily():
                    return _sample(bench, folder, request)
                case TrainBranch():
                    return _train_branch(bench, folder, request)
                case TrainEncoder():
                    return _train_encoder(bench, folder, request)
                case PublishFamily():
                    return _publish(bench, folder, request)
    except RefusedJobError:
        raise
    except EditingError as error:
        raise RefusedJobError(error.code, str(error)) from error


def _follow(
    bench: Workbench, folder: Path, steps: Iterator[Told], *, is_training: bool = False
) -> None:
    """Run a step of the engine to its end, telling how far it is and showing its sheets.

    Between two of its parts a cancel ends it. Only a training also gives way to somebody
    else's job: it goes on from its checkpoint, where others would begin anew.
    """
    sheet: int | None = None  # its second, so that pages see a new one
    for told in bench.steps(steps):
        if told.sheet is not None and told.sheet.exists():
            show_sheet(folder, told.sheet)
            sheet = int(time.time())
        bench.report(
            Progress(
                # The end is the result's to tell.
                step=min(round(NUM_STEPS * told.fraction), NUM_STEPS - 1),
                num_steps=NUM_STEPS,
                sentence=told.sentence,
                seconds_left=told.seconds_left,
                numbers={name: float(value) for name, value in told.figures.items()},
                sheet=sheet,
            )
        )
        if is_training:
            bench.give_way()


# ---- a generator ---------------------------------------------------------------------------


def _bring(bench: Workbench, folder: Path, request: BringGenerator) -> Brought:
    file = (folder / request.file).resolve()
    if not file.is_relative_to(folder.resolve() / "uploads") or not file.is_file():
        raise RefusedJobError(
            "workshop.no_upload", "The file that was sent is gone. Send it again."
        )
    _forget_other_file(folder, request)
    if request.source == "checkpoint":
        steps = bring.bring_checkpoint(
            folder, file, clock=time.monotonic, title=request.title, license=request.license
        )
    else:
        steps = bring.bring_pictures(
            folder,
            file,
            clock=time.monotonic,
            size=request.resolution or 64,
            minutes=request.minutes or 60.0,
            checkpoint_seconds=bench.checkpoint_seconds,
            device=str(bench.device.device),
            license=request.license,
        )
    _follow(bench, folder, steps, is_training=request.source == "pictures")
    found = project.open_project(folder)
    manifest = found.manifest()
    warnings, skipped = _reading(found.training / "pictures" / "report.json")
    if manifest.original is not None:
        warnings = [*manifest.original.notes]
    return Brought(
        source=request.source,
        resolution=manifest.resolution,
        label_size=found.label_size,
        num_layers=manifest.num_layers,
        w_dim=manifest.w_dim,
        fingerprint=manifest.fingerprint,
        warnings=tuple(warnings),
        skipped=tuple(skipped[:MAX_SKIPPED]),
        num_skipped=len(skipped),
    )


def _forget_other_file(folder: Path, request: BringGenerator) -> None:
    """Drop what was learned of another file, or at another size, that was sent before."""
    wanted = {"file": request.file, "resolution": request.resolution}
    note = folder / "brought-from.json"
    if not note.exists() or json.loads(note.read_text(encoding="utf-8")) != wanted:
        shutil.rmtree(folder / "training", ignore_errors=True)
        note.write_text(json.dumps(wanted), encoding="utf-8")


def _reading(report: Path) -> tuple[list[str], list[SkippedFile]]:
    """Return what reading pictures warned of, and which were left out."""
    if not report.exists():
        return [], []
    about: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    skipped = [
        SkippedFile(name=each["name"][:200], reason=each["reason"][:300])
        for each in about["skipped"]
    ]
    return list(about["warnings"]), skipped


# ---- samples -----------------------------------------------------------------------------


def _sample(bench: Workbench, folder: Path, request: SampleFamily) -> Sampled:
    about = project.read_json(folder / "family.json")
    project.write_json(folder / "family.json", {**about, "seed": request.seed})
    _follow(bench, folder, samples.draw_samples(folder, clock=time.monotonic))
    found = samples.read_samples(folder)
    proposed = {each.sample: each for each in found.proposed}
    pictures = []
    for number in range(found.num):
        bench.look_up()
        png = (folder / "samples" / f"{number:03d}.png").read_bytes()
        proposal = proposed.get(number)
        pictures.append(
            SampledPicture(
                number=number,
                picture=bench.keep_png(png),
                thumbnail=worker.put_artifact(_small(png), "image/webp"),
                place=proposal.rank if proposal else None,
                reason=proposal.reason if proposal else "",
            )
        )
    return Sampled(pictures=tuple(pictures))


def _small(png: bytes) -> bytes:
    """Return a picture as WebP, no larger than lists show it."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if picture.width > THUMBNAIL:
        picture = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=88, method=2)
    return out.getvalue()


# ---- branch and encoder --------------------------------------------------------------------


def _train_branch(bench: Workbench, folder: Path, request: TrainBranch) -> BranchTrained:
    _lay_out(folder, request)
    steps = own_branch.train_branch(
        folder, clock=time.monotonic, checkpoint_seconds=bench.checkpoint_seconds
    )
    _follow(bench, folder, steps, is_training=True)
    figures = project.read_json(folder / "branch" / "figures.json")
    ranking = project.read_json(folder / "predictions" / "ranking.json")
    predictions = []
    for entry in ranking["ranked"]:
        bench.look_up()
        number = entry["sample"]
        place = folder / "predictions"
        predictions.append(
            Prediction(
                number=number,
                label_map=bench.keep_png((place / f"{number:03d}.png").read_bytes()),
                doubt=bench.keep_png((place / f"{number:03d}.doubt.png").read_bytes()),
                uncertainty=entry["uncertainty"],
                sentence=entry.get("sentence", "")[:300],
            )
        )
    plain = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    plain |= {f"iou_{name}": value for name, value in figures["left_out_iou"].items()}
    remarks = " ".join(figures.get("remarks", []))
    return BranchTrained(
        figures={name: float(value) for name, value in plain.items()},
        explanation=f"{figures['explanation']} {remarks}".strip(),
        predictions=tuple(predictions),
    )


def _lay_out(folder: Path, request: TrainBranch) -> None:
    """Make parts and label maps of the folder those of the request, no more and no fewer."""
    wanted = {each.number: each.label_map for each in request.labels}
    for number in labels.labelled(folder):
        if number not in wanted:
            labels.remove_labels(folder, number)
    known = project.open_project(folder).schema
    schema = OwnSchema(version=1, parts=tuple(_part(each) for each in request.parts))
    if known is None or known.parts != schema.parts:
        # Label maps are written anew below, so it does not matter what becomes of old pixels.
        gone = (known.ids if known else frozenset()) - schema.ids
        project.set_schema(folder, schema, into=dict.fromkeys(gone))
    for number, digest in wanted.items():
        labels.save_labels(folder, number, worker.read_artifact(digest))


def _part(part: PartSpec) -> Part:
    return Part(**part.model_dump())


def _train_encoder(bench: Workbench, folder: Path, request: TrainEncoder) -> EncoderTrained:
    steps = encoder.train_encoder(
        folder,
        clock=time.monotonic,
        minutes=request.minutes,
        checkpoint_seconds=bench.checkpoint_seconds,
    )
    _follow(bench, folder, steps, is_training=True)
    figures = project.read_json(folder / "encoder" / "figures.json")
    sheet = folder / "encoder" / "sheet.png"
    return EncoderTrained(
        figures={k: float(v) for k, v in figures.items() if isinstance(v, int | float)},
        reconstructions=_reconstructions(bench, folder),
        sheet=bench.keep_png(sheet.read_bytes()) if sheet.exists() else None,
    )


def _reconstructions(bench: Workbench, folder: Path) -> tuple[Reconstruction, ...]:
    """Return proposed samples beside what the encoder makes of them in one pass."""
    found = samples.read_samples(folder)
    bundle = bench.on_device(lambda: encoder.unfinished_bundle(project.open_project(folder)))
    shown = []
    for proposal in found.proposed[:NUM_SHOWN]:
        bench.look_up()
        png = (folder / "samples" / f"{proposal.sample:03d}.png").read_bytes()

        def again(png: bytes = png) -> invert.InversionResult:
            image = images.read_image(png, size=bundle.resolution)
            return invert.assess(bundle, image, invert.start(bundle, image))

        result = bench.on_device(again)
        shown.append(
            Reconstruction(
                original=bench.keep_png(png),
                reconstruction=bench.keep_png(images.to_png_bytes(result.image)),
                error=result.error,
            )
        )
    return tuple(shown)


# ---- a person's own picture ------------------------------------------------------------------


def _try(bench: Workbench, request: TryUpload) -> Tried:
    found = project.open_project(bench.workshop / request.project_id.hex)
    bundle = bench.on_device(lambda: encoder.unfinished_bundle(found))
    source = images.read_image(worker.read_artifact(request.source), size=bundle.resolution)
    steps = invert.invert(bundle, source, options=InvertOptions(steps=TRY_STEPS))
    best: Tensor | None = None
    for step in bench.steps(steps):
        best = step.best_w_plus
        bench.report(
            Progress(
                step=step.step,
                num_steps=step.num_steps,
                sentence=f"Looking for the picture: step {step.step} of {step.num_steps}",
            )
        )
    assert best is not None, "an inversion has at least one step"
    code = best
    result, predicted = bench.on_device(
        lambda: (invert.assess(bundle, source, code), bundle.segment(code))
    )
    return Tried(
        reconstruction=bench.keep_png(images.to_png_bytes(result.image)),
        label_map=bench.keep_png(_in_own_ids(found, predicted)),
        error=result.error,
        psnr_db=result.psnr_db,
        sentence=encoder.expectation(result.psnr_db),
    )


def _in_own_ids(found: project.Project, predicted: Tensor) -> bytes:
    """Return a predicted label map (1, H, H) as PNG in the project's ids and colours."""
    back = np.array(own_branch.branch_parts(found), dtype=np.uint8)
    return labels.to_png(back[predicted[0].cpu().numpy()], found.parts())


# ---- publication -------------------------------------------------------------------------


def _publish(bench: Workbench, folder: Path, request: PublishFamily) -> PublishedFamily:
    steps = publish.publish(
        folder,
        clock=time.monotonic,
        license=request.license,
        name=request.bundle,
        family=request.family,
        title=request.title,
        version=request.version,
    )
    _follow(bench, folder, steps)
    target = _put_up(folder / "bundle", bench.families, request.bundle)
    bundle = bench.on_device(lambda: bundles.load_bundle(target))
    card = project.read_json(target / "card.json")
    return PublishedFamily(
        bundle=request.bundle,
        samples=_beginnings(bench, bundle),
        figures=dict(bundle.manifest.figures),
        card={key: card[key] for key in ("sentences", "made_from") if key in card},
    )


def _put_up(source: Path, families: Path, name: str) -> Path:
    """Copy a finished bundle to its place among the published ones, whole or not at all.

    What lies there already was put there by an earlier try that could not say so any more:
    no row names it, so it gives way.
    """
    target = families / name
    fresh = families / f".{name}.{time.time_ns()}"
    families.mkdir(parents=True, exist_ok=True)
    for draft in families.glob(f".{name}.*"):  # of a process that was killed
        shutil.rmtree(draft, ignore_errors=True)
    try:
        shutil.copytree(source, fresh)
        shutil.rmtree(target, ignore_errors=True)
        fresh.replace(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _beginnings(bench: Workbench, bundle: Bundle) -> tuple[Picture, ...]:
    """Return a few samples of the bundle as pictures that people can edit at once."""
    kept = []
    for code in list(bundle.samples().values())[:NUM_BEGINNINGS]:
        image, label_map = bench.on_device(
            lambda code=code: bundle.render_and_segment(code[None])  # type: ignore[misc]
        )
        kept.append(bench.keep_picture(code[None], image, label_map, bundle))
    return tuple(kept)
