"""Part schemas: ids, round trips, and colours that everybody can tell apart."""

import pytest
import torch

from editing import families
from editing.families.schema import Part, PartSchema
from tests.editing.families.sight import SIGHTS, distances

# Neighbours that one kind of colour blindness sees closer than 0.10, with the palette as
# the interface fixes it. The contour and the pattern of each part tell them apart.
CLOSE_NEIGHBOURS = {
    ("no blue cones", "skin", "iris"),
    ("no red cones", "nose", "beard"),
}


def test_ids_count_up_in_order_and_names_are_unique() -> None:
    part = Part(id=1, name="skin", title="Skin", color="#000000", group="face")

    with pytest.raises(ValueError, match="count up"):
        PartSchema(family="f", version=1, parts=(part,))
    with pytest.raises(ValueError, match="differ"):
        PartSchema(family="f", version=1, parts=(Part(0, "skin", "", "#000000", ""), part))


def test_a_schema_survives_json() -> None:
    schema = families.get("portraits").schema

    again = PartSchema.from_json(schema.to_json())

    assert again == schema
    assert again.background == frozenset({0})
    assert again.id_of("headwear") == 19
    assert again.palette()[0] == (0x2E, 0x3B, 0x74)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(KeyError):
        families.get("portraits").schema.id_of("beak")


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(KeyError):
        families.get("spaceships")


@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_colours_of_the_palette_differ_to_every_sight(sight: str) -> None:
    palette = families.get("portraits").schema.palette()

    apart = distances(palette, sight=sight) + torch.eye(len(palette))

    assert float(apart.min()) >= 0.059


def test_parts_that_touch_differ_clearly_to_every_sight() -> None:
    portraits = families.get("portraits")
    factors = portraits.factors.sample(300, torch.Generator().manual_seed(0))
    labels = portraits.render(factors, size=64).labels.long()
    count = len(portraits.schema)
    touching = torch.zeros(len(labels), count * count)
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[:, :, 1:], labels[:, :, :-1])):
        touching.scatter_(1, (a * count + b).flatten(1), 1.0)
    touching = touching.view(-1, count, count)
    share = torch.maximum(touching, touching.transpose(1, 2)).mean(0)

    close = {
        (sight, portraits.schema.parts[i].name, portraits.schema.parts[j].name)
        for sight in SIGHTS
        for i, j in (distances(portraits.schema.palette(), sight=sight) < 0.10).nonzero()
        if i < j and share[i, j] >= 0.06
    }

    assert close == CLOSE_NEIGHBOURS
