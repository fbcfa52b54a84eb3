"""The figures of a bundle: which are measured, and that they measure."""

import math

import pytest
import torch

from editing import vectors
from editing.benchmark import portraits
from editing.bundle import BundleError, load_bundle, save_bundle
from editing.vectors import EditVector
from tests.factories.networks import blocks_family, tiny_bundle, tiny_judge


@pytest.fixture
def bundle(tmp_path):
    saved = tiny_bundle(judge=tiny_judge(), regressor=tiny_judge(1))
    save_bundle(saved, tmp_path)
    offset = saved.probes[1] - saved.probes[0]
    (tmp_path / "vectors").mkdir()
    vectors.save(EditVector(offset, frozenset({2})), tmp_path / "vectors/smile.safetensors")
    return load_bundle(tmp_path)


def test_every_figure_is_measured_once_with_its_unit(bundle):
    figures = list(portraits.run(bundle, blocks_family(), num=4, num_smiles=3, steps=3))

    found = {figure.name: figure for figure in figures}
    assert len(found) == len(figures)
    assert {
        "factor_r2_smile",
        "factor_r2_mouth_open",
        "factor_r2_glasses",
        "inversion_psnr_db",
        "segmentation_miou",
        "smile_success",
        "smile_outside_change",
        "optimize_30_steps",
    } <= found.keys()
    assert all(math.isfinite(figure.value) for figure in figures)
    assert found["inversion_psnr_db"].unit == "dB"
    assert 0 <= found["smile_success"].value <= 1
    # A random judge reads nothing, and the figure says so.
    assert found["factor_r2_smile"].value < 0.5


def test_a_better_inversion_has_a_higher_figure(bundle):
    def psnr(steps: int) -> float:
        figures = portraits.run(bundle, blocks_family(), num=4, num_smiles=2, steps=steps)
        return next(f.value for f in figures if f.name == "inversion_psnr_db")

    assert psnr(40) > psnr(1) + 1


def test_a_bundle_without_a_judge_or_a_smile_says_so(bundle, tmp_path):
    with pytest.raises(BundleError, match="judge"):
        list(portraits.run(tiny_bundle(), blocks_family(), num=2))

    (tmp_path / "vectors" / "smile.safetensors").unlink()
    with pytest.raises(BundleError, match="smile"):
        list(portraits.run(bundle, blocks_family(), num=2, steps=1))


def test_usual_error_rises_over_its_percentiles(bundle):
    low, middle, high = portraits.usual_error(bundle, blocks_family(), num=4, steps=2)

    assert 0 < low <= middle <= high
    assert isinstance(bundle.probes, torch.Tensor)
