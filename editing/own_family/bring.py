"""Step 1: how does a family get its generator? Imported, or trained on pictures.

Both end with a `generator/1` folder in the project. A generator is the ground that samples,
labels and edit vectors stand on, so one is replaced only where nobody has labelled anything
yet, or on purpose.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from editing.errors import EditingError
from editing.importers.folder import load_generator, read_generator_manifest
from editing.importers.generators import import_generator
from editing.own_family.progress import Pace, Progress, following
from editing.own_family.project import Project, clear_drafts, open_project
from editing.training.from_pictures import SHARES, PicturePipeline, Plan, write_generator
from editing.training.pictures import Fit
from editing.training.run import Budget, Clock

# What an import is doing, and the part of it that is done before.
_READING = {
    "hash": (0.0, "Reading the file"),
    "read": (0.3, "Taking the weights out of it"),
    "draw": (0.8, "Drawing the first samples"),
}


class HasSamplesError(EditingError):
    """Another generator would make labels and samples worthless."""

    code = "family.has_samples"


def bring_checkpoint(
    folder: Path,
    file: Path,
    *,
    clock: Clock,
    title: str = "",
    license: str = "",
    replace: bool = False,
) -> Iterator[Progress]:
    """Yield the progress of importing a StyleGAN2 checkpoint; nothing in it is executed.

    Raises:
        HasSamplesError: samples were drawn from another generator, and not `replace`.
        UnreadableError, ImportRefusedError: the file is refused; the sentence says why.
    """
    project = open_project(folder)
    refuse_used(project, replace=replace)
    clear_drafts(folder)
    fresh = folder / ".generator.partial"
    pace = Pace(clock)

    def call(tell: Callable[[tuple[str, int, int]], None]) -> None:
        import_generator(
            file,
            fresh,
            title=title,
            license=license,
            on_progress=lambda stage, done, total: tell((stage, done, total)),
        )

    try:
        yield pace.at(0.0, f"Opening {file.name}")
        steps: Iterator[tuple[str, int, int]] = following(call)
        try:
            for stage, done, total in steps:
                start, sentence = _READING.get(stage, (0.3, "Reading"))
                ends = {"hash": 0.3, "read": 0.8, "draw": 0.98}.get(stage, start)
                share = start + (ends - start) * done / max(total, 1)
                yield pace.at(share, f"{sentence}: {done:,} of {total:,}")
        finally:
            steps.close()  # type: ignore[attr-defined]  # it is a generator
        _take(project, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    about = project.manifest()
    yield Progress(
        1.0,
        f"{about.title}: a StyleGAN2 of {about.resolution} px",
        0.0,
        project.generator / "preview.png",
    )


def bring_generator(folder: Path, source: Path, *, replace: bool = False) -> None:
    """Copy a finished `generator/1` folder into the project, its hashes checked.

    Raises:
        HasSamplesError: samples were drawn from another generator, and not `replace`.
        BundleMissingError, BundleTamperedError, BundleError: it is no such folder.
    """
    project = open_project(folder)
    load_generator(source)
    own = project.generator / "manifest.json"
    if own.exists():
        known = read_generator_manifest(project.generator).fingerprint
        if known != read_generator_manifest(source).fingerprint:
            refuse_used(project, replace=replace)
    fresh = folder / ".generator.partial"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh)
    _take(project, fresh)


def bring_pictures(
    folder: Path,
    source: Path,
    *,
    clock: Clock,
    size: int = 64,
    fit: Fit = "crop",
    mirror: bool = False,
    minutes: float = 60.0,
    device: str = "cpu",
    num_processes: int = 1,
    batch: int = 16,
    checkpoint_seconds: float = 60.0,
    license: str = "",
    replace: bool = False,
) -> Iterator[Progress]:
    """Yield the progress of training a generator on a folder or zip of pictures.

    Pictures that cannot be used are left out; `training/pictures/report.json` lists them
    with the reason, and what a person should know. A sheet is written every few minutes.

    Raises:
        HasSamplesError: samples were drawn from another generator, and not `replace`.
        UnknownSizeError, PicturesError, DivergedError: as `training.from_pictures`.
    """
    project = open_project(folder)
    refuse_used(project, replace=replace)
    plan = Plan(
        source=source,
        size=size,
        out=project.training.absolute(),
        fit=fit,
        mirror=mirror,
        device=device,
        num_processes=num_processes,
        batch=batch,
    )
    pipeline = PicturePipeline(plan, clock)
    for read in pipeline.read():
        sentence = (
            f"Reading pictures: {read.num_done:,} of {read.num_total:,}, "
            f"{read.num_skipped} left out"
        )
        yield Progress(0.05 * read.num_done / max(read.num_total, 1), sentence)
    found = pipeline.reading()
    notes = " ".join(found.warnings)
    yield Progress(0.05, f"{found.num_used:,} pictures to train on. {notes}".strip())
    before = 0.0
    for stage, share in SHARES.items():
        sheet = plan.out / stage / "sheet.png"
        seen = _written(sheet)
        seconds = 60 * minutes * share
        budget = Budget(seconds=seconds)
        for step in pipeline.train(stage, budget, checkpoint_seconds=checkpoint_seconds):
            left = 60 * minutes * (1 - before - share * step.fraction)
            is_new = _written(sheet) != seen
            seen = _written(sheet)
            yield Progress(
                0.05 + 0.93 * (before + share * step.fraction),
                f"{_STAGES[stage]}, step {step.step:,}",
                left,
                sheet if is_new else None,
                step.figures,
            )
        before += share
        yield Progress(
            0.05 + 0.93 * before, f"{_STAGES[stage]}: done", None, sheet if seen else None
        )
    fresh = folder / ".generator.partial"
    shutil.rmtree(fresh, ignore_errors=True)
    made = write_generator(pipeline, fresh, title=project.title, license=license)
    _take(project, fresh)
    assert made.trained is not None
    yield Progress(
        1.0,
        f"{project.title}: trained at {size} px on {found.num_used:,} pictures",
        0.0,
        plan.out / "joint" / "sheet.png",
        made.trained.figures,
    )


_STAGES = {
    "autoencoder": "Learning to draw the pictures again",
    "joint": "Learning to draw new ones",
    "encoder": "Learning to find the code of a picture",
}


def refuse_used(project: Project, *, replace: bool) -> None:
    """Refuse to replace the generator under drawn samples.

    Raises:
        HasSamplesError: there are samples, and not `replace`.
    """
    if (project.samples / "proposal.json").exists() and not replace:
        raise HasSamplesError(
            f"{project.title} has samples of its present generator, and labels belong to "
            "samples: start another family, or replace it on purpose; then samples, labels "
            "and all that was learned from them are set aside in 'former'."
        )


def _take(project: Project, fresh: Path) -> None:
    """Move a generator into the project; what stands on another one is set aside.

    At no moment is half a generator in its place, so whoever is killed here begins anew.
    """
    manifest = read_generator_manifest(fresh)
    former = project.folder / ".generator.former"
    shutil.rmtree(former, ignore_errors=True)
    if (project.generator / "manifest.json").exists():
        if project.manifest().fingerprint != manifest.fingerprint:
            _set_aside(project)
        project.generator.replace(former)
    fresh.replace(project.generator)
    shutil.rmtree(former, ignore_errors=True)


def _set_aside(project: Project) -> None:
    """Move what belongs to the present generator into `former`; nothing is deleted."""
    kinds = ("samples", "labels", "branch", "predictions", "encoder")
    present = [kind for kind in kinds if (project.folder / kind).exists()]
    if not present:
        return
    target = project.folder / "former" / f"generator-{project.manifest().fingerprint[:12]}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for kind in present:
        (project.folder / kind).replace(target / kind)


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0
