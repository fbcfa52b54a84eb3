"""What an edit vector is made of, and which pictures it may be added to."""

import dataclasses

import pytest
import torch

from editing import vectors
from editing.vectors import EditVector, OtherFamilyError, OtherModelError, TransferError
from tests.factories.networks import tiny_bundle, tiny_codes


def learned(bundle) -> EditVector:
    before, after = tiny_codes(bundle.generator, 2, seed=9).split(1)
    return vectors.make(bundle, before, after, parts=frozenset({1, 2}), title="Other")


def test_a_vector_leads_from_one_code_to_the_other():
    bundle = tiny_bundle()
    before, after = tiny_codes(bundle.generator, 2, seed=9).split(1)

    vector = vectors.make(bundle, before, after, parts=frozenset({1}), title="Other")

    assert torch.allclose(vectors.apply(before, [(vector, 1.0)]), after, atol=1e-6)
    assert torch.equal(vectors.apply(before, [(vector, 0.0)]), before)
    assert vector.card["model"]["fingerprint"] == bundle.fingerprint
    assert vector.card["learned_effect"].keys() == {"block_1"}


def test_the_card_says_model_layers_unit_and_licence():
    bundle = tiny_bundle()
    before = tiny_codes(bundle.generator, 1, seed=9)
    after = before.clone()
    after[:, 2:4] += 0.5

    vector = vectors.make(bundle, before, after, parts=frozenset({1}), license="CC0-1.0")

    assert vector.card["layers"] == [2, 3]
    assert vector.card["layer_mask"] == [False, False, True, True, False, False]
    assert vector.card["unit_norm"] == pytest.approx(0.5 * 24**0.5, abs=1e-4)
    assert vector.card["license"] == "CC0-1.0"
    assert vector.card["part_schema_version"] == bundle.schema.version


def test_same_generator_is_told_from_another_of_the_same_shape():
    bundle, other = tiny_bundle(0), tiny_bundle(1)
    vector = learned(bundle)
    bare = EditVector(vector.offset, vector.parts)

    assert vectors.compatibility(bundle, vector) == "same"
    assert vectors.compatibility(other, vector) == "other"
    assert vectors.compatibility(other, bare) == "unknown"


def test_a_vector_of_another_generator_is_refused_with_both_fingerprints():
    bundle, other = tiny_bundle(0), tiny_bundle(1)
    vector = learned(bundle)

    vectors.check(bundle, vector)
    with pytest.raises(OtherModelError) as refusal:
        vectors.check(other, vector)
    with pytest.raises(OtherModelError, match="unknown"):
        vectors.check(other, EditVector(vector.offset, vector.parts))

    assert bundle.fingerprint in str(refusal.value)
    assert other.fingerprint in str(refusal.value)
    assert refusal.value.code == "vector.other_model"


def test_another_family_shape_or_part_cannot_be_added_at_all():
    bundle = tiny_bundle()
    vector = learned(bundle)
    foreign = {**vector.card, "model": {**vector.card["model"], "family": "cars"}}

    for bad in (
        EditVector(vector.offset, vector.parts, foreign),
        EditVector(torch.ones(5, 12), frozenset({1})),
        EditVector(vector.offset, frozenset({300})),
    ):
        with pytest.raises(OtherFamilyError) as refusal:
            vectors.check(bundle, bad)
        assert refusal.value.code == "vector.other_family"


def test_transfer_measures_anew_and_says_where_the_vector_comes_from():
    bundle = tiny_bundle(0)
    vector = vectors.with_card(learned(bundle), vectors.measure(bundle, learned(bundle)))
    # The same weights under another name: whatever it does there, it does here.
    other_print = "0" * 64
    elsewhere = EditVector(
        vector.offset,
        vector.parts,
        {**vector.card, "model": {**vector.card["model"], "fingerprint": other_print}},
    )

    # Random networks leak everywhere, so the limit is not what this is about.
    small = dataclasses.replace(elsewhere, offset=elsewhere.offset * 0.05)
    moved, card = vectors.transfer(bundle, small)

    assert moved.fingerprint == bundle.fingerprint
    assert moved.card["lineage"]["operation"] == "transfer"
    assert moved.card["lineage"]["from_fingerprint"] == other_print
    assert moved.card["calibration"]["num_probes"] == card.num_probes == 4
    vectors.check(bundle, moved)
    assert vectors.from_bytes(vectors.to_bytes(moved)).card == moved.card


def test_transfer_refuses_what_does_something_else_here():
    bundle = tiny_bundle(0)
    vector = learned(bundle)
    opposite = EditVector(-vector.offset, vector.parts, vector.card)

    with pytest.raises(TransferError, match="success") as refusal:
        vectors.transfer(bundle, opposite)

    assert refusal.value.code == "vector.transfer"
