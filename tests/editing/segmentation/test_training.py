"""A branch learns parts from a handful of labelled codes."""

import pytest
import torch

from editing.errors import ShapeMismatchError
from editing.segmentation import training
from editing.segmentation.training import UNLABELLED, FitOptions, fit_branch, miou
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


def test_pixels_that_nobody_labelled_neither_teach_nor_count():
    generator, codes, labels = labelled(4, seed=1)
    hidden, other = labels.clone(), labels.clone()
    hidden[:, :, 8:] = UNLABELLED
    # Had it been looked at, the third part would be learned instead.
    other[:, :, 8:] = 2
    other[:, :, 8:][hidden[:, :, 8:] == UNLABELLED] = UNLABELLED
    options = FitOptions(num_members=2, hidden=(8, 4), batch=64, max_steps=6, check_every=3)

    first, second = (
        fit_branch(generator.synthesis, codes, maps, num_parts=4, options=options)
        for maps in (hidden, other)
    )

    assert torch.equal(first.first_weight, second.first_weight)
    half, _ = miou(labels, hidden, num_parts=4)
    assert half == 1.0


def test_taps_in_a_file_teach_the_same_as_taps_in_memory(monkeypatch):
    generator, codes, labels = labelled(3, seed=1)
    options = FitOptions(num_members=2, hidden=(8, 4), batch=64, max_steps=4, check_every=2)
    in_memory = fit_branch(generator.synthesis, codes, labels, num_parts=4, options=options)

    monkeypatch.setattr(training, "TAPS_IN_MEMORY", 0)
    in_file = fit_branch(generator.synthesis, codes, labels, num_parts=4, options=options)

    assert torch.equal(in_memory.first_weight, in_file.first_weight)


def test_taps_are_kept_in_half_precision_at_their_own_resolution():
    generator, codes, _ = labelled(3, seed=1)

    kept = training.native_taps(generator.synthesis, codes)

    exact = generator.synthesis(codes, with_taps=True).taps
    for rows, tap, (side, channels) in zip(
        kept, exact, generator.synthesis.tap_shapes, strict=True
    ):
        assert rows.shape == (3 * side * side, channels)
        assert rows.dtype == torch.float16
        cells = tap.permute(0, 2, 3, 1).reshape(-1, channels)
        assert torch.allclose(rows.float(), cells, rtol=1e-3, atol=1e-3)
    total = sum(rows.numel() * 2 for rows in kept)
    assert training.taps_bytes(generator.synthesis.tap_shapes, 3, torch.float16) == total


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("num_parts", [20, 32])
def test_sixteen_pictures_at_full_width_are_expected_to_fit_into_four_gib(size, num_parts):
    sides = [4 << i for i in range(size.bit_length() - 2)]
    shapes = [(side, min(32768 // side, 512)) for side in sides for _ in range(2)]
    options = FitOptions(num_members=10, hidden=(256, 128) if num_parts == 32 else (128, 32))

    needed = training.fit_bytes(shapes, num=16, num_parts=num_parts, side=size, options=options)

    taps = training.taps_bytes(shapes, 16, torch.float16)
    assert taps < needed < 3.5 * 2**30  # half a GiB is the libraries' and the generator's
    if size == 512:
        assert taps / 16 == pytest.approx(123 * 2**20, rel=0.01)


def test_a_part_of_the_members_answers_as_they_do_among_all():
    generator, codes, labels = labelled(4, seed=1)
    options = FitOptions(num_members=3, hidden=(8, 4), batch=64, max_steps=6, check_every=3)
    branch = fit_branch(generator.synthesis, codes, labels, num_parts=4, options=options)
    taps = generator.synthesis(codes[:1], with_taps=True).taps

    two = branch.only([2, 0]).logits(taps, size=16)

    each = branch.member_maps(taps, size=16)
    assert torch.allclose(two, (each[2] + each[0]) / 2, atol=1e-5)
    labels_too, doubt = branch.predict_with_uncertainty(taps, size=16)
    assert torch.equal(labels_too, branch.predict(taps, size=16))
    assert torch.equal(doubt, branch.uncertainty(taps, size=16))


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
