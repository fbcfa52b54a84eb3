"""Step 5: what does the branch learn from the labelled samples, and where is it unsure?

Samples have known codes, so nothing is inverted. Ten members learn together; every labelled
picture is left out by one of them, and what those read on the pictures they have not seen is
the figure that is told: `left_out_miou`. One member reads worse than ten together, so the
finished branch is usually a little better than it says. Then every sample without labels
gets a predicted label map and a map of doubt (how much the members disagree), the most
doubtful first: to be corrected and trained on again, which starts from the last weights.

Letters: n labelled pictures, E members, K parts, H label-map side.
Source: Zhang et al. 2021 (DatasetGAN), section 3, for the uncertainty.
"""

import hashlib
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from editing import images
from editing.generator import Generator
from editing.importers.folder import load_generator
from editing.inversion.report import heat_map
from editing.own_family import labels as label_maps
from editing.own_family.progress import Pace, Progress
from editing.own_family.project import (
    Project,
    StepMissingError,
    open_project,
    read_json,
    write_bytes,
    write_json,
)
from editing.own_family.samples import read_codes, read_samples
from editing.own_family.schema import UNLABELLED, OwnSchema
from editing.segmentation.branch import SegmentationBranch, image_uncertainty
from editing.segmentation.training import BranchFit, FitOptions
from editing.training import loop
from editing.training.run import Budget, Clock, Run

SEED = 43
WEIGHTS = "branch.safetensors"
# So much disagreement of the members, in nats, is drawn at the top of the scale.
DOUBT_TOP = 0.35
MANY_PARTS = 32
SHEET_ROWS = 6
EXPLANATION = (
    "Mean IoU over parts on the labelled pictures, each read only by the member of the "
    "ensemble that did not learn from it. The weights are kept at which this figure was best, "
    "which flatters it a little; one member reads worse than all together, which does the "
    "opposite. It says nothing about pictures unlike the labelled ones."
)


def default_options(num_parts: int, *, warm: bool = False) -> FitOptions:
    """Return how a branch is fitted here: ten members; half as long if it starts warm."""
    return FitOptions(
        num_members=10,
        hidden=(128, 32) if num_parts < MANY_PARTS else (256, 128),
        max_steps=250 if warm else 500,
        learning_rate=1e-3 if warm else 2e-3,
    )


@dataclass(frozen=True)
class _Lesson:
    """What is learned: samples in order, codes, label maps with ids counted up from 0."""

    samples: tuple[int, ...]
    w_plus: Tensor
    labels: Tensor
    num_parts: int

    def digest(self, options: FitOptions, warm: Mapping[str, Tensor] | None) -> str:
        """Return a name for this training: the same one gives the same branch."""
        hashed = hashlib.sha256()
        hashed.update(repr((self.samples, self.num_parts, asdict(options))).encode())
        hashed.update(self.labels.numpy().tobytes())
        hashed.update(self.w_plus.numpy().tobytes())
        for tensor in (warm or {}).values():
            hashed.update(tensor.contiguous().numpy().tobytes())
        return hashed.hexdigest()[:16]


def train_branch(
    folder: Path,
    *,
    clock: Clock,
    allow_fewer: bool = False,
    options: FitOptions | None = None,
    steps: int | None = None,
    afresh: bool = False,
    checkpoint_seconds: float = 30.0,
) -> Iterator[Progress]:
    """Yield the progress of training the branch, then of predicting all other samples.

    Training on the very labels that the present branch knows does nothing again.

    Args:
        allow_fewer: train although not all proposed samples are labelled.
        options: how to fit; by default `default_options`.
        steps: train so many steps instead of the options' own number.
        afresh: forget the earlier branch instead of going on from it.

    Raises:
        TooFewLabelsError, EmptyLabelsError: the label maps are not fit to learn from.
        StepMissingError: there is no generator, no schema or no sample yet.
    """
    project = open_project(folder)
    remarks = label_maps.check_ready(folder, allow_fewer=allow_fewer)
    schema = project.parts()
    lesson = _lesson(project, schema)
    known = read_json(project.branch / "branch.json")
    if known and known["result_of"] == _plain_digest(lesson, schema):
        yield from _predict(project, clock, 0.0)
        return
    generator = load_generator(project.generator)
    earlier = None if afresh else _earlier(project, schema, generator)
    warm = earlier is not None and (options is None or _fits(options, earlier[1]))
    options = options or default_options(lesson.num_parts, warm=warm)
    if steps is not None:
        options = replace(options, max_steps=steps)
    start = _carried_over(earlier, schema, options) if earlier and warm else None
    left_out = _left_out(
        lesson.samples, options.num_members, known.get("left_out", {}) if warm else {}
    )
    yield Progress(0.0, f"Reading {len(lesson.samples)} labelled pictures. {' '.join(remarks)}")
    stage = _Stage(
        BranchFit(
            generator.synthesis,
            lesson.w_plus,
            lesson.labels,
            num_parts=lesson.num_parts,
            options=options,
            noise=torch.Generator().manual_seed(SEED),
            left_out=left_out,
            start=start,
        )
    )
    place = project.branch / "runs" / lesson.digest(options, start)
    run = Run(
        place, Budget(steps=options.max_steps), clock, checkpoint_seconds=checkpoint_seconds
    )
    pace: Pace | None = None
    seconds = 0.0
    for step in loop.train(stage, run):
        pace = pace or Pace(clock, fraction=0.75 * (step.fraction - 1 / options.max_steps))
        seconds = step.seconds
        miou = stage.fit.best_score
        told = f", mIoU {miou:.2f} on pictures left out" if miou >= 0 else ""
        yield pace.at(
            0.75 * step.fraction,
            f"Training the branch: step {step.step} of {options.max_steps}{told}",
            figures={"left_out_miou": miou} if miou >= 0 else {},
        )
    branch = stage.fit.best()
    found = stage.fit.read_left_out()
    seconds = seconds or float((run.load() or {}).get("seconds", 0.0))
    del stage
    _write_branch(project, branch, schema, lesson, left_out, known)
    write_json(
        project.branch / "figures.json",
        {
            "left_out_miou": None if found is None else round(found.miou, 4),
            "left_out_iou": {
                part.name: round(value, 4)
                for part, value in zip(
                    schema.parts, [] if found is None else found.each.tolist(), strict=False
                )
                if not math.isnan(value)
            },
            "num_labelled": len(lesson.samples),
            "seconds": round(seconds, 1),
            "warm": start is not None,
            "explanation": EXPLANATION,
            "remarks": list(remarks),
        },
    )
    shutil.rmtree(project.branch / "runs", ignore_errors=True)
    yield from _predict(project, clock, 0.75)


def load_branch(project: Project) -> SegmentationBranch:
    """Return the trained branch, its parts in the order of `branch.json`.

    Raises:
        StepMissingError: none was trained yet.
    """
    about = read_json(project.branch / "branch.json")
    if not about:
        raise StepMissingError(
            f"{project.title} has no branch yet: label pictures and train it first."
        )
    branch = SegmentationBranch.from_config(about["config"])
    branch.load_state_dict(load_file(project.branch / WEIGHTS))
    return branch.eval().requires_grad_(False)


def branch_parts(project: Project) -> tuple[int, ...]:
    """Return the ids of the project's parts in the order the trained branch has them."""
    return tuple(read_json(project.branch / "branch.json")["parts"])


class _Stage:
    """The fit of a branch as a stage of training: steps, checkpoints, a report."""

    name = "branch"
    seed = SEED

    def __init__(self, fit: BranchFit) -> None:
        self.fit = fit

    def parts(self) -> dict[str, BranchFit]:
        """Return what a checkpoint keeps."""
        return {"fit": self.fit}

    def step(self, step: int, fraction: float, random: torch.Generator) -> dict[str, Tensor]:
        """Take one step, and from time to time a look at the pictures left out."""
        options = self.fit.options
        loss = self.fit.step(fraction, random)
        if (step + 1) % options.check_every == 0 or step + 1 == options.max_steps:
            self.fit.look()
        return {"loss": torch.tensor(loss), "best": torch.tensor(self.fit.best_score)}

    def report(self, run: Run) -> dict[str, float]:
        """Return the figure of the pictures left out."""
        return {"left_out_miou": self.fit.best_score}

    def finish(self) -> None:
        """Do nothing: the best weights are kept as they come."""


def _lesson(project: Project, schema: OwnSchema) -> _Lesson:
    _, table = schema.compact(project.name)
    lookup = torch.frombuffer(bytearray(table), dtype=torch.uint8)
    samples = label_maps.labelled(project.folder)
    maps = [lookup[label_maps.read(project.folder, sample).long()] for sample in samples]
    codes = read_codes(project)[list(samples)]
    return _Lesson(samples, codes.contiguous(), torch.stack(maps), len(schema.parts))


def _plain_digest(lesson: _Lesson, schema: OwnSchema) -> str:
    """Return a name for what is learned, however it is learned."""
    hashed = hashlib.sha256(repr((lesson.samples, [p.id for p in schema.parts])).encode())
    hashed.update(lesson.labels.numpy().tobytes())
    hashed.update(lesson.w_plus.numpy().tobytes())
    return hashed.hexdigest()


def _left_out(
    samples: Sequence[int], num_members: int, before: Mapping[str, Sequence[int]]
) -> Tensor:
    """Return bool (E, n): every picture is left out by one member, old ones as `before`.

    A member that goes on training must not learn now from what it is judged by.
    """
    left_out = torch.zeros(num_members, len(samples), dtype=torch.bool)
    load = [0] * num_members
    for column, sample in enumerate(samples):
        for member in before.get(str(sample), ()):
            left_out[member, column] = True
            load[member] += 1
    for column in range(len(samples)):
        if not left_out[:, column].any():
            member = load.index(min(load))
            # A member that left out everything would have nothing to learn from.
            if load[member] + 1 < len(samples):
                left_out[member, column] = True
                load[member] += 1
    return left_out


def _earlier(
    project: Project, schema: OwnSchema, generator: Generator
) -> tuple[dict[str, Tensor], SegmentationBranch, tuple[int, ...]] | None:
    """Return the branch trained before, None if there is none of this generator."""
    if not (project.branch / "branch.json").exists():
        return None
    branch = load_branch(project)
    if branch.tap_shapes != generator.synthesis.tap_shapes:
        return None
    return branch.state_dict(), branch, branch_parts(project)


def _fits(options: FitOptions, branch: SegmentationBranch) -> bool:
    return (options.num_members, options.hidden) == (branch.num_members, branch.hidden)


def _carried_over(
    earlier: tuple[dict[str, Tensor], SegmentationBranch, tuple[int, ...]],
    schema: OwnSchema,
    options: FitOptions,
) -> dict[str, Tensor] | None:
    """Return the earlier weights for the present parts; new parts start from nothing."""
    state, branch, parts = earlier
    if not _fits(options, branch):
        return None
    fresh = {key: tensor.clone() for key, tensor in state.items()}
    noise = torch.Generator().manual_seed(SEED)
    width = branch.hidden[1]
    weight = 0.02 * torch.randn(options.num_members, len(schema.parts), width, generator=noise)
    bias = torch.zeros(options.num_members, len(schema.parts))
    for row, part in enumerate(schema.parts):
        if part.id in parts:
            weight[:, row] = state["last_weight"][:, parts.index(part.id)]
            bias[:, row] = state["last_bias"][:, parts.index(part.id)]
    fresh["last_weight"], fresh["last_bias"] = weight, bias
    return fresh


def _write_branch(
    project: Project,
    branch: SegmentationBranch,
    schema: OwnSchema,
    lesson: _Lesson,
    left_out: Tensor,
    known: Mapping[str, Any],
) -> None:
    state = {key: t.detach().cpu().contiguous() for key, t in branch.state_dict().items()}
    write_bytes(project.branch / WEIGHTS, save_tensors(state))
    remembered = dict(known.get("left_out", {})) if known else {}
    for column, sample in enumerate(lesson.samples):
        remembered[str(sample)] = left_out[:, column].nonzero().flatten().tolist()
    write_json(
        project.branch / "branch.json",
        {
            "config": branch.to_config(),
            "parts": [part.id for part in schema.parts],
            "left_out": remembered,
            "result_of": _plain_digest(lesson, schema),
        },
    )


# -- predictions ---------------------------------------------------------------------------


def _predict(project: Project, clock: Clock, start: float) -> Iterator[Progress]:
    """Yield the progress of predicting every sample without labels, from fraction `start`."""
    about = read_json(project.branch / "branch.json")
    schema, size = project.parts(), project.label_size
    titles = {part.id: part.title for part in schema.parts}
    samples = read_samples(project.folder)
    have = set(label_maps.labelled(project.folder))
    wanted = [i for i in range(samples.num) if i not in have]
    key = hashlib.sha256(repr((about["result_of"], wanted)).encode()).hexdigest()[:16]
    done = read_json(project.predictions / "ranking.json")
    if done.get("key") == key:
        yield Progress(1.0, _summary(done), 0.0, project.predictions / "sheet.png")
        return
    fresh = project.folder / f".predictions-{key}"
    generator, branch = load_generator(project.generator), load_branch(project)
    back = np.array([*branch_parts(project)], dtype=np.uint8)
    codes = read_codes(project)
    pace = Pace(clock, fraction=start)
    ranked: list[dict[str, Any]] = []
    for count, sample in enumerate(wanted, start=1):
        entry = read_json(fresh / f"{sample:03d}.json")
        if not entry:
            entry = _predict_one(
                generator, branch, codes[sample : sample + 1], size, back, titles
            ) | {"sample": sample, "is_odd": sample in samples.odd}
            write_bytes(
                fresh / f"{sample:03d}.png", label_maps.to_png(entry.pop("ids"), schema)
            )
            write_bytes(fresh / f"{sample:03d}.doubt.png", entry.pop("doubt"))
            write_json(fresh / f"{sample:03d}.json", entry)
        ranked.append(entry)
        yield pace.at(
            start + (0.99 - start) * count / len(wanted),
            f"Predicting the parts of sample {count} of {len(wanted)}",
        )
    ranked.sort(key=lambda entry: -entry["uncertainty"])
    for sample in wanted:
        (fresh / f"{sample:03d}.json").unlink(missing_ok=True)
    figures = read_json(project.branch / "figures.json")
    content = {
        "key": key,
        "ranked": ranked,
        "sheet": "sheet.png",
        "left_out_miou": figures.get("left_out_miou"),
    }
    fresh.mkdir(parents=True, exist_ok=True)
    _write_sheet(project, ranked, fresh)
    write_json(fresh / "ranking.json", content)
    shutil.rmtree(project.predictions, ignore_errors=True)
    fresh.replace(project.predictions)
    for stale in project.folder.glob(".predictions-*"):
        shutil.rmtree(stale, ignore_errors=True)
    yield Progress(1.0, _summary(content), 0.0, project.predictions / "sheet.png")


@torch.no_grad()
def _predict_one(
    generator: Generator,
    branch: SegmentationBranch,
    w_plus: Tensor,
    size: int,
    back: np.ndarray,
    titles: Mapping[int, str],
) -> dict[str, Any]:
    taps = generator.synthesis(w_plus, with_taps=True).taps
    assert taps is not None
    found, doubt = branch.predict_with_uncertainty(taps, size=size)
    ids = back[found[0].numpy()]
    shares = np.bincount(ids.ravel(), weights=doubt[0].double().numpy().ravel(), minlength=256)
    worst = [titles[i] for i in shares.argsort()[::-1][:2].tolist() if shares[i] > 0]
    return {
        "ids": ids,
        "doubt": images.to_png_bytes(heat_map(doubt, top=DOUBT_TOP)),
        "uncertainty": round(float(image_uncertainty(doubt)[0]), 5),
        "sentence": f"Most doubtful: {' and '.join(worst)}." if worst else "Nothing doubtful.",
    }


def _summary(ranking: Mapping[str, Any]) -> str:
    miou = ranking.get("left_out_miou")
    told = f"mIoU {miou:.2f} on pictures left out" if miou is not None else "trained"
    if not ranking["ranked"]:
        return f"{told}; every sample is labelled"
    return f"{told}; {len(ranking['ranked'])} samples predicted, the most doubtful first"


def _write_sheet(project: Project, ranked: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write the most doubtful samples with predictions and doubt into one picture."""
    columns = []
    palette = project.parts().palette()
    for entry in ranked[:SHEET_ROWS]:
        name = f"{entry['sample']:03d}"
        ids = images.read_labels(folder / f"{name}.png", num_parts=UNLABELLED + 1)
        columns.append(
            (
                name,
                images.read_image(project.samples / f"{name}.png"),
                images.colorize(ids, palette),
                images.read_image(folder / f"{name}.doubt.png"),
            )
        )
    if not columns:
        return
    names, pictures, parts, doubts = zip(*columns, strict=True)
    images.sheet(
        [pictures, parts, doubts],
        labels=["sample", "parts", "doubt"],
        columns=[f"sample {name}" for name in names],
        cell=128,
    ).save(folder / "sheet.png")
