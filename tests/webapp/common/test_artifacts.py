"""The store that names bytes by their hash."""

import hashlib
import time
from typing import Any

import pytest
from django.test import Client

from webapp.common import artifacts
from webapp.common.models import Artifact

pytestmark = pytest.mark.django_db


def test_the_same_bytes_are_stored_once_under_their_hash() -> None:
    names = {artifacts.put(b"bytes", content_type="image/png") for _ in range(2)}

    assert names == {hashlib.sha256(b"bytes").hexdigest()}
    assert Artifact.objects.count() == 1
    assert artifacts.read(names.pop()) == b"bytes"


def test_bytes_that_changed_on_disk_are_never_handed_out() -> None:
    name = artifacts.put(b"as stored", content_type="image/png")
    storage = artifacts._storage()
    with open(storage.path(artifacts._name(name)), "wb") as file:  # noqa: PTH123 - as an accident would
        file.write(b"as broken")

    with pytest.raises(artifacts.DamagedArtifactError):
        artifacts.read(name)


def test_a_half_written_file_is_replaced_when_the_bytes_come_again() -> None:
    name = hashlib.sha256(b"whole bytes").hexdigest()
    path = artifacts._storage().path(artifacts._name(name))
    from pathlib import Path

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(b"who")

    artifacts.put(b"whole bytes", content_type="image/png")

    assert artifacts.read(name) == b"whole bytes"


def test_what_was_never_stored_is_missing() -> None:
    with pytest.raises(artifacts.MissingArtifactError):
        artifacts.read("0" * 64)


def test_a_signed_address_is_good_for_some_hours_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, settings: Any, client: Client
) -> None:
    settings.MEDIA_LINK_HOURS = 6
    name = artifacts.put(b"a picture", content_type="image/png")
    now = time.time()
    address = artifacts.url(name)

    def status_after(hours: float) -> int:
        monkeypatch.setattr(artifacts.time, "time", lambda: now + 3600 * hours)
        return client.get(address).status_code

    assert [status_after(hours) for hours in (0, 5.9, 12.1)] == [200, 200, 404]


@pytest.mark.parametrize("change", ["until", "name", "signature", "nonsense"])
def test_an_address_that_was_changed_leads_nowhere(change: str, client: Client) -> None:
    name = artifacts.put(b"a picture", content_type="image/png")
    other = artifacts.put(b"another", content_type="image/png")
    address = artifacts.url(name)
    changed = {
        "until": address.replace("until=", "until=9"),
        "name": address.replace(name, other),
        "signature": address[:-1] + ("A" if address[-1] != "A" else "B"),
        "nonsense": f"/media/{name}.png?until=never&s=",
    }[change]

    assert client.get(address).status_code == 200
    assert client.get(changed).status_code == 404


def test_bytes_are_served_so_that_no_browser_runs_them(client: Client) -> None:
    name = artifacts.put(b"<script>", content_type="image/png")

    answer = client.get(artifacts.url(name))

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"].startswith("private, max-age=")
