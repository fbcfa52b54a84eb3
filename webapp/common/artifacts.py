"""Where do bytes live? In a store that names them by their SHA-256.

The same bytes are stored once. What is read is checked against its name. Browsers get them
by signed addresses; the signature is the permission, and only those who may see a row are
given the address in it. An address ends after some hours, so that one that was passed on, or
kept by somebody who may not look any more, is of no use for long. Within a period everybody
is given the same address, so pictures can be cached.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from webapp.common.errors import NotFoundError
from webapp.common.models import Artifact

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "application/json": "json",
    "application/octet-stream": "safetensors",
}
MEDIA_POLICY = "default-src 'none'; sandbox"


class MissingArtifactError(NotFoundError):
    """No artifact has this name, or its bytes are gone."""

    code = "artifact.missing"


class DamagedArtifactError(Exception):
    """The stored bytes do not have the hash that names them."""


class AtomicFileStorage(FileSystemStorage):
    """Files that appear whole or not at all, under exactly the name that was asked for."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        try:
            with draft.open("wb") as out:
                for chunk in content.chunks():
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
        return name


def _storage() -> Storage:
    return storages["artifacts"]


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


@lru_cache(maxsize=1)
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"webapp.common.artifacts" + secret.encode()).digest()


def _signature(digest: str, until: int | str) -> str:
    """Return the signature of an address: HMAC-SHA256 under a key of this module's own.

    In one call, as a page of cards has some hundred addresses.
    """
    text = f"{digest}.{until}".encode()
    made = hmac.digest(_key(settings.SECRET_KEY), text, "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode("ascii")


def put(data: bytes, *, content_type: str) -> str:
    """Store `data` and return its name, the SHA-256 of its bytes in hex.

    Storing the same bytes again changes nothing and returns the same name.
    """
    return put_all([(data, content_type)])[0]


def put_all(items: Sequence[tuple[bytes, str]]) -> list[str]:
    """Store bytes with their content types and return their names in order; two queries."""
    digests = [hashlib.sha256(data).hexdigest() for data, _ in items]
    known = set(Artifact.objects.filter(hash__in=digests).values_list("hash", flat=True))
    storage = _storage()
    new: dict[str, Artifact] = {}
    for digest, (data, content_type) in zip(digests, items, strict=True):
        if digest in known or digest in new:
            continue
        name = _name(digest)
        if not (storage.exists(name) and storage.size(name) == len(data)):
            storage.save(name, ContentFile(data))
        new[digest] = Artifact(hash=digest, size=len(data), content_type=content_type)
    if new:
        Artifact.objects.bulk_create(new.values(), ignore_conflicts=True)
    return digests


def read(digest: str) -> bytes:
    """Return the bytes of an artifact.

    Raises:
        MissingArtifactError: there is no such artifact.
        DamagedArtifactError: what is stored is not what the name says.
    """
    try:
        file: IO[bytes] = _storage().open(_name(digest), "rb")
    except FileNotFoundError:
        raise MissingArtifactError("A stored file is missing.") from None
    with file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != digest:
        raise DamagedArtifactError(digest)
    return data


def url(digest: str, *, content_type: str = "image/png") -> str:
    """Return the signed address at which a browser gets this artifact, for some hours."""
    extension = EXTENSIONS.get(content_type, "bin")
    until = _end_of_next_period(time.time())
    return f"/media/{digest}.{extension}?until={until}&s={_signature(digest, until)}"


def _end_of_next_period(now: float) -> int:
    """Return when an address given out now ends: one period from now at least, two at most."""
    period = settings.MEDIA_LINK_HOURS * 3600
    return (int(now) // period + 2) * period


def serve(request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """Answer a signed address with the bytes; any fault in it is "not found"."""
    signature, until = request.GET.get("s", ""), request.GET.get("until", "")
    if not constant_time_compare(signature, _signature(digest, until)):
        raise NotFoundError("There is nothing at this address.")
    seconds_left = int(until) - int(time.time())
    if seconds_left <= 0:
        raise NotFoundError("This address has ended. Load the page again.")
    content_types = {extension: kind for kind, extension in EXTENSIONS.items()}
    content_type = content_types.get(extension)
    if content_type is None:
        raise NotFoundError("There is nothing at this address.")
    response = HttpResponse(read(digest), content_type=content_type)
    response["Cache-Control"] = f"private, max-age={seconds_left}, immutable"
    response["ETag"] = f'"{digest}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = MEDIA_POLICY
    if not content_type.startswith("image/"):
        response["Content-Disposition"] = f'attachment; filename="{digest[:12]}.{extension}"'
    return response
