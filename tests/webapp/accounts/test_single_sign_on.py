"""Signing in by an identity provider, against a small real one that speaks OpenID Connect."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.factories.rows import People
from tests.webapp.accounts.browsers import ALLAUTH, browser
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


class Provider:
    """Answers discovery, token and user info; `person` is who signs in there."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.asked: list[dict[str, list[str]]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def _say(self, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                if self.path.startswith("/.well-known/"):
                    self._say(
                        {
                            "issuer": provider.url,
                            "authorization_endpoint": f"{provider.url}/authorize",
                            "token_endpoint": f"{provider.url}/token",
                            "userinfo_endpoint": f"{provider.url}/userinfo",
                            "jwks_uri": f"{provider.url}/keys",
                        }
                    )
                else:
                    self._say(provider.person)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                provider.asked.append(parse_qs(self.rfile.read(length).decode()))
                self._say({"access_token": "of-the-test", "token_type": "Bearer"})

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    found = Provider()
    app = {
        "provider_id": "sso", "name": "Our house", "client_id": "atelier", "secret": "hush",
        "settings": {"server_url": found.url},
    }  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}
    }
    yield found
    found.server.shutdown()
    found.server.server_close()


def sign_in(client: Any) -> Any:
    """Go there and come back, as a browser does."""
    leaving = client.post(
        f"{ALLAUTH}/auth/provider/redirect",
        {
            "provider": "sso", "process": "login",
            "callback_url": "http://127.0.0.1:8000/pictures",
            "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
        },
    )  # fmt: skip
    assert leaving.status_code == 302, leaving.content
    asked = parse_qs(urlsplit(leaving["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    return client.get(
        "/accounts/oidc/sso/login/callback/", {"code": "abc", "state": asked["state"][0]}
    )


def test_the_provider_is_offered_and_a_new_person_gets_an_account(provider: Provider) -> None:
    provider.person = {
        "sub": "1", "email": "ada@house.example", "email_verified": True, "name": "Ada House",
    }  # fmt: skip
    client = browser()

    offered = client.get(f"{ALLAUTH}/config").json()["data"]["socialaccount"]["providers"]
    back = sign_in(client)

    assert [each["name"] for each in offered] == ["Our house"]
    assert back["Location"] == "http://127.0.0.1:8000/pictures"
    assert provider.asked[0]["code_verifier"]
    session = client.get("/api/session").json()
    assert session["user"]["name"] == "Ada House"
    assert [team["role"] for team in session["teams"]] == ["owner"]


def test_a_confirmed_address_leads_to_the_account_of_that_address(
    provider: Provider, who: People
) -> None:
    provider.person = {"sub": "2", "email": who.owner.email, "email_verified": True}
    client = browser()

    sign_in(client)

    assert client.get("/api/session").json()["user"]["id"] == who.owner.pk


def test_an_address_that_the_provider_has_not_confirmed_opens_nobodys_account(
    provider: Provider, who: People
) -> None:
    provider.person = {"sub": "3", "email": who.owner.email, "email_verified": False}
    client = browser()

    sign_in(client)

    assert client.get("/api/session").json()["user"] is None
    assert User.objects.filter(email=who.owner.email).count() == 1


def test_a_callback_that_nobody_began_opens_nothing(provider: Provider) -> None:
    client = browser()

    client.get("/accounts/oidc/sso/login/callback/", {"code": "abc", "state": "invented"})

    assert client.get("/api/session").json()["user"] is None
    assert provider.asked == []
