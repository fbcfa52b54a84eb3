"""A client of the real API with a real token, its requests served in the test's transaction."""

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from atelier_client import Atelier
from tests.factories import rows
from tests.webapp.workshop.conftest import empty, labeled, with_samples  # noqa: F401 - fixtures
from webapp.accounts import tokens
from webapp.accounts.models import Scope


def serve(request: httpx.Request) -> httpx.Response:
    """Answer a request of the client with Django, in the transaction of the test."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in ("content-type", "content-length")
    }
    answer = Client(raise_request_exception=False).generic(
        request.method,
        request.url.raw_path.decode(),
        request.read(),
        content_type=request.headers.get("content-type", ""),
        headers=headers,
    )
    return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture
def who(db):
    return rows.people()


@pytest.fixture(autouse=True)
def bundle(settings, tmp_path):
    rows.write_manifest(tmp_path / "bundles")
    settings.BUNDLES_DIR = tmp_path / "bundles"
    settings.FAMILIES_DIR = tmp_path / "published-families"
    settings.WORKSHOP_DIR = tmp_path / "workshop"


@pytest.fixture
def connect(who, settings):
    settings.ALLOWED_HOSTS = ["atelier.test", "testserver"]

    def make(*scopes, sleep=lambda seconds: None):
        """Return a client whose requests are served in this thread, as the tests' own are."""
        scopes = scopes or (Scope.READ, Scope.EDIT, Scope.PUBLISH)
        _, secret = tokens.create(
            actor=who.owner, name="test", scopes=set(scopes), days=1, now=timezone.now()
        )
        transport = httpx.MockTransport(serve)
        return Atelier("http://atelier.test", token=secret, transport=transport, sleep=sleep)

    return make
