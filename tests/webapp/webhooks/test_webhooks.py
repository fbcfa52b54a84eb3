"""Webhooks: who may add them, what is sent, how it is signed, and where nothing is sent."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.factories import rows
from tests.factories.rows import NOW, People, later
from webapp.common import outward
from webapp.webhooks import services
from webapp.webhooks.models import Delivery, State, Webhook

pytestmark = pytest.mark.django_db


def send(user: Any, method: str, path: str, body: Any = None) -> Any:
    text = json.dumps(body) if body is not None else ""
    return rows.client(user).generic(method, path, text, content_type="application/json")


# ---- where this server may send anything -----------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",
        "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1", "192.0.2.1",
    ],
)  # fmt: skip
def test_addresses_that_lead_inward_are_not_public(address: str) -> None:
    assert not outward.is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert outward.is_public(address)


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name lead to these addresses."""
    monkeypatch.setattr(outward, "lookup", lambda host, port: list(addresses))


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "ftp://example.com/", "https://", "https://me:pw@example.com/",
     "https://example.com:99999/", "https://[/", "https://[::1", "https://a..b/", "/hook", "file:///etc/passwd"],
)  # fmt: skip
def test_only_plain_https_addresses_are_taken(url: str, monkeypatch: Any) -> None:
    names(monkeypatch, "93.184.215.14")

    with pytest.raises(outward.BadTargetError):
        outward.resolve(url)


def test_a_name_with_one_private_address_among_its_addresses_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, "93.184.215.14", "10.0.0.7")

    with pytest.raises(outward.BadTargetError, match="public internet"):
        outward.resolve("https://sly.example/")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "0177.0.0.1", "2130706433", "localhost"]
)
def test_no_spelling_of_this_machine_is_taken(host: str) -> None:
    with pytest.raises(outward.BadTargetError):
        outward.resolve(f"https://{host}/")


# ---- a server that listens -------------------------------------------------------------------


class Listener:
    """An https server of this test, and what it was sent."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.location: str | None = None
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        path = folder / "listener.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        self.trust = ssl.create_default_context(cafile=str(path))
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.heard.append((self.path, dict(self.headers), body))
                self.send_response(listener.status)
                if listener.location:
                    self.send_header("Location", listener.location)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://hooks.example:{self.server.server_port}/take?x=1"


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A listener that its name leads to; for this test alone, its address counts as public."""
    found = Listener(tmp_path)
    names(monkeypatch, "127.0.0.1")
    monkeypatch.setattr(outward, "trust", lambda: found.trust)
    monkeypatch.setattr(outward, "is_public", bool)
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def hook(who: People, listener: Listener) -> Webhook:
    return services.add(
        actor=who.owner, team_id=who.team.pk, url=listener.url, events=["vector.listed"],
        now=NOW,
    )  # fmt: skip


def tell(who: People) -> Delivery:
    services.emit(team_id=who.team.pk, event="vector.listed", data={"title": "Ü"}, now=NOW)
    return Delivery.objects.get()


def test_a_message_arrives_signed(who: People, hook: Webhook, listener: Listener) -> None:
    tell(who)

    num_taken = services.deliver_due(now=NOW)

    assert num_taken == 1
    ((path, headers, body),) = listener.heard
    assert path == "/take?x=1"
    assert headers["Host"].startswith("hooks.example")
    key = base64.b64decode(hook.key.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert json.loads(body)["data"] == {"title": "Ü"}
    assert Delivery.objects.get().state == State.DELIVERED
    assert services.deliver_due(now=later(999)) == 0


def test_a_message_that_is_not_taken_is_tried_again_later_and_given_up_in_the_end(
    who: People, hook: Webhook, listener: Listener
) -> None:
    listener.status = 500
    tell(who)

    now = NOW
    for _ in range(len(services.WAITS) + 1):
        services.deliver_due(now=now)
        services.deliver_due(now=now)  # not due yet: nothing happens
        now = Delivery.objects.get().next_attempt_at

    found = Delivery.objects.get()
    assert (found.state, found.num_attempts) == (State.FAILED, len(services.WAITS) + 1)
    assert found.last_answer == "it answered 500"
    assert len(listener.heard) == len(services.WAITS) + 1
    assert len({headers["webhook-id"] for _, headers, _ in listener.heard}) == 1


def test_a_redirect_is_not_followed(who: People, hook: Webhook, listener: Listener) -> None:
    listener.status, listener.location = 302, "https://hooks.example/elsewhere"
    tell(who)

    services.deliver_due(now=NOW)

    assert [path for path, _, _ in listener.heard] == ["/take?x=1"]
    assert Delivery.objects.get().last_answer == "it answered 302"


def test_a_name_that_leads_inward_by_now_gets_nothing(
    who: People, hook: Webhook, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(who)
    monkeypatch.setattr(outward, "is_public", lambda address: False)

    services.deliver_due(now=NOW)

    found = Delivery.objects.get()
    assert (found.state, listener.heard) == (State.FAILED, [])
    assert "public internet" in found.last_answer


def test_a_listener_that_is_away_is_an_attempt(who: People, hook: Webhook) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        Webhook.objects.update(url=f"https://hooks.example:{probe.getsockname()[1]}/")
        tell(who)
        services.deliver_due(now=NOW)

    assert Delivery.objects.get().num_attempts == 1
    assert Delivery.objects.get().state == State.WAITING


def test_only_who_asked_for_an_event_hears_of_it(who: People, hook: Webhook) -> None:
    services.emit(team_id=who.team.pk, event="image.added", data={}, now=NOW)
    services.emit(team_id=who.other_team.pk, event="vector.listed", data={}, now=NOW)
    Webhook.objects.update(is_active=False)
    services.emit(team_id=who.team.pk, event="vector.listed", data={}, now=NOW)

    assert Delivery.objects.count() == 0


def test_a_name_that_cannot_be_looked_up_now_is_tried_again(
    who: People, hook: Webhook, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(*_: Any, **__: Any) -> Any:
        raise outward.UnknownHostError("hooks.example leads to no server.")

    tell(who)
    monkeypatch.setattr(outward, "lookup", no_answer)

    services.deliver_due(now=NOW)

    found = Delivery.objects.get()
    assert (found.state, found.num_attempts) == (State.WAITING, 1)
    assert "leads to no server" in found.last_answer


def test_a_listener_with_letters_of_any_script_holds_nobody_up(
    who: People, hook: Webhook, listener: Listener
) -> None:
    port = listener.server.server_port
    Webhook.objects.update(url=f"https://例え.example:{port}/")
    tell(who)
    services.deliver_due(now=NOW)

    found = Delivery.objects.get()
    assert (found.state, found.num_attempts) == (State.WAITING, 1)
    assert "did not answer" in found.last_answer  # its certificate names another


def test_an_answer_that_never_ends_is_not_waited_for(
    who: People, hook: Webhook, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outward, "READ_SECONDS", 1.0)
    handler = listener.server.RequestHandlerClass
    real_post = handler.do_POST  # type: ignore[attr-defined]
    is_over = Event()

    def drip(self: Any) -> None:
        real_post(self)
        for _ in range(30):
            if is_over.wait(0.1):
                return
            try:
                self.wfile.write(b".")
            except OSError:
                return

    monkeypatch.setattr(handler, "do_POST", drip)
    listener.status = 200
    tell(who)
    began = time.monotonic()

    services.deliver_due(now=NOW)
    seconds = time.monotonic() - began
    is_over.set()

    assert Delivery.objects.get().state == State.DELIVERED
    assert seconds < 2


def test_an_answer_that_drips_is_ended(
    who: People, hook: Webhook, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outward, "TOTAL_SECONDS", 0.5)
    is_over = Event()

    def drip(self: Any) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
        while not is_over.wait(0.05):
            try:
                self.wfile.write(b".")  # each byte comes well before the limit of one wait
            except OSError:
                return

    monkeypatch.setattr(listener.server.RequestHandlerClass, "do_POST", drip)
    tell(who)
    began = time.monotonic()

    services.deliver_due(now=NOW)
    seconds = time.monotonic() - began
    is_over.set()

    found = Delivery.objects.get()
    assert (found.state, found.num_attempts) == (State.WAITING, 1)
    assert "did not answer" in found.last_answer
    assert seconds < 3


# ---- over HTTP -----------------------------------------------------------------------------


def test_webhooks_are_for_owners_and_their_key_is_shown_once(
    who: People, listener: Listener, settings: Any
) -> None:
    path = f"/api/teams/{who.team.pk}/webhooks"
    wish = {"url": listener.url, "events": ["vector.listed"]}
    assert send(who.teammate, "POST", path, wish).status_code == 403
    assert send(who.stranger, "POST", path, wish).status_code == 404

    made = send(who.owner, "POST", path, wish)

    assert made.status_code == 201, made.content
    assert made.json()["key"].startswith("whsec_")
    shown = send(who.owner, "GET", path).json()
    assert "key" not in shown[0]
    one = f"/api/webhooks/{shown[0]['id']}"
    assert send(who.teammate, "DELETE", one).status_code == 404
    assert send(who.owner, "POST", f"{one}/test").status_code == 202
    services.deliver_due(now=datetime.now(UTC))
    deliveries = send(who.owner, "GET", f"{one}/deliveries").json()["items"]
    assert [each["state"] for each in deliveries] == ["delivered"]
    settings.QUOTA_WEBHOOKS = 1
    assert send(who.owner, "POST", path, wish).json()["code"] == "accounts.quota"
    assert send(who.owner, "DELETE", one).status_code == 204


def test_an_address_that_leads_inward_is_refused_in_words(who: People) -> None:
    wish = {"url": "https://127.0.0.1/", "events": ["vector.listed"]}

    refused = send(who.owner, "POST", f"/api/teams/{who.team.pk}/webhooks", wish)

    assert (refused.status_code, refused.json()["code"]) == (422, "outward.refused")
    assert "public internet" in refused.json()["detail"]
