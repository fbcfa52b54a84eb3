"""Signing up, confirming, resetting, and the second factor, as the pages do it."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, hotp_value, yield_hotp_counters_from_time
from django.core import mail

from tests.factories.rows import PASSWORD, People
from tests.webapp.accounts.browsers import ALLAUTH, browser, link_in_mail, post, send

pytestmark = pytest.mark.django_db

NEW = {"email": "new.person@example.com", "password": "a long enough one"}


def sign_up(client: Any) -> Any:
    return post(client, f"{ALLAUTH}/auth/signup", NEW)


def test_signing_up_waits_for_the_link_in_the_mail_then_gives_a_name_and_a_team() -> None:
    client = browser()

    response = sign_up(client)

    assert response.status_code == 401
    assert client.get("/api/session").json()["user"] is None
    path = link_in_mail(NEW["email"])
    assert path.startswith("/confirm/")
    key = path.removeprefix("/confirm/")
    post(client, f"{ALLAUTH}/auth/email/verify", {"key": key})
    assert post(client, f"{ALLAUTH}/auth/login", NEW).status_code in (200, 409)
    session = client.get("/api/session").json()
    assert session["user"]["name"] == "New Person"
    assert [team["role"] for team in session["teams"]] == ["owner"]


def test_an_unconfirmed_account_is_not_let_in_by_its_password() -> None:
    sign_up(browser())
    client = browser()

    response = post(client, f"{ALLAUTH}/auth/login", NEW)

    assert response.status_code == 401
    assert client.get("/api/session").json()["user"] is None


def test_signing_up_with_a_known_address_looks_the_same_and_tells_its_owner_by_mail(
    who: People,
) -> None:
    known = {"email": who.owner.email, "password": "a long enough one"}

    answers = [sign_up(browser()), post(browser(), f"{ALLAUTH}/auth/signup", known)]

    assert answers[0].status_code == answers[1].status_code == 401
    assert answers[0].json() == answers[1].json()
    assert [who.owner.email] in [each.to for each in mail.outbox]


def test_an_operator_may_close_signing_up(settings: Any) -> None:
    settings.SIGN_UP = False

    assert sign_up(browser()).status_code == 403
    assert mail.outbox == []


def test_a_forgotten_password_is_reset_by_the_link_in_the_mail(who: People) -> None:
    client = browser()
    asked = post(client, f"{ALLAUTH}/auth/password/request", {"email": who.owner.email})
    assert asked.status_code == 200
    path = link_in_mail(who.owner.email)
    assert path.startswith("/reset/")

    reset = post(
        client,
        f"{ALLAUTH}/auth/password/reset",
        {"key": path.removeprefix("/reset/"), "password": "an entirely new one"},
    )

    assert reset.status_code in (200, 401), reset.content
    again = {"email": who.owner.email, "password": "an entirely new one"}
    assert post(browser(), f"{ALLAUTH}/auth/login", again).status_code == 200
    old = {"email": who.owner.email, "password": PASSWORD}
    assert post(browser(), f"{ALLAUTH}/auth/login", old).status_code == 400


def test_asking_to_reset_an_unknown_address_looks_the_same() -> None:
    response = post(browser(), f"{ALLAUTH}/auth/password/request", {"email": "no@example.com"})

    assert response.status_code == 200


# ---- the second factor --------------------------------------------------------------------


def code_of(secret: str) -> str:
    """Return what an authenticator app shows now."""
    counters = list(yield_hotp_counters_from_time())
    return f"{hotp_value(secret, counters[len(counters) // 2]):06d}"


def enter(client: Any, who: People) -> Any:
    return post(
        client, f"{ALLAUTH}/auth/login", {"email": who.owner.email, "password": PASSWORD}
    )


def activate(client: Any) -> str:
    """Switch the second factor on and return its secret."""
    again = post(client, f"{ALLAUTH}/auth/reauthenticate", {"password": PASSWORD})
    assert again.status_code == 200, again.content
    offered = client.get(f"{ALLAUTH}/account/authenticators/totp")
    assert offered.status_code == 404
    secret: str = offered.json()["meta"]["secret"]
    done = post(client, f"{ALLAUTH}/account/authenticators/totp", {"code": code_of(secret)})
    assert done.status_code == 200, done.content
    return secret


def test_a_second_factor_is_asked_for_once_it_is_switched_on(who: People) -> None:
    client = browser()
    enter(client, who)
    secret = activate(client)
    TOTP(Authenticator.objects.get(type="totp"))  # it is kept
    client = browser()

    half_way = enter(client, who)

    assert half_way.status_code == 401
    flows = {flow["id"]: flow for flow in half_way.json()["data"]["flows"]}
    assert flows["mfa_authenticate"]["is_pending"] is True
    assert client.get("/api/session").json()["user"] is None
    wrong = post(client, f"{ALLAUTH}/auth/2fa/authenticate", {"code": "000000"})
    assert wrong.status_code == 400
    from django.core.cache import cache

    cache.clear()  # the code just used to switch it on may not be used twice
    right = post(client, f"{ALLAUTH}/auth/2fa/authenticate", {"code": code_of(secret)})
    assert right.status_code == 200, right.content
    assert client.get("/api/session").json()["user"]["name"] == "Olive Owner"


def test_switching_the_second_factor_on_asks_for_the_password_again(who: People) -> None:
    client = browser()
    enter(client, who)
    secret = client.get(f"{ALLAUTH}/account/authenticators/totp").json()["meta"]["secret"]

    refused = post(client, f"{ALLAUTH}/account/authenticators/totp", {"code": code_of(secret)})

    assert refused.status_code == 401
    assert {flow["id"] for flow in refused.json()["data"]["flows"]} == {"reauthenticate"}


def test_a_recovery_code_lets_in_once(who: People) -> None:
    client = browser()
    enter(client, who)
    activate(client)
    codes = client.get(f"{ALLAUTH}/account/authenticators/recovery-codes").json()
    code = codes["data"]["unused_codes"][0]

    answers = []
    for _ in range(2):
        client = browser()
        enter(client, who)
        answers.append(
            post(client, f"{ALLAUTH}/auth/2fa/authenticate", {"code": code}).status_code
        )

    assert answers == [200, 400]


def test_the_picture_of_the_secret_is_for_its_own_person_alone(who: People) -> None:
    client = browser()
    enter(client, who)
    client.get(f"{ALLAUTH}/account/authenticators/totp")

    picture = client.get("/api/session/totp.svg")

    assert picture["Content-Type"] == "image/svg+xml"
    assert b"<svg" in picture.content
    assert browser().get("/api/session/totp.svg").status_code == 401


def test_the_person_sees_and_ends_their_other_sign_ins(who: People) -> None:
    mine, other = browser(), browser()
    enter(mine, who)
    enter(other, who)
    other.get("/api/session")
    mine.get("/api/session")

    shown = mine.get(f"{ALLAUTH}/auth/sessions").json()["data"]
    others = [each["id"] for each in shown if not each["is_current"]]
    send(mine, "DELETE", f"{ALLAUTH}/auth/sessions", {"sessions": others})

    assert len(shown) == 2
    assert other.get("/api/session").json()["user"] is None
    assert mine.get("/api/session").json()["user"] is not None
