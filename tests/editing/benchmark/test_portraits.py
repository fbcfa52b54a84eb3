"""The figures of a bundle: which are measured, and that they measure."""

import math
from dataclasses import replace

import pytest
import torch

from editing import vectors
from editing.benchmark import held_out, portraits
from editing.bundle import BundleError, assemble, load_bundle, save_bundle
from editing.vectors import EditVector
from tests.factories.networks import (
    TINY_CONFIG,
    blocks_family,
    tiny_branch,
    tiny_bundle,
    tiny_codes,
    tiny_generator,
    tiny_judge,
    tiny_schema,
)


@pytest.fixture
def bundle(tmp_path):
    saved = tiny_bundle(judge=tiny_judge(), regressor=tiny_judge(1))
    save_bundle(saved, tmp_path)
    offset = saved.probes[1] - saved.probes[0]
    (tmp_path / "vectors").mkdir()
    vectors.save(EditVector(offset, frozenset({2})), tmp_path / "vectors/smile.safetensors")
    return load_bundle(tmp_path)


def test_every_figure_is_measured_once_with_its_unit(bundle):
    figures = list(
        portraits.run(bundle, blocks_family(), num=4, num_smiles=3, num_samples=24, steps=3)
    )

    found = {figure.name: figure for figure in figures}
    assert len(found) == len(figures)
    assert {
        "factor_r2_smile",
        "factor_r2_mouth_open",
        "factor_r2_glasses",
        "inversion_psnr_db",
        "segmentation_miou",
        "smile_success",
        "smile_identity",
        "domain_kid",
        "domain_kid_floor",
        "factor_coverage",
        "sharpness",
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
        figures = portraits.run(
            bundle, blocks_family(), num=4, num_smiles=2, num_samples=24, steps=steps
        )
        return next(f.value for f in figures if f.name == "inversion_psnr_db")

    assert psnr(40) > psnr(1) + 1


def test_a_bundle_without_a_judge_or_a_smile_says_so(bundle, tmp_path):
    with pytest.raises(BundleError, match="judge"):
        list(portraits.run(tiny_bundle(), blocks_family(), num=2))

    (tmp_path / "vectors" / "smile.safetensors").unlink()
    with pytest.raises(BundleError, match="smile"):
        list(portraits.run(bundle, blocks_family(), num=2, num_samples=24, steps=1))


def test_a_bundle_for_other_factors_is_refused(bundle):
    family = blocks_family()
    fewer = replace(family, factors=type(family.factors)(family.factors.factors[:5]))

    with pytest.raises(BundleError, match="factors of 8 columns, now they have 5"):
        list(portraits.run(bundle, fewer, num=2))


def test_the_largest_bundle_of_a_family_is_measured_by_default(tmp_path):
    for name, resolution in (("blocks-16", 16), ("blocks-32", 32)):
        config = replace(
            TINY_CONFIG,
            resolution=resolution,
            channels=(10, 8, 6, 6)[: resolution.bit_length() - 2],
        )
        generator = tiny_generator(config=config)
        made = assemble(
            name=name,
            title=name,
            version=1,
            schema=tiny_schema(),
            label_size=resolution,
            generator=generator,
            branch=tiny_branch(generator),
            probes=tiny_codes(generator, 2),
        )
        save_bundle(made, tmp_path / name)
    (tmp_path / "blocks-of-others").mkdir()

    assert held_out.largest_bundle("blocks", tmp_path) == tmp_path / "blocks-32"
    with pytest.raises(BundleError, match="no bundle of cars"):
        held_out.largest_bundle("cars", tmp_path)


def test_usual_error_rises_over_its_percentiles(bundle):
    low, middle, high = held_out.usual_error(bundle, blocks_family(), num=4, steps=2)

    assert 0 < low <= middle <= high
    assert isinstance(bundle.probes, torch.Tensor)
