"""Signing in through allauth's headless door, as the front end does it."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.factories import rows
from tests.factories.rows import PASSWORD, People
from webapp.accounts import services
from webapp.accounts.models import COLORS, Membership, Role, User

pytestmark = pytest.mark.django_db

AUTH = "/_allauth/browser/v1/auth"


def browser() -> Client:
    return Client(enforce_csrf_checks=True)


def post(client: Client, path: str, body: Any) -> Any:
    token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
    return client.post(
        path,
        json.dumps(body),
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )


def test_a_person_signs_in_is_known_and_signs_out(who: People) -> None:
    client = browser()
    assert client.get("/api/session").json() == {"user": None, "teams": [], "team_id": None}

    signed_in = post(
        client, f"{AUTH}/login", {"email": "OWNER@example.com", "password": PASSWORD}
    )

    assert signed_in.status_code == 200, signed_in.content
    session = client.get("/api/session").json()
    assert session["user"]["name"] == "Olive Owner"
    assert session["user"]["initials"] == "OO"
    assert session["teams"] == [{"id": str(who.team.pk), "name": "Northlight", "role": "owner"}]
    assert session["team_id"] == str(who.team.pk)
    token = client.cookies["csrftoken"].value
    client.delete(f"{AUTH}/session", headers={"X-CSRFToken": token})
    assert client.get("/api/session").json()["user"] is None


def test_a_wrong_password_and_an_unknown_address_are_told_apart_by_nobody(
    who: People,
) -> None:
    client = browser()
    client.get("/api/session")

    answers = [
        post(client, f"{AUTH}/login", {"email": email, "password": "wrong password"})
        for email in ("owner@example.com", "nobody@example.com")
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()


def test_guessing_passwords_is_stopped(who: People) -> None:
    client = browser()
    client.get("/api/session")

    states = [
        post(
            client, f"{AUTH}/login", {"email": "owner@example.com", "password": f"guess {i}"}
        ).status_code
        for i in range(12)
    ]

    assert states[0] == 400
    right = {"email": "owner@example.com", "password": PASSWORD}
    assert post(client, f"{AUTH}/login", right).status_code in (400, 429)
    assert client.get("/api/session").json()["user"] is None


def test_cookies_are_lax_and_only_the_token_is_readable_by_scripts(who: People) -> None:
    client = browser()
    client.get("/api/session")
    post(client, f"{AUTH}/login", {"email": "owner@example.com", "password": PASSWORD})

    session, token = client.cookies["sessionid"], client.cookies["csrftoken"]

    assert (session["samesite"], session["httponly"]) == ("Lax", True)
    assert (token["samesite"], token["httponly"]) == ("Lax", "")


def test_a_request_without_the_cross_site_token_changes_nothing(who: People) -> None:
    client = browser()
    client.force_login(who.owner)
    image = rows.sample(who)

    response = client.delete(f"/api/images/{image.pk}")

    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    image.refresh_from_db()
    assert image.deleted_at is None


def test_members_of_a_team_are_listed_in_order_of_joining(who: People) -> None:
    shown = rows.client(who.teammate).get("/api/team").json()

    assert [(each["name"], each["role"]) for each in shown["members"]] == [
        ("Olive Owner", "owner"),
        ("Theo Mate", "editor"),
    ]
    assert [each["color"] for each in shown["members"]] == list(COLORS[:2])
    assert rows.client(None).get("/api/team").status_code == 401


def test_a_person_without_team_is_told_so(who: People) -> None:
    who.teammate.memberships.all().delete()

    response = rows.client(who.teammate).get("/api/team")

    assert (response.status_code, response.json()["code"]) == (403, "accounts.no_team")


def test_adding_a_member_twice_changes_only_the_role(who: People) -> None:
    services.add_member(team=who.team, user=who.teammate, role=Role.OWNER)

    assert Membership.objects.get(team=who.team, user=who.teammate).role == "owner"
    assert who.team.memberships.count() == 2


def test_people_see_only_who_shares_a_team_with_them(who: People) -> None:
    assert set(User.objects.visible_to(who.owner)) == {who.owner, who.teammate}
    assert set(User.objects.visible_to(who.stranger)) == {who.stranger}


def test_initials_come_from_the_name_or_the_address() -> None:
    assert User(name="Mara Kessler").initials == "MK"
    assert User(name="Cher").initials == "C"
    assert User(name="Anna-Lena von Berg").initials == "AB"
    assert User(email="jo.day@example.com").initials == "JD"
