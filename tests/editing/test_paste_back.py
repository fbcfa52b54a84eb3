"""Pasting back: the edit at the upload's own size, everything else untouched."""

import math

import numpy as np
import pytest
import torch

from editing import images
from editing.errors import ShapeMismatchError
from editing.paste_back import (
    PasteOptions,
    PasteOptionsError,
    Placement,
    PlacementError,
    membrane,
    paste_back,
)


def noisy(height: int, width: int) -> torch.Tensor:
    noise = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, height, width, generator=noise) * 2 - 1


def middle(side: int = 16) -> torch.Tensor:
    region = torch.zeros(1, side, side, dtype=torch.bool)
    region[:, 6:10, 6:10] = True
    return region


@pytest.mark.parametrize("mode", ["difference", "render", "gradient"])
def test_pixels_away_from_the_region_are_the_very_same(mode):
    photo = noisy(90, 120)
    before, after = noisy(16, 16), noisy(16, 16).flip(3)
    placement = Placement(left=20, top=10, side=64)
    options = PasteOptions(mode=mode, reach=1, feather=1)

    result = paste_back(
        photo, before, after, region=middle(), placement=placement, options=options
    )

    changed = (result != photo).any(dim=1)[0].nonzero()
    # The region is 24..40 of 64 in the square; reach and feather add 8 pixels around it.
    (top, left), (bottom, right) = changed.amin(dim=0).tolist(), changed.amax(dim=0).tolist()
    assert 10 + 24 - 8 <= top <= 10 + 24
    assert 20 + 24 - 8 <= left <= 20 + 24
    assert 10 + 39 <= bottom < 10 + 40 + 8
    assert 20 + 39 <= right < 20 + 40 + 8


def test_the_difference_keeps_the_grain_and_the_render_does_not():
    photo = 0.2 * noisy(64, 64)
    before = torch.zeros(1, 3, 16, 16)
    after = torch.full_like(before, 0.5)
    placement = Placement.centre_of(64, 64)

    def pasted(mode):
        options = PasteOptions(mode=mode)
        return paste_back(
            photo, before, after, region=middle(), placement=placement, options=options
        )[..., 26:38, 26:38]

    inner = photo[..., 26:38, 26:38]
    assert torch.allclose(pasted("difference"), inner + 0.5, atol=1e-5)
    assert torch.allclose(pasted("render"), torch.full_like(inner, 0.5), atol=1e-5)


def test_strength_scales_the_difference():
    photo = torch.zeros(1, 3, 16, 16)
    after = torch.full((1, 3, 16, 16), 0.5)

    result = paste_back(
        photo, torch.zeros_like(after), after, region=middle(),
        placement=Placement.centre_of(16, 16), options=PasteOptions(strength=-0.5),
    )  # fmt: skip

    assert result[0, 0, 8, 8] == pytest.approx(-0.25)


def test_nothing_changed_gives_the_photo_back():
    photo, square = noisy(50, 40), noisy(16, 16)

    result = paste_back(
        photo, square, square, region=middle(), placement=Placement.centre_of(50, 40)
    )

    assert torch.equal(result, photo)


def test_gradient_meets_the_photo_around_the_region():
    photo = torch.linspace(-0.5, 0.5, 64).expand(1, 3, 64, 64).clone()
    after = torch.full((1, 3, 16, 16), 0.9)  # far too bright everywhere
    placement = Placement.centre_of(64, 64)
    options = PasteOptions(mode="gradient", reach=1, feather=1)

    result = paste_back(
        photo, after, after, region=middle(), placement=placement, options=options
    )

    # A flat render has no gradients, so what is seamless is the photo's own ramp.
    assert torch.allclose(result, photo, atol=0.02)


def test_a_membrane_between_two_levels_is_a_straight_ramp():
    values = np.zeros((3, 7, 1))
    values[:, 6] = 6.0
    inside = np.zeros((3, 7), bool)
    inside[:, 1:6] = True

    filled = membrane(values, inside)

    assert np.allclose(filled[:, :, 0], np.arange(7)[None], atol=1e-3)


def test_a_large_membrane_solved_from_coarse_to_fine_is_harmonic():
    side = 140
    rows, columns = np.mgrid[0:side, 0:side] / side
    values = (rows**2 - columns**2 + rows)[..., None]  # harmonic itself
    inside = np.zeros((side, side), bool)
    inside[5:-5, 5:-5] = True
    holed = np.where(inside[..., None], 0.0, values)

    filled = membrane(holed, inside)

    assert np.abs(filled - values).max() < 2e-3


def test_a_membrane_without_any_border_is_nothing():
    assert not membrane(np.ones((4, 4, 1)), np.ones((4, 4), bool)).any()


def test_the_middle_square_is_the_one_that_reading_a_picture_cuts():
    photo = noisy(50, 80)
    from io import BytesIO

    from PIL import Image

    data = images.to_uint8(photo)[0].permute(1, 2, 0).contiguous().numpy()
    out = BytesIO()
    Image.fromarray(data).save(out, "PNG")

    read = images.read_image(out.getvalue(), size=16)
    cut = Placement.centre_of(50, 80).cut(images.read_image(out.getvalue()), 16)

    assert torch.equal(cut, read)


def test_a_letterbox_has_black_bars_and_comes_back_to_its_place():
    photo = torch.zeros(1, 3, 32, 64)
    placement = Placement.letterbox_of(32, 64)

    square = placement.cut(photo, 16)
    after = square.clone()
    after[..., 7:9, :] += 0.5
    result = paste_back(photo, square, after, region=middle(), placement=placement)

    assert (square[..., :3, :] < -0.99).all()
    assert (square[..., 6:10, :].abs() < 0.01).all()
    assert result.shape == photo.shape
    assert result[0, 0, 15, 32] > 0.3


def test_a_turned_square_is_cut_turned_and_pasted_back_upright():
    photo = torch.zeros(1, 3, 16, 16)
    photo[..., 0, 15] = 1.0  # top right
    placement = Placement(left=0, top=0, side=16, turns=1)

    square = placement.cut(photo, 16)
    back = placement.stretch(square)

    assert square[0, 0, 15, 15] == 1.0  # a quarter turn clockwise: bottom right
    assert torch.allclose(back, photo, atol=1e-6)


def test_squares_outside_and_pictures_that_do_not_match_are_refused():
    photo, square = noisy(16, 16), noisy(16, 16)

    with pytest.raises(PlacementError) as refusal:
        paste_back(
            photo, square, square, region=middle(), placement=Placement(left=99, top=0, side=8)
        )
    with pytest.raises(PlacementError):
        Placement(left=0, top=0, side=0)
    with pytest.raises(ShapeMismatchError):
        paste_back(
            photo, square, square[..., :8], region=middle(), placement=Placement(0, 0, 16)
        )
    assert refusal.value.code == "paste.placement"


@pytest.mark.parametrize(
    ("name", "value"),
    [("mode", "poisson"), ("reach", -1.0), ("feather", math.nan), ("strength", math.inf)],
)
def test_modes_and_numbers_that_nothing_can_be_put_back_with_are_refused(name, value):
    with pytest.raises(PasteOptionsError, match=f"{name} is {value!r}, expected"):
        PasteOptions(**{name: value})
