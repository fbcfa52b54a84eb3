"""Which pixels an edit may change."""

import pytest
import torch

from editing.errors import ShapeMismatchError
from editing.region import (
    EmptyRegionError,
    changed_parts,
    default_margin,
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
