"""Parts and label maps: nothing is lost, and nobody overwrites anybody unseen."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pillow

from tests.factories import own_families, rows
from tests.factories.own_families import PARTS, SIZE, label_map, save_label_map, send
from tests.webapp.workshop.conftest import Workshop
from webapp.workshop import parts
from webapp.workshop.parts import UNLABELED

pytestmark = pytest.mark.django_db


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def ids_of(workshop: Workshop, sample: Any) -> "np.ndarray[Any, Any]":
    answer = workshop.browser.get(sample["label"]["url"])
    return np.array(Pillow.open(io.BytesIO(answer.content)))


def put_parts(workshop: Workshop, wish: Any) -> Any:
    return workshop.browser.put(
        f"/api{workshop.place}/schema", json.dumps(wish), content_type="application/json"
    )


# ---- parts -------------------------------------------------------------------------------


def test_parts_keep_their_ids_while_everything_else_about_them_changes(
    labeled: Workshop,
) -> None:
    before = ids_of(labeled, labeled.samples()[0])
    project = labeled.read()
    body = next(part for part in project["parts"] if part["name"] == "body")
    changed = {**body, "name": "fur", "title": "Fur", "color": "#00FF00"}
    others = [part for part in project["parts"] if part["name"] != "body"]

    project = own_families.set_parts(labeled.browser, project, [changed, *others])

    assert [part["id"] for part in project["parts"]] == [1, 0, 2]
    assert np.array_equal(ids_of(labeled, labeled.samples()[0]), before)


def test_the_id_of_a_removed_part_is_never_given_again(with_samples: Workshop) -> None:
    project = with_samples.read()
    without_ears = [part for part in project["parts"] if part["name"] != "ears"]
    project = own_families.set_parts(with_samples.browser, project, without_ears)
    tail = {"name": "tail", "title": "Tail", "color": "#123456"}

    project = own_families.set_parts(with_samples.browser, project, [*project["parts"], tail])

    assert [part["id"] for part in project["parts"]] == [0, 1, 3]


def test_a_painted_part_is_not_removed_before_somebody_says_what_its_pixels_become(
    labeled: Workshop,
) -> None:
    project = labeled.read()
    wish = {
        "schema_version": project["schema_version"],
        "parts": [part for part in project["parts"] if part["name"] != "ears"],
    }
    refused = put_parts(labeled, wish)

    assert refusal(refused) == (409, "schema.removed_part")
    assert "painted in 3 of the label maps" in refused.json()["detail"]

    before = ids_of(labeled, labeled.samples()[0])
    assert put_parts(labeled, {**wish, "merged": {"2": 1}}).status_code == 200
    after = ids_of(labeled, labeled.samples()[0])
    assert np.array_equal(after, np.where(before == 2, 1, before))


def test_pixels_of_a_removed_part_may_become_unlabelled(labeled: Workshop) -> None:
    project = labeled.read()
    wish = {
        "schema_version": project["schema_version"],
        "parts": [part for part in project["parts"] if part["name"] != "ears"],
        "merged": {"2": None},
    }

    assert put_parts(labeled, wish).status_code == 200

    sample = labeled.samples()[0]
    assert (ids_of(labeled, sample) == UNLABELED).any()
    assert sample["label"]["parts_share"][str(UNLABELED)] > 0


def test_two_people_do_not_change_the_parts_unseen(with_samples: Workshop) -> None:
    project = with_samples.read()
    own_families.set_parts(with_samples.browser, project, project["parts"][::-1])

    late = put_parts(
        with_samples,
        {"schema_version": project["schema_version"], "parts": project["parts"]},
    )

    assert refusal(late) == (409, "workshop.schema_changed")


FAULTS = {
    "one colour": [PARTS[0], PARTS[1], {**PARTS[2], "color": PARTS[1]["color"].lower()}],
    "one name": [PARTS[0], PARTS[1], {**PARTS[2], "name": "body"}],
    "one title": [PARTS[0], PARTS[1], {**PARTS[2], "title": " BODY "}],
    "no background": [PARTS[1], PARTS[2]],
    "only background": [PARTS[0], {**PARTS[1], "is_background": True}],
    "one part": [PARTS[0]],
    "nothing": [],
    "a bad name": [PARTS[0], {**PARTS[1], "name": "Front Wheel"}],
    "a bad colour": [PARTS[0], {**PARTS[1], "color": "red"}],
    "no title": [PARTS[0], {**PARTS[1], "title": ""}],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_parts_that_no_family_can_have_are_refused_in_the_engine_s_words(
    with_samples: Workshop, fault: str
) -> None:
    from editing.own_family import schema as engine

    answer = put_parts(
        with_samples,
        {"schema_version": with_samples.read()["schema_version"], "parts": FAULTS[fault]},
    )

    numbered = [{"group": "parts", **part, "id": 3 + i} for i, part in enumerate(FAULTS[fault])]
    with pytest.raises(engine.SchemaError) as caught:
        engine.check(engine.OwnSchema(1, tuple(engine.Part(**part) for part in numbered)))
    assert refusal(answer) == (422, caught.value.code)
    assert answer.json()["detail"] == str(caught.value)
    assert answer.json()["fields"]


def test_the_templates_are_parts_that_a_family_can_have(empty: Workshop) -> None:
    templates = own_families.read(empty.browser, "/family-schema-templates")

    assert len(templates) >= 3
    for template in parts.templates():
        if len(template.parts) > 1:
            parts.check(template.parts)


# ---- saving ------------------------------------------------------------------------------


def test_a_label_map_is_kept_and_read_back(with_samples: Workshop) -> None:
    sample = with_samples.samples()[0]
    data = label_map(1)

    saved = save_label_map(with_samples.browser, sample, data).json()

    assert (saved["label_version"], saved["label"]["is_done"]) == (1, True)
    assert saved["label"]["saved_by"]["name"] == "Olive Owner"
    assert np.array_equal(ids_of(with_samples, saved), np.array(Pillow.open(io.BytesIO(data))))


def test_who_saves_from_an_older_version_is_told_who_was_quicker(
    with_samples: Workshop,
) -> None:
    sample = with_samples.samples()[0]
    mate = rows.client(with_samples.who.teammate)
    assert save_label_map(mate, sample, label_map(1)).status_code == 200

    late = save_label_map(with_samples.browser, sample, label_map(2))

    assert refusal(late) == (409, "workshop.label_changed")
    assert "Theo Mate saved this sample meanwhile" in late.json()["detail"]
    kept = with_samples.samples()[0]
    assert np.array_equal(
        ids_of(with_samples, kept), np.array(Pillow.open(io.BytesIO(label_map(1))))
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (own_families.png(np.zeros((8, 8))), "labels.size"),
        (own_families.png(np.full((SIZE, SIZE), 9)), "labels.unknown_part"),
        (b"not a picture", "labels.unreadable"),
        (rows.picture_bytes(size=(SIZE, SIZE)), "labels.unreadable"),
    ],
)
def test_a_label_map_that_cannot_be_used_is_refused(
    with_samples: Workshop, data: bytes, code: str
) -> None:
    answer = save_label_map(with_samples.browser, with_samples.samples()[0], data)

    assert refusal(answer) == (422, code)
    assert with_samples.samples()[0]["label"] is None


def test_a_label_map_of_nothing_may_be_saved_but_is_not_done(with_samples: Workshop) -> None:
    sample = with_samples.samples()[0]
    nothing = own_families.png(np.zeros((SIZE, SIZE)))

    done = save_label_map(with_samples.browser, sample, nothing)
    saved = save_label_map(with_samples.browser, sample, nothing, is_done=False)

    assert refusal(done) == (422, "labels.empty")
    assert "shows nothing but background" in done.json()["detail"]
    assert saved.json()["label"]["is_empty"] is True


def test_unlabelled_pixels_are_a_label_map_under_way(with_samples: Workshop) -> None:
    ids = np.full((SIZE, SIZE), UNLABELED)
    ids[4:8] = 1

    saved = save_label_map(
        with_samples.browser, with_samples.samples()[0], own_families.png(ids), is_done=False
    )

    assert saved.status_code == 200
    assert saved.json()["label"]["parts_share"]["255"] > 0.5


def test_a_neighbour_s_label_map_is_a_start(labeled: Workshop) -> None:
    first, fourth = labeled.samples()[0], labeled.samples()[3]

    copied = send(
        labeled.browser,
        f"/family-samples/{fourth['id']}/label-map/copy",
        {"version": 0, "from_sample_id": first["id"]},
    )

    assert (copied["label"]["is_done"], copied["is_chosen"]) == (False, True)
    assert np.array_equal(ids_of(labeled, copied), ids_of(labeled, first))


def test_a_prediction_is_a_start_to_be_mended(publishable: Workshop) -> None:
    fifth = publishable.samples()[5]

    copied = send(
        publishable.browser, f"/family-samples/{fifth['id']}/label-map/copy", {"version": 0}
    )

    assert copied["label"]["is_done"] is False
    assert np.array_equal(
        ids_of(publishable, copied), np.array(Pillow.open(io.BytesIO(label_map(3))))
    )


# ---- sharing the work out --------------------------------------------------------------------


def change(browser: Any, sample: Any, **changes: Any) -> Any:
    return browser.patch(
        f"/api/family-samples/{sample['id']}", json.dumps(changes),
        content_type="application/json",
    )  # fmt: skip


def test_a_claimed_sample_is_taken_from_nobody_unasked(with_samples: Workshop) -> None:
    sample, who = with_samples.samples()[4], with_samples.who
    mate = rows.client(who.teammate)

    mine = change(mate, sample, assignee_id=who.teammate.pk)
    theirs = change(with_samples.browser, sample, assignee_id=who.owner.pk)
    taken = change(with_samples.browser, sample, assignee_id=who.owner.pk, take=True)

    assert mine.json()["assignee"]["name"] == "Theo Mate"
    assert mine.json()["is_chosen"] is True
    assert refusal(theirs) == (409, "workshop.claimed")
    assert taken.json()["assignee"]["name"] == "Olive Owner"


def test_who_has_claimed_a_sample_gives_it_back(with_samples: Workshop) -> None:
    sample, who = with_samples.samples()[0], with_samples.who
    change(with_samples.browser, sample, assignee_id=who.owner.pk)

    back = change(with_samples.browser, sample, assignee_id=None)

    assert back.json()["assignee"] is None


def test_samples_are_given_to_editors_of_the_team_alone(with_samples: Workshop) -> None:
    answer = change(
        with_samples.browser, with_samples.samples()[0],
        assignee_id=with_samples.who.stranger.pk,
    )  # fmt: skip

    assert refusal(answer) == (422, "workshop.not_an_editor")


def test_others_see_who_has_a_sample_open(with_samples: Workshop) -> None:
    sample = with_samples.samples()[0]
    mate = rows.client(with_samples.who.teammate)
    assert mate.post(f"/api/family-samples/{sample['id']}/here").status_code == 204

    shown = with_samples.samples()

    assert [person["name"] for person in shown[0]["here"]] == ["Theo Mate"]
    assert shown[1]["here"] == []


# ---- other programs ------------------------------------------------------------------------


def fetch(workshop: Workshop, form: str) -> bytes:
    answer = workshop.browser.get(f"/api{workshop.place}/labels?form={form}")
    assert answer.status_code == 200
    return answer.content


def give(workshop: Workshop, data: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile("labels.zip", data)
    return workshop.browser.post(f"/api{workshop.place}/labels", {"file": file, **fields})


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("form", ["png", "coco"])
def test_what_is_exported_comes_back_pixel_for_pixel(labeled: Workshop, form: str) -> None:
    before = [ids_of(labeled, sample) for sample in labeled.samples()[:3]]
    data = fetch(labeled, form)
    for sample in labeled.samples()[:3]:
        place = f"/api/family-samples/{sample['id']}/label-map"
        labeled.browser.delete(f"{place}?version={sample['label_version']}")
    assert labeled.samples()[0]["label"] is None

    answer = give(labeled, data)

    assert answer.json() == {"imported": 3, "skipped": []}
    after = labeled.samples()[:3]
    assert all(sample["label"]["is_done"] for sample in after)
    for sample, ids in zip(after, before, strict=True):
        assert np.array_equal(ids_of(labeled, sample), ids)


@pytest.mark.parametrize("form", ["png", "coco"])
def test_the_engine_reads_what_the_platform_exports(
    labeled: Workshop, form: str, tmp_path: Any
) -> None:
    from editing.own_family import coco
    from editing.own_family.schema import OwnSchema

    with zipfile.ZipFile(io.BytesIO(fetch(labeled, form))) as archive:
        names = set(archive.namelist())
        schema = OwnSchema.from_json(json.loads(archive.read("schema.json")))
        assert [part.name for part in schema.parts] == ["background", "body", "ears"]
        if form == "png":
            assert {"labels/000.png", "pictures/000.png"} <= names
            return
        document = json.loads(archive.read("coco.json"))
    maps, problems = coco.read(document, schema, size=SIZE)
    assert not problems
    assert np.array_equal(maps["000.png"], ids_of(labeled, labeled.samples()[0]))


def test_what_cannot_be_imported_is_listed_and_the_rest_is_taken(
    with_samples: Workshop,
) -> None:
    data = zipped(
        {
            "000.png": label_map(0),
            "labels/001.png": own_families.png(np.zeros((4, 4))),
            "099.png": label_map(1),
            "002.png": rows.picture_bytes(size=(SIZE, SIZE)),
            "notes.txt": b"hello",
        }
    )

    answer = give(with_samples, data).json()

    assert answer["imported"] == 1
    reasons = {each["name"]: each["reason"] for each in answer["skipped"]}
    assert set(reasons) == {"001.png", "099.png", "002.png"}
    assert "4 x 4" in reasons["001.png"]
    assert "stores colours" in reasons["002.png"]


def test_a_labelled_sample_stays_as_it_is_unless_it_is_to_be_replaced(
    labeled: Workshop,
) -> None:
    data = zipped({"000.png": label_map(4)})

    kept, replaced = give(labeled, data), give(labeled, data, replace="true")

    assert kept.json()["imported"] == 0
    assert "labelled already" in kept.json()["skipped"][0]["reason"]
    assert replaced.json()["imported"] == 1


@pytest.mark.parametrize("name", ["../000.png", "/etc/000.png", "a/../../000.png", "c:\\0.png"])
def test_a_zip_that_climbs_out_is_refused_whole(with_samples: Workshop, name: str) -> None:
    answer = give(with_samples, zipped({"000.png": label_map(0), name: label_map(1)}))

    assert refusal(answer) == (422, "pictures.unsafe_archive")
    assert with_samples.samples()[0]["label"] is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"what is this", "exchange.unreadable"),
        (b'{"images": 3}', "exchange.coco"),
        (b'{"images": [], "categories": [{"id": 1, "name": "wing"}], '
         b'"annotations": [{"category_id": 1, "image_id": 1}]}', "exchange.coco"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused(
    with_samples: Workshop, data: bytes, code: str
) -> None:
    assert refusal(give(with_samples, data)) == (422, code)


def test_polygons_and_compressed_run_lengths_are_painted(with_samples: Workshop) -> None:
    square = {
        "id": 1, "image_id": 5, "category_id": 2,
        "segmentation": [[4, 4, 11, 4, 11, 11, 4, 11]],
    }  # fmt: skip
    # Column by column: 40 pixels of nothing, 5 of the part, then nothing again.
    rest = SIZE * SIZE - 45
    runs = {
        "id": 2, "image_id": 5, "category_id": 3,
        "segmentation": {"size": [SIZE, SIZE], "counts": _compressed([40, 5, rest])},
    }  # fmt: skip
    document = {
        "images": [{"id": 5, "file_name": "001.png", "height": SIZE, "width": SIZE}],
        "categories": [{"id": 2, "name": "body"}, {"id": 3, "name": "ears"}],
        "annotations": [square, runs],
    }

    answer = give(with_samples, json.dumps(document).encode())

    assert answer.json() == {"imported": 1, "skipped": []}
    ids = ids_of(with_samples, with_samples.samples()[1])
    assert (ids[4:12, 4:12] == 1).all()
    flat = ids.ravel(order="F")
    assert (flat[40:45] == 2).all()
    assert (ids == UNLABELED).sum() == SIZE * SIZE - 64 - 5


def _compressed(runs: list[int]) -> str:
    """Return run lengths as COCO's text, written from its description."""
    text = ""
    for place, run in enumerate(runs):
        value = run - (runs[place - 2] if place > 2 else 0)
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + (bits | (32 if more else 0)))
            if not more:
                break
    return text
