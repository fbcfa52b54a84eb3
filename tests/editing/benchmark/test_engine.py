"""The benchmark against the plain way: both compute one function, and nothing is hidden."""

import dataclasses

import pytest
import torch
from click.testing import CliRunner

from editing import losses
from editing.benchmark import engine, naive
from editing.benchmark.cli import benchmark_command
from editing.benchmark.engine import Plan
from editing.benchmark.figure import Figure
from editing.generator import GeneratorConfig, Synthesis, reference
from editing.losses import OutsideReference
from editing.optimize import OptimizeOptions, run
from editing.region import Region
from tests.factories.networks import tiny_bundle, tiny_codes


@pytest.fixture(autouse=True)
def _threads_as_before():
    """Cases choose their number of threads for their whole process."""
    num_threads = torch.get_num_threads()
    yield
    torch.set_num_threads(num_threads)


@pytest.mark.parametrize("options", [{}, {"noise": True}, {"clamp": 0.7}])
def test_grouped_convolutions_draw_what_the_textbook_form_draws(options):
    torch.manual_seed(3)
    config = GeneratorConfig(16, 12, 12, (8, 6, 5), **options)
    synthesis = Synthesis(config).double()
    w_plus = torch.randn(3, config.num_layers, 12, dtype=torch.float64)

    grouped = naive.render(synthesis, w_plus)

    slow = reference.render(synthesis, w_plus)
    torch.testing.assert_close(grouped.image, slow.image, rtol=1e-6, atol=1e-6)
    for ours, theirs in zip(grouped.taps, slow.taps, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_one_edit_step_has_the_losses_and_the_gradient_of_the_plain_way(dtype, tolerance):
    bundle = tiny_bundle(dtype=dtype)
    synthesis = bundle.generator.synthesis
    kept, code = tiny_codes(bundle.generator, 2, seed=5).split(1)
    mask = engine._disc(16, 0.2)
    target = bundle.segment(kept).long()
    region = Region(mask=mask, parts=frozenset([1]))
    options = OptimizeOptions(steps=1, lambda_rgb=15.0, damping=0.0)

    def plain() -> tuple[float, float, torch.Tensor]:
        offset = torch.zeros_like(code, requires_grad=True)
        rgb, ce = naive.losses_of_step(
            synthesis, bundle.branch, bundle.perceptual,
            w_plus=code + offset, original=naive.render(synthesis, kept).image,
            mask=mask, wanted=target[mask],
        )  # fmt: skip
        (15 * rgb + ce).backward()
        return float(rgb.detach()), float(ce.detach()), offset.grad

    steps = run(bundle, code, target, region=region, options=options, reference=kept)
    first = next(steps)
    rgb, ce, slope = plain()

    assert first.rgb == pytest.approx(rgb, rel=tolerance)
    assert first.ce == pytest.approx(ce, rel=tolerance)
    moving = code.clone().requires_grad_()
    outside = (~mask)[:, None].to(dtype)
    rendering = synthesis(moving, with_taps=True)
    pixels = engine.RegionPixels.of_mask(
        mask, resolutions=bundle.branch.resolutions, dtype=dtype
    )
    total = 15 * losses.appearance(
        bundle.perceptual,
        rendering.image,
        OutsideReference.of(bundle.perceptual, bundle.render(kept), outside),
    ).sum() + losses.segmentation(
        bundle.branch.logits_at(rendering.taps, pixels), pixels.pick(target)
    )
    (ours,) = torch.autograd.grad(total, moving)
    assert (ours - slope).norm() / slope.norm() < 10 * tolerance


def test_the_disc_covers_a_twentieth_of_the_picture():
    assert engine._disc(512).float().mean().item() == pytest.approx(0.05, rel=0.01)


def test_a_quick_run_measures_every_comparison_and_both_ways_agree():
    figures = {figure.name: figure for figure in engine.run(Plan.quick(), isolate=False)}

    for name in ("branch", "edit_step"):
        assert figures[f"{name}_disagreement_32"].value < 1e-4
        ratio = figures[f"{name}_naive_32_s"].value / figures[f"{name}_32_s"].value
        assert figures[f"{name}_speedup_32"].value == pytest.approx(ratio)
    assert figures["edit_step_bf16_32_s"].value > 0
    assert figures["generator_batch8_speedup"].value > 0


def test_the_plain_way_is_skipped_and_said_so_where_memory_lacks(monkeypatch):
    monkeypatch.setattr(engine, "NEEDED_GIB", {32: 1e6})
    said = []
    plan = dataclasses.replace(Plan.quick(), cases=("branch",))

    names = [f.name for f in engine.run(plan, isolate=False, notice=said.append)]

    assert "branch_32_s" in names
    assert not any("naive" in name or "speedup" in name for name in names)
    assert any(text.startswith("skipped: branch, plain way, 32 px") for text in said)


def test_a_bundle_s_times_are_listed_under_its_name_and_the_slowest_stands_for_its_size(
    monkeypatch, tmp_path
):
    times = {"one": 1.0, "two": 3.0}
    monkeypatch.setattr(
        engine,
        "bundle_case",
        lambda plan, path: [Figure("apply_64px_ms", times[path.name], "ms")],
    )
    plan = Plan(cases=("bundles",), bundles=tuple(tmp_path / name for name in times))

    figures = {figure.name: figure.value for figure in engine.run(plan, isolate=False)}

    assert figures == {
        "one:apply_64px_ms": 1.0, "two:apply_64px_ms": 3.0, "apply_64px_ms": 3.0,
    }  # fmt: skip


def test_the_table_names_what_was_missed_and_what_was_not_measured():
    text = engine.table(
        [Figure("branch_speedup_512", 19.0, "x"), Figure("apply_64px_ms", 9, "ms")]
    )

    lines = {line.split()[0]: line for line in text.splitlines()}
    assert lines["branch_speedup_512"].endswith(">= 20  MISSED")
    assert lines["apply_64px_ms"].endswith("<= 15")
    assert "not measured" in lines["edit_step_speedup_512"]


def test_the_command_prints_figures_from_processes_of_their_own_and_the_table(tmp_path):
    arguments = ["engine", "--quick", "--case", "generator", "--bundles", str(tmp_path)]

    result = CliRunner().invoke(benchmark_command, arguments)

    assert result.exit_code == 0, result.output
    assert "generator_batch8_speedup " in result.output
    assert "figure" in result.output
