"""Label maps leave and come back, as PNG and as COCO; what is unsafe or wrong is named."""

import io
import json
import shutil
import zipfile

import numpy as np
import pytest

from editing.own_family import coco, exchange, labels
from editing.training.pictures import UnsafeArchiveError
from tests.editing.own_family.conftest import SCHEMA, proposed


def zipped(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def square(value=1):
    ids = np.zeros((16, 16), np.uint8)
    ids[4:12, 4:12] = value
    return ids


@pytest.mark.parametrize("kind", ["png", "coco"])
def test_what_is_exported_comes_back_the_same(labelled_family, tmp_path, kind):
    samples = proposed(labelled_family)
    before = {sample: labels.read(labelled_family, sample) for sample in samples}

    assert exchange.export_labels(labelled_family, tmp_path / "out.zip", kind=kind) == 4
    shutil.rmtree(labelled_family / "labels")
    found = exchange.import_labels(labelled_family, tmp_path / "out.zip")

    assert found.samples == tuple(sorted(samples))
    assert not found.refused
    assert all((labels.read(labelled_family, s) == ids).all() for s, ids in before.items())


def test_a_bad_label_map_among_good_ones_is_listed_and_the_others_are_taken(family, tmp_path):
    small = np.zeros((8, 8), np.uint8)
    source = zipped(
        tmp_path / "mixed.zip",
        {
            "labels/003.png": labels.to_png(square(), SCHEMA),
            "labels/004.png": labels.to_png(small, SCHEMA),
            "labels/005.png": b"broken",
            "labels/006.png": labels.to_png(np.full((16, 16), 255, np.uint8), SCHEMA),
            "labels/900.png": labels.to_png(square(), SCHEMA),
            "labels/nobody.png": labels.to_png(square(), SCHEMA),
        },
    )

    found = exchange.import_labels(family, source)

    assert found.samples == (3,)
    assert {(each.name.split("/")[1], each.code) for each in found.refused} == {
        ("004.png", "labels.size"),
        ("005.png", "labels.unreadable"),
        ("006.png", "labels.empty"),
        ("900.png", "labels.unknown_sample"),
        ("nobody.png", "labels.unknown_sample"),
    }


def test_a_zip_whose_paths_climb_out_is_refused_whole(family, tmp_path):
    entries = {
        "labels/003.png": labels.to_png(square(), SCHEMA),
        "../../escape.png": b"x",
    }

    with pytest.raises(UnsafeArchiveError, match=r"escape.png.* points outside"):
        exchange.import_labels(family, zipped(tmp_path / "climbs.zip", entries))

    assert labels.labelled(family) == ()


def test_labels_stay_unless_they_are_to_be_replaced(family, tmp_path):
    source = zipped(tmp_path / "a.zip", {"003.png": labels.to_png(square(), SCHEMA)})
    exchange.import_labels(family, source)
    other = zipped(tmp_path / "b.zip", {"003.png": labels.to_png(square(2), SCHEMA)})

    refused = exchange.import_labels(family, other).refused

    assert refused[0].code == "labels.exists"
    assert int(labels.read(family, 3).max()) == 1
    exchange.import_labels(family, other, replace=True)
    assert int(labels.read(family, 3).max()) == 2


def test_parts_of_another_numbering_are_matched_by_name(family, tmp_path):
    theirs = {
        "parts": [
            {"id": 40, "name": "background", "color": "#000000"},
            {"id": 41, "name": "body", "color": "#111111"},
            {"id": 42, "name": "wheels", "color": "#222222"},
        ]
    }
    ids = np.full((16, 16), 40, np.uint8)
    ids[:4], ids[4:6] = 41, 42
    source = zipped(
        tmp_path / "theirs.zip",
        {"labels/001.png": labels.to_png(ids, SCHEMA), "schema.json": json.dumps(theirs)},
    )

    found = exchange.import_labels(family, source)

    taken = labels.read(family, 1)
    assert (taken[:4] == 1).all()
    assert (taken[4:6] == 255).all()
    assert (taken[6:] == 0).all()
    assert "no part for Wheels" in found.warnings[0]


def test_coco_polygons_lie_where_they_are_drawn_and_small_ones_on_top():
    document = {
        "images": [{"id": 1, "file_name": "x/sample_007.png", "width": 16, "height": 16}],
        "categories": [{"id": 5, "name": "Body"}, {"id": 6, "name": "top"}],
        "annotations": [
            {"image_id": 1, "category_id": 6, "segmentation": [[4, 4, 8, 4, 8, 6, 4, 6]]},
            {"image_id": 1, "category_id": 5, "segmentation": [[2, 2, 10, 2, 10, 10, 2, 10]]},
        ],
    }

    maps, refused = coco.read(document, SCHEMA, size=16)

    ids = maps["x/sample_007.png"]
    wanted = np.zeros((16, 16), np.uint8)
    wanted[2:10, 2:10] = 1
    wanted[4:6, 4:8] = 2
    assert (ids == wanted).all()
    assert not refused
    assert coco.sample_of("x/sample_007.png") == 7


def test_compressed_run_lengths_of_the_format_are_read():
    assert coco.decompressed("61X13mN000`0", most=90) == [6, 1, 40, 4, 5, 4, 5, 4, 21]


def test_run_lengths_go_down_columns_and_come_back():
    mask = np.random.default_rng(0).random((16, 16)) > 0.5
    mask[0, 0] = True

    counts = coco.runs(mask)

    assert counts[0] == 0
    found = coco.mask_of({"size": [16, 16], "counts": counts}, size=16)
    assert (found == mask).all()
    assert coco.runs(np.array([[0, 0], [1, 1]], bool)) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [16, 16], "counts": [0, 10**9]},
        {"size": [16, 16], "counts": [-1, 257]},
        {"size": [16, 16], "counts": "61X13mN000`0"},
        {"size": [16, 16], "counts": "ooooooooooooooo"},
        {"size": [99999, 99999], "counts": [99999**2]},
        [[1, 1, 2]],
        [[0, 0, float("nan"), 1, 2, 2]],
        None,
    ],
)
def test_masks_that_leave_the_picture_or_make_no_sense_are_refused(segmentation):
    with pytest.raises(coco.CocoError):
        coco.mask_of(segmentation, size=16)


def test_unknown_categories_and_files_without_labels_are_named(family, tmp_path):
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "dog"}]}
    (tmp_path / "dog.json").write_text(json.dumps(document))
    with pytest.raises(coco.CocoError, match="no parts of this family: dog"):
        exchange.import_labels(family, tmp_path / "dog.json")

    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    (tmp_path / "empty.zip").write_bytes(empty.getvalue())
    with pytest.raises(exchange.ExchangeError, match="holds no label maps"):
        exchange.import_labels(family, tmp_path / "empty.zip")


def test_a_neighbour_lends_its_labels_as_a_start(labelled_family):
    source = proposed(labelled_family)[0]
    target = next(i for i in range(24) if i not in proposed(labelled_family))

    assert exchange.copy_labels(labelled_family, source=source, target=target) == "labels"

    same = labels.read(labelled_family, target) == labels.read(labelled_family, source)
    assert same.all()
    with pytest.raises(exchange.AlreadyLabelledError):
        exchange.copy_labels(labelled_family, source=source, target=target)
