"""Which bundles are offered, read from their manifests alone."""

import json
from pathlib import Path

import pytest

from tests.factories import rows
from webapp.families import selectors

pytestmark = pytest.mark.django_db


def test_a_family_is_shown_with_its_parts(who: rows.People) -> None:
    (shown,) = rows.client(who.owner).get("/api/families").json()

    assert (shown["name"], shown["label_size"], shown["num_layers"]) == ("tiny-16", 16, 6)
    assert [part["name"] for part in shown["parts"]] == [
        "background", "skin", "hair", "glasses",
    ]  # fmt: skip
    assert shown["parts"][0]["is_background"] is True
    assert shown["usual_error"] == [0.01, 0.02, 0.05]


def test_the_card_of_a_shipped_family_shows_the_pictures_of_its_bundle(
    who: rows.People, bundle: Path
) -> None:
    manifest = bundle / "tiny-16" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "samples": ["rosa", "gone", "../manifest"]}))
    (bundle / "tiny-16" / "samples").mkdir()
    picture = rows.picture_bytes(size=(16, 16))
    (bundle / "tiny-16" / "samples" / "rosa.png").write_bytes(picture)
    browser = rows.client(who.stranger)

    (url,) = browser.get("/api/families/tiny-16").json()["sample_urls"]

    assert browser.get(url).content == picture
    assert browser.get("/api/families/tiny-16").json()["sample_urls"] == [url]


def test_families_are_told_to_nobody_without_signing_in() -> None:
    assert rows.client(None).get("/api/families").status_code == 401


def test_a_broken_manifest_is_left_out_and_logged(
    bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (bundle / "broken").mkdir()
    (bundle / "broken" / "manifest.json").write_text(json.dumps({"name": "broken"}))

    assert [info.name for info in selectors.shipped()] == ["tiny-16"]
    assert "broken" in caplog.text


def test_a_new_bundle_is_found_without_a_restart(bundle: Path) -> None:
    selectors.shipped()

    rows.write_manifest(bundle, name="tiny-32")

    assert selectors.get("tiny-32").family == "tiny"


def test_names_and_numbers_of_parts_translate_both_ways() -> None:
    info = selectors.get("tiny-16")

    assert info.part_names([3, 1, 99]) == ("skin", "glasses")
    assert info.part_ids(["glasses", "wheel", "skin"]) == (1, 3)
    assert info.background == {0}


def test_an_unknown_bundle_is_not_found() -> None:
    with pytest.raises(selectors.UnknownBundleError):
        selectors.get("cars-64")


def test_new_pictures_are_of_the_largest_bundle_of_a_shipped_family(
    bundle: Path, who: rows.People
) -> None:
    rows.write_manifest(bundle, name="tiny-32", resolution=32)

    offered = {
        each["name"]: each["is_newest"]
        for each in rows.client(who.owner).get("/api/families").json()
    }

    assert offered == {"tiny-16": False, "tiny-32": True}
    assert [info.name for info in selectors.shipped_for_new_pictures()] == ["tiny-32"]
