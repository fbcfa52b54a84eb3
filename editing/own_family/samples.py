"""Step 2: which of the generator's pictures should a person label?

Two hundred samples are drawn, sample i with seed `seed + i`, as users of public checkpoints
expect. A branch learns most from pictures that differ in what the generator itself tells
apart, so each is described by its feature taps, pooled on a coarse grid: coarse taps know
pose and kind, fine ones material and colour. The proposal starts with the most typical
picture and adds, again and again, the one that is farthest from all chosen before
(k-center). Left alone, that collects broken pictures, which are far from everything; so
those whose nearest neighbours are unusually far away are odd and never proposed.

Shapes: N samples, L layers of `w_plus`, R image side, F columns of a description.
Source: Gonzalez 1985 for the greedy k-center; its use for labels as in Sener and Savarese
2018, section 4; the descriptions and the reasons are ours.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from editing import images
from editing.errors import EditingError
from editing.generator import Generator
from editing.importers.folder import load_generator
from editing.own_family import traits
from editing.own_family.progress import Pace, Progress
from editing.own_family.project import (
    Project,
    StepMissingError,
    open_project,
    read_json,
    write_bytes,
    write_json,
)
from editing.training.run import Clock

FORMAT = "own-family-samples/1"
NUM_SAMPLES = 200
NUM_PROPOSED = 16
NUM_NEAREST = 8
# Taps are pooled to this grid: what is where matters, single pixels do not.
GRID = 4
NEIGHBOURS = 5
SHEET_CELL = 96


class SampleOptionsError(EditingError):
    """Numbers with which no samples can be drawn."""

    code = "samples.options"


class LabelledSamplesError(EditingError):
    """Samples would change under label maps that were made for them."""

    code = "samples.labelled"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A sample worth labelling, and why.

    Args:
        sample: its number.
        rank: 1 is the first to label.
        reason: why, in a sentence or two for people.
        stands_for: how many of all samples are nearest to it, itself included.
        nearest: the one chosen before that it is most like, None for the first.
        traits: what sets it apart from those before, in a few words each.
    """

    sample: int
    rank: int
    reason: str
    stands_for: int
    nearest: int | None
    traits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Samples:
    """What was drawn; `nearest[i]` are the samples most like i, the most alike first."""

    num: int
    psi: float
    proposed: tuple[Proposal, ...]
    odd: frozenset[int]
    nearest: tuple[tuple[int, ...], ...]


def draw_samples(
    folder: Path,
    *,
    clock: Clock,
    num: int = NUM_SAMPLES,
    num_proposed: int = NUM_PROPOSED,
    psi: float = 0.7,
) -> Iterator[Progress]:
    """Yield the progress of drawing samples and choosing those to label.

    What was interrupted goes on with the next sample, and ends as if it had not been.
    Drawing the same again changes nothing. Other numbers draw others, unless some are
    labelled.

    Raises:
        StepMissingError: no generator was brought yet.
        SampleOptionsError: the numbers make no sense.
        LabelledSamplesError: other samples would take the place of labelled ones.
    """
    project = open_project(folder)
    fingerprint = project.manifest().fingerprint
    if not 2 <= num_proposed <= num <= 2000 or not 0 < psi <= 1.5:
        raise SampleOptionsError(
            f"{num} samples of which {num_proposed} are proposed, truncation {psi}: expected "
            "2 to 2000 samples, at most as many proposed, truncation above 0, up to 1.5."
        )
    wanted = {
        "format": FORMAT,
        "num": num,
        "seed": project.seed,
        "psi": psi,
        "fingerprint": fingerprint,
    }
    known = read_json(project.samples / "proposal.json")
    is_same = all(known.get(key) == value for key, value in wanted.items())
    if is_same and len(known["proposed"]) == num_proposed:
        yield Progress(1.0, f"{num} samples", 0.0, project.samples / "sheet.png")
        return
    if known and not is_same and any((folder / "labels").glob("*.png")):
        raise LabelledSamplesError(
            "Some samples are labelled, and other numbers would draw others in their place: "
            "keep the numbers, or start another family."
        )
    generator = load_generator(project.generator)
    pace = Pace(clock)
    drawn = _drawn_before(project, wanted)
    codes, described, seen = [], [], []
    for i in range(num):
        found = _read_drawn(drawn, i)
        if found is None:
            found, picture = _draw(generator, project.seed + i, psi)
            write_bytes(drawn / f"{i:03d}.png", picture)
            write_bytes(drawn / f"{i:03d}.safetensors", save_tensors(found.to_tensors()))
        codes.append(found.w_plus)
        described.append(found.features)
        seen.append(found.seen)
        yield pace.at(0.95 * (i + 1) / num, f"Drawing sample {i + 1} of {num}")
    rows = _descriptions(described)
    distance = torch.cdist(rows, rows)
    odd = odd_ones(distance)
    chosen = farthest(distance, num_proposed, odd)
    proposed = _reasons(chosen, distance, torch.cat(seen))
    near = distance.argsort(dim=1, stable=True)[:, 1 : NUM_NEAREST + 1]
    # Only now do they take the place of samples from before.
    for i in range(num):
        (drawn / f"{i:03d}.png").replace(project.samples / f"{i:03d}.png")
    write_bytes(
        project.samples / "codes.safetensors",
        save_tensors({"w_plus": torch.cat(codes).contiguous()}),
    )
    _write_sheet(project, proposed)
    content: dict[str, Any] = {
        **wanted,
        "proposed": [
            {
                "sample": each.sample,
                "rank": each.rank,
                "reason": each.reason,
                "stands_for": each.stands_for,
                "nearest": each.nearest,
                "traits": list(each.traits),
            }
            for each in proposed
        ],
        "odd": sorted(odd),
        "nearest": near.tolist(),
    }
    write_json(project.samples / "proposal.json", content)
    shutil.rmtree(drawn)
    yield Progress(
        1.0,
        f"{num} samples, {len(proposed)} of them proposed"
        + (f"; {len(odd)} unlike all others were passed over" if odd else ""),
        0.0,
        project.samples / "sheet.png",
    )


def read_samples(folder: Path) -> Samples:
    """Return what was drawn.

    Raises:
        StepMissingError: nothing yet.
    """
    project = open_project(folder)
    data = read_json(project.samples / "proposal.json")
    if not data:
        raise StepMissingError(f"{project.title} has no samples yet: draw them first.")
    return Samples(
        num=data["num"],
        psi=data["psi"],
        proposed=tuple(
            Proposal(**{**each, "traits": tuple(each["traits"])}) for each in data["proposed"]
        ),
        odd=frozenset(data["odd"]),
        nearest=tuple(tuple(row) for row in data["nearest"]),
    )


def read_codes(project: Project) -> Tensor:
    """Return the codes w_plus (N, L, w_dim) of all samples.

    Raises:
        StepMissingError: none were drawn yet.
    """
    path = project.samples / "codes.safetensors"
    if not path.exists():
        raise StepMissingError(f"{project.title} has no samples yet: draw them first.")
    return load_file(path)["w_plus"]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is compared of a sample.

    `w_plus` is its code (1, L, w_dim), `features` its pooled taps (1, F) by resolution,
    `seen` the picture (1, 3, S, S), small, in [-1, 1].
    """

    w_plus: Tensor
    features: dict[int, Tensor]
    seen: Tensor

    def to_tensors(self) -> dict[str, Tensor]:
        own = {"w_plus": self.w_plus, "seen": self.seen}
        rows = own | {str(side): row for side, row in self.features.items()}
        return {name: tensor.contiguous() for name, tensor in rows.items()}


def _drawn_before(project: Project, wanted: Mapping[str, Any]) -> Path:
    """Return the folder of samples that an interrupted drawing of the same has finished."""
    folder = project.samples / "drawn"
    if read_json(folder / "wanted.json") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        write_json(folder / "wanted.json", wanted)
    return folder


def _read_drawn(folder: Path, number: int) -> _Drawn | None:
    path = folder / f"{number:03d}.safetensors"
    if not path.exists() or not path.with_suffix(".png").exists():
        return None
    tensors = load_file(path)
    w_plus, seen = tensors.pop("w_plus"), tensors.pop("seen")
    sides = sorted(tensors, key=int)
    return _Drawn(w_plus, {int(side): tensors[side] for side in sides}, seen)


@torch.no_grad()
def _draw(generator: Generator, seed: int, psi: float) -> tuple[_Drawn, bytes]:
    """Return a sample's description, and its picture as PNG."""
    w_plus, rendering = generator.sample(seed, psi=psi, with_taps=True)
    assert rendering.taps is not None
    pooled: dict[int, list[Tensor]] = {}
    # The first tap is the learned constant, the same for every picture.
    for tap in rendering.taps[1:]:
        grid = F.adaptive_avg_pool2d(tap, min(GRID, tap.shape[-1]))
        pooled.setdefault(tap.shape[-1], []).append(grid.flatten(1))
    features = {side: torch.cat(parts, dim=1) for side, parts in pooled.items()}
    image = rendering.image
    seen = images.resize(image, min(64, image.shape[-1])).clamp(-1, 1)
    return _Drawn(w_plus, features, seen), images.to_png_bytes(image)


def _descriptions(described: Sequence[dict[int, Tensor]]) -> Tensor:
    """Return one row (N, F) a sample, every resolution having the same say."""
    columns = []
    for side in described[0]:
        rows = torch.cat([each[side] for each in described]).double()
        rows = rows - rows.mean(dim=0)
        spread = rows.square().sum(dim=1).mean().sqrt()
        columns.append(rows / spread.clamp(min=1e-12))
    return torch.cat(columns, dim=1)


def odd_ones(distance: Tensor) -> frozenset[int]:
    """Return the samples that lie unusually far from their nearest neighbours.

    Unusual is beyond the third quartile by one and a half times the distance between the
    quartiles (Tukey's fence) and a quarter more than the middle one; at most a tenth of all.
    """
    num = len(distance)
    if num < 20:
        return frozenset()
    near = distance.topk(min(NEIGHBOURS + 1, num), largest=False).values[:, 1:].mean(dim=1)
    low, high = near.quantile(0.25), near.quantile(0.75)
    beyond = (near > high + 1.5 * (high - low)) & (near > 1.25 * near.median())
    farthest_first = near.argsort(descending=True)[: num // 10].tolist()
    return frozenset(i for i in farthest_first if beyond[i])


def farthest(distance: Tensor, num: int, odd: frozenset[int]) -> list[int]:
    """Return samples, the most typical first, each next the farthest from all before.

    Args:
        distance: between all samples, (N, N).
        odd: never chosen, unless there are too few others.
    """
    allowed = torch.ones(len(distance), dtype=torch.bool)
    if len(distance) - len(odd) >= num:
        allowed[sorted(odd)] = False
    chosen = [int(distance.sum(dim=1).where(allowed, torch.inf).argmin())]
    while len(chosen) < num:
        reach = distance[:, chosen].min(dim=1).values.where(allowed, -torch.inf)
        reach[chosen] = -torch.inf
        chosen.append(int(reach.argmax()))
    return chosen


def _reasons(chosen: Sequence[int], distance: Tensor, seen: Tensor) -> tuple[Proposal, ...]:
    """Return the proposals with what each adds; `seen` (N, 3, S, S) are small pictures."""
    owner = distance[:, chosen].argmin(dim=1)
    stands_for = torch.bincount(owner, minlength=len(chosen)).tolist()
    described = traits.describe(seen)
    found = []
    for rank, sample in enumerate(chosen):
        before = list(chosen[:rank])
        says = traits.apart(described, sample, before)
        nearest = before[int(distance[sample, before].argmin())] if before else None
        if nearest is None:
            reason = "The most typical of all: start here."
        else:
            where = traits.place(seen[sample], seen[nearest])
            adds = f"Of those so far {_listed(says)}. " if says else ""
            reason = f"{adds}Most like sample {nearest}, from which it differs most {where}."
        if stands_for[rank] > 1:
            reason += f" {stands_for[rank]} of {len(distance)} samples are like it."
        found.append(Proposal(sample, rank + 1, reason, stands_for[rank], nearest, tuple(says)))
    return tuple(found)


def _listed(words: Sequence[str]) -> str:
    """Return words as people list them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _write_sheet(project: Project, proposed: Sequence[Proposal]) -> None:
    """Write the proposed samples into one picture, in order, numbered."""
    columns = min(8, len(proposed))
    cell = max(SHEET_CELL, min(project.manifest().resolution, 192))
    strips = []
    for start in range(0, len(proposed), columns):
        part = proposed[start : start + columns]
        row = [images.read_image(project.samples / f"{p.sample:03d}.png") for p in part]
        names = [f"{p.rank}: {p.sample:03d}" for p in part]
        strips.append(images.sheet([row], columns=names, cell=cell))
    height = sum(strip.height for strip in strips)
    sheet = Image.new("RGB", (strips[0].width, height), strips[0].getpixel((0, 0)))
    for i, strip in enumerate(strips):
        sheet.paste(strip, (0, sum(above.height for above in strips[:i])))
    project.samples.mkdir(parents=True, exist_ok=True)
    partial = project.samples / ".sheet.partial.png"
    sheet.save(partial)
    partial.replace(project.samples / "sheet.png")
