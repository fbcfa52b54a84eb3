"""Step 6: how do people's own pictures get codes, where only samples teach?

An imported generator comes without pictures, so the encoder learns from samples, whose
codes are known, half of them with styles crossed; a generator that was trained here brings
an encoder and its pictures, and both are used. Uploads are then tried: the encoder's guess,
what optimization makes of it, and in a sentence what to expect.

Shapes: N pictures, L layers of `w_plus`, R image side.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from editing import bundle as bundles
from editing import images
from editing.bundle import Bundle
from editing.families.schema import Part, PartSchema
from editing.generator import Generator
from editing.importers.folder import load_encoder as load_brought
from editing.importers.folder import load_generator
from editing.inversion import invert
from editing.inversion.invert import InvertOptions
from editing.inversion.picture_encoder import PictureEncoder, PictureEncoderConfig
from editing.own_family.branch import load_branch
from editing.own_family.progress import Pace, Progress
from editing.own_family.project import (
    Project,
    StepMissingError,
    open_project,
    read_json,
    write_bytes,
    write_json,
)
from editing.segmentation.branch import SegmentationBranch
from editing.training import autoencoder as warm
from editing.training import loop, picture_figures
from editing.training.distil import psnr
from editing.training.encoder import EncoderOptions, EncoderStage, Lesson, Teacher, feature_type
from editing.training.pictures import Pictures
from editing.training.run import Budget, Clock, Run
from editing.training.sharpen import mixed_styles

WEIGHTS = "encoder.safetensors"
HELD_OUT_SEED = 9_000_001
NUM_HELD_OUT = 48
# Samples are pulled this far toward the mean style at most, as people look at them.
LEAST_PSI = 0.6


def train_encoder(
    folder: Path,
    *,
    clock: Clock,
    minutes: float = 10.0,
    steps: int | None = None,
    checkpoint_seconds: float = 30.0,
) -> Iterator[Progress]:
    """Yield the progress of training the encoder, a sheet of reconstructions now and then.

    More minutes than an earlier run had go on from it; as many do nothing again.

    Args:
        minutes: training time.
        steps: train exactly so many steps instead.

    Raises:
        StepMissingError: no generator was brought yet.
        DivergedError: the losses stopped being numbers.
    """
    project = open_project(folder)
    fingerprint = project.manifest().fingerprint
    generator = load_generator(project.generator)
    encoder = load_brought(project.generator) or _fresh(generator)
    encoder.requires_grad_(True)
    held_out = _held_out(generator)
    options = _options(generator, held_out[1])
    stage = EncoderStage(
        generator,
        encoder,
        _teacher(project, generator, options),
        options,
        groups=[{"params": list(encoder.parameters()), "factor": 1.0}],
        held_out=held_out[0],
    )
    place = project.encoder / f"run-{fingerprint[:12]}"
    budget = Budget(steps=steps) if steps is not None else Budget(seconds=60 * minutes)
    run = Run(place, budget, clock, checkpoint_seconds=checkpoint_seconds, sheet_seconds=60.0)
    sheet, seen = place / "sheet.png", 0
    pace: Pace | None = None
    for step in loop.train(stage, run):
        pace = pace or Pace(clock, fraction=max(0.0, 0.95 * (step.fraction - 1e-6)))
        now = sheet.stat().st_mtime_ns if sheet.exists() else 0
        yield pace.at(
            0.95 * step.fraction,
            f"Training the encoder: step {step.step:,}, "
            f"difference {step.figures.get('l1', 0.0):.3f}",
            sheet=sheet if now != seen else None,
            figures={"l1": step.figures.get("l1", 0.0)},
        )
        seen = now
    encoder.eval().requires_grad_(False)
    state = {k: t.detach().cpu().contiguous() for k, t in encoder.state_dict().items()}
    write_bytes(project.encoder / WEIGHTS, save_tensors(state))
    write_json(
        project.encoder / "encoder.json",
        {
            "config": encoder.config.to_json(),
            "fingerprint": fingerprint,
            "sha256": hashlib.sha256((project.encoder / WEIGHTS).read_bytes()).hexdigest(),
        },
    )
    figures = _figures(project, generator, encoder, held_out[0])
    kept = run.load() or {}
    write_json(
        project.encoder / "figures.json",
        {
            **figures,
            "steps": kept.get("step", 0),
            "seconds": round(float(kept.get("seconds", 0.0)), 1),
        },
    )
    if sheet.exists():
        write_bytes(project.encoder / "sheet.png", sheet.read_bytes())
    yield Progress(
        1.0,
        f"Samples come back at {figures['psnr_samples_db']:.1f} dB in one pass",
        0.0,
        project.encoder / "sheet.png",
        figures,
    )


def load_encoder(project: Project) -> PictureEncoder | None:
    """Return the trained encoder, the one that the generator brought, or None."""
    about = read_json(project.encoder / "encoder.json")
    if not about or about["fingerprint"] != project.manifest().fingerprint:
        return load_brought(project.generator)
    encoder = PictureEncoder(PictureEncoderConfig.from_json(about["config"]))
    encoder.load_state_dict(load_file(project.encoder / WEIGHTS))
    return encoder.eval().requires_grad_(False)


def reconstruct(
    folder: Path, pictures: Sequence[Path], *, clock: Clock, steps: int = 100
) -> Iterator[Progress]:
    """Yield the progress of drawing people's own pictures again.

    `encoder/uploads/NAME.png` shows the upload, what the encoder makes of it and what
    `steps` of optimization do; `uploads.json` lists their figures and what to expect.

    Raises:
        StepMissingError: there is no generator, or no encoder yet.
        ImageReadError: a file is no picture; those before it are kept.
    """
    project = open_project(folder)
    if load_encoder(project) is None:
        raise StepMissingError(f"{project.title} has no encoder yet: train it first.")
    bundle = unfinished_bundle(project)
    target = project.encoder / "uploads"
    known = {e["name"]: e for e in read_json(target / "uploads.json").get("uploads", [])}
    pace = Pace(clock)
    for count, path in enumerate(pictures):
        image = images.read_image(path, size=bundle.resolution)
        run = invert.invert(bundle, image, options=InvertOptions(steps=steps))
        found: list[Tensor] = []
        for step in run:
            found = [step.best_w_plus]
            share = (count + step.step / max(steps, 1)) / len(pictures)
            yield pace.at(0.99 * share, f"{path.name}: step {step.step} of {steps}")
        guess = invert.assess(bundle, image, invert.start(bundle, image))
        best = invert.assess(bundle, image, found[0])
        row = [image, guess.image.clamp(-1, 1), best.image.clamp(-1, 1)]
        sheet = images.sheet(
            [row], columns=["upload", "encoder", "optimized"], cell=max(128, bundle.resolution)
        )
        target.mkdir(parents=True, exist_ok=True)
        sheet.save(target / f"{path.stem}.png")
        known[path.name] = {
            "name": path.name,
            "picture": f"{path.stem}.png",
            "psnr_encoder_db": round(guess.psnr_db, 2),
            "psnr_db": round(best.psnr_db, 2),
            "error": round(best.error, 5),
            "sentence": expectation(best.psnr_db),
        }
        write_json(target / "uploads.json", {"uploads": list(known.values())})
    yield Progress(1.0, f"{len(pictures)} pictures drawn again", 0.0)


def expectation(psnr_db: float) -> str:
    """Return what to expect of edits of a picture that came back at so many dB."""
    if psnr_db >= 25:
        return "Comes back faithfully: edits will look like this picture."
    if psnr_db >= 20:
        return "Comes back recognisably, details are missing: edits show the generator's own."
    return (
        "Comes back as something else: the generator cannot draw this picture. Crop it like "
        "the samples, or expect edits to look unlike it."
    )


def unfinished_bundle(project: Project, *, branch: SegmentationBranch | None = None) -> Bundle:
    """Return generator and encoder as a bundle in memory; its branch is untrained if None.

    Raises:
        StepMissingError: no generator was brought yet.
    """
    project.manifest()
    generator = load_generator(project.generator)
    probes = _held_out(generator, num=16)[1]
    if branch is None:
        trained = (project.branch / "branch.json").exists()
        branch = (
            load_branch(project)
            if trained
            else SegmentationBranch(generator.synthesis.tap_shapes, 2, num_members=1)
        )
    names = [("background", True), *((f"part_{i}", False) for i in range(1, branch.num_parts))]
    schema = PartSchema(
        project.name,
        1,
        tuple(
            Part(i, name, name, "#000000", "parts", is_background=is_background)
            for i, (name, is_background) in enumerate(names)
        ),
    )
    return bundles.assemble(
        name=project.name,
        title=project.title,
        version=1,
        schema=schema,
        label_size=project.label_size,
        generator=generator,
        branch=branch,
        encoder=load_encoder(project),
        probes=probes,
    )


def _fresh(generator: Generator) -> PictureEncoder:
    """Return an untrained encoder that starts at the mean style, in the family's units."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(EncoderOptions().seed)
        encoder = warm.new_encoder(generator.config)
    spread = float(_held_out(generator)[1].std(dim=0).square().mean().sqrt())
    with torch.no_grad():
        encoder.shared.weight.mul_(spread)
        encoder.shared.bias.copy_(generator.w_avg)
    return encoder


@torch.no_grad()
def _held_out(generator: Generator, num: int = NUM_HELD_OUT) -> tuple[Tensor, Tensor]:
    """Return pictures (num, 3, R, R) and codes (num, L, w_dim) that nothing learns from."""
    pictures, codes = [], []
    for i in range(num):
        w_plus, rendering = generator.sample(HELD_OUT_SEED + i)
        pictures.append(rendering.image.clamp(-1, 1))
        codes.append(w_plus)
    return torch.cat(pictures), torch.cat(codes).contiguous()


def _options(generator: Generator, codes: Tensor) -> EncoderOptions:
    """Return settings whose code terms do not depend on the unit of the codes."""
    variance = float(codes.var(dim=0).mean())
    side = generator.config.resolution
    standard = EncoderOptions()
    return replace(
        standard,
        batch=16 if side <= 128 else max(2, 2048 // side),
        code_loss=standard.code_loss / max(variance, 1e-9),
        offset_penalty=standard.offset_penalty / max(variance, 1e-9),
    )


def _teacher(project: Project, generator: Generator, options: EncoderOptions) -> Teacher:
    """Return who draws lessons: samples, and real pictures where the project has some."""
    report = project.training / "pictures" / "report.json"
    trained_here = project.manifest().trained is not None and report.exists()
    read = Pictures(project.training / "pictures") if trained_here else None

    def teach(num: int, random: torch.Generator) -> Lesson:
        num_real = num // 2 if read is not None else 0
        num_drawn = num - num_real
        z = warm.noise(2 * num_drawn, generator, random)
        # Every second sample wears one style throughout, as what people see does.
        mixed = mixed_styles(generator, z, num_drawn // 2, random)
        psi = LEAST_PSI + (1 - LEAST_PSI) * torch.rand(num_drawn, 1, 1, generator=random)
        mixed = generator.w_avg.lerp(mixed, psi.to(mixed))
        drawn = generator.synthesis(mixed, dtype=feature_type(options)).image.clamp(-1, 1)
        if read is None:
            return Lesson(drawn, mixed, torch.ones(num_drawn))
        real = warm.real_pictures(read, num_real, random, mirror=False)
        # Nobody knows the codes of real pictures: zeros stand in and do not count.
        codes = torch.cat([torch.zeros_like(mixed[:1]).expand(num_real, -1, -1), mixed])
        is_known = torch.arange(num) >= num_real
        return Lesson(torch.cat([real, drawn]), codes, is_known.float())

    return teach


@torch.no_grad()
def _figures(
    project: Project, generator: Generator, encoder: PictureEncoder, held_out: Tensor
) -> dict[str, float]:
    """Return the PSNR of samples that nothing was learned from, and of pictures if any."""
    again = picture_figures.draw_again(generator, encoder, held_out)
    found: dict[str, Any] = {"psnr_samples_db": round(psnr(again, held_out), 2)}
    report = project.training / "pictures" / "report.json"
    if report.exists() and project.manifest().trained is not None:
        size = json.loads(report.read_text(encoding="utf-8"))["size"]
        if size == generator.config.resolution:
            read = Pictures(project.training / "pictures")
            told = picture_figures.reconstructions(generator, encoder, read)
            found["psnr_pictures_db"] = round(told["psnr_held_out"], 2)
    return found
