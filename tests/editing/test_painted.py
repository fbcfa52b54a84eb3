"""The sheet of paintings shows what a user paints and what comes of it."""

import pytest
import torch
from click.testing import CliRunner

from editing import painted, seeding
from editing.families.label_maps import PaintingImpossibleError
from editing.optimize import OptimizeOptions
from tests.factories.networks import blocks_family, tiny_bundle

OPTIONS = OptimizeOptions(steps=8, lambda_rgb=0.1, learning_rate=0.05)


def test_a_row_shows_picture_parts_painting_result_and_change():
    bundle, family = tiny_bundle(), blocks_family()
    codes = seeding.sources(bundle, family, num=5)
    labels = bundle.segment(codes)

    shown = painted.row(bundle, family, "smile", codes, labels, OPTIONS)

    assert shown is not None
    assert len(shown) == len(painted.COLUMNS)
    before, parts, after, edited, change = shown
    assert not torch.equal(parts, after), "something was painted"
    assert not torch.equal(before, edited), "and the picture follows"
    lightness = (edited - before).abs() * painted.GAIN - 1
    assert torch.allclose(change, lightness.clamp(-1, 1))


def test_rules_that_cannot_be_painted_have_no_row():
    bundle, family = tiny_bundle(), blocks_family()
    codes = seeding.sources(bundle, family, num=5)

    row = painted.row(bundle, family, "never", codes, bundle.segment(codes), OPTIONS)
    whole = painted.sheet(bundle, family, ["never", "smile"], OPTIONS)

    assert row is None
    assert whole.height < 2 * 128
    with pytest.raises(PaintingImpossibleError):
        painted.sheet(bundle, family, ["never"], OPTIONS)


def test_a_rule_that_nobody_knows_is_refused_with_those_there_are(tmp_path):
    out = tmp_path / "sheet.png"
    arguments = ["cars", "--bundle", "bundles/cars-128", "--only", "no_wings"]

    result = CliRunner().invoke(painted.painted_command, [*arguments, "--out", str(out)])

    assert result.exit_code == 2
    assert "no rule 'no_wings'" in result.output
    assert "no_plate" in result.output
    assert not out.exists()
