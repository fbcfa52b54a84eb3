"""Vectors made of vectors: the sums are right and the lineage says what was done."""

import math

import pytest
import torch

from editing import vectors
from editing.errors import ShapeMismatchError
from editing.optimize import StrengthError
from editing.vectors import EditVector, OtherModelError
from editing.vectors.algebra import LayersError, ProjectionError

PRINT_A, PRINT_B = "a" * 64, "b" * 64


def vector(values, *, part: int = 1, **card) -> EditVector:
    return EditVector(torch.tensor(values), frozenset({part}), card)


def test_scaling_and_combining_are_sums_of_offsets_that_remember_their_parents():
    one = EditVector(torch.ones(2, 3), frozenset({1}))
    two = EditVector(torch.full((2, 3), 2.0), frozenset({2}))

    both = vectors.combine([(one, 2.0), (two, -0.5)])

    assert torch.equal(both.offset, torch.ones(2, 3))
    assert both.parts == {1, 2}
    assert [p["strength"] for p in both.card["lineage"]["parents"]] == [2.0, -0.5]
    assert torch.equal(vectors.scale(one, -1.0).offset, -torch.ones(2, 3))
    with pytest.raises(StrengthError):
        vectors.scale(one, math.nan)
    with pytest.raises(ShapeMismatchError):
        vectors.combine([])


def test_a_negated_vector_undoes_the_edit_and_means_the_opposite():
    smile = vector([[1.0, 2.0]], title="Smile", learned_effect={"lip": [0.1, 0.0, -0.2]})

    frown = vectors.negate(smile)

    assert torch.equal(frown.offset, -smile.offset)
    assert frown.card["learned_effect"] == {"lip": [-0.1, 0.0, 0.2]}
    assert frown.card["lineage"]["operation"] == "negate"
    assert frown.card["lineage"]["parents"][0]["title"] == "Smile"


def test_projecting_out_leaves_nothing_along_the_other_by_hand():
    beard = vector([[3.0, 4.0]], title="Beard")
    hair = vector([[1.0, 0.0]], part=2)

    only = vectors.project_out(beard, hair)

    assert torch.equal(only.offset, torch.tensor([[0.0, 4.0]]))
    assert only.parts == {1}
    assert only.title == "Beard"
    assert [p["strength"] for p in only.card["lineage"]["parents"]] == [1.0, -3.0]


def test_projecting_out_of_zero_or_of_itself_is_refused():
    one = vector([[1.0, 0.0]])

    with pytest.raises(ProjectionError):
        vectors.project_out(one, vector([[0.0, 0.0]]))
    with pytest.raises(ProjectionError) as refusal:
        vectors.project_out(one, vector([[-2.0, 0.0]]))
    assert refusal.value.code == "vector.projection"


def test_restricting_keeps_some_layers_and_says_which():
    late = vectors.restrict(vector([[1.0], [2.0], [3.0]]), [1, 2])

    assert late.offset.tolist() == [[0.0], [2.0], [3.0]]
    assert late.card["layers"] == [1, 2]
    assert late.card["layer_mask"] == [False, True, True]
    for layers in ([], [3], [-1]):
        with pytest.raises(LayersError) as refusal:
            vectors.restrict(vector([[1.0], [2.0], [3.0]]), layers)
        assert refusal.value.code == "vector.layers"


def test_vectors_of_different_generators_do_not_mix():
    one = vector([[1.0]], model={"fingerprint": PRINT_A})
    two = vector([[1.0]], model={"fingerprint": PRINT_B})

    for mix in (
        lambda: vectors.combine([(one, 1), (two, 1)]),
        lambda: vectors.project_out(one, two),
    ):
        with pytest.raises(OtherModelError, match=PRINT_A):
            mix()


def test_a_sum_stands_under_the_licences_of_all_its_parents():
    one = vector([[1.0]], license="CC-BY-4.0")
    two = vector([[1.0]], license="Apache-2.0 OR MIT")

    assert vectors.combine([(one, 1), (one, 1)]).card["license"] == "CC-BY-4.0"
    both = vectors.combine([(one, 1), (two, 1)])
    assert both.card["license"] == "(Apache-2.0 OR MIT) AND CC-BY-4.0"
    assert vectors.from_bytes(vectors.to_bytes(both)).card == both.card


def test_a_parent_without_licence_leaves_no_sum_free_to_use_under_the_other_s_alone():
    said = vector([[1.0]], license="CC-BY-4.0")
    silent, unknown = vector([[2.0]]), vector([[2.0]], license="LicenseRef-unknown")

    mixed = vectors.combine([(said, 1), (silent, 1)])

    assert mixed.card["license"] == "CC-BY-4.0 AND LicenseRef-unknown"
    assert (
        vectors.project_out(vector([[1.0, 1.0]], license="MIT"), vector([[1.0, 0.0]])).card[
            "license"
        ]
        == "LicenseRef-unknown AND MIT"
    )
    assert "license" not in vectors.scale(silent, 2).card
    assert vectors.combine([(silent, 1), (unknown, 1)]).card["license"] == "LicenseRef-unknown"


def test_figures_measured_on_a_parent_are_not_the_child_s():
    measured = vector([[1.0]], calibration={"success": 1.0}, signature={}, valid_range=[-2, 2])

    assert (
        not {"calibration", "signature", "valid_range"} & vectors.scale(measured, 2).card.keys()
    )
