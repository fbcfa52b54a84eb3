"""Tokens of programs: what they reach, how they end, and what of them is kept."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import rows
from tests.factories.rows import People
from webapp.accounts.models import ApiToken

pytestmark = pytest.mark.django_db


def make(user: Any, *scopes: str, **more: Any) -> Any:
    wish = {"name": "Script", "scopes": scopes, **more}
    answer = rows.client(user).post(
        "/api/tokens", json.dumps(wish), content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


def by(token: Any, method: str, path: str, body: Any = None) -> Any:
    """Send a request as a program does: no cookies, no cross-site token."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False).generic(
        method,
        path,
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token['secret']}"},
    )


def test_a_token_reads_what_its_person_may_and_shows_when_it_was_used(who: People) -> None:
    image = rows.sample(who)
    token = make(who.owner, "read")

    assert by(token, "GET", f"/api/images/{image.pk}").status_code == 200
    assert by(make(who.stranger, "read"), "GET", f"/api/images/{image.pk}").status_code == 404
    shown = rows.client(who.owner).get("/api/tokens").json()
    assert shown[0]["last_used_at"] is not None
    assert shown[0]["prefix"] == token["secret"][:12]
    assert "secret" not in shown[0]


def test_only_a_hash_of_the_secret_is_kept(who: People) -> None:
    token = make(who.owner, "read")

    row = ApiToken.objects.values().get()

    assert not [value for value in row.values() if token["secret"] in str(value)]
    assert len(row["digest"]) == 64


def test_a_token_reaches_as_far_as_its_scopes(who: People) -> None:
    image = rows.sample(who)
    reads, edits = make(who.owner, "read"), make(who.owner, "edit")
    path, change = f"/api/images/{image.pk}", {"name": "New"}

    refused = by(reads, "PATCH", path, change)

    assert (refused.status_code, refused.json()["code"]) == (403, "accounts.scope")
    assert "edit" in refused.json()["detail"]
    assert by(edits, "PATCH", path, change).status_code == 200
    assert by(edits, "GET", path).status_code == 403
    team = f"/api/teams/{who.team.pk}"
    assert by(edits, "PATCH", team, change).status_code == 403
    assert by(make(who.owner, "admin"), "PATCH", team, change).status_code == 200


def test_no_token_makes_another(who: People) -> None:
    token = make(who.owner, "read", "edit", "publish", "admin")

    answers = [
        by(token, "POST", "/api/tokens", {"name": "More", "scopes": ["admin"]}),
        by(token, "GET", "/api/tokens"),
        by(token, "DELETE", f"/api/tokens/{token['id']}"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("end", ["revoked", "expired", "switched off", "invented"])
def test_a_token_that_ended_is_nobody(who: People, end: str) -> None:
    token = make(who.owner, "read", days=1)
    if end == "revoked":
        rows.client(who.owner).delete(f"/api/tokens/{token['id']}")
    elif end == "expired":
        ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif end == "switched off":
        who.owner.is_active = False
        who.owner.save()
    else:
        token = {"secret": token["secret"][:-1] + "_"}

    answer = by(token, "GET", "/api/images")

    assert (answer.status_code, answer.json()["code"]) == (401, "accounts.bad_token")


def test_a_bad_token_is_not_saved_by_a_good_cookie(who: People) -> None:
    browser = rows.client(who.owner)

    answer = browser.get("/api/images", headers={"Authorization": "Bearer atl_wrong"})

    assert answer.status_code == 401


def test_one_cannot_end_the_token_of_another(who: People) -> None:
    token = make(who.owner, "read")

    answer = rows.client(who.teammate).delete(f"/api/tokens/{token['id']}")

    assert answer.status_code == 404
    assert by(token, "GET", "/api/images").status_code == 200


# ---- how often -----------------------------------------------------------------------------


def test_answers_say_what_is_left_of_the_minute_and_a_refusal_when_to_go_on(
    who: People, settings: Any
) -> None:
    settings.RATE_READ = 3
    browser = rows.client(who.owner)

    answers = [browser.get("/api/images") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"read";q=3;w=60'
    assert answers[0]["RateLimit"].startswith('"read";r=2;t=')
    assert answers[3]["RateLimit"].startswith('"read";r=0;t=')
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    assert answers[3]["Content-Type"] == "application/problem+json"
    assert rows.client(who.teammate).get("/api/images").status_code == 200


def test_strangers_share_the_limit_of_their_address(who: People, settings: Any) -> None:
    settings.RATE_STRANGERS = 2
    bad = {"Authorization": "Bearer atl_wrong"}

    answers = [Client().get("/api/images", headers=bad).status_code for _ in range(3)]

    assert answers == [401, 401, 429]


def test_requests_are_answered_while_redis_is_away(
    who: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis import ConnectionError as AwayError

    from webapp.accounts import middleware

    class Away:
        def hit(self, *_: object) -> bool:
            raise AwayError("away")

    monkeypatch.setattr(middleware, "_limiter", Away)

    assert rows.client(who.owner).get("/api/session").status_code == 200
