"""The render command writes PNG files that show what the seed says."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from editing.families.cli import render


def test_a_single_picture_comes_with_its_indexed_label_map(tmp_path: Path) -> None:
    out = tmp_path / "one.png"

    result = CliRunner().invoke(render, ["--out", str(out), "--size", "48", "--seed", "4"])

    assert result.exit_code == 0, result.output
    with Image.open(out) as picture, Image.open(tmp_path / "one.labels.png") as labels:
        assert picture.size == labels.size == (48, 48)
        assert labels.mode == "P"
        assert int(np.array(labels).max()) < 20


def test_a_sheet_holds_all_pictures_and_the_seed_decides_them(tmp_path: Path) -> None:
    def sheet(name: str, seed: int) -> bytes:
        options = ["--count", "5", "--columns", "3", "--size", "32", "--seed", str(seed)]
        result = CliRunner().invoke(render, ["--out", str(tmp_path / name), *options])
        assert result.exit_code == 0, result.output
        return (tmp_path / name).read_bytes()

    first, again, other = sheet("a.png", 1), sheet("b.png", 1), sheet("c.png", 2)

    assert first == again
    assert first != other
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width >= 3 * 32
        assert picture.height >= 4 * 32
