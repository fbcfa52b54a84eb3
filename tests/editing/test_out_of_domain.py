"""Editing a picture from elsewhere, in one call."""

from dataclasses import replace

import pytest
import torch

from editing import vectors
from editing.errors import NotFiniteError, ShapeMismatchError
from editing.inversion.invert import InvertOptions
from editing.inversion.tune import TuneOptions
from editing.optimize import OptimizeOptions
from editing.out_of_domain import PhotoOptions, edit_photo
from editing.paste_back import Placement, PlacementError
from editing.region import RegionRule
from editing.vectors import EditVector, OtherModelError
from tests.factories.networks import tiny_bundle, tiny_codes

QUICK = PhotoOptions(
    invert=InvertOptions(steps=4), refine=OptimizeOptions.for_refining(steps=3)
)


def stack(bundle) -> list[tuple[EditVector, float]]:
    before, after = tiny_codes(bundle.generator, 2, seed=9).split(1)
    return [(vectors.make(bundle, before, after, parts=frozenset({1, 2, 3})), 0.5)]


def photo() -> torch.Tensor:
    picture = torch.zeros(1, 3, 48, 64)
    picture[..., 10:30, 20:40] = 0.6
    return picture


def test_one_call_inverts_applies_refines_and_pastes_back():
    bundle = tiny_bundle()
    seen = []

    result = edit_photo(
        bundle,
        photo(),
        stack(bundle),
        options=QUICK,
        progress=lambda stage, done, total: seen.append((stage, done, total)),
    )

    assert result.picture.shape == photo().shape
    assert (result.picture != photo()).any()
    assert result.inversion.residual.shape == (1, 16, 16)
    assert result.tuning is None
    assert [stage for stage, _, _ in seen] == ["invert"] * 5 + ["refine"] * 4
    assert torch.equal(result.images[1], bundle.render(result.after))


def test_a_vector_that_names_no_part_acts_on_those_that_change():
    bundle = tiny_bundle()
    ((vector, strength),) = stack(bundle)
    nameless = EditVector(vector.offset, frozenset(), vector.card)

    result = edit_photo(bundle, photo(), [(nameless, strength)], options=QUICK)

    assert result.region.parts
    assert 0 not in result.region.parts
    assert result.region.mask.any()


def test_the_margin_of_the_options_widens_where_the_edit_may_act():
    bundle = tiny_bundle()

    def acts_on(margin: int) -> int:
        options = replace(QUICK, region=RegionRule(margin=margin))
        return int(
            edit_photo(bundle, photo(), stack(bundle), options=options).region.mask.sum()
        )

    assert acts_on(0) < acts_on(16) == 256


def test_defaults_are_the_hundred_and_thirty_steps_of_the_paper():
    options = PhotoOptions()

    assert options.invert.steps == 100
    assert options.refine.steps == 30
    assert options.refine.lambda_rgb == 5


def test_tuning_first_brings_the_picture_closer_and_leaves_the_bundle_alone():
    bundle = tiny_bundle()
    before = bundle.render(bundle.probes)
    options = PhotoOptions(
        invert=QUICK.invert, refine=QUICK.refine, tune=TuneOptions(steps=20, learning_rate=1e-2)
    )

    result = edit_photo(bundle, photo(), stack(bundle), options=options)

    assert result.after_tuning is not None
    assert result.tuning is not None
    assert result.after_tuning.psnr_db > result.inversion.psnr_db
    assert result.tuning.figures["psnr_db"] > result.tuning.figures["psnr_db_before"]
    assert torch.equal(bundle.render(bundle.probes), before)


def test_the_edit_stays_inside_the_square_that_was_named():
    bundle = tiny_bundle()
    placement = Placement(left=20, top=10, side=20)

    result = edit_photo(bundle, photo(), stack(bundle), placement=placement, options=QUICK)

    outside = torch.ones(48, 64, dtype=torch.bool)
    outside[10:30, 20:40] = False
    assert torch.equal(result.picture[..., outside], photo()[..., outside])


def test_vectors_of_another_model_are_refused_before_any_work():
    bundle, other = tiny_bundle(0), tiny_bundle(1)

    with pytest.raises(OtherModelError):
        edit_photo(other, photo(), stack(bundle), options=QUICK)


def test_uploads_that_are_no_single_finite_picture_are_refused():
    bundle = tiny_bundle()

    with pytest.raises(ShapeMismatchError):
        edit_photo(bundle, photo()[0], stack(bundle), options=QUICK)
    with pytest.raises(NotFiniteError):
        edit_photo(bundle, photo() * float("nan"), stack(bundle), options=QUICK)
    with pytest.raises(PlacementError):
        edit_photo(
            bundle, photo(), stack(bundle), placement=Placement(90, 90, 8), options=QUICK
        )
