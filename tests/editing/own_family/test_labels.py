"""Label maps: what is refused, what follows a change of parts, and what is ready."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from editing.own_family import labels, project
from editing.own_family.schema import OwnSchema
from tests.editing.own_family.conftest import SCHEMA, label, proposed


def png(ids: np.ndarray) -> bytes:
    return labels.to_png(ids, SCHEMA)


def colours() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, format="PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("sample", "data", "code", "says"),
    [
        (0, png(np.zeros((8, 16), np.uint8)), "labels.size", "16 x 8; label maps .* 16 x 16"),
        (0, png(np.full((16, 16), 9, np.uint8)), "labels.unknown_part", "first at .* id 9"),
        (0, colours(), "labels.unreadable", "stores colours"),
        (0, b"no picture", "labels.unreadable", "no picture"),
        (0, png(np.zeros((16, 16), np.uint8))[:60], "labels.unreadable", "damaged|no picture"),
        (24, png(np.zeros((16, 16), np.uint8)), "labels.unknown_sample", "0 to 23"),
    ],
)  # fmt: skip
def test_label_maps_that_cannot_be_are_refused_in_words(family, sample, data, code, says):
    with pytest.raises(Exception, match=says) as refused:
        labels.save_labels(family, sample, data)

    assert refused.value.code == code
    assert labels.labelled(family) == ()


def test_fifteen_of_sixteen_are_not_enough_unless_said_so(family):
    first, *others = proposed(family)
    label(family, others)

    with pytest.raises(labels.TooFewLabelsError, match=f"3 of 4 .* missing: {first}"):
        labels.check_ready(family)

    labels.check_ready(family, allow_fewer=True)


def test_an_empty_label_map_is_named_by_its_sample(labelled_family):
    sample = proposed(labelled_family)[2]

    for value, says in ((255, "nothing:"), (0, "nothing but background")):
        labels.save_labels(labelled_family, sample, png(np.full((16, 16), value, np.uint8)))
        with pytest.raises(labels.EmptyLabelsError, match=f"sample {sample} shows {says}"):
            labels.check_ready(labelled_family)


def test_a_part_that_nobody_painted_is_told(labelled_family):
    more = replace(SCHEMA.parts[1], id=9, name="knob", title="Knob", color="#123456")
    project.set_schema(labelled_family, OwnSchema(1, (*SCHEMA.parts, more)))

    assert any("Nobody has painted Knob" in r for r in labels.check_ready(labelled_family))


def test_labels_follow_a_change_of_parts_and_former_ones_stay(labelled_family):
    sample = proposed(labelled_family)[0]
    before = labels.read(labelled_family, sample)
    background, body, top, base = SCHEMA.parts
    renamed = replace(body, name="middle", title="Middle", color="#ABCDEF")
    fresh = OwnSchema(1, (background, base, renamed))

    with pytest.raises(project.schemas.RemovedPartError):
        project.set_schema(labelled_family, fresh)
    assert (labels.read(labelled_family, sample) == before).all()
    kept = project.set_schema(labelled_family, fresh, into={top.id: base.id})

    after = labels.read(labelled_family, sample)
    assert kept.version == 2
    assert (after == before.where(before != top.id, base.id)).all()
    former = labelled_family / "former" / "1"
    with Image.open(former / "labels" / f"{sample:03d}.png") as picture:
        assert (np.array(picture) == before.numpy()).all()
