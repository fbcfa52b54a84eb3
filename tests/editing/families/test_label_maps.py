"""Painting tools on label maps small enough to check by eye."""

import torch

from editing.families.label_maps import bounds, grow, heal, mask_of, shifted, warp


def grid(text: str) -> torch.Tensor:
    rows = text.split()
    return torch.tensor([[int(c) for c in row] for row in rows], dtype=torch.uint8)


def test_bounds_include_both_ends() -> None:
    mask = mask_of(grid("0000 0110 0010 0000"), [1])

    assert bounds(mask) == (1, 1, 2, 2)


def test_growing_reaches_the_given_number_of_pixels_straight_and_rounds_corners() -> None:
    mask = torch.zeros(7, 7, dtype=torch.bool)
    mask[3, 3] = True

    grown = grow(mask, radius=2)

    assert grown[3].tolist() == [False, True, True, True, True, True, False]
    assert not grown[1, 1]
    assert int(mask.sum()) == 1


def test_shifting_moves_values_and_fills_behind_them() -> None:
    moved = shifted(grid("120 000 000"), dx=1, dy=2)

    assert torch.equal(moved, grid("000 000 012"))


def test_a_hole_heals_with_what_surrounds_it() -> None:
    labels = grid("11111 15551 15551 15551 22222")

    healed = heal(labels, labels == 5)

    assert set(healed.flatten().tolist()) == {1, 2}
    assert healed[1:3].unique().tolist() == [1]


def test_a_map_that_is_all_hole_stays_as_it_is() -> None:
    labels = grid("55 55")

    assert torch.equal(heal(labels, labels == 5), labels)


def test_warping_moves_a_part_heals_behind_it_and_spares_what_lies_above() -> None:
    labels = grid("11111 13111 11111 11121 11111")

    moved = warp(labels, parts=[3], source=lambda x, y: (x - 2, y - 2), keep=[2])
    beside = warp(labels, parts=[3], source=lambda x, y: (x - 2, y - 1), keep=[2])

    assert torch.equal(moved, grid("11111 11111 11111 11121 11111"))
    assert torch.equal(beside, grid("11111 11111 11131 11121 11111"))
    assert int((labels == 3).sum()) == 1


def test_a_part_that_moves_by_less_than_its_size_does_not_smear() -> None:
    labels = grid("1111 1111 1331 1331 1111")

    moved = warp(labels, parts=[3], source=lambda x, y: (x, y + 1))

    assert torch.equal(moved, grid("1111 1331 1331 1111 1111"))
