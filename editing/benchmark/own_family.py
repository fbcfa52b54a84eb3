"""How long, in how much memory, and how well does a family of one's own come to be?

The journey of `python -m editing family`, every step in a process of its own as people run
it, so that its time and its peak of memory are its own. The foreign checkpoint is made here:
the drawing layers of a shipped bundle under the names and shapes that rosinality's code
writes, with a plain mapping of noise fitted to the bundle's own. The bundle's branch stands
in for the people who paint labels; so the mIoU against it on samples that nobody labelled is
the truth behind the estimate that people get to see. Renders that no network here has seen
stand in for their uploads.

Memory at large sizes is measured on a generator of random weights with config-F widths: the
training need not end for its peak to be reached.
"""

import json
import math
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from editing import families, images, optimize
from editing.benchmark.figure import Figure
from editing.bundle import Bundle, load_bundle
from editing.generator import Generator, GeneratorConfig
from editing.importers.folder import load_generator
from editing.own_family import labels as label_maps
from editing.own_family import project as projects
from editing.own_family.branch import load_branch
from editing.own_family.exchange import export_labels
from editing.own_family.project import open_project
from editing.own_family.samples import read_codes, read_samples
from editing.own_family.schema import OwnSchema
from editing.region import edit_region
from editing.segmentation.training import BranchFit, FitOptions, fit_bytes, miou

AT_MOST = {
    "own_family_minutes": 60.0,
    "own_family_peak_gib": 4.0,
    "own_family_branch_peak_gib_256": 4.0,
    "own_family_branch_peak_gib_512": 4.0,
}
MAPPING_LR_MUL = 0.01
FRESH_SEED = 77_001
GIB = float(1 << 30)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does.

    Args:
        bundle: whose drawing layers, parts and branch are borrowed.
        mapping_steps: how long the foreign mapping is fitted; not part of the journey.
        branch_steps: of training the branch, where they are not the usual ones.
        num_fixed: doubtful samples that are labelled before the branch is trained again.
        encoder_minutes: training time of the encoder.
        num_uploads: renders that are drawn again.
        sizes: sides at which the memory of fitting a branch is measured.
    """

    bundle: Path
    mapping_steps: int = 1000
    num_samples: int = 200
    num_labelled: int = 16
    num_fixed: int = 4
    branch_steps: int | None = None
    encoder_minutes: float = 6.0
    num_uploads: int = 4
    invert_steps: int = 100
    sizes: tuple[int, ...] = (256, 512)


def run(
    plan: Plan, folder: Path, *, notice: Callable[[str], None] = lambda text: None
) -> Iterator[Figure]:
    """Yield the figures of the journey, which happens in `folder`, then those of memory."""
    if plan.num_labelled:
        yield from _journey(plan, folder, notice)
    for size in plan.sizes:
        notice(f"memory of fitting a branch, {size} px, config-F widths, random weights")
        found = _apart(size=size)
        yield Figure(f"own_family_branch_peak_gib_{size}", found["peak_gib"], "GiB")
        yield Figure(f"own_family_branch_estimate_gib_{size}", found["estimate_gib"], "GiB")
        yield Figure(f"own_family_branch_step_s_{size}", found["step_s"], "s")


def _journey(plan: Plan, folder: Path, notice: Callable[[str], None]) -> Iterator[Figure]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    teacher = load_bundle(plan.bundle)
    notice("fitting a mapping of noise, for the foreign file")
    foreign = as_foreign(teacher, steps=plan.mapping_steps)
    checkpoint = folder / "foreign.pt"
    torch.save(foreign, checkpoint)
    uploads = _uploads(teacher, plan, folder)
    home = folder / "family"
    steps = _Steps(notice)
    schema_file = folder / "schema.json"
    ours = OwnSchema(1, teacher.schema.parts)
    projects.write_json(schema_file, ours.to_json())

    steps.run("new", home, "--name", "bench-family", "--title", "Benchmark family")
    steps.run("bring", home, str(checkpoint), "--license", "CC0-1.0")
    steps.run(
        "sample", home, "--num", str(plan.num_samples), "--propose", str(plan.num_labelled)
    )
    steps.run("schema", home, "--file", str(schema_file))
    proposed = [each.sample for each in read_samples(home).proposed]
    painted = _painted(teacher, home, proposed, folder / "painted")
    steps.run("labels import", home, str(painted))
    length = () if plan.branch_steps is None else ("--steps", str(plan.branch_steps))
    steps.run("branch", home, *length)
    first = _truth(teacher, home)
    ranking = projects.read_json(home / "predictions" / "ranking.json")["ranked"]
    before = projects.read_json(home / "branch" / "figures.json")
    doubtful = [entry["sample"] for entry in ranking if not entry["is_odd"]][: plan.num_fixed]
    painted = _painted(teacher, home, doubtful, folder / "fixed")
    steps.run("labels import", home, str(painted))
    steps.run("branch", home, *length, name="branch_again")
    steps.run("encoder", home, "--minutes", str(plan.encoder_minutes))
    steps.run("try", home, *map(str, uploads), "--steps", str(plan.invert_steps))
    steps.run("publish", home, "--invert-steps", str(plan.invert_steps))

    yield Figure("own_family_minutes", steps.seconds / 60, "min")
    yield Figure("own_family_processor_minutes", steps.processor_seconds / 60, "min")
    yield Figure("own_family_peak_gib", steps.peak_gib, "GiB")
    for name, seconds in steps.each.items():
        yield Figure(f"own_family_{name}_s", seconds, "s")
    after = projects.read_json(home / "branch" / "figures.json")
    yield Figure("own_family_left_out_miou", before["left_out_miou"], "")
    yield Figure("own_family_true_miou", first, "")
    yield Figure("own_family_left_out_miou_fixed", after["left_out_miou"], "")
    yield Figure("own_family_true_miou_fixed", _truth(teacher, home), "")
    published = load_bundle(open_project(home).bundle)
    for name in ("encoder_psnr_db", "inversion_psnr_db"):
        yield Figure(f"own_family_{name}", published.manifest.figures[name], "dB")
    tried = projects.read_json(home / "encoder" / "uploads" / "uploads.json")["uploads"]
    for key, name in (("psnr_encoder_db", "upload_encoder"), ("psnr_db", "upload_inversion")):
        mean = sum(entry[key] for entry in tried) / len(tried)
        yield Figure(f"own_family_{name}_psnr_db", mean, "dB")
    yield Figure("own_family_edit_agreement", _edited(published), "")


# -- the foreign file and the stand-ins ----------------------------------------------------


def as_foreign(bundle: Bundle, *, steps: int, seed: int = 3) -> dict[str, Any]:
    """Return what rosinality's training would save of this bundle's drawing layers.

    A family with a renderer maps factor codes, which no foreign file can hold. A plain
    mapping of as many layers as usual learns the same way from noise to `w`.
    """
    generator = plain_generator(bundle, steps=steps, seed=seed)
    state: OrderedDict[str, Tensor] = OrderedDict()
    for name, tensor in generator.state_dict().items():
        group, _, rest = name.partition(".")
        if group == "mapping":
            if rest != "w_avg":
                layer, part = rest.split(".")
                state[f"style.{int(layer[2:]) + 1}.{part}"] = tensor
            continue
        block, _, rest = rest.partition(".")
        if rest == "const":
            state["input.input"] = tensor[None]
        elif rest.partition(".")[0] in ("conv0", "conv1", "torgb"):
            _rename_layer(state, int(block[1:]), rest, tensor)
    return {"g_ema": state, "latent_avg": generator.w_avg.clone()}


def _rename_layer(state: dict[str, Tensor], side: int, rest: str, tensor: Tensor) -> None:
    """Add one tensor of a block under its foreign name and shape."""
    layer, _, part = rest.partition(".")
    row = int(math.log2(side)) - 3
    if layer == "torgb":
        target = "to_rgb1" if row < 0 else f"to_rgbs.{row}"
    else:
        target = "conv1" if row < 0 else f"convs.{2 * row + int(layer[-1])}"
    if part == "weight":
        state[f"{target}.conv.weight"] = tensor[None]
        if layer != "torgb":
            # Noise that is never heard: the bundle has none, the layout always has.
            number = 0 if row < 0 else 2 * row + int(layer[-1]) + 1
            state[f"{target}.noise.weight"] = torch.zeros(1)
            state[f"noises.noise_{number}"] = torch.zeros(1, 1, side, side)
    elif part.startswith("affine."):
        state[f"{target}.conv.modulation.{part[7:]}"] = tensor
    elif part == "bias" and layer == "torgb":
        state[f"{target}.bias"] = tensor.reshape(1, 3, 1, 1)
    elif part == "bias":
        state[f"{target}.activate.bias"] = tensor


def plain_generator(bundle: Bundle, *, steps: int, seed: int) -> Generator:
    """Return the bundle's generator with a mapping of noise in place of its own."""
    space = families.get(bundle.family).factors
    config = replace(
        bundle.generator.config,
        mapping="mlp",
        z_dim=bundle.w_dim,
        mapping_layers=6,
        mapping_lr_mul=MAPPING_LR_MUL,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = Generator(config)
    generator.synthesis.load_state_dict(bundle.generator.synthesis.state_dict())
    noise = torch.Generator().manual_seed(seed)
    # Weights are stored a hundredfold, so the rate is, too.
    adam = torch.optim.Adam(generator.mapping.parameters(), lr=0.1, betas=(0.9, 0.99))
    for step in range(steps):
        z = torch.randn(256, config.z_dim, generator=noise)
        heard = z / z.square().mean(dim=1, keepdim=True).sqrt()
        with torch.no_grad():
            factors = space.from_noise(heard[:, : space.z_dim])
            wanted = bundle.generator.map(space.encode(factors))
        loss = (generator.mapping(z) - wanted).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.param_groups[0]["lr"] = 0.1 * min(1.0, 2 * (1 - step / steps))
        adam.step()
    generator.set_w_avg(torch.randn(10_000, config.z_dim, generator=noise))
    return generator.eval().requires_grad_(False)


def _uploads(teacher: Bundle, plan: Plan, folder: Path) -> list[Path]:
    """Write renders, in place of people's own pictures."""
    family = families.get(teacher.family)
    factors = family.factors.sample(plan.num_uploads, torch.Generator().manual_seed(FRESH_SEED))
    drawn = family.render(factors, size=teacher.resolution).image
    paths = []
    for i, image in enumerate(drawn):
        path = folder / "uploads" / f"upload-{i}.png"
        projects.write_bytes(path, images.to_png_bytes(image))
        paths.append(path)
    return paths


def _painted(teacher: Bundle, home: Path, samples: list[int], folder: Path) -> Path:
    """Return a zip of label maps of samples, painted by the bundle's branch."""
    project = open_project(home)
    codes = read_codes(project)[samples]
    maps = torch.cat([teacher.segment(code[None]) for code in codes])
    # By way of a project of its own, as teammates would send theirs.
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "labels").mkdir(parents=True)
    shutil.copy2(home / "family.json", folder / "family.json")
    (folder / "samples").symlink_to(project.samples.resolve())
    (folder / "generator").symlink_to(project.generator.resolve())
    schema = project.parts()
    for sample, ids in zip(samples, maps, strict=True):
        data = label_maps.to_png(ids.numpy(), schema)
        (folder / "labels" / f"{sample:03d}.png").write_bytes(data)
    target = folder / "labels.zip"
    export_labels(folder, target, kind="coco")
    return target


@torch.no_grad()
def _truth(teacher: Bundle, home: Path, *, num: int = 64) -> float:
    """Return the mIoU of the family's branch against the bundle's on fresh samples."""
    project = open_project(home)
    generator, branch = load_generator(project.generator), load_branch(project)
    found, wanted = [], []
    for i in range(num):
        w_plus, rendering = generator.sample(FRESH_SEED + i, with_taps=True)
        assert rendering.taps is not None
        found.append(branch.predict(rendering.taps, size=project.label_size))
        wanted.append(teacher.segment(w_plus))
    score, _ = miou(torch.cat(found), torch.cat(wanted), num_parts=branch.num_parts)
    return score


def _edited(bundle: Bundle) -> float:
    """Return how far an edit from a painting on the published bundle follows it.

    The painting: the largest part that is no background grows by a twentieth of the side.
    """
    w_plus = next(iter(bundle.samples().values()))[None]
    before = bundle.segment(w_plus)
    areas = torch.bincount(before.flatten().long(), minlength=bundle.num_parts)
    areas[list(bundle.background)] = 0
    part = int(areas.argmax())
    mask = (before == part).float()[:, None]
    reach = bundle.label_size // 20
    grown = F.max_pool2d(mask, 2 * reach + 1, stride=1, padding=reach)
    painted = torch.where(grown[:, 0] > 0, torch.full_like(before, part), before)
    region = edit_region(before, painted, background=bundle.background)
    best = optimize.best(optimize.run(bundle, w_plus, painted, region=region))
    return best.agreement


# -- processes -----------------------------------------------------------------------------


class _Steps:
    """Runs commands of `python -m editing family`, each in a process of its own."""

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self.each: dict[str, float] = {}
        self.processor_seconds = 0.0
        self.peak_gib = 0.0

    @property
    def seconds(self) -> float:
        """Return the seconds on the clock of all commands together."""
        return sum(self.each.values())

    def run(self, command: str, home: Path, *more: str, name: str | None = None) -> None:
        """Run one command to its end.

        Raises:
            RuntimeError: it failed.
        """
        self._notice(f"family {command}")
        words = [*command.split(), "--project", str(home), *more]
        line = [sys.executable, "-m", "editing", "family", *words]
        since = time.monotonic()
        # A fixed program with arguments of this benchmark's own.
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        complaints = process.stderr.read()
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
        if process.returncode:
            tail = complaints.decode(errors="replace")[-2000:]
            raise RuntimeError(f"family {command} ended with {process.returncode}: {tail}")
        key = name or command.replace(" ", "_")
        self.each[key] = self.each.get(key, 0.0) + time.monotonic() - since
        self.processor_seconds += used.ru_utime + used.ru_stime
        self.peak_gib = max(self.peak_gib, used.ru_maxrss * 1024 / GIB)


def _apart(**arguments: Any) -> dict[str, float]:
    """Return what `measure_fit` finds in a fresh process."""
    program = (
        "import json, sys; from editing.benchmark import own_family as b; "
        "print(json.dumps(b.measure_fit(**json.loads(sys.argv[1]))))"
    )
    line = [sys.executable, "-c", program, json.dumps(arguments)]
    told = subprocess.run(  # noqa: S603  # our own interpreter and module
        line, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float] = json.loads(told.stdout)
    return found


def measure_fit(
    *, size: int, num: int = 16, num_parts: int = 20, base: int = 32768, widest: int = 512
) -> dict[str, float]:
    """Return peak and estimate in GiB, and seconds a step, of fitting ten members.

    Two steps, then a look at one left-out picture: everything that takes memory. The peak
    is that of this whole process, the generator and the libraries included.
    """
    resolutions = [4 << i for i in range(size.bit_length() - 2)]
    config = GeneratorConfig(
        resolution=size,
        w_dim=512,
        z_dim=512,
        channels=tuple(min(base // r, widest) for r in resolutions),
    )
    torch.manual_seed(0)
    generator = Generator(config).eval().requires_grad_(False)
    side = min(size, projects.MAX_LABEL_SIZE)
    with torch.no_grad():
        w_plus = generator.broadcast(generator.map(torch.randn(num, 512))).contiguous()
    blocks = torch.randint(0, num_parts, (num, 16, 16), dtype=torch.uint8)
    labels = blocks.repeat_interleave(side // 16, 1).repeat_interleave(side // 16, 2)
    options = FitOptions(num_members=10)
    noise = torch.Generator().manual_seed(0)
    # One picture is left out, by one member, so that a look takes seconds.
    left_out = torch.zeros(options.num_members, num, dtype=torch.bool)
    left_out[0, 0] = True
    fit = BranchFit(
        generator.synthesis,
        w_plus,
        labels,
        num_parts=num_parts,
        options=options,
        noise=noise,
        left_out=left_out,
    )
    since = time.process_time()
    for _ in range(2):
        fit.step(0.0, noise)
    seconds = (time.process_time() - since) / 2
    fit.look()
    estimate = fit_bytes(
        generator.synthesis.tap_shapes, num=num, num_parts=num_parts, side=side, options=options
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak_gib": peak / GIB, "estimate_gib": estimate / GIB, "step_s": seconds}
