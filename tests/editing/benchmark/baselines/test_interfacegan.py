"""The separating direction, on codes whose attributes are known."""

import pytest
import torch

from editing.benchmark.baselines import interfacegan
from editing.errors import ShapeMismatchError

# Smiling goes with column 0, age with column 1; smiles are commoner among the old.
GENERATOR = torch.Generator().manual_seed(0)
CODES = torch.randn(600, 6, generator=GENERATOR)
SMILE = CODES[:, 0] + 0.6 * CODES[:, 1]
AGE = CODES[:, 1]


def test_the_boundary_of_an_attribute_is_across_its_column():
    found = interfacegan.boundary(CODES, AGE, share=0.2, regularization=1.0)

    assert float(found.normal.norm()) == pytest.approx(1)
    assert float(found.normal[1]) > 0.97
    assert found.accuracy > 0.95


def test_conditioning_leaves_the_other_attribute_alone():
    plain = interfacegan.fit(CODES, SMILE[:, None])
    conditioned = interfacegan.fit(CODES, torch.stack([SMILE, AGE], dim=1))

    def share_of_age(direction: interfacegan.Direction) -> float:
        return abs(float(direction.offset[1] / direction.offset.norm()))

    assert share_of_age(plain) > 0.4
    assert share_of_age(conditioned) < 0.15


def test_what_lies_in_the_plane_of_two_conditions_is_taken_away():
    normal = torch.tensor([1.0, 1.0, 1.0]) / 3**0.5
    # Not at right angles to one another: subtracting one by one would leave a rest.
    others = [torch.tensor([1.0, 0.0, 0.0]), torch.tensor([1.0, 1.0, 0.0]) / 2**0.5]

    rest = interfacegan.condition(normal, others)

    assert torch.allclose(rest, torch.tensor([0.0, 0.0, 1.0]), atol=1e-6)


def test_strength_one_crosses_from_one_class_to_the_other():
    direction = interfacegan.fit(CODES, SMILE[:, None])
    low, high = interfacegan.extremes(SMILE, 0.2)
    normal = direction.offset / direction.offset.norm()

    moved = interfacegan.edit(CODES[low][:, None], direction, 1.0)[:, 0]

    gap = float((CODES[high].mean(dim=0) - moved.mean(dim=0)) @ normal)
    assert gap == pytest.approx(0, abs=1e-4)


def test_scores_of_other_pictures_are_refused():
    with pytest.raises(ShapeMismatchError, match="600 codes and 5 scores"):
        interfacegan.fit(CODES, SMILE[:5, None])
