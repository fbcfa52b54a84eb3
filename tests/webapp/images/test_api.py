"""Images over HTTP: who may what, what comes back, and what is refused."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories import rows
from tests.factories.rows import NOW, People
from tests.webapp.library import test_edit_vectors as library
from webapp.images import services
from webapp.images.models import Image, Revision
from webapp.jobs.models import Job
from webapp.library import publications

pytestmark = pytest.mark.django_db


def upload(browser: Client, data: bytes | None = None, **fields: Any) -> Any:
    data = rows.picture_bytes() if data is None else data
    headers = {"Idempotency-Key": fields.pop("key")} if "key" in fields else {}
    body = {"file": SimpleUploadedFile("me.png", data), "name": "Me", "bundle": "tiny-16"}
    return browser.post("/api/images", {**body, **fields}, headers=headers)


def send_painting(browser: Client, image: Image, labels: Any, **fields: Any) -> Any:
    key = fields.pop("key", None)
    data = labels if isinstance(labels, bytes) else rows.labels_png(labels)
    body = {"label_map": SimpleUploadedFile("map.png", data), "steps": 30,
            "base_revision_id": str(image.head_id), "frozen_seq": 7}  # fmt: skip
    return browser.post(
        f"/api/images/{image.pk}/edits", {**body, **fields},
        headers={"Idempotency-Key": key} if key else {},
    )  # fmt: skip


def post(browser: Client, path: str, body: Any, **options: Any) -> Any:
    return browser.post(
        f"/api{path}", json.dumps(body), content_type="application/json", **options
    )


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    assert problem["title"]
    return problem


# ---- who may what ------------------------------------------------------------------------

ENDPOINTS = [
    ("GET", "/images/{image}", None),
    ("PATCH", "/images/{image}", {"name": "New"}),
    ("DELETE", "/images/{image}", None),
    ("POST", "/images/{image}/undelete", None),
    ("POST", "/images/{image}/invert", {"steps": 10}),
    ("GET", "/images/{image}/revisions", None),
    ("POST", "/images/{image}/edits", "painting"),
    ("POST", "/images/{image}/refinements", {"base_revision_id": "{revision}", "stack": [],
                                             "steps": 10}),
    ("POST", "/images/{image}/revisions", {"base_revision_id": "{revision}", "stack": [
        {"edit_vector_version_id": str(uuid4()), "strength": 1}]}),
    ("PATCH", "/revisions/{revision}", {"starred": True}),
    ("POST", "/revisions/{revision}/restore", None),
    ("POST", "/revisions/{revision}/edit-vector", {"title": "Smile", "tags": []}),
]  # fmt: skip


def ask(browser: Client, method: str, path: str, body: Any, image: Image) -> Any:
    names = {"image": image.pk, "revision": image.head_id}
    if body == "painting":
        return send_painting(browser, image, rows.labels(hair_rows=9))
    text = json.dumps(body).replace("{revision}", str(image.head_id)) if body else ""
    return browser.generic(
        method, "/api" + path.format(**names), text, content_type="application/json"
    )


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
def test_a_stranger_finds_nothing_anywhere(
    who: People, method: str, path: str, body: Any
) -> None:
    image = rows.sample(who)

    response = ask(rows.client(who.stranger), method, path, body, image)

    assert response.status_code == 404, response.content
    assert "not shared with you" in response.json()["detail"]
    image.refresh_from_db()
    assert (image.name, image.deleted_at, image.epoch) == ("Ada", None, 1)
    assert not Job.objects.exists()


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
def test_without_signing_in_nothing_is_told(
    who: People, method: str, path: str, body: Any
) -> None:
    image = rows.sample(who)

    assert_problem(ask(rows.client(None), method, path, body, image), 401, "sign_in_required")


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
def test_the_owner_and_the_teammate_may_do_all_but_remove_anothers_picture(
    who: People, method: str, path: str, body: Any
) -> None:
    only_owners = method == "DELETE" or path.endswith("undelete")
    refusals = {
        # a sample has no upload, no parent and no such vector: reached, then refused
        "/images/{image}/invert": 409,
        "/images/{image}/revisions": 404,
        "/revisions/{revision}/edit-vector": 422,
    }
    expected = refusals.get(path, 0) if method == "POST" else 0
    for user in (who.owner, who.teammate):
        image = rows.sample(who)
        response = ask(rows.client(user), method, path, body, image)
        if only_owners and user == who.teammate:
            assert_problem(response, 403, "images.not_yours")
        elif expected:
            assert response.status_code == expected, response.content
        else:
            assert response.status_code in (200, 201, 202, 204), response.content


def test_lists_hold_what_the_team_has_and_nothing_of_others(who: People) -> None:
    image = rows.sample(who)

    for user, expected in ((who.owner, [str(image.pk)]), (who.stranger, [])):
        items = rows.client(user).get("/api/images").json()["items"]
        assert [item["id"] for item in items] == expected
    assert rows.client(who.stranger).get("/api/activity").json() == []


def test_activity_is_that_of_ones_teams_not_of_the_community(who: People) -> None:
    vector = library.save(who, card=library.measured())
    publications.publish(actor=who.owner, edit_vector_id=vector.pk, now=rows.NOW)

    kinds = [
        [each["kind"] for each in rows.client(user).get("/api/activity").json()]
        for user in (who.teammate, who.stranger)
    ]

    assert kinds == [["vector"], []]


def test_a_team_owner_may_remove_what_a_member_added(who: People) -> None:
    upload(rows.client(who.teammate))
    image = Image.objects.get()

    assert rows.client(who.owner).delete(f"/api/images/{image.pk}").status_code == 204


# ---- reading -----------------------------------------------------------------------------


def test_lists_take_a_constant_number_of_queries(
    who: People,
) -> None:
    browser = rows.client(who.owner)
    first = rows.sample(who)
    send_painting(browser, first, rows.labels(hair_rows=9))
    services.restore(actor=who.owner, revision_id=first.head_id, now=NOW)
    counts = {}
    for path in ("/api/images", f"/api/images/{first.pk}/revisions", "/api/activity",
                 "/api/jobs"):  # fmt: skip
        counts[path] = count_queries(browser, path)

    for seed in range(4):
        more = rows.sample(who, seed=seed, name=f"N{seed}")
        send_painting(browser, more, rows.labels(hair_rows=9))
        services.restore(actor=who.owner, revision_id=first.head_id, now=NOW)

    for path, before in counts.items():
        assert count_queries(browser, path) == before, path
        assert before <= 10


def count_queries(browser: Client, path: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return len(captured)


def test_pages_follow_one_another_without_gap_or_repeat(
    who: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.images import selectors

    names = [rows.sample(who, name=f"N{i}").name for i in range(5)]
    seen, cursor = [], None
    while True:
        page, cursor = selectors.images(who.owner, cursor=cursor, limit=2)
        seen += [image.name for image in page]
        if cursor is None:
            break

    assert seen == names[::-1]


def test_a_made_up_cursor_is_refused(who: People) -> None:
    response = rows.client(who.owner).get("/api/images?cursor=bm8=")

    assert_problem(response, 422, "input.cursor")


def test_pictures_are_found_by_name_and_person(who: People) -> None:
    rows.sample(who, name="Ada in spring")
    rows.sample(who, name="Bela")
    browser = rows.client(who.teammate)

    def found(query: str) -> list[str]:
        items = browser.get("/api/images", {"q": query}).json()["items"]
        return [item["name"] for item in items]

    assert found("spring ada") == ["Ada in spring"]
    assert len(found("olive")) == 2
    assert found("nobody") == []


def test_media_is_served_by_its_signature_alone(who: People) -> None:
    rows.sample(who)
    url = rows.client(who.owner).get("/api/images").json()["items"][0]["picture_url"]

    response = rows.client(None).get(url)

    assert response.status_code == 200
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "immutable" in response["Cache-Control"]
    assert_problem(rows.client(who.owner).get(url[:-3] + "xyz"), 404, "not_found")
    assert_problem(rows.client(who.owner).get(url.split("?")[0]), 404, "not_found")


# ---- uploading ---------------------------------------------------------------------------


def test_an_upload_becomes_an_image_that_waits_for_its_inversion(who: People) -> None:
    response = upload(rows.client(who.owner), name="  Me at sea  ")

    assert response.status_code == 201, response.content
    shown = response.json()
    assert (shown["name"], shown["status"], shown["num_revisions"]) == (
        "Me at sea", "inverting", 0,
    )  # fmt: skip
    job = Job.objects.get()
    assert shown["job_id"] == str(job.pk)
    assert (job.kind, job.request["image_id"]) == ("invert", shown["id"])
    assert rows.client(None).get(shown["original_url"]).status_code == 200


def test_the_same_upload_sent_twice_makes_one_image(who: People) -> None:
    browser = rows.client(who.owner)

    first, second = (upload(browser, key="abc") for _ in range(2))

    assert first.json()["id"] == second.json()["id"]
    assert (Image.objects.count(), Job.objects.count()) == (1, 1)


def test_the_same_key_of_another_person_is_another_upload(who: People) -> None:
    for user in (who.owner, who.teammate):
        upload(rows.client(user), key="abc")

    assert Image.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"not a picture", 422, "images.unreadable"),
        (b"", 422, "images.empty"),
        (rows.picture_bytes(size=(90, 90))[:900], 422, "images.truncated"),
        (rows.picture_bytes(form="GIF"), 422, "images.unreadable"),
        (rows.picture_bytes() + b"\0" * (25 * 2**20), 413, "images.too_large"),
        (rows.picture_bytes() + b"\0" * 40_000_000, 413, "input.too_large"),
    ],
    ids=["text", "empty", "truncated", "gif", "over 25 MB", "40 MB"],
)
def test_a_bad_upload_is_refused_and_leaves_nothing_behind(
    who: People, data: bytes, status: int, code: str
) -> None:
    assert_problem(upload(rows.client(who.owner), data), status, code)
    assert not Image.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "crop", ["{", '{"x": 1}', '{"x": -1, "y": 0, "size": 20}', '{"x":0,"y":0,"size":1e9}']
)
def test_a_bad_crop_is_refused(who: People, crop: str) -> None:
    response = upload(rows.client(who.owner), crop=crop)

    assert response.status_code == 422
    assert response.json()["code"].startswith("images.crop")


def test_an_upload_for_an_unknown_family_or_without_name_is_refused(who: People) -> None:
    browser = rows.client(who.owner)

    assert_problem(upload(browser, bundle="cars-64"), 404, "families.unknown")
    problem = assert_problem(upload(browser, name=" "), 422, "input.refused")
    assert problem["fields"] == {"name": "Must not be empty."}


# ---- edits -------------------------------------------------------------------------------


def test_an_edit_freezes_the_painting_and_answers_with_a_job(who: People) -> None:
    image = rows.sample(who)

    response = send_painting(rows.client(who.teammate), image, rows.labels(hair_rows=9))

    assert response.status_code == 202, response.content
    shown = response.json()
    assert (shown["kind"], shown["status"], shown["place_in_queue"]) == (
        "optimize", "queued", None,
    )  # fmt: skip
    request = Job.objects.get(pk=shown["id"]).request
    assert (request["steps"], request["frozen_seq"]) == (30, 7)
    assert request["base_revision_id"] == str(image.head_id)
    place = rows.client(who.owner).get(f"/api/jobs/{shown['id']}").json()["place_in_queue"]
    assert place == 1


def test_an_edit_sent_twice_under_a_key_is_one_job(who: People) -> None:
    image = rows.sample(who)
    browser = rows.client(who.owner)

    ids = {
        send_painting(browser, image, rows.labels(hair_rows=9), key="k").json()["id"]
        for _ in range(2)
    }
    other = send_painting(browser, image, rows.labels(hair_rows=10), key="k")

    assert len(ids) == 1
    assert_problem(other, 409, "jobs.reused_key")


def test_an_unchanged_painting_is_refused_in_words(who: People) -> None:
    image = rows.sample(who)

    problem = assert_problem(
        send_painting(rows.client(who.owner), image, rows.labels()),
        422, "images.nothing_changed",
    )  # fmt: skip

    assert problem["detail"] == "You changed nothing yet. Paint a part, then optimize."


def test_bad_label_maps_are_refused(who: People) -> None:
    image = rows.sample(who)
    browser = rows.client(who.owner)
    unknown = rows.labels()
    unknown[0, 0] = 200

    size = assert_problem(
        send_painting(browser, image, rows.labels()[:8]), 422, "images.label_map_size"
    )
    parts = assert_problem(send_painting(browser, image, unknown), 422, "images.unknown_parts")

    expected = "The painting must have 16 × 16 pixels; this one has 16 × 8."
    assert size["detail"] == expected
    assert "200" in parts["detail"]
    for data in (b"junk", rows.picture_bytes(size=(16, 16)),
                 rows.picture_bytes(size=(16, 16), form="JPEG"),
                 rows.labels_png(rows.labels())[:60]):  # fmt: skip
        assert_problem(send_painting(browser, image, data), 422, "images.label_map_unreadable")


@pytest.mark.parametrize("steps", [-1, 0, 201, 10**6, "many", "NaN"])
def test_impossible_steps_are_refused(who: People, steps: Any) -> None:
    image = rows.sample(who)
    browser = rows.client(who.owner)

    response = send_painting(browser, image, rows.labels(hair_rows=9), steps=steps)

    problem = assert_problem(response, 422, "input.refused")
    assert list(problem["fields"]) == ["steps"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("strength", ["NaN", "1e9", "-2.01", "Infinity", '"strong"', "null"])
def test_impossible_strengths_are_refused(who: People, strength: str) -> None:
    image = rows.sample(who)
    body = (
        f'{{"base_revision_id": "{image.head_id}", "stack": [{{"edit_vector_version_id":'
        f' "{uuid4()}", "strength": {strength}}}]}}'
    )
    for path in ("revisions", "refinements"):
        response = rows.client(who.owner).post(
            f"/api/images/{image.pk}/{path}", body, content_type="application/json"
        )
        assert response.status_code in (400, 422), response.content
        assert response["Content-Type"] == "application/problem+json"
    assert not Job.objects.exists()


def test_an_unknown_vector_is_not_found(who: People) -> None:
    image = rows.sample(who)
    stack = [{"edit_vector_version_id": str(uuid4()), "strength": 1.0}]
    body = {"base_revision_id": str(image.head_id), "stack": stack}

    response = post(rows.client(who.owner), f"/images/{image.pk}/revisions", body)

    assert response.status_code == 404, response.content


def test_refining_takes_ten_thirty_or_sixty_steps(who: People) -> None:
    image = rows.sample(who)
    browser = rows.client(who.owner)

    def refine(steps: int) -> Any:
        body = {"base_revision_id": str(image.head_id), "stack": [], "steps": steps}
        return post(browser, f"/images/{image.pk}/refinements", body)

    assert [refine(steps).status_code for steps in (10, 30, 60)] == [202, 202, 202]
    assert [refine(steps).status_code for steps in (-1, 11, 10**6)] == [422, 422, 422]


def test_a_base_of_another_picture_is_refused(who: People) -> None:
    image, other = rows.sample(who), rows.sample(who, seed=5)
    browser = rows.client(who.owner)

    response = send_painting(
        browser, image, rows.labels(hair_rows=9), base_revision_id=str(other.head_id)
    )

    assert_problem(response, 422, "images.other_base")


def test_an_edit_of_a_picture_of_an_earlier_model_is_refused_and_the_picture_stays(
    who: People, bundle: Path
) -> None:
    image = rows.sample(who)
    browser = rows.client(who.owner)
    manifest = bundle / "tiny-16" / "manifest.json"
    later = json.loads(manifest.read_text()) | {"fingerprint": "e" * 64}
    manifest.write_text(json.dumps(later))

    response = send_painting(browser, image, rows.labels(hair_rows=9))
    listed = browser.get(f"/api/images/{image.pk}/revisions").json()
    restored = post(browser, f"/revisions/{image.head_id}/restore", {})

    assert_problem(response, 409, "images.earlier_model")
    assert [revision["is_of_earlier_model"] for revision in listed] == [True]
    assert restored.status_code == 201, restored.content
    image.refresh_from_db()
    assert_problem(
        send_painting(browser, image, rows.labels(hair_rows=9)), 409, "images.earlier_model"
    )


# ---- history -----------------------------------------------------------------------------


def test_the_history_outlives_its_bundle(who: People, bundle: Path) -> None:
    image = rows.sample(who)
    (bundle / "tiny-16" / "manifest.json").unlink()

    listed = rows.client(who.owner).get(f"/api/images/{image.pk}/revisions")

    assert listed.status_code == 200, listed.content
    assert [revision["id"] for revision in listed.json()] == [str(image.head_id)]


def test_restoring_makes_a_new_head_and_keeps_what_was(who: People) -> None:
    image = rows.sample(who)
    first = image.head_id

    response = rows.client(who.teammate).post(f"/api/revisions/{first}/restore")

    assert response.status_code == 201, response.content
    shown = response.json()
    assert (shown["kind"], shown["parent_id"], shown["is_head"]) == (
        "restore", str(first), True,
    )  # fmt: skip
    image.refresh_from_db()
    assert (str(image.head_id), image.epoch) == (shown["id"], 2)
    history = rows.client(who.owner).get(f"/api/images/{image.pk}/revisions").json()
    assert [each["id"] for each in history] == [shown["id"], str(first)]
    assert [each["is_head"] for each in history] == [True, False]


def test_a_revision_is_named_and_starred_but_its_picture_stays(who: People) -> None:
    image = rows.sample(who)
    before = Revision.objects.get()

    body = json.dumps({"title": " Calm ", "starred": True})
    shown = rows.client(who.owner).patch(
        f"/api/revisions/{image.head_id}", body, content_type="application/json"
    ).json()  # fmt: skip

    after = Revision.objects.get()
    assert (shown["title"], shown["starred"]) == ("Calm", True)
    assert after.w_plus_id == before.w_plus_id
    assert after.picture_id == before.picture_id


def test_removing_hides_and_bringing_back_shows_again(who: People) -> None:
    image = rows.sample(who)
    browser = rows.client(who.owner)

    assert browser.delete(f"/api/images/{image.pk}").status_code == 204
    assert browser.delete(f"/api/images/{image.pk}").status_code == 204
    assert_problem(browser.get(f"/api/images/{image.pk}"), 404, "images.unknown")
    assert browser.get("/api/images").json()["items"] == []
    gone = browser.patch(f"/api/revisions/{image.head_id}", "{}", "application/json")
    assert_problem(gone, 404, "images.unknown_revision")

    assert browser.post(f"/api/images/{image.pk}/undelete").status_code == 200
    assert len(browser.get("/api/images").json()["items"]) == 1
