"""Edit vectors: arithmetic, files, what they refuse, what measuring says."""

import json
import math
import struct

import pytest
import torch

from editing import vectors
from editing.errors import NotFiniteError, ShapeMismatchError
from editing.optimize import StrengthError
from editing.vectors import EditVector, OtherFamilyError, PartEffect, VectorFileError
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


def test_a_file_gives_back_the_vector_and_equal_vectors_are_equal_bytes(tmp_path):
    bundle = tiny_bundle()
    vector = learned(bundle)

    vectors.save(vector, tmp_path / "one.safetensors")
    back = vectors.load(tmp_path / "one.safetensors")

    assert torch.equal(back.offset, vector.offset)
    assert back.parts == vector.parts
    assert back.card == vector.card
    assert vectors.to_bytes(back) == vectors.to_bytes(learned(tiny_bundle()))


def test_content_hash_is_that_of_the_little_endian_floats():
    vector = EditVector(torch.tensor([[1.0, -2.0]]), frozenset({3}))

    import hashlib

    assert vector.content_hash == hashlib.sha256(struct.pack("<2f", 1.0, -2.0)).hexdigest()


def changed(data: bytes, change) -> bytes:
    """Return the file with its header passed through `change`."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def test_files_that_are_no_edit_vectors_are_refused():
    data = vectors.to_bytes(EditVector(torch.ones(2, 3), frozenset({1})))

    def other_format(header):
        header["__metadata__"]["format"] = "editvector/9"

    def second_tensor(header):
        header["more"] = {"dtype": "F32", "shape": [0], "data_offsets": [24, 24]}

    def no_card(header):
        del header["__metadata__"]["card"]

    bad = [b"", b"not a vector at all", data[:-1], struct.pack("<Q", 1 << 40) + data[8:]]
    bad += [changed(data, change) for change in (other_format, second_tensor, no_card)]
    for content in bad:
        with pytest.raises(VectorFileError):
            vectors.from_bytes(content)


def test_an_offset_swapped_under_its_card_is_refused():
    data = bytearray(vectors.to_bytes(EditVector(torch.ones(2, 3), frozenset({1}))))
    data[-4:] = struct.pack("<f", 7.0)

    with pytest.raises(VectorFileError, match="not the one"):
        vectors.from_bytes(bytes(data))


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e6])
def test_offsets_that_nobody_could_apply_are_refused(value):
    with pytest.raises(NotFiniteError):
        EditVector(torch.full((2, 3), value), frozenset({1}))


def test_offsets_in_a_file_are_checked_too():
    data = bytearray(vectors.to_bytes(EditVector(torch.ones(2, 3), frozenset({1}))))
    data[-4:] = struct.pack("<f", math.nan)

    with pytest.raises(NotFiniteError):
        vectors.from_bytes(bytes(data))


def test_a_vector_of_another_family_or_shape_is_refused_and_a_stranger_is_untested():
    bundle, other = tiny_bundle(0), tiny_bundle(1)
    vector = learned(bundle)
    foreign = {**vector.card, "model": {**vector.card["model"], "family": "cars"}}

    assert vectors.compatibility(bundle, vector) == "same"
    assert vectors.compatibility(other, vector) == "untested"
    with pytest.raises(OtherFamilyError):
        vectors.compatibility(bundle, EditVector(vector.offset, vector.parts, foreign))
    with pytest.raises(OtherFamilyError):
        vectors.compatibility(bundle, EditVector(torch.ones(5, 12), frozenset({1})))


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


def test_measuring_sees_strength_one_on_every_probe():
    bundle = tiny_bundle()
    vector = learned(bundle)

    card = vectors.measure(bundle, vector, num_strips=2)

    assert card.num_probes == 4
    assert card.strips.shape == (2, 5, 3, 16, 16)
    assert torch.allclose(card.strips[0, 2], bundle.render(bundle.probes[:1])[0], atol=1e-5)
    edited = bundle.render(vectors.apply(bundle.probes[1:2], [(vector, 2.0)]))
    assert torch.allclose(card.strips[1, 4], edited[0], atol=1e-5)
    assert 0 <= card.success <= 1
    assert 0 <= card.locality <= 1
    assert card.valid_range[0] <= 0 <= card.valid_range[1]
    json.dumps(card.to_json(), allow_nan=False)


def test_a_zero_vector_changes_nothing_and_a_large_one_leaks():
    bundle = tiny_bundle()
    nothing = EditVector(torch.zeros(6, 12), frozenset({1}))
    large = EditVector(torch.full((6, 12), 3.0), frozenset({1}))

    quiet, loud = (vectors.measure(bundle, vector) for vector in (nothing, large))

    assert quiet.outside_change == 0
    assert quiet.valid_range == (-2.0, 2.0)
    assert loud.outside_change > 0.02
    assert loud.valid_range != (-2.0, 2.0)


def test_success_is_the_share_of_probes_that_change_as_learned():
    bundle = tiny_bundle()
    vector = learned(bundle)
    opposite = EditVector(-vector.offset, vector.parts, vector.card)

    forward = vectors.measure(bundle, vector).success
    backward = vectors.measure(bundle, opposite).success

    assert forward > backward


def test_signature_has_fixed_length_and_length_one():
    effects = {"mouth": PartEffect(0.01, 0.0, -0.1)}

    values = vectors.signature(effects, ["hair", "mouth"])

    assert values[:3] == [0, 0, 0]
    assert values[3:] == pytest.approx([0.1 / math.hypot(0.1, 0.1), 0, -math.sqrt(0.5)])
