"""What does training look like so far? Sample sheets and loss plots as PNG files."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_bytes(image: Tensor) -> np.ndarray:
    """Return bytes (N, H, W, 3) of images (N, 3, H, W) in [-1, 1]."""
    scaled = (image.detach().float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def write_sheet(rows: Sequence[Tensor], path: Path, *, scale: int = 2, gap: int = 2) -> None:
    """Write one PNG whose rows are the given batches, every pixel `scale` pixels wide."""
    strips = []
    width = max(len(row) for row in rows)
    for row in rows:
        pixels = to_bytes(row).repeat(scale, axis=1).repeat(scale, axis=2)
        blank = np.full_like(pixels[:1], 255)
        padded = np.concatenate([pixels, *[blank] * (width - len(row))])
        framed = np.pad(padded, ((0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
        strips.append(np.concatenate(list(framed), axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.png")
    Image.fromarray(np.concatenate(strips)).save(partial)
    partial.replace(path)


def write_plot(log: Path, path: Path, *, skip: Sequence[str] = ()) -> None:
    """Plot every figure of a stage's JSONL log over its step, one small panel each."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    hidden = {"stage", "step", "fraction", "seconds", *skip}
    names = sorted({name for line in lines for name in line} - hidden)
    if not names:
        return
    columns = min(4, len(names))
    num_rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        num_rows, columns, figsize=(3.2 * columns, 2.2 * num_rows), squeeze=False
    )
    for axis, name in zip(axes.flat, names, strict=False):
        points = [(line["seconds"] / 60, line[name]) for line in lines if name in line]
        axis.plot([x for x, _ in points], [y for _, y in points], linewidth=0.8)
        axis.set_title(name, fontsize=8)
        axis.tick_params(labelsize=7)
    for axis in list(axes.flat)[len(names) :]:
        axis.axis("off")
    figure.supxlabel("minutes of training", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)
