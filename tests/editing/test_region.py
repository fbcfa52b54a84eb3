"""Which pixels an edit may change."""

import io

import pytest
import torch
from PIL import Image

from editing.errors import ShapeMismatchError
from editing.images import ImageReadError
from editing.region import (
    DrawnRegion,
    DrawnRegionError,
    EmptyRegionError,
    RegionRule,
    RegionRuleError,
    changed_parts,
    default_margin,
    edit_region,
    read_drawn,
    region_of_interest,
)


def blank(side: int = 8) -> torch.Tensor:
    return torch.zeros(1, side, side, dtype=torch.uint8)


def test_margin_grows_the_region_and_stops_at_the_image_border():
    before, after = blank(), blank()
    after[0, 0, 3] = 5

    region = region_of_interest(before, after, parts={5}, margin=1)

    wanted = torch.zeros(8, 8, dtype=torch.bool)
    wanted[0:2, 2:5] = True
    assert torch.equal(region.mask[0], wanted)
    assert region.parts == {5}


def test_region_covers_a_part_where_it_was_and_where_it_goes():
    before, after = blank(), blank()
    before[0, 1, 1] = 5
    after[0, 6, 6] = 5

    region = region_of_interest(before, after, parts={5}, margin=0)

    assert region.mask[0].nonzero().tolist() == [[1, 1], [6, 6]]


def test_changed_parts_are_those_that_gained_or_lost_pixels_without_background():
    before, after = blank(), blank()
    before[0, 1, 1], after[0, 1, 1] = 3, 4
    before[0, 2, 2] = after[0, 2, 2] = 7
    after[0, 5, 5] = 6

    assert changed_parts(before, after, background={0}) == {3, 4, 6}
    assert changed_parts(before, after, background=(), give_way=0) == {0, 3, 4, 6}


def test_a_part_that_merely_gives_way_is_not_what_the_edit_is_about():
    before = torch.full((1, 8, 8), 2, dtype=torch.uint8)  # skin
    before[0, 5, 2:6] = 9  # a mouth
    after = before.clone()
    after[0, 5, 2], after[0, 4, 2] = 2, 9  # its corner rises

    assert changed_parts(before, after, background={0}) == {9}
    assert changed_parts(before, after, background={0}, give_way=0) == {2, 9}


def test_a_part_stays_in_the_edit_where_nothing_else_covers_its_change():
    before = torch.full((1, 8, 8), 2, dtype=torch.uint8)  # skin
    before[0, :4] = 3  # hair
    before[0, 5, 2:4] = 4  # a brow
    after = before.clone()
    after[0, 4, 0] = 3  # hair grows a little, over skin
    after[0, 5, 2] = 3  # and over half of the brow

    assert changed_parts(before, after, background={0}) == {3, 4}


def test_painting_a_sliver_of_one_large_part_into_another_keeps_one_of_them():
    before = torch.full((1, 8, 8), 2, dtype=torch.uint8)
    before[0, :4] = 3
    after = before.clone()
    after[0, 4, 0] = 3

    assert len(changed_parts(before, after, background={0})) == 1


def test_equal_label_maps_have_no_changed_parts():
    assert changed_parts(blank(), blank(), background={0}) == frozenset()


def test_a_picture_without_any_edited_part_is_refused():
    before = torch.cat([blank(), blank()])
    after = before.clone()
    after[0, 2, 2] = 5

    with pytest.raises(EmptyRegionError) as refusal:
        region_of_interest(before, after, parts={5})

    assert refusal.value.code == "region.empty"


def test_label_maps_of_different_shape_are_refused():
    with pytest.raises(ShapeMismatchError):
        region_of_interest(blank(8), blank(9), parts={1})


def test_weights_split_the_picture_in_two():
    after = blank()
    after[0, 2, 2] = 5

    region = region_of_interest(blank(), after, parts={5}, margin=1)
    inside, outside = region.weights(torch.float64)

    assert inside.shape == (1, 1, 8, 8)
    assert inside.sum() == 9
    assert torch.equal(inside + outside, torch.ones(1, 1, 8, 8, dtype=torch.float64))


def test_resizing_to_the_picture_keeps_every_label_pixel_a_block():
    after = blank(4)
    after[0, 1, 2] = 5

    region = region_of_interest(blank(4), after, parts={5}, margin=0).resized(8)

    assert region.mask[0].nonzero().tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]


@pytest.mark.parametrize(("side", "margin"), [(512, 5), (256, 3), (128, 1), (64, 1)])
def test_default_margin_scales_with_the_label_map(side, margin):
    assert default_margin(side) == margin


def wheel_on_a_road() -> tuple[torch.Tensor, torch.Tensor]:
    """Return label maps: background (0), a car (3), and a wheel (5) painted half off it."""
    before = blank()
    before[0, 2:4, 1:7] = 3
    after = before.clone()
    after[0, 3:5, 2:4] = 5
    return before, after


def test_painting_onto_background_frees_what_was_painted_and_no_more_of_it():
    before, after = wheel_on_a_road()

    region = edit_region(before, after, background={0}, rule=RegionRule(margin=0))

    stays_background = (before == 0) & (after == 0)
    assert 5 in region.parts
    assert 0 not in region.parts
    assert not (region.mask & stays_background).any()
    assert region.mask[0, 4, 2:4].all()


def test_a_part_erased_to_background_is_in_the_region_where_it_was():
    before = blank()
    before[0, 2:4, 2:4] = 5

    region = edit_region(before, blank(), background={0}, rule=RegionRule(margin=0))

    assert torch.equal(region.mask, before == 5)


def test_a_painting_of_one_background_over_another_is_no_edit():
    before, after = blank(), blank()
    after[0, 2] = 1

    with pytest.raises(EmptyRegionError, match="background"):
        edit_region(before, after, background={0, 1})


def test_only_narrows_an_edit_to_what_was_drawn():
    before, after = wheel_on_a_road()
    left = torch.zeros(1, 8, 8, dtype=torch.bool)
    left[..., :3] = True
    rule = RegionRule(margin=0)

    whole = edit_region(before, after, background={0}, rule=rule)
    half = edit_region(before, after, background={0}, rule=rule, drawn=DrawnRegion(left))

    assert torch.equal(half.mask, whole.mask & left)
    assert half.parts == whole.parts


def test_also_adds_what_was_drawn_but_never_plain_background():
    before, after = wheel_on_a_road()
    everything = torch.ones(1, 8, 8, dtype=torch.bool)
    drawn = DrawnRegion(everything, mode="also")

    region = edit_region(before, after, background={0}, rule=RegionRule(margin=0), drawn=drawn)

    assert torch.equal(region.mask, (before != 0) | (after != 0))


def test_a_drawn_region_beside_the_edit_leaves_nothing_and_is_refused():
    before, after = wheel_on_a_road()
    corner = torch.zeros(1, 8, 8, dtype=torch.bool)
    corner[..., 7, 7] = True

    with pytest.raises(EmptyRegionError):
        edit_region(before, after, background={0}, drawn=DrawnRegion(corner))
    with pytest.raises(ShapeMismatchError):
        edit_region(before, after, background={0}, drawn=DrawnRegion(corner[:, :4, :4]))


def test_the_release_frees_painted_pixels_where_ours_frees_parts():
    before, after = wheel_on_a_road()
    after[0, 2, 6] = 5  # one more pixel of the car

    pixels = edit_region(
        before, after, background={0}, rule=RegionRule(margin=0, of="pixels", give_way=0)
    )
    parts = edit_region(before, after, background={0}, rule=RegionRule(margin=0, give_way=0))

    assert torch.equal(pixels.mask, before != after)
    assert parts.mask.sum() > pixels.mask.sum()


@pytest.mark.parametrize(("at_512", "side", "margin"), [(5, 512, 5), (3, 512, 3), (3, 64, 1)])
def test_margins_of_presets_scale_too(at_512, side, margin):
    assert RegionRule(margin_at_512=at_512).margin_for(side) == margin
    assert RegionRule(margin_at_512=at_512, margin=7).margin_for(side) == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("margin", -1),
        ("margin", 2.5),
        ("margin_at_512", 1000),
        ("give_way", 2.0),
        ("of", "all"),
    ],
)
def test_rules_by_which_no_region_can_be_found_are_refused(name, value):
    with pytest.raises(RegionRuleError, match=f"{name} is {value!r}, expected"):
        RegionRule(**{name: value})


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA"])
def test_a_drawn_region_is_what_is_light_in_a_picture_of_any_kind(mode):
    picture = Image.new("L", (8, 8))
    picture.putpixel((2, 5), 255)

    drawn = read_drawn(png(picture.convert(mode)), size=8, mode="also")

    assert drawn.mask[0].nonzero().tolist() == [[5, 2]]
    assert drawn.mode == "also"


def test_transparent_pixels_of_a_drawn_region_do_not_count():
    picture = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    picture.putpixel((1, 1), (255, 255, 255, 255))

    assert read_drawn(png(picture), size=8).mask.sum() == 1


def test_drawn_regions_of_another_size_empty_or_no_picture_are_refused():
    with pytest.raises(DrawnRegionError, match="8 x 8 pixels, expected 16 x 16"):
        read_drawn(png(Image.new("L", (8, 8), 255)), size=16)
    with pytest.raises(DrawnRegionError, match="marks no pixel") as refusal:
        read_drawn(png(Image.new("L", (8, 8))), size=8)
    with pytest.raises(ImageReadError):
        read_drawn(b"not a picture", size=8)
    assert refusal.value.code == "region.drawn"
