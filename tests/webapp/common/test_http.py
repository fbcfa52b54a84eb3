"""What is true of every answer: headers, problem documents, the one page."""

from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.factories import rows
from tests.factories.rows import People
from webapp.images import selectors

pytestmark = pytest.mark.django_db


def test_every_answer_keeps_other_sites_out(who: People) -> None:
    for path in ("/", "/api/session", "/pictures/7", "/api/none"):
        response = rows.client(None).get(path)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self';" in policy, path
        assert "frame-ancestors 'none'" in policy
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "/api/images?q=a%00b",
        "/api/edit-vectors?tags=%00",
        # A time without its zone, from a marker that nobody was given.
        "/api/edit-vectors?sort=new&cursor="
        + urlsafe_b64encode(b'["new", "2020-01-01T00:00:00", "' + b"0" * 32 + b'"]').decode(),
        "/api/teams/{team}/audit?cursor="
        + urlsafe_b64encode(b"2020-01-01T00:00:00|" + b"0" * 32).decode(),
    ],
)
def test_what_the_database_cannot_hold_is_refused_and_no_bug(who: People, path: str) -> None:
    answer = rows.client(who.owner).get(path.format(team=who.team.pk))

    assert (answer.status_code, answer.json()["status"]) == (422, 422)


def test_a_name_with_an_invisible_character_is_refused(who: People) -> None:
    body = {"title": "a\0b", "is_personal": True}

    answer = rows.client(who.owner).post(
        "/api/collections", body, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "input.refused")


def test_a_bug_shows_a_reference_and_nothing_else(
    who: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*args: Any, **options: Any) -> None:
        raise RuntimeError("the password is tulip")

    monkeypatch.setattr(selectors, "images", explode)

    response = rows.client(who.owner).get("/api/images")

    problem = response.json()
    assert (response.status_code, problem["code"]) == (500, "bug")
    assert problem["reference"] in problem["detail"]
    assert b"tulip" not in response.content
    assert problem["reference"] in caplog.text
    assert "tulip" in caplog.text


def test_an_unknown_address_of_the_api_is_a_problem_document(who: People) -> None:
    response = rows.client(who.owner).get("/api/none")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_a_body_that_is_no_json_is_a_problem_document(who: People) -> None:
    image = rows.sample(who)

    response = rows.client(who.owner).patch(
        f"/api/images/{image.pk}", "{not json", content_type="application/json"
    )

    assert response.status_code in (400, 422)
    assert response["Content-Type"] == "application/problem+json"


def test_an_id_that_is_none_is_refused_in_plain_words(who: People) -> None:
    problem = rows.client(who.owner).get("/api/images/42").json()

    assert (problem["status"], list(problem["fields"])) == (422, ["image_id"])


def test_the_one_page_answers_every_address_of_the_application(
    settings: Any, tmp_path: Path
) -> None:
    settings.FRONTEND_DIST = tmp_path
    (tmp_path / "index.html").write_text("<!doctype html><title>Atelier</title>")

    for path in ("/", "/pictures", "/pictures/0/history", "/library/x", "/sign-in"):
        response = rows.client(None).get(path)
        assert (response.status_code, response.content[:15]) == (200, b"<!doctype html>")
        assert "csrftoken" in response.cookies
    assert rows.client(None).post("/pictures").status_code in (403, 405)
    for path in ("/assets/none.js", "/favicon.ico", "/media/none", "/robots.txt"):
        assert rows.client(None).get(path).status_code == 404, path


def test_without_a_build_the_page_says_how_to_make_one(settings: Any, tmp_path: Path) -> None:
    settings.FRONTEND_DIST = tmp_path

    response = rows.client(None).get("/")

    assert response.status_code == 503
    assert b"make build" in response.content
