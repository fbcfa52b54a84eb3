"""What goes into a bundle folder, and what do its pictures look like?

The last stage: it fits the branch, measures, draws the cast of the gallery and writes
the folder and the sheets for the documentation.

Shapes: N pictures, L layers of `w_plus`, K parts.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from editing import bundle as bundles
from editing import images
from editing.bundle import Bundle
from editing.generator import Generator
from editing.segmentation.branch import SegmentationBranch
from editing.segmentation.training import FitOptions
from editing.training import recipes, sheets
from editing.training.cast import cast_factors
from editing.training.figures import factor_figures, reconstruction_figures
from editing.training.model_card import model_card
from editing.training.pipeline import JUDGE, REGRESSOR, Pipeline
from editing.training.segmentation import NUM_MEMBERS, LabelOptions, invert_all, train_branch
from editing.training.warm_start import write_columns

NUM_PROBES = 16

Tell = Callable[[str], None]


def assemble_bundle(
    pipeline: Pipeline,
    path: Path,
    *,
    version: int,
    tell: Tell,
    options: LabelOptions | None = None,
    num_held_out: int = 64,
    invert_steps: int = 100,
) -> dict[str, float]:
    """Write the bundle of a trained pipeline into folder `path` and return its figures.

    `tell` is called with a sentence before each piece of work. An existing folder keeps
    its edit vectors only if the generator is the same, since they are tied to it. Without
    a trained judge no factor is measured.
    """
    plan = pipeline.plan
    recipe = recipes.get(plan.family)
    renders = pipeline.renders()
    generator, stage = pipeline.load_generator()
    regressor = pipeline.load_regressor(REGRESSOR)
    judge = pipeline.load_regressor(JUDGE) if pipeline.has(JUDGE.stage) else None
    encoder = pipeline.load_encoder(generator, regressor)
    family = renders.family
    for network in (generator, regressor, judge, encoder):
        if network is not None:
            bundles.round_to_half(network)

    tell(f"Calibrating the appearance term of the generator from stage {stage}")
    blank = SegmentationBranch(
        generator.synthesis.tap_shapes, len(family.schema.parts), num_members=1
    )
    unfinished = bundles.assemble(
        name=f"{plan.family}-{plan.size}",
        title=f"{recipe.title}, {plan.size} px",
        version=version,
        schema=family.schema,
        label_size=plan.size,
        generator=generator,
        branch=blank.eval(),
        encoder=encoder,
        regressor=regressor,
        judge=judge,
        probes=probe_codes(generator, pipeline),
    )
    tell("Inverting the labelled pictures and fitting the segmentation branch")
    branch = train_branch(
        unfinished,
        renders,
        options or label_options(plan.family, plan.size),
        on_progress=lambda look: tell(
            f"  step {look.step}: loss {look.loss:.3f}, held-out mIoU {look.held_out_miou}"
        ),
    )
    bundles.round_to_half(branch)
    finished = replace_branch(unfinished, branch)
    tell(f"Measuring on {num_held_out} held-out renders and on samples")
    figures, usual_error, _ = reconstruction_figures(
        finished, renders, num=num_held_out, steps=invert_steps
    )
    if judge is not None:
        figures |= factor_figures(generator, judge, renders)
    tell(f"Writing {path}")
    _forget_vectors(path, bundles.fingerprint(generator))
    bundles.save_bundle(
        finished,
        path,
        samples=gallery_codes(generator, pipeline),
        usual_error=usual_error,
        figures=figures,
    )
    write_columns(path, family.factors)
    titles = {member.name: member.title for member in recipe.cast}
    (path / "samples" / "titles.json").write_text(
        json.dumps(titles, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return figures


def label_options(family: str, size: int) -> LabelOptions:
    """Return how the branch of a family is fitted at one picture side."""
    members = recipes.get(family).branch_members.get(size, NUM_MEMBERS)
    return LabelOptions(fit=FitOptions(num_members=members))


def replace_branch(bundle: Bundle, branch: SegmentationBranch) -> Bundle:
    """Return the bundle with another branch, described as such."""
    networks = {**bundle.manifest.networks, "branch": branch.to_config()}
    manifest = bundle.manifest.model_copy(update={"networks": networks})
    return replace(bundle, branch=branch, manifest=manifest)


@torch.no_grad()
def probe_codes(generator: Generator, pipeline: Pipeline, *, seed: int = 61) -> Tensor:
    """Return w_plus (16, L, w_dim) of the pictures on which edit vectors are measured."""
    space = pipeline.renders().family.factors
    drawn = space.sample(NUM_PROBES, torch.Generator().manual_seed(seed))
    return generator.broadcast(generator.map(space.encode(drawn))).contiguous()


@torch.no_grad()
def gallery_codes(generator: Generator, pipeline: Pipeline) -> dict[str, Tensor]:
    """Return the codes (L, w_dim) of the cast by name."""
    space = pipeline.renders().family.factors
    cast = recipes.get(pipeline.plan.family).cast
    w_plus = generator.broadcast(generator.map(space.encode(cast_factors(space, cast))))
    return {member.name: code.contiguous() for member, code in zip(cast, w_plus, strict=True)}


def missed_gates(family: str, figures: dict[str, float]) -> list[str]:
    """Return a sentence for every gate of the recipe that the figures miss."""
    missed = []
    for name, least in recipes.get(family).gates.items():
        if figures.get(name, float("-inf")) < least:
            missed.append(f"{name} is {figures.get(name, float('nan')):.3f}, wanted {least}")
    return missed


@torch.no_grad()
def write_documentation(
    bundle: Bundle, pipeline: Pipeline, folder: Path, *, invert_steps: int = 100
) -> None:
    """Write samples, reconstructions and training curves into `folder`.

    The files end in the bundle's resolution: `samples-64.png`. Samples stand over their
    label maps. Reconstructions: held-out renders, what the encoder makes of them, what
    optimization makes of them, predicted and true label maps.
    """
    size = bundle.resolution
    renders = pipeline.renders()
    space = renders.family.factors
    codes = space.encode(space.sample(24, torch.Generator().manual_seed(71)))
    fresh = bundle.generator.broadcast(bundle.generator.map(codes))
    cast = torch.stack(list(bundle.samples().values()))
    rows = []
    for w_plus in (cast, *fresh.split(12)):
        image, labels = bundle.render_and_segment(w_plus)
        rows += [image, images.colorize(labels, bundle.schema.palette())]
    sheets.write_sheet(rows, folder / f"samples-{size}.png")
    pictures, labels, _ = renders.batch(renders.held_out[:12])
    with torch.enable_grad():
        found = invert_all(bundle, pictures, steps=invert_steps)
    again, predicted = bundle.render_and_segment(found)
    rows = [pictures]
    if bundle.encoder is not None:
        rows.append(bundle.render(bundle.encoder(pictures)))
    rows.append(again)
    rows += [images.colorize(maps, bundle.schema.palette()) for maps in (predicted, labels)]
    sheets.write_sheet(rows, folder / f"reconstructions-{size}.png")
    log = folder / "training.jsonl.partial"
    log.write_text(
        "".join(
            (pipeline.plan.out / stage / "log.jsonl").read_text()
            for stage in ("distil",)
            if (pipeline.plan.out / stage / "log.jsonl").exists()
        )
    )
    sheets.write_plot(log, folder / f"training-{size}.png", skip=("side",))
    log.unlink()


_SHEETS = (
    ("Samples over their predicted label maps", "samples"),
    (
        "Held-out renders, what the encoder makes of them, what optimization makes of them, "
        "predicted and true label maps",
        "reconstructions",
    ),
    ("Losses and PSNR from codes over minutes", "training"),
    ("Every edit vector at strengths from -2 to 2", "vectors"),
    ("Paintings, what optimization makes of them, and the change, twice as strong", "painted"),
)


def write_card(bundle_path: Path, pipeline: Pipeline, folder: Path) -> Path:
    """Write the model card of a bundle into `folder` and return its path.

    It takes the benchmark's figures from `bench.json` in the training folder, if that is
    there, faults from `faults-SIZE.md` (one "- " line each) and the sheets from `folder`.
    """
    manifest = bundles.read_manifest(bundle_path)
    size = manifest.resolution
    bench_path = pipeline.plan.out / "bench.json"
    faults_path = folder / f"faults-{size}.md"
    faults = faults_path.read_text(encoding="utf-8") if faults_path.exists() else ""
    card = model_card(
        manifest,
        out=pipeline.plan.out,
        plan=pipeline.plan.render_plan,
        bench=json.loads(bench_path.read_text()) if bench_path.exists() else {},
        faults=[line[2:] for line in faults.splitlines() if line.startswith("- ")],
        pictures=[
            (caption, f"{name}-{size}.png")
            for caption, name in _SHEETS
            if (folder / f"{name}-{size}.png").exists()
        ],
    )
    path = folder / f"model-card-{size}.md"
    path.write_text(card, encoding="utf-8")
    return path


def _forget_vectors(path: Path, fingerprint: str) -> None:
    """Remove edit vectors that belong to another generator."""
    try:
        known = bundles.read_manifest(path).fingerprint
    except bundles.BundleError:
        return
    if known != fingerprint:
        for vector in (path / "vectors").glob("*.safetensors"):
            vector.unlink()
