"""The factor space turns noise into factors and factors into codes, and back."""

import pytest
import torch

from editing.families.factor_space import Categorical, Continuous, Factors, FactorSpace

SPACE = FactorSpace(
    factors=(
        Continuous("width", 2.0, 6.0),
        Categorical("hat", ("none", "cap", "crown"), (0.5, 0.3, 0.2)),
        Continuous("tilt", -2.0, 2.0, "normal", mean=0.5, spread=0.5),
        Continuous("open", 0.0, 1.0, "rare", power=2.0),
    )
)


def test_codes_are_standardised_and_options_are_one_hots_times_two() -> None:
    factors = Factors(
        values=torch.tensor([[4.0, 1.0, 1.0, 1 / 3]]), names=("width", "hat", "tilt", "open")
    )

    code = SPACE.encode(factors)

    assert code.shape == (1, SPACE.code_dim) == (1, 6)
    assert code[0, SPACE.columns["hat"].slice].tolist() == [0.0, 2.0, 0.0]
    torch.testing.assert_close(code[0, [0, 4, 5]], torch.tensor([0.0, 1.0, 0.0]))


def test_decoding_a_code_returns_the_factors_it_came_from() -> None:
    drawn = SPACE.sample(50, torch.Generator().manual_seed(0))

    again = SPACE.decode(SPACE.encode(drawn))

    torch.testing.assert_close(again.values, drawn.values)


def test_decoding_stays_within_the_ranges() -> None:
    far = torch.full((1, SPACE.code_dim), 50.0)

    factors = SPACE.decode(far)

    assert factors.get("width").item() == 6.0
    assert factors.get("open").item() == 1.0


def test_the_nearest_option_of_a_choice_is_the_one_that_is_shown() -> None:
    code = torch.zeros(3, SPACE.code_dim)
    code[:, SPACE.columns["hat"].slice] = torch.tensor(
        [[0.9, 0.2, 0.1], [0.1, 1.4, 1.3], [0.0, 0.1, 0.3]]
    )

    assert SPACE.is_option(code, "hat", "cap").tolist() == [False, True, False]
    assert SPACE.is_option(code, "hat", "crown").tolist() == [False, False, True]


def test_a_number_has_no_options_to_ask_for() -> None:
    with pytest.raises(KeyError, match="width is a number"):
        SPACE.options("width")


def test_sampled_codes_have_mean_zero_and_deviation_one() -> None:
    drawn = SPACE.sample(20_000, torch.Generator().manual_seed(1))

    numbers = SPACE.encode(drawn)[:, [0, 4, 5]]

    torch.testing.assert_close(numbers.mean(0), torch.zeros(3), atol=0.03, rtol=0)
    torch.testing.assert_close(numbers.std(0), torch.ones(3), atol=0.03, rtol=0)


def test_options_come_as_often_as_their_probabilities_say() -> None:
    hats = SPACE.sample(20_000, torch.Generator().manual_seed(2)).get("hat")

    shares = torch.bincount(hats.long(), minlength=3) / len(hats)

    torch.testing.assert_close(shares, torch.tensor([0.5, 0.3, 0.2]), atol=0.015, rtol=0)


def test_replacing_a_factor_leaves_the_original_alone_and_unknown_names_are_refused() -> None:
    drawn = SPACE.sample(3, torch.Generator().manual_seed(3))
    before = drawn.values.clone()

    changed = drawn.replace(tilt=1.5)

    assert changed.get("tilt").tolist() == [1.5, 1.5, 1.5]
    assert torch.equal(drawn.values, before)
    with pytest.raises(KeyError):
        drawn.replace(beak=1.0)
    with pytest.raises(KeyError):
        drawn.get("beak")


def test_one_picture_can_be_taken_out_of_a_batch() -> None:
    drawn = SPACE.sample(3, torch.Generator().manual_seed(4))

    assert torch.equal(drawn[1].values, drawn.values[1:2])
    assert torch.equal(drawn[-1].values, drawn.values[2:])
