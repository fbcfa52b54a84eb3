"""The store that names bytes by their hash."""

import hashlib

import pytest

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
