"""How much faster is this engine than the plain way, and how much memory does it save?

Both ways compute the same function with the same random weights: `naive` resizes every
feature tap to the label map, stacks them and asks ten classifiers one after another; ours
is what `optimize.run` does. The model has config-F widths (base 32768, at most 512 channels),
32 parts and a region of 5 % of the picture, a disc. Both judge appearance by a VGG16 with
random weights: the plain way at the picture's size with its reference computed anew, ours at
256 px at most with the reference remembered.

Every case runs in a process of its own, so that its peak of memory is its own. Times are
processor seconds of one thread: other work on the machine disturbs them least, and on an
idle core they are what the clock shows.

Source of the setting: Ling et al. 2021 (EditGAN), supplement; the public release's loop.
"""

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from editing import optimize
from editing.benchmark import naive
from editing.benchmark.figure import Figure
from editing.bundle import load_bundle
from editing.generator import Generator, GeneratorConfig
from editing.losses import Perceptual
from editing.optimize import OptimizeOptions
from editing.perceptual.lpips import Vgg16
from editing.region import Region
from editing.segmentation.branch import RegionPixels, SegmentationBranch

Way = Literal["plain", "ours", "ours_bf16"]
CASES = ("branch", "edit_step", "generator", "bundles")
# What the engine is meant to reach: at least, or (for what should be small) at most.
AT_LEAST = {
    "branch_speedup_256": 12.0,
    "branch_speedup_512": 20.0,
    "branch_memory_ratio_512": 20.0,
    "edit_step_speedup_512": 10.0,
    "generator_batch8_speedup": 1.5,
}
AT_MOST = {
    "branch_disagreement_256": 1e-4,
    "branch_disagreement_512": 1e-4,
    "edit_step_peak_gib_512": 4.0,
    "edit_30_steps_64px_s": 2.0,
    "apply_64px_ms": 15.0,
}
REGION_SHARE = 0.05
NEEDED_GIB = {512: 18.0, 256: 8.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run of the benchmark measures.

    Args:
        cases: which of `CASES` to measure.
        sizes: sides of the pictures of the comparisons.
        widest, base: channels at side r are min(base // r, widest).
        members, parts, hidden: shape of the segmentation branch.
        repeats: how often our way is timed; the plain way runs once.
        generator_size: side of the pictures of the generator's comparison.
        bundles: folders of bundles whose edits are timed.
        threads: number of threads.
    """

    cases: tuple[str, ...] = CASES
    sizes: tuple[int, ...] = (256, 512)
    widest: int = 512
    base: int = 32768
    members: int = 10
    parts: int = 32
    hidden: tuple[int, int] = (256, 128)
    repeats: int = 2
    generator_size: int = 128
    bundles: tuple[Path, ...] = ()
    threads: int = 1

    @classmethod
    def quick(cls, *, bundles: tuple[Path, ...] = ()) -> "Plan":
        """Return a plan of seconds, to see that everything runs; its figures mean little."""
        return cls(
            sizes=(32,), widest=32, base=1024, members=3, parts=5, hidden=(16, 8), repeats=1,
            generator_size=32, bundles=bundles,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One case: processor seconds, GiB that it added, GiB at its peak, and a fingerprint.

    `fingerprint` holds numbers that both ways must agree on.
    """

    seconds: float
    added_gib: float
    peak_gib: float
    fingerprint: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Model:
    """The part of a bundle that editing needs, with random weights."""

    generator: Generator
    branch: SegmentationBranch
    perceptual: Perceptual
    label_size: int
    num_parts: int
    embed: None = None
    encoder: None = None
    background: frozenset[int] = frozenset()
    choices: tuple[tuple[int, int], ...] = ()


def run(
    plan: Plan,
    *,
    isolate: bool = True,
    notice: Callable[[str], None] = lambda text: None,
) -> Iterator[Figure]:
    """Yield the figures one by one; several minutes for the standard plan.

    Args:
        isolate: whether every case gets a process of its own; without it peaks of memory
            are those of the whole process.
        notice: is told what is being measured and what was skipped.
    """
    for size in plan.sizes if "branch" in plan.cases else ():
        yield from _compare(
            "branch", branch_case, plan, size, ("ours", "plain"), isolate, notice
        )
    for size in plan.sizes if "edit_step" in plan.cases else ():
        ways: tuple[Way, ...] = ("ours", "ours_bf16", "plain")
        yield from _compare("edit_step", step_case, plan, size, ways, isolate, notice)
    if "generator" in plan.cases:
        notice(f"generator, {plan.generator_size} px")
        for num, (grouped, scaled) in _isolated(generator_case, isolate, plan).items():
            yield Figure(f"generator_batch{num}_grouped_s", grouped, "s")
            yield Figure(f"generator_batch{num}_scaled_s", scaled, "s")
            yield Figure(f"generator_batch{num}_speedup", grouped / scaled, "x")
    slowest: dict[str, Figure] = {}
    for path in plan.bundles if "bundles" in plan.cases else ():
        notice(f"bundle {path.name}")
        for figure in _isolated(bundle_case, isolate, plan, path):
            yield replace(figure, name=f"{path.name}:{figure.name}")
            if figure.value > slowest.get(figure.name, Figure("", -1.0, "")).value:
                slowest[figure.name] = figure
    # The slowest bundle of each size stands for the size.
    yield from slowest.values()


def table(figures: Sequence[Figure]) -> str:
    """Return a table of the figures that something is wanted of, for people."""
    found = {figure.name: figure for figure in figures}
    lines = [f"{'figure':<28} {'reached':>12}  wanted"]
    for wanted, sign in ((AT_LEAST, ">="), (AT_MOST, "<=")):
        for name, limit in wanted.items():
            if name in found:
                value, unit = found[name].value, found[name].unit
                met = value >= limit if sign == ">=" else value <= limit
                lines.append(
                    f"{name:<28} {f'{value:.3g} {unit}':>12}  {sign} {limit:g}"
                    f"{'' if met else '  MISSED'}"
                )
            else:
                lines.append(f"{name:<28} {'not measured':>12}  {sign} {limit:g}")
    return "\n".join(lines)


def _compare(
    name: str,
    case: Callable[[Plan, int, Way], Measured],
    plan: Plan,
    size: int,
    ways: tuple[Way, ...],
    isolate: bool,
    notice: Callable[[str], None],
) -> Iterator[Figure]:
    """Yield time and memory of one case each way, and the ratios to the plain way."""
    found: dict[Way, Measured] = {}
    for way in ways:
        free = _available_gib()
        needed = NEEDED_GIB.get(size, 0.0)
        if way == "plain" and free is not None and free < needed:
            notice(
                f"skipped: {name}, plain way, {size} px: {free:.1f} GiB of memory are free, "
                f"it needs {needed:.0f}"
            )
            continue
        notice(f"{name}, {size} px, {way}")
        try:
            found[way] = _isolated(case, isolate, plan, size, way)
        except BrokenProcessPool:
            notice(f"skipped: {name}, {way}, {size} px: its process was ended, out of memory?")
            continue
        suffix = "naive" if way == "plain" else way.removeprefix("ours").removeprefix("_")
        stem = "_".join(part for part in (name, suffix) if part)
        yield Figure(f"{stem}_{size}_s", found[way].seconds, "s")
        yield Figure(f"{stem}_added_gib_{size}", found[way].added_gib, "GiB")
        yield Figure(f"{stem}_peak_gib_{size}", found[way].peak_gib, "GiB")
    plain = found.get("plain")
    for way, measured in found.items():
        if plain is None or way == "plain":
            continue
        stem = name + way.removeprefix("ours")
        yield Figure(f"{stem}_speedup_{size}", plain.seconds / measured.seconds, "x")
        yield Figure(
            f"{stem}_memory_ratio_{size}", plain.added_gib / max(measured.added_gib, 1e-3), "x"
        )
        if way == "ours":
            apart = max(
                abs(measured.fingerprint[key] - value) / max(abs(value), 1e-12)
                for key, value in plain.fingerprint.items()
            )
            yield Figure(f"{stem}_disagreement_{size}", apart, "relative")


# -- the cases ---------------------------------------------------------------------------


def branch_case(plan: Plan, size: int, way: Way) -> Measured:
    """Measure the segmentation branch alone: cross-entropy and its gradient on all taps."""
    torch.set_num_threads(plan.threads)
    model = _model(plan, size)
    synthesis = model.generator.synthesis
    with torch.no_grad():
        taps = synthesis(_code(model), with_taps=True).taps
    assert taps is not None
    mask = _disc(model.label_size)
    pixels = RegionPixels.of_mask(
        mask, resolutions=model.branch.resolutions, dtype=torch.float32
    )
    painted = _painting(model)
    wanted = painted[mask] if way == "plain" else pixels.pick(painted)
    # The definition reads features as planes, in the order in which they are stacked.
    layout = torch.contiguous_format if way == "plain" else torch.channels_last
    leaves = [tap.contiguous(memory_format=layout).requires_grad_() for tap in taps]
    del taps

    def once() -> dict[str, float]:
        for leaf in leaves:
            leaf.grad = None
        if way == "plain":
            logits = naive.logits_at(model.branch, tuple(leaves), mask)
        else:
            logits = model.branch.logits_at(leaves, pixels)
        loss = F.cross_entropy(logits, wanted)
        loss.backward()
        norm = torch.stack([_gradient(leaf).norm() for leaf in leaves]).norm()
        return {"ce": float(loss.detach()), "gradient": float(norm)}

    return _measured(once, repeats=1 if way == "plain" else plan.repeats)


def step_case(plan: Plan, size: int, way: Way) -> Measured:
    """Measure one whole edit step: evaluation, gradient on the code, Adam's update."""
    torch.set_num_threads(plan.threads)
    model = _model(plan, size)
    mask, target, code = _disc(model.label_size), _painting(model), _code(model)
    options = OptimizeOptions(
        steps=plan.repeats + 1, precision="bfloat16" if way == "ours_bf16" else "float32"
    )
    if way == "plain":
        return _plain_step(model, mask, target, code, options)
    region = Region(mask=mask, parts=frozenset([1]))
    steps = optimize.run(model, code, target, region=region, options=options)
    # The evaluation where the run starts; what is timed is all from one to the next.
    start = next(steps)

    def once() -> dict[str, float]:
        next(steps)
        return {"ce": start.ce}

    return _measured(once, repeats=plan.repeats)


def _plain_step(
    model: _Model, mask: Tensor, target: Tensor, code: Tensor, options: OptimizeOptions
) -> Measured:
    synthesis = model.generator.synthesis
    full_size = Perceptual(model.perceptual.extractor, max_side=synthesis.config.resolution)
    with torch.no_grad():
        original = naive.render(synthesis, code).image
    offset = torch.zeros_like(code, requires_grad=True)
    adam = torch.optim.Adam([offset], lr=options.learning_rate, foreach=False)

    def once() -> dict[str, float]:
        rgb, ce = naive.losses_of_step(
            synthesis, model.branch, full_size,
            w_plus=code + offset, original=original, mask=mask, wanted=target[mask],
        )  # fmt: skip
        (options.lambda_rgb * rgb + options.lambda_ce * ce).backward()
        adam.step()
        return {"ce": float(ce.detach())}

    return _measured(once, repeats=1)


def generator_case(plan: Plan) -> dict[int, tuple[float, float]]:
    """Return the seconds of a forward pass by per-sample weights and ours, by batch size.

    The two take turns, so that both meet the same load.
    """
    torch.set_num_threads(plan.threads)
    model = _model(plan, plan.generator_size)
    synthesis = model.generator.synthesis
    found = {}
    for num in (1, 8):
        code = _code(model).expand(num, -1, -1) + 0.1 * torch.randn(num, 1, 1)
        ours, theirs = [], []
        with torch.no_grad():
            for _ in range(plan.repeats + 1):
                theirs.append(_seconds(partial(naive.render, synthesis, code)))
                ours.append(_seconds(partial(synthesis, code)))
        found[num] = (min(theirs), min(ours))
    return found


def bundle_case(plan: Plan, path: Path) -> list[Figure]:
    """Return what a user of a bundle waits for."""
    torch.set_num_threads(plan.threads)
    bundle = load_bundle(path)
    mask = _disc(bundle.label_size)
    code = bundle.probes[:1]
    labels = bundle.segment(code)
    # The most common part of the disc takes its middle.
    target = labels.clone()
    target[_disc(bundle.label_size, REGION_SHARE / 4)] = labels[mask].bincount().argmax()
    region = Region(mask=mask, parts=frozenset([int(labels[mask].bincount().argmax())]))
    offset = 0.3 * (bundle.probes[1] - bundle.probes[0])
    size, synthesis = bundle.resolution, bundle.generator.synthesis

    def edit(options: OptimizeOptions) -> None:
        optimize.best(optimize.run(bundle, code, target, region=region, options=options))

    def refine(options: OptimizeOptions) -> None:
        start = code + offset
        optimize.best(
            optimize.run(bundle, start, labels, region=region, options=options, reference=code)
        )

    seconds = _quickest(partial(edit, OptimizeOptions(steps=30)), repeats=2)
    figures = [Figure(f"edit_30_steps_{size}px_s", seconds, "s")]
    for steps in (10, 30):
        options = OptimizeOptions.for_refining(steps=steps)
        seconds = _quickest(partial(refine, options), repeats=2)
        figures.append(Figure(f"refine_{steps}_steps_{size}px_s", seconds, "s"))
    with torch.no_grad():
        styles = synthesis.styles(code)
        moved = synthesis.styles(code + offset)
        change = tuple(a - b for a, b in zip(moved, styles, strict=True))
        late = synthesis.prefix(styles, first_layer=bundle.num_layers // 2)

        def blended(num: int) -> tuple[Tensor, ...]:
            return tuple(
                (a + 0.7 * b).expand(num, -1) for a, b in zip(styles, change, strict=True)
            )

        ways: dict[str, Callable[[], object]] = {
            "apply": lambda: synthesis(optimize.apply(code, [(offset, 0.7)])),
            "preview": lambda: synthesis.from_styles(blended(1)),
            "preview_bf16": lambda: synthesis.from_styles(blended(1), dtype=torch.bfloat16),
            "preview_late_layers": lambda: synthesis.from_styles(blended(1), prefix=late),
            "preview_batch8": lambda: synthesis.from_styles(blended(8)),
            "preview_batch8_bf16": lambda: synthesis.from_styles(
                blended(8), dtype=torch.bfloat16
            ),
        }
        for name, way in ways.items():
            figures.append(
                Figure(f"{name}_{size}px_ms", 1e3 * _quickest(way, repeats=15), "ms")
            )
        seconds = _quickest(lambda: bundle.render_and_segment(code), repeats=5)
        figures.append(Figure(f"render_and_segment_{size}px_ms", 1e3 * seconds, "ms"))
    return figures


# -- what the cases stand on -------------------------------------------------------------


def _model(plan: Plan, size: int) -> _Model:
    noise = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sides = [4 << i for i in range(size.bit_length() - 2)]
        channels = tuple(min(plan.base // side, plan.widest) for side in sides)
        config = GeneratorConfig(size, plan.widest, plan.widest, channels)
        generator = Generator(config).eval().requires_grad_(False)
        vgg = Vgg16().eval().requires_grad_(False)
        for layer in vgg.modules():
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight)
    branch = SegmentationBranch(
        generator.synthesis.tap_shapes,
        plan.parts,
        num_members=plan.members,
        hidden=plan.hidden,
    )
    branch.reset(noise)
    return _Model(
        generator=generator,
        branch=branch.eval().requires_grad_(False),
        perceptual=Perceptual(vgg, name="vgg16-random"),
        label_size=min(size, 512),
        num_parts=plan.parts,
    )


def _code(model: _Model) -> Tensor:
    """Return one code (1, L, w_dim)."""
    config = model.generator.config
    z = torch.randn(1, config.z_dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model.generator.broadcast(model.generator.map(z)).contiguous()


def _painting(model: _Model) -> Tensor:
    """Return a label map (1, H, H) of random parts."""
    shape = (1, model.label_size, model.label_size)
    noise = torch.Generator().manual_seed(2)
    return torch.randint(0, model.num_parts, shape, generator=noise)


def _disc(size: int, share: float = REGION_SHARE) -> Tensor:
    """Return a disc (1, size, size) in the middle that covers a share of the picture."""
    place = torch.arange(size) - (size - 1) / 2
    squared = place[:, None].square() + place[None, :].square()
    return (squared <= share * size * size / torch.pi)[None]


def _gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


def _measured(once: Callable[[], dict[str, float]], *, repeats: int) -> Measured:
    """Return the median time of some calls, and the memory of all together."""
    before = _reset_peak_gib()
    times, fingerprint = [], {}
    for _ in range(repeats):
        begun = time.process_time()
        fingerprint = once()
        times.append(time.process_time() - begun)
    peak = _peak_gib()
    return Measured(statistics.median(times), peak - before, peak, fingerprint)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _quickest(work: Callable[[], object], *, repeats: int) -> float:
    """Return the seconds of the quickest of some calls, after one that does not count."""
    work()
    return min(_seconds(work) for _ in range(repeats))


def _isolated(case: Callable, isolate: bool, *arguments: object):
    if not isolate:
        return case(*arguments)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(case, *arguments).result()


def processor() -> str:
    """Return the name of this machine's processor, with the number of its cores."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    return f"{name}, {os.cpu_count()} cores"


def _reset_peak_gib() -> float:
    """Start the peak of this process's memory anew, where the system can; return its use."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return _peak_gib()
    return _status_gib("VmRSS") or _peak_gib()


def _peak_gib() -> float:
    found = _status_gib("VmHWM")
    if found is None:
        # Not Linux: the peak since the process began, in KiB (bytes on macOS).
        unit = 1 << 30 if platform.system() == "Darwin" else 1 << 20
        found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return found


def _status_gib(field_name: str) -> float | None:
    return _proc_gib(Path("/proc/self/status"), field_name)


def _available_gib() -> float | None:
    return _proc_gib(Path("/proc/meminfo"), "MemAvailable")


def _proc_gib(path: Path, field_name: str) -> float | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{field_name}:"):
            return int(line.split()[1]) / (1 << 20)
    return None
