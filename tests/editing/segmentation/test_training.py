"""A branch learns parts from a handful of labelled codes."""

import pytest
import torch

from editing.errors import ShapeMismatchError
from editing.segmentation.training import FitOptions, fit_branch, miou
from tests.factories.networks import tiny_codes, tiny_generator

OPTIONS = FitOptions(
    num_members=2, hidden=(32, 16), batch=256, max_steps=320, check_every=40, learning_rate=5e-3
)


def labelled(num: int, seed: int):
    """Return codes and label maps that features tell: which of two channels are high."""
    generator = tiny_generator()
    usual = generator.synthesis(tiny_codes(generator, 16), with_taps=True).taps[-1]
    middle = usual[:, :2].mean(dim=(0, 2, 3), keepdim=True)
    codes = tiny_codes(generator, num, seed=seed)
    taps = generator.synthesis(codes, with_taps=True).taps
    high = taps[-1][:, :2] > middle
    return generator, codes, (high[:, 0] + 2 * high[:, 1]).to(torch.uint8)


def test_learned_parts_carry_over_to_pictures_that_had_no_labels():
    generator, codes, labels = labelled(16, seed=1)
    _, fresh, wanted = labelled(6, seed=2)

    branch = fit_branch(
        generator.synthesis,
        codes,
        labels,
        num_parts=4,
        options=OPTIONS,
        generator=torch.Generator().manual_seed(0),
    )

    taps = generator.synthesis(fresh, with_taps=True).taps
    score, each = miou(branch.predict(taps, size=16), wanted, num_parts=4)
    assert not branch.training
    assert score > 0.6, each  # chance is about 0.15


def test_equal_seeds_give_equal_branches_and_progress_reports_pictures_not_learned_from():
    generator, codes, labels = labelled(4, seed=1)
    options = FitOptions(num_members=2, hidden=(8, 4), batch=64, max_steps=20, check_every=10)
    looks = []

    first, second = (
        fit_branch(
            generator.synthesis,
            codes,
            labels,
            num_parts=4,
            options=options,
            generator=torch.Generator().manual_seed(7),
            on_progress=looks.append,
        )
        for _ in range(2)
    )

    states = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)
    assert [look.step for look in looks] == [10, 20, 10, 20]
    assert all(0 <= look.held_out_miou <= 1 for look in looks)


def test_number_of_parts_comes_from_the_schema_not_from_the_labels():
    generator, codes, labels = labelled(2, seed=1)
    options = FitOptions(num_members=1, hidden=(4, 4), batch=32, max_steps=2, held_out=0)

    branch = fit_branch(
        generator.synthesis, codes, labels.clamp(max=1), num_parts=9, options=options
    )

    assert branch.num_parts == 9


def test_codes_without_label_maps_are_refused():
    generator, codes, labels = labelled(3, seed=1)

    with pytest.raises(ShapeMismatchError):
        fit_branch(generator.synthesis, codes, labels[:2], num_parts=4)


def test_miou_by_hand():
    predicted = torch.tensor([[[0, 0], [1, 1]]])
    labels = torch.tensor([[[0, 1], [1, 1]]])

    mean, each = miou(predicted, labels, num_parts=3)

    assert each[:2].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert each[2].isnan()
    assert mean == pytest.approx(7 / 12)
