"""Edit vectors in files: deterministic, checked against the schema, nothing else gets in."""

import json
import math
import struct
from pathlib import Path

import pytest
import torch

from editing import vectors
from editing.errors import NotFiniteError
from editing.vectors import EditVector, VectorCardError, VectorFileError
from editing.vectors.card import published_schema
from tests.factories.networks import tiny_bundle, tiny_codes


def learned(bundle) -> EditVector:
    before, after = tiny_codes(bundle.generator, 2, seed=9).split(1)
    return vectors.make(bundle, before, after, parts=frozenset({1, 2}), title="Other")


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

    def endless_part(header):
        card = json.loads(header["__metadata__"]["card"]) | {"part_ids": [math.inf]}
        header["__metadata__"]["card"] = json.dumps(card)

    bad = [b"", b"not a vector at all", data[:-1], struct.pack("<Q", 1 << 40) + data[8:]]
    bad += [
        changed(data, change) for change in (other_format, second_tensor, no_card, endless_part)
    ]
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


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("margin", -1),
        ("space", "z"),
        ("license", "ask me; really?"),
        ("valid_range", [0, "much"]),
        ("model", {"fingerprint": "abc"}),
        ("calibration", {"locality": 2.0}),
        ("signature", {"layout": "effect/1", "values": [1.0]}),
        ("lineage", {"parents": [{"content_hash": "abc"}]}),
    ],
)
def test_a_card_field_of_the_wrong_kind_is_refused_by_name(field, value):
    vector = EditVector(torch.ones(2, 3), frozenset({1}), {field: value})

    def wrong(header):
        card = json.loads(header["__metadata__"]["card"]) | {field: value}
        header["__metadata__"]["card"] = json.dumps(card)

    plain = EditVector(vector.offset, vector.parts)
    with pytest.raises(VectorCardError, match=field) as refusal:
        vectors.from_bytes(changed(vectors.to_bytes(plain), wrong))
    with pytest.raises(VectorCardError, match=field):
        vectors.to_bytes(vector)  # nobody could read it back

    assert refusal.value.code == "vector.card"


def test_unknown_fields_of_newer_files_are_kept():
    vector = EditVector(torch.ones(2, 3), frozenset({1}), {"mood": "sunny"})

    assert vectors.from_bytes(vectors.to_bytes(vector)).card == {"mood": "sunny"}


def test_a_header_nested_a_hundred_thousand_deep_is_refused():
    text = b"[" * 100_000

    with pytest.raises(VectorFileError):
        vectors.from_bytes(struct.pack("<Q", len(text)) + text + bytes(24))


def test_the_published_schema_is_the_one_that_files_are_checked_against():
    stored = Path("docs/formats/editvector-1.schema.json").read_text(encoding="utf-8")

    assert stored == published_schema(), "run `python -m editing vector schema`"
