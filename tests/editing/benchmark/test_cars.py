"""The figures of a cars bundle: which are measured, and that they measure."""

import math
from dataclasses import replace

import pytest
import torch

from editing import vectors
from editing.benchmark import cars, held_out
from editing.bundle import BundleError, assemble, load_bundle, save_bundle
from editing.families.cars import CARS
from editing.regressor import Regressor, RegressorConfig
from editing.vectors import EditVector
from tests.factories.networks import TINY_CONFIG, tiny_branch, tiny_codes, tiny_generator


@pytest.fixture
def bundle(tmp_path):
    """A bundle of the cars' parts and factors whose networks have learned nothing."""
    torch.manual_seed(0)
    generator = tiny_generator(config=replace(TINY_CONFIG, z_dim=CARS.factors.code_dim))
    categorical = tuple(
        (column.start, column.stop)
        for column in CARS.factors.columns.values()
        if column.kind == "categorical"
    )
    config = RegressorConfig(
        16, CARS.factors.code_dim, categorical, (), widths=(8, 8), hidden=8
    )
    branch = tiny_branch(generator, num_parts=len(CARS.schema.parts))
    saved = assemble(
        name="cars-16", title="Cars", version=1, schema=CARS.schema, label_size=16,
        generator=generator, branch=branch, judge=Regressor(config),
        probes=tiny_codes(generator, 4),
    )  # fmt: skip
    save_bundle(saved, tmp_path)
    (tmp_path / "vectors").mkdir()
    made = {"bigger_wheels": "wheel_front", "no_roof": "roof", "no_plate": "plate"}
    for number, (name, part) in enumerate(made.items()):
        offset = saved.probes[number + 1] - saved.probes[0]
        vector = EditVector(offset, frozenset({CARS.schema.id_of(part)}))
        vectors.save(vector, tmp_path / f"vectors/{name}.safetensors")
    return load_bundle(tmp_path)


def test_every_figure_that_is_wanted_is_measured_once(bundle):
    figures = list(cars.run(bundle, CARS, num=12, num_samples=24, steps=2))

    found = {figure.name: figure for figure in figures}
    assert len(found) == len(figures)
    assert {
        "inversion_psnr_db",
        "segmentation_miou",
        "wheel_size_success",
        "roof_removal_success",
        "plate_removal_success",
        "outside_change",
        "domain_kid",
        "domain_kid_floor",
    } <= found.keys()
    assert all(math.isfinite(figure.value) for figure in figures)
    for name in ("wheel_size_success", "roof_removal_success", "segmentation_miou"):
        assert 0 <= found[name].value <= 1
    assert found["mirror_removal_success"].unit == "no_vector"
    assert found["outside_change"].value == max(
        found[f"outside_change_{name}"].value for name in ("bigger_wheels", "no_roof")
    )


def test_a_vector_that_was_left_out_succeeds_on_no_car(bundle, tmp_path):
    (tmp_path / "vectors" / "no_roof.safetensors").unlink()

    figures = list(cars.run(load_bundle(tmp_path), CARS, num=4, num_samples=8, steps=2))

    found = {figure.name: figure for figure in figures}
    assert found["roof_removal_success"].value == 0.0
    assert found["roof_removal_success"].unit == "no_vector"
    assert found["wheel_size_success"].unit == ""
    assert found["outside_change"].value == found["outside_change_bigger_wheels"].value


def test_a_bundle_without_the_vectors_is_told_how_to_make_them(bundle, tmp_path):
    for name in ("no_roof", "bigger_wheels"):
        (tmp_path / "vectors" / f"{name}.safetensors").unlink()

    with pytest.raises(BundleError, match=r"no vector .*; run `python -m editing vectors"):
        next(cars.run(load_bundle(tmp_path), CARS, num=2))


def test_what_is_read_off_a_code_is_what_the_factors_say():
    factors = CARS.factors.sample(200, torch.Generator().manual_seed(3))

    read = cars.is_open(CARS, CARS.factors.encode(factors))

    assert (read == (factors.get("roof") == 1)).all()
    assert 5 < int(read.sum()) < 100
    assert cars.opens(CARS, factors)[read].all(), "what is open comes open"
    assert not cars.opens(CARS, factors).all()


def test_success_counts_closed_cars_that_the_judge_then_sees_open(bundle, monkeypatch):
    """With a judge that reads the code itself, the figure can be worked out by hand."""
    factors = CARS.factors.sample(40, torch.Generator().manual_seed(5))
    codes = CARS.factors.encode(factors)
    opened = CARS.factors.encode(factors.replace(roof=1.0))
    asked = cars.opens(CARS, factors) & (factors.get("roof") == 0)
    half = torch.arange(40) % 2 == 0
    read = iter([codes, torch.where(half[:, None], opened, codes)])
    monkeypatch.setattr(cars, "_read", lambda bundle, judge, w_plus: next(read))
    nothing = torch.zeros(40, *bundle.probes.shape[1:])
    seen = held_out.HeldOut(factors, nothing, nothing, nothing)

    figures = cars._no_roof(bundle, CARS, bundle.judge, bundle.vectors()["no_roof"], seen)

    found = {figure.name: figure.value for figure in figures}
    expected = (asked & half).sum() / asked.sum()
    assert found["roof_removal_success"] == pytest.approx(float(expected))
    assert found["roof_removal_asked"] == float(asked.sum())


def test_a_part_is_taken_off_cars_that_have_it_show_it_and_were_read_to_have_it(
    bundle, monkeypatch
):
    factors = CARS.factors.sample(40, torch.Generator().manual_seed(5))
    codes = CARS.factors.encode(factors)
    without = CARS.factors.encode(factors.replace(plate=0.0))
    half = torch.arange(40) % 2 == 0
    shown = torch.arange(40) % 3 == 0
    read = iter([codes, torch.where(half[:, None], without, codes)])
    monkeypatch.setattr(cars, "_read", lambda bundle, judge, w_plus: next(read))
    plate = CARS.schema.id_of("plate")
    labels = torch.zeros(40, 16, 16, dtype=torch.uint8)
    labels[shown, 3, 3] = plate
    chunks = iter(labels.split(16))
    monkeypatch.setattr(type(bundle), "segment", lambda self, w_plus: next(chunks))
    nothing = torch.zeros(40, *bundle.probes.shape[1:])
    seen = held_out.HeldOut(factors, nothing, nothing, nothing)
    vector = bundle.vectors()["no_plate"]

    figures = cars._taken_off(bundle, CARS, bundle.judge, vector, "plate", seen)

    found = {figure.name: figure.value for figure in figures}
    asked = shown & (factors.get("plate") == 1)
    expected = (asked & half).sum() / asked.sum()
    assert found["plate_removal_asked"] == float(asked.sum()) > 3
    assert found["plate_removal_success"] == pytest.approx(float(expected))
