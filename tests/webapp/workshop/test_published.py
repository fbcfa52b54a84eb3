"""A published family is its team's: everywhere a name of a bundle is accepted."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import rows
from tests.factories.own_families import read, send
from tests.webapp.workshop.conftest import Workshop
from webapp.accounts import services as accounts
from webapp.families import selectors as families
from webapp.images import services as images
from webapp.images import sharing
from webapp.images.models import Access, Image
from webapp.library import exchange
from webapp.library import selectors as library
from webapp.library import services as vectors

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def published(publishable: Workshop, publish: Any) -> tuple[Workshop, str]:
    return publishable, publish(publishable)


def names(browser: Any) -> list[str]:
    return [family["name"] for family in read(browser, "/families")]


def add_image(browser: Any, bundle: str) -> Any:
    file = SimpleUploadedFile("a.png", rows.picture_bytes(), content_type="image/png")
    return browser.post("/api/images", {"file": file, "name": "New", "bundle": bundle})


def a_vector(workshop: Workshop, bundle: str) -> Any:
    offset = np.zeros((rows.LAYERS, rows.W_DIM), np.float32)
    offset[0, 0] = 1
    return vectors.save_edit_vector(
        actor=workshop.who.owner, team=workshop.who.team, bundle=bundle, offset=offset,
        parts=[1], margin=5, learned_from={}, title="Ears", description="", tags=[], now=NOW,
    )  # fmt: skip


def test_members_are_offered_it_and_strangers_are_not(
    published: tuple[Workshop, str],
) -> None:
    workshop, name = published

    assert names(workshop.browser) == ["tiny-16", name]
    assert names(rows.client(workshop.who.teammate)) == ["tiny-16", name]
    assert names(rows.client(workshop.who.stranger)) == ["tiny-16"]


def test_its_card_says_where_it_comes_from_and_how_good_it_is(
    published: tuple[Workshop, str],
) -> None:
    workshop, name = published

    card = read(workshop.browser, f"/families/{name}")

    assert (card["title"], card["source"], card["num_labels"]) == ("Our foxes", "checkpoint", 3)
    assert card["figures"] == {"inversion_psnr_db": 24.0}
    assert card["sentences"] == ["Made here."]
    assert len(card["sample_urls"]) == 1
    assert card["made_by"]["name"] == "Olive Owner"


def test_a_stranger_gets_the_answer_for_an_unknown_family(
    published: tuple[Workshop, str],
) -> None:
    workshop, name = published
    stranger = rows.client(workshop.who.stranger)

    def said(answer: Any, of: str) -> str:
        return json.dumps(answer.json()).replace(of, "NAME")

    nobody = "no-such-family"
    assert said(stranger.get(f"/api/families/{name}"), name) == said(
        stranger.get(f"/api/families/{nobody}"), nobody
    )
    refused, unknown = add_image(stranger, name), add_image(stranger, nobody)
    assert refused.status_code == 404
    assert said(refused, name) == said(unknown, nobody)


def test_a_member_uploads_pictures_of_it(published: tuple[Workshop, str]) -> None:
    workshop, name = published

    assert add_image(rows.client(workshop.who.teammate), name).status_code == 201


def test_it_begins_the_gallery_with_a_few_pictures(published: tuple[Workshop, str]) -> None:
    workshop, name = published

    (image,) = read(workshop.browser, "/images")["items"]

    assert (image["bundle"], image["name"]) == (name, "Our foxes 1")


def test_who_leaves_the_team_leaves_its_families(published: tuple[Workshop, str]) -> None:
    workshop, name = published
    who = workshop.who
    accounts.remove_member(
        actor=who.owner, team_id=who.team.pk, user_id=who.teammate.pk, now=rows.NOW
    )

    browser = rows.client(who.teammate)

    assert names(browser) == ["tiny-16"]
    assert browser.get(f"/api/families/{name}").status_code == 404


def test_a_member_of_two_teams_does_not_carry_it_into_the_other(
    published: tuple[Workshop, str],
) -> None:
    workshop, name = published
    who = workshop.who
    accounts.add_member(team=who.other_team, user=who.teammate)
    browser = rows.client(who.teammate)
    send(browser, "/session/team", {"team_id": str(who.other_team.pk)}, method="PUT")
    vector = a_vector(workshop, name)

    assert add_image(browser, name).status_code == 404
    fork = browser.post(
        f"/api/edit-vectors/{vector.pk}/fork", "{}", content_type="application/json"
    )
    assert (fork.status_code, fork.json()["code"]) == (404, "families.unknown")


def test_a_guest_of_one_picture_sees_the_parts_of_its_family_and_no_more(
    published: tuple[Workshop, str],
) -> None:
    workshop, name = published
    who = workshop.who
    image = Image.objects.get(bundle=name)
    link = sharing.share(
        actor=who.owner, image_id=image.pk, access=Access.EDIT, days=1,
        now=datetime.now(UTC),
    )  # fmt: skip
    sharing.open_link(actor=who.stranger, secret=sharing.secret_of(link))
    browser = rows.client(who.stranger)

    assert names(browser) == ["tiny-16", name]
    assert add_image(browser, name).status_code == 404

    sharing.unshare(actor=who.owner, share_id=link.pk, now=datetime.now(UTC))
    assert names(browser) == ["tiny-16"]


def test_its_edit_vectors_are_saved_found_and_stay_in_the_team(
    published: tuple[Workshop, str],
) -> None:
    workshop, name = published
    vector = a_vector(workshop, name)
    found = read(workshop.browser, f"/edit-vectors?bundle={name}")
    hidden = read(rows.client(workshop.who.stranger), f"/edit-vectors?bundle={name}")
    refused = workshop.browser.post(
        f"/api/edit-vectors/{vector.pk}/publish", "{}", content_type="application/json"
    )

    assert [entry["id"] for entry in found["items"]] == [str(vector.pk)]
    assert hidden["items"] == []
    assert (refused.status_code, refused.json()["code"]) == (409, "library.own_family")


def test_a_file_of_its_vectors_is_foreign_to_other_teams(
    published: tuple[Workshop, str], settings: Any
) -> None:
    workshop, name = published
    path = settings.FAMILIES_DIR / name / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "fingerprint": "a" * 64}))
    card = {"model": {"fingerprint": "a" * 64, "bundle": name}}

    assert exchange.bundle_of(card, team_id=workshop.who.team.pk).name == name
    with pytest.raises(exchange.OtherModelFileError):
        exchange.bundle_of(card, team_id=workshop.who.other_team.pk)


def test_publishing_again_makes_a_version_beside_the_one_that_pictures_have(
    published: tuple[Workshop, str], publish: Any
) -> None:
    workshop, first = published
    second = publish(workshop)

    offers = {each["name"]: each for each in read(workshop.browser, "/families")}

    assert (first[:-3], second) == (second[:-3], f"{first[:-1]}2")
    assert offers[first]["family"] == offers[second]["family"]
    assert (offers[first]["is_newest"], offers[second]["is_newest"]) == (False, True)
    assert {image.bundle for image in Image.objects.all()} == {first, second}


def test_vectors_of_one_version_are_applied_to_pictures_of_the_next(
    published: tuple[Workshop, str], publish: Any
) -> None:
    from webapp.jobs.contract import VectorUse

    workshop, first = published
    second = publish(workshop)
    version = a_vector(workshop, first).current_version
    assert version is not None
    use = VectorUse(edit_vector_version_id=version.pk, strength=1.0)

    library.check_stack(workshop.who.owner, bundle=second, stack=(use,))


def test_a_folder_without_a_row_is_offered_to_nobody(
    publishable: Workshop, settings: Any
) -> None:
    rows.write_manifest(settings.FAMILIES_DIR, name="left-behind-v1", family="left-behind")

    assert names(publishable.browser) == ["tiny-16"]
    assert add_image(publishable.browser, "left-behind-v1").status_code == 404


def test_a_family_whose_folder_is_gone_is_left_out_and_the_log_says_so(
    published: tuple[Workshop, str], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    workshop, name = published
    (settings.FAMILIES_DIR / name / "manifest.json").unlink()

    assert names(workshop.browser) == ["tiny-16"]
    assert name in caplog.text


def test_a_name_that_climbs_out_of_the_folder_is_unknown(
    published: tuple[Workshop, str],
) -> None:
    for name in ("../secret", "..", "", "a/b", ".hidden"):
        with pytest.raises(families.UnknownBundleError):
            families.get(name)


def test_a_picture_of_it_goes_on_through_the_studio(published: tuple[Workshop, str]) -> None:
    workshop, name = published
    image = Image.objects.get(bundle=name)

    job = images.start_edit(
        actor=workshop.who.teammate, image_id=image.pk, base_revision_id=image.head_id,
        label_map=rows.labels_png(rows.labels(hair_rows=9)), steps=3, frozen_seq=0, now=NOW,
    )  # fmt: skip

    assert job.request["bundle"] == name
