"""Parts of a family: templates, what is refused, and changes that labels survive."""

from dataclasses import replace

import pytest

from editing.families.schema import Part
from editing.own_family import schema
from editing.own_family.schema import OwnSchema

BACKGROUND = Part(0, "background", "Background", "#000000", "scene", is_background=True)
ROOF = Part(3, "roof", "Roof", "#FF0000", "house")
WALL = Part(7, "wall", "Wall", "#00FF00", "house")
HOUSE = OwnSchema(1, (BACKGROUND, ROOF, WALL))


def codes(wrong: OwnSchema) -> set[str]:
    with pytest.raises(schema.SchemaError) as refused:
        schema.check(wrong)
    return {problem.code for problem in refused.value.problems}


@pytest.mark.parametrize("name", schema.templates())
def test_every_template_can_be_used_as_it_is(name):
    schema.check(schema.template(name))


def test_two_parts_of_one_colour_are_refused_by_both_names():
    wrong = OwnSchema(1, (BACKGROUND, ROOF, replace(WALL, color="#ff0000")))

    with pytest.raises(schema.SchemaError, match="Roof and Wall have the colour #FF0000"):
        schema.check(wrong)


def test_everything_wrong_is_named_at_once():
    wrong = OwnSchema(
        1,
        (
            replace(BACKGROUND, is_background=False),
            replace(ROOF, name="Roof!", color="red"),
            replace(WALL, id=255, title="Background"),
        ),
    )

    assert codes(wrong) == {
        "schema.no_background",
        "schema.bad_name",
        "schema.bad_colour",
        "schema.bad_id",
        "schema.same_title",
    }


def test_too_many_parts_too_few_and_background_alone_are_refused():
    many = tuple(
        Part(i, f"part_{i}", f"Part {i}", f"#{i:06X}", "all", is_background=i == 0)
        for i in range(256)
    )

    assert "schema.too_many" in codes(OwnSchema(1, many))
    assert codes(OwnSchema(1, (BACKGROUND,))) == {"schema.too_few"}
    assert codes(OwnSchema(1, (BACKGROUND, replace(ROOF, is_background=True)))) == {
        "schema.only_background"
    }


def test_ids_keep_their_gaps_here_and_count_up_in_a_bundle():
    compact, table = HOUSE.compact("houses")

    assert [part.name for part in compact.parts] == ["background", "roof", "wall"]
    assert [part.id for part in compact.parts] == [0, 1, 2]
    assert (table[0], table[3], table[7], table[5], table[255]) == (0, 1, 2, 255, 255)
    assert HOUSE.free_id(taken=[9]) == 10


def test_removed_parts_become_what_was_said_or_the_change_is_refused():
    without_roof = OwnSchema(1, (BACKGROUND, WALL))

    table = schema.change(HOUSE, without_roof, into={3: 7})

    assert (table[3], table[7], table[0], table[255]) == (7, 7, 0, 255)
    assert schema.change(HOUSE, without_roof, into={3: None})[3] == 255
    with pytest.raises(schema.RemovedPartError, match="Roof was removed"):
        schema.change(HOUSE, without_roof, into={})
    with pytest.raises(schema.RemovedPartError, match="not in the new list"):
        schema.change(HOUSE, without_roof, into={3: 3})


def test_a_list_written_by_hand_gets_ids_and_titles_and_nonsense_is_refused():
    read = OwnSchema.from_json(
        {
            "parts": [
                {"name": "sky", "color": "#0000FF"},
                {"name": "old_tree", "color": "#00FF00"},
            ]
        }
    )

    assert [(part.id, part.title) for part in read.parts] == [(0, "Sky"), (1, "Old Tree")]
    assert OwnSchema.from_json(HOUSE.to_json()) == HOUSE
    later = OwnSchema.from_json(
        {"parts": [{"name": n, "color": "#123456"} for n in ("wall", "door", "background")]},
        known=HOUSE,
    )
    assert [part.id for part in later.parts] == [7, 8, 0], "names keep their ids"
    building = schema.adopted(schema.template("building"), HOUSE)
    ids = {part.name: part.id for part in building.parts}
    assert (ids["roof"], ids["wall"], ids["background"]) == (3, 7, 0)
    assert min(ids[name] for name in ids if name not in ("roof", "wall", "background")) == 8
    with pytest.raises(schema.SchemaError, match="no list of parts"):
        OwnSchema.from_json({"parts": ["roof"]})
