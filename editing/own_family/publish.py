"""Step 7: what does the rest of the product get to see of a finished family?

A bundle folder like those that are shipped: networks, probes on which edit vectors are
measured, samples for the gallery, measured figures, and a card in words, as `README.md` for
people and `card.json` for pages. Publishing again raises the version. The folder is made
beside its place and moved there, so the family that people edit with is always whole.

Shapes: N pictures, L layers of `w_plus`.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from editing import bundle as bundles
from editing.bundle import Bundle
from editing.errors import EditingError
from editing.importers.folder import GeneratorManifest, load_generator
from editing.inversion import invert
from editing.inversion.invert import InvertOptions
from editing.own_family.branch import branch_parts, load_branch
from editing.own_family.encoder import HELD_OUT_SEED, load_encoder
from editing.own_family.progress import Pace, Progress
from editing.own_family.project import (
    FamilyNameError,
    Project,
    StepMissingError,
    open_project,
    read_json,
    write_json,
)
from editing.own_family.samples import read_codes, read_samples
from editing.training.pictures import Pictures
from editing.training.run import Clock

NUM_PROBES = 16
NUM_GALLERY = 12
NUM_MEASURED = 24
# Samples come back far better than any upload will. Where nothing else was there to measure
# on, an upload is called unusual from this share of the range on; about 25 dB.
ORDINARY_ERROR = 0.025
_MEASURING = "publishing.json"  # while it lasts


class BranchStaleError(EditingError):
    """The branch knows other parts than the family has now."""

    code = "branch.stale"


def publish(
    folder: Path,
    *,
    clock: Clock,
    license: str = "",
    name: str | None = None,
    family: str | None = None,
    title: str | None = None,
    version: int | None = None,
    invert_steps: int = 100,
    num_measured: int = NUM_MEASURED,
) -> Iterator[Progress]:
    """Yield the progress of measuring the family and writing its bundle.

    What was interrupted goes on with the next picture to measure.

    Args:
        license: of the weights, an SPDX expression; by default what was said when the
            generator was brought.
        name, family, title: of the bundle, where they are not the project's; a name of its
            own for every version keeps pictures of the last one editable.
        version: by default one more than that published last.
        invert_steps: steps of each inversion that is measured.
        num_measured: pictures inverted for the usual error.

    Raises:
        FamilyNameError: the name cannot be that of a bundle.
        StepMissingError: branch or encoder were not trained yet.
        BranchStaleError: parts were added or removed after the branch was trained.
    """
    project = open_project(folder)
    manifest, schema = project.manifest(), project.parts()
    name = name or project.name
    if not re.fullmatch(r"[a-z0-9-]{1,64}", name):
        raise FamilyNameError(
            f"A bundle cannot be called {name!r}: take up to 64 small letters, digits and "
            "hyphens."
        )
    branch = load_branch(project)
    if branch_parts(project) != tuple(part.id for part in schema.parts):
        raise BranchStaleError(
            "Parts were added, removed or moved after the branch was trained: train it again, "
            "it starts from what it knows."
        )
    encoder = load_encoder(project)
    if encoder is None:
        raise StepMissingError(f"{project.title} has no encoder yet: train it first.")
    pace = Pace(clock)
    yield pace.at(0.0, "Putting the networks together")
    generator = load_generator(project.generator)
    before = read_json(project.bundle / "card.json")
    part_schema, _ = schema.compact(family or project.name)
    bundle = bundles.assemble(
        name=name,
        title=title or project.title,
        version=version or int(before.get("version", 0)) + 1,
        schema=part_schema,
        label_size=project.label_size,
        generator=generator,
        branch=branch,
        encoder=encoder,
        probes=_typical(project, NUM_PROBES),
    )
    fresh = folder / ".bundle.partial"
    shutil.rmtree(fresh, ignore_errors=True)
    pictures = _pictures(project, bundle, num_measured)
    kept = _kept_measurements(project, invert_steps=invert_steps, num=len(pictures))
    for count, image in enumerate(pictures, 1):
        if count > len(kept["measured"]):
            guess = invert.assess(bundle, image, invert.start(bundle, image))
            run = invert.invert(bundle, image, options=InvertOptions(steps=invert_steps))
            best = invert.finish(bundle, image, run)
            kept["measured"].append(
                {
                    "guess": [guess.error, guess.psnr_db],
                    "best": [best.error, best.psnr_db],
                }
            )
            write_json(folder / _MEASURING, kept)
        yield pace.at(
            0.9 * count / len(pictures), f"Inverting picture {count} of {len(pictures)}"
        )
    measured = _Measured(
        guesses=[_Inverted(*each["guess"]) for each in kept["measured"]],
        bests=[_Inverted(*each["best"]) for each in kept["measured"]],
    )
    figures = _figures(project, measured)
    card = _card(project, bundle, manifest, figures, license or manifest.license)
    bundles.save_bundle(
        bundle,
        fresh,
        samples=_gallery(project),
        usual_error=_usual_error(measured, has_pictures=manifest.trained is not None),
        figures=figures,
    )
    titles = {name: f"Sample {int(name[7:])}" for name in _gallery(project)}
    (fresh / "samples" / "titles.json").write_text(
        json.dumps(titles, indent=1) + "\n", encoding="utf-8"
    )
    write_json(fresh / "card.json", card)
    (fresh / "README.md").write_text(_readme(card), encoding="utf-8")
    # Checked as whoever uses it will: every hash, every network.
    bundles.load_bundle(fresh)
    _keep_vectors(project, fresh, bundle.fingerprint)
    yield pace.at(0.98, "Writing the bundle")
    former = folder / ".bundle.former"
    shutil.rmtree(former, ignore_errors=True)
    if project.bundle.exists():
        project.bundle.replace(former)
    fresh.replace(project.bundle)
    shutil.rmtree(former, ignore_errors=True)
    (folder / _MEASURING).unlink()
    yield Progress(1.0, f"{card['title']}, version {card['version']}", 0.0, None, figures)


def _kept_measurements(project: Project, *, invert_steps: int, num: int) -> dict[str, Any]:
    """Return what an interrupted publication of the same networks has measured already."""
    networks = hashlib.sha256(project.manifest().fingerprint.encode())
    for weights in sorted(project.encoder.glob("*.safetensors")):
        networks.update(weights.read_bytes())
    of = {"networks": networks.hexdigest(), "invert_steps": invert_steps, "num": num}
    known = read_json(project.folder / _MEASURING)
    return known if known.get("of") == of else {"of": of, "measured": []}


@dataclass(frozen=True, slots=True)
class _Inverted:
    """How one picture came back."""

    error: float
    psnr_db: float


@dataclass(frozen=True, slots=True)
class _Measured:
    """How pictures came back: from the encoder alone, and optimized."""

    guesses: list[_Inverted]
    bests: list[_Inverted]

    @property
    def usual_error(self) -> tuple[float, float, float]:
        """Return the 5th, 50th and 95th percentile of the error after optimization."""
        errors = torch.tensor([result.error for result in self.bests], dtype=torch.float64)
        low, middle, high = errors.quantile(
            torch.tensor([0.05, 0.5, 0.95], dtype=torch.float64)
        ).tolist()
        return low, middle, high


def _usual_error(measured: _Measured, *, has_pictures: bool) -> tuple[float, float, float]:
    """Return the usual errors of uploads, those of samples widened to `ORDINARY_ERROR`."""
    low, middle, high = measured.usual_error
    if has_pictures:
        return low, middle, high
    return low, max(middle, ORDINARY_ERROR / 2), max(high, ORDINARY_ERROR)


def _pictures(project: Project, bundle: Bundle, num: int) -> list[Tensor]:
    """Return pictures (1, 3, R, R) to invert: held-out ones, or samples if there are none."""
    report = project.training / "pictures" / "report.json"
    if project.manifest().trained is not None and report.exists():
        read = Pictures(project.training / "pictures")
        return list(read.batch(read.held_out[:num]).split(1))
    with torch.no_grad():
        return [
            bundle.generator.sample(HELD_OUT_SEED + i)[1].image.clamp(-1, 1) for i in range(num)
        ]


def _typical(project: Project, num: int) -> Tensor:
    """Return codes (num, L, w_dim) of samples spread over the family, odd ones left out."""
    samples = read_samples(project.folder)
    codes = read_codes(project)
    rows = [i for i in range(samples.num) if i not in samples.odd]
    chosen = [rows[i * len(rows) // num] for i in range(min(num, len(rows)))]
    return codes[chosen].contiguous()


def _gallery(project: Project) -> dict[str, Tensor]:
    """Return the codes (L, w_dim) of the samples that people start from, by name."""
    samples = read_samples(project.folder)
    codes = read_codes(project)
    # Proposed ones differ most; those at the very edge come late in the proposal.
    wanted = [each.sample for each in samples.proposed[:NUM_GALLERY]]
    rest = (i for i in range(samples.num) if i not in wanted and i not in samples.odd)
    while len(wanted) < min(NUM_GALLERY, samples.num):
        wanted.append(next(rest))
    return {f"sample-{i:03d}": codes[i].contiguous() for i in wanted}


def _figures(project: Project, measured: _Measured) -> dict[str, float]:
    def mean(results: list[_Inverted]) -> float:
        return sum(result.psnr_db for result in results) / len(results)

    branch = read_json(project.branch / "figures.json")
    figures = {
        "encoder_psnr_db": mean(measured.guesses),
        "inversion_psnr_db": mean(measured.bests),
        "num_labelled": float(branch["num_labelled"]),
    }
    if branch.get("left_out_miou") is not None:
        figures["segmentation_left_out_miou"] = branch["left_out_miou"]
    for name, value in branch.get("left_out_iou", {}).items():
        figures[f"segmentation_left_out_iou_{name}"] = value
    return figures


def _card(
    project: Project,
    bundle: Bundle,
    manifest: GeneratorManifest,
    figures: Mapping[str, float],
    license: str,
) -> dict[str, Any]:
    original, trained = manifest.original, manifest.trained
    if original is not None:
        source = f"Imported from {original.file_name} ({original.layout} layout)."
        origin: dict[str, Any] = {"file": original.file_name, "sha256": original.sha256}
        measured_on = "samples that nothing was learned from"
    elif trained is not None and (project.training / "pictures" / "report.json").exists():
        source = f"Trained on {trained.num_pictures:,} pictures."
        origin = {"num_pictures": trained.num_pictures}
        measured_on = "pictures held out of training"
    else:
        source = f"The generator was brought as {manifest.title}."
        origin = {"generator": manifest.title}
        measured_on = "samples that nothing was learned from"
    num_labelled = int(figures["num_labelled"])
    miou = figures.get("segmentation_left_out_miou")
    sentences = [
        source,
        f"{len(bundle.schema.parts)} parts, learned from {num_labelled} labelled samples"
        + (f"; mIoU {miou:.2f} on labelled samples left out." if miou is not None else "."),
        f"Pictures come back at {figures['encoder_psnr_db']:.1f} dB from the encoder and "
        f"{figures['inversion_psnr_db']:.1f} dB after optimization, on {measured_on}.",
        "No identity network: nothing holds a face to the person it shows but its pixels.",
    ]
    if original is not None:
        sentences.append(
            "The encoder has seen samples alone, so uploads come back less well than samples."
        )
    scarce = [
        part.title
        for part in bundle.schema.parts
        if figures.get(f"segmentation_left_out_iou_{part.name}", 1.0) < 0.4
    ]
    if scarce:
        sentences.append(f"Found badly, so expect poor edits of them: {', '.join(scarce)}.")
    return {
        "title": bundle.manifest.title,
        "name": bundle.name,
        "version": bundle.version,
        "license": license or "not stated",
        "resolution": bundle.resolution,
        "num_labelled": num_labelled,
        "parts": [part.title for part in bundle.schema.parts],
        "figures": {name: round(value, 4) for name, value in figures.items()},
        "fingerprint": bundle.fingerprint,
        "made_from": origin,
        "sentences": sentences,
    }


def _readme(card: Mapping[str, Any]) -> str:
    lines = [f"# {card['title']}", "", *(f"- {text}" for text in card["sentences"]), ""]
    lines += [
        f"Licence of the weights: {card['license']}. Version {card['version']}, "
        f"{card['resolution']} px.",
        "",
        f"Parts: {', '.join(card['parts'])}.",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value:g} |" for name, value in card["figures"].items()),
        "",
        f"Generator `{card['fingerprint']}`.",
        "",
    ]
    return "\n".join(lines)


def _keep_vectors(project: Project, fresh: Path, fingerprint: str) -> None:
    """Carry edit vectors over from the bundle before, if the generator is the same."""
    vectors = project.bundle / "vectors"
    if not vectors.is_dir():
        return
    if bundles.read_manifest(project.bundle).fingerprint == fingerprint:
        shutil.copytree(vectors, fresh / "vectors")
