"""Share links: who may make them, what they permit, and that they end."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import rows
from tests.factories.rows import People
from tests.webapp.library import test_edit_vectors as library
from webapp.accounts import services as accounts
from webapp.accounts import tokens
from webapp.accounts.models import AuditEvent, Role, Scope
from webapp.images.models import Image, ShareLink
from webapp.jobs import policies as jobs
from webapp.jobs.models import Job

pytestmark = pytest.mark.django_db


def send(user: Any, method: str, path: str, body: Any = None) -> Any:
    text = json.dumps(body) if body is not None else ""
    return rows.client(user).generic(method, path, text, content_type="application/json")


@pytest.fixture
def image(who: People) -> Image:
    return rows.sample(who)


@pytest.fixture
def viewer(who: People) -> Any:
    user = rows.User.objects.create_user("viewer@example.com", None, name="Vera Viewer")
    accounts.add_member(team=who.team, user=user, role=Role.VIEWER)
    return user


def share(who: People, image: Image, **wish: Any) -> Any:
    made = send(who.owner, "POST", f"/api/images/{image.pk}/shares", wish)
    assert made.status_code == 201, made.content
    return made.json()


def open_link(user: Any, link: Any) -> Any:
    secret = link["url"].rpartition("/shared/")[2]
    return send(user, "POST", "/api/share-links/open", {"secret": secret})


def edit(user: Any, image: Image) -> Any:
    return rows.client(user).post(
        f"/api/images/{image.pk}/edits",
        {
            "label_map": rows.io.BytesIO(rows.labels_png(rows.labels(hair_rows=9))),
            "base_revision_id": str(image.head_id),
        },
    )


def test_a_link_to_look_shows_the_picture_and_permits_no_change(
    who: People, image: Image
) -> None:
    link = share(who, image, access="view")
    path = f"/api/images/{image.pk}"
    assert send(who.stranger, "GET", path).status_code == 404

    opened = open_link(who.stranger, link)

    assert opened.json() == {"image_id": str(image.pk)}
    assert send(who.stranger, "GET", path).status_code == 200
    assert send(who.stranger, "GET", f"{path}/revisions").status_code == 200
    assert send(who.stranger, "GET", f"{path}/room").json()["may_edit"] is False
    refused = edit(who.stranger, image)
    assert (refused.status_code, refused.json()["code"]) == (403, "accounts.read_only")
    assert send(who.stranger, "PATCH", path, {"name": "Mine"}).status_code == 403
    assert send(who.stranger, "GET", f"{path}/shares").status_code == 403


def test_a_link_to_edit_permits_edits_whose_jobs_run_until_it_is_taken_back(
    who: People, image: Image
) -> None:
    link = share(who, image, access="edit")
    open_link(who.stranger, link)

    started = edit(who.stranger, image)

    assert started.status_code == 202, started.content
    job = Job.objects.get()
    assert jobs.may_still_run(job)
    assert send(who.stranger, "GET", f"/api/jobs/{job.pk}").status_code == 200
    assert send(who.owner, "DELETE", f"/api/shares/{link['id']}").status_code == 204
    assert not jobs.may_still_run(job)
    assert send(who.stranger, "GET", f"/api/jobs/{job.pk}").status_code == 404
    assert send(who.stranger, "GET", f"/api/images/{image.pk}").status_code == 404


def test_an_editing_guest_neither_removes_nor_shares_nor_fills_the_teams_library(
    who: People, image: Image
) -> None:
    open_link(who.stranger, share(who, image, access="edit"))
    path = f"/api/images/{image.pk}"

    answers = [
        send(who.stranger, "DELETE", path),
        send(who.stranger, "POST", f"{path}/shares", {}),
        send(
            who.stranger, "POST", f"/api/revisions/{image.head_id}/edit-vector", {"title": "x"}
        ),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_a_link_ends_when_it_expires_and_when_the_picture_is_removed(
    who: People, image: Image
) -> None:
    link = share(who, image, days=1)
    open_link(who.stranger, link)
    path = f"/api/images/{image.pk}"

    ShareLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert send(who.stranger, "GET", path).status_code == 404
    assert open_link(who.teammate, link).json()["code"] == "images.unknown_share"
    ShareLink.objects.update(expires_at=None)
    assert send(who.stranger, "GET", path).status_code == 200
    send(who.owner, "DELETE", path)
    assert open_link(who.stranger, link).status_code == 404
    assert send(who.stranger, "GET", path).status_code == 404


def test_links_are_for_editors_of_the_team(who: People, image: Image, viewer: Any) -> None:
    link = share(who, image)

    for user, expected in ((viewer, 403), (who.stranger, 404), (None, 401)):
        assert send(user, "GET", f"/api/images/{image.pk}/shares").status_code == expected
        assert send(user, "POST", f"/api/images/{image.pk}/shares", {}).status_code == expected
        assert send(user, "DELETE", f"/api/shares/{link['id']}").status_code == expected
        assert send(user, "GET", f"/api/teams/{who.team.pk}/shares").status_code == expected
    assert send(who.teammate, "GET", f"/api/images/{image.pk}/shares").status_code == 200


def test_sharing_is_in_the_log(who: People, image: Image) -> None:
    link = share(who, image, access="edit")
    open_link(who.stranger, link)
    open_link(who.stranger, link)
    send(who.owner, "DELETE", f"/api/shares/{link['id']}")

    found = AuditEvent.objects.filter(action__startswith="image.").order_by("created_at")

    assert [(each.action, each.actor) for each in found] == [
        ("image.shared", who.owner),
        ("image.share_opened", who.stranger),
        ("image.unshared", who.owner),
    ]


def test_viewers_of_the_team_look_and_change_nothing(
    who: People, image: Image, viewer: Any
) -> None:
    path = f"/api/images/{image.pk}"

    assert send(viewer, "GET", path).status_code == 200
    answers = [
        send(viewer, "PATCH", path, {"name": "Mine"}),
        send(viewer, "DELETE", path),
        send(viewer, "POST", f"/api/revisions/{image.head_id}/restore"),
        send(viewer, "PATCH", f"/api/revisions/{image.head_id}", {"starred": True}),
        edit(viewer, image),
        rows.client(viewer).post(
            "/api/images",
            {"file": rows.io.BytesIO(rows.picture_bytes()), "name": "x", "bundle": "tiny-16"},
        ),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6


def test_a_full_team_takes_no_picture(who: People, image: Image, settings: Any) -> None:
    settings.QUOTA_PICTURES = 1
    form = {"file": rows.io.BytesIO(rows.picture_bytes()), "name": "x", "bundle": "tiny-16"}

    refused = rows.client(who.owner).post("/api/images", form)

    assert (refused.status_code, refused.json()["code"]) == (403, "accounts.quota")


def test_lists_of_links_take_a_constant_number_of_queries(who: People, image: Image) -> None:
    browser = rows.client(who.owner)
    paths = (f"/api/images/{image.pk}/shares", f"/api/teams/{who.team.pk}/shares")
    browser.get("/api/session")
    counts = []
    for _ in range(2):
        share(who, image)
        share(who, image)
        with CaptureQueriesContext(connection) as caught:
            assert [browser.get(path).status_code for path in paths] == [200, 200]
        counts.append(len(caught))

    assert counts[0] == counts[1]


def test_a_guest_saves_nothing_of_the_picture_as_a_version_of_an_own_vector(
    who: People, image: Image
) -> None:
    open_link(who.stranger, share(who, image, access="edit"))
    mine = library.save(who, actor=who.stranger, team=who.other_team)

    refused = send(
        who.stranger, "POST", f"/api/revisions/{image.head_id}/edit-vector-version",
        {"edit_vector_id": str(mine.pk)},
    )  # fmt: skip

    assert (refused.status_code, refused.json()["code"]) == (403, "accounts.read_only")


def test_a_token_that_may_only_read_gets_no_links(who: People, image: Image) -> None:
    share(who, image, access="edit")
    _, secret = tokens.create(
        actor=who.owner, name="reader", scopes={Scope.READ}, days=None, now=timezone.now()
    )
    paths = (f"/api/images/{image.pk}/shares", f"/api/teams/{who.team.pk}/shares")
    browser = rows.client(None)

    answers = [
        browser.get(path, headers={"Authorization": f"Bearer {secret}"}) for path in paths
    ]

    assert [answer.json().get("code") for answer in answers] == ["accounts.scope"] * 2
