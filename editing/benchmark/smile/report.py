"""What did the benchmark find? A table in Markdown, a curve and people as pictures, JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from editing import images
from editing.benchmark.smile.run import LEVELS, Curve, Report, Row

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def table(report: Report) -> str:
    """Return the table of all test pictures, with what it was measured on above it."""
    plan = report.plan
    floor = report.floor
    lines = [
        f"Bundle `{report.bundle}`, fingerprint `{report.fingerprint[:16]}`; "
        f"{plan.num_test} neutral held-out portraits, {plan.num_reference} smiling renders as "
        f"reference. The judge tells smiling renders from others in "
        f"{report.reading_accuracy:.1%} of cases; identity of unrelated people is "
        f"{report.unrelated_identity:.3f}; {plan.num_test} other smiling renders are at domain "
        f"FID {floor.fid:.2f} and KID {1000 * floor.kid.value:.1f}·10⁻³ (the floor).",
        "",
        "| method | strength | learned from | training | accuracy ↑ | domain FID ↓ "
        "| domain KID·10³ ↓ | identity ↑ |",
        "|---|---|---|---|---|---|---|---|",
        *(_line(row) for row in report.rows),
    ]
    return "\n".join(lines)


def equal_accuracy(report: Report) -> str:
    """Return the identities of swept methods at equal accuracies, as a table."""
    lines = [
        f"Identity (and domain FID) at equal accuracy, interpolated between the strengths of "
        f"the sweep, on the first {report.plan.num_curve} portraits; – is never reached:",
        "",
        "| method | " + " | ".join(f"at {level:.0%}" for level in LEVELS) + " |",
        "|---" * (len(LEVELS) + 1) + "|",
        *(
            f"| {curve.name} | " + " | ".join(_at(curve, level) for level in LEVELS) + " |"
            for curve in report.curves
        ),
    ]
    return "\n".join(lines)


def curve_picture(curves: Sequence[Curve], path: Path, *, num: int) -> None:
    """Draw accuracy against identity and against domain FID, every strength a dot."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(12, 5.2), layout="constrained")
    ours = [curve for curve in curves if curve.name.startswith("EditGAN")]
    shades = plt.get_cmap("viridis")
    colors = {
        curve.name: shades(0.1 + 0.75 * i / max(len(ours) - 1, 1))
        for i, curve in enumerate(ours)
    }
    others = iter(("#c2410c", "#f59e0b", "#9ca3af", "#64748b"))
    for curve in curves:
        color = colors.get(curve.name) or next(others)
        is_ours = curve.name in colors
        for axis, values in zip(
            axes,
            ([s.identity for s in curve.scores], [s.fid for s in curve.scores]),
            strict=True,
        ):
            axis.plot(
                [100 * s.accuracy for s in curve.scores],
                values,
                "o-" if is_ours else "s--",
                color=color,
                label=curve.name,
                linewidth=1.8,
                markersize=4.5,
            )
    for curve in curves:
        if curve.name == "EditGAN":
            for strength, score in zip(curve.strengths, curve.scores, strict=True):
                axes[0].annotate(
                    f"{strength:g}",
                    (100 * score.accuracy, score.identity),
                    xytext=(-4, -11),
                    textcoords="offset points",
                    fontsize=8,
                    color=colors["EditGAN"],
                    ha="right",
                )
    for axis, title in zip(
        axes, ("identity, higher is better", "domain FID, lower is better"), strict=True
    ):
        axis.set_xlabel("portraits that smile after the edit, %")
        axis.set_ylabel(title)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    # A method that leaves the frame loses the person; the others would be one line with it in.
    kept = [s.identity for c in curves if c.name != "LocalEditing" for s in c.scores]
    axes[0].set_ylim(min(kept) - 0.02, max(kept) + 0.01)
    axes[0].legend(fontsize=8.5, frameon=False, loc="lower left")
    figure.suptitle(f"Neutral to smiling, {num} held-out portraits, each dot a strength")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def people_picture(people: dict[str, Tensor]) -> Image.Image:
    """Return a sheet: a row per method, a column per person."""
    return images.sheet(
        [list(shown) for shown in people.values()], labels=list(people), cell=112
    )


def write(report: Report, folder: Path) -> None:
    """Write `smile.json`, `smile-curve.png` and `smile-people.png` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.to_json(), indent=1)
    (folder / "smile.json").write_text(text + "\n", encoding="utf-8")
    curve_picture(report.curves, folder / "smile-curve.png", num=report.plan.num_curve)
    people_picture(report.people).save(folder / "smile-people.png", optimize=True)


def measured(report: Report) -> str:
    """Return both tables as Markdown."""
    return f"{table(report)}\n\n{equal_accuracy(report)}"


def update_page(page: Path, report: Report) -> None:
    """Put the measured tables between the two marks of a Markdown page.

    Raises:
        ValueError: the page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no lines {BEGIN} and {END} to write between")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{head}{BEGIN}\n{measured(report)}\n{END}{tail}", encoding="utf-8")


def _line(row: Row) -> str:
    score = row.score
    strength = "–" if row.strength is None else f"{row.strength:g}"
    if row.refinement:
        strength += f", + {row.refinement} steps"
    cells = (
        row.method,
        strength,
        row.data,
        f"{row.seconds:.0f} s" if row.seconds >= 0.5 else "–",
        f"{100 * score.accuracy:.1f} %",
        f"{score.fid:.2f}",
        f"{1000 * score.kid.value:.1f} ± {1000 * score.kid.spread:.1f}",
        f"{score.identity:.4f}",
    )
    return "| " + " | ".join(cells) + " |"


def _at(curve: Curve, level: float) -> str:
    identity, fid = curve.identity_at(level), curve.fid_at(level)
    return "–" if identity is None or fid is None else f"{identity:.4f} ({fid:.2f})"
