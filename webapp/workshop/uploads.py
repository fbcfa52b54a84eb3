"""How does a large file arrive? In chunks, each written where it belongs; a cut loses nothing.

A checkpoint or a zip of pictures is larger than a request may be, so it comes piece by piece
and may go on after hours. Nothing of it is read here: that is the engine's part, in a process
of its own.
"""

import re
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path, PurePath
from uuid import UUID

from django.conf import settings
from django.db import transaction

from webapp.accounts.models import User
from webapp.common.errors import ConflictError, RefusedInputError, TooLargeError
from webapp.workshop import policies
from webapp.workshop.models import FamilyProject, FamilyUpload, Kind

CHUNK_BYTES = 8 * 1024 * 1024


class UploadTooLargeError(TooLargeError):
    """The file has more bytes than are accepted."""

    code = "workshop.too_large"


class OffsetError(ConflictError):
    """The chunk does not begin where the last one ended."""

    code = "workshop.offset"


class BadChunkError(RefusedInputError):
    """The chunk is empty, larger than chunks may be, or reaches past the end of the file."""

    code = "workshop.chunk"


class NoRoomError(TooLargeError):
    """The server's disk has no room for the file."""

    code = "workshop.no_room"
    status = 507
    title = "No room"


def folder_of(project_id: UUID) -> Path:
    """Return the folder of a project, which web and workers share."""
    return Path(settings.WORKSHOP_DIR) / project_id.hex


def place_of(upload: FamilyUpload) -> str:
    """Return where the bytes of an upload are, below the project's folder.

    The file is called as its owner calls it, as far as that is safe: refusals name it.
    """
    plain = re.sub(r"[^\w .()-]", "_", PurePath(upload.file_name).name, flags=re.ASCII)
    return f"uploads/{upload.pk.hex}/{plain.lstrip('. ')[-100:] or 'file'}"


def path_of(upload: FamilyUpload) -> Path:
    """Return where the bytes of an upload are."""
    return folder_of(upload.project_id) / place_of(upload)


@transaction.atomic
def begin(
    *, actor: User, project_id: UUID, kind: str, file_name: str, size: int, now: datetime
) -> FamilyUpload:
    """Return an upload to send chunks to: the unfinished one of the same file, or a new one.

    Raises:
        UnknownProjectError, ReadOnlyError: see `policies.editable_project`.
        UploadTooLargeError: it has more bytes than the installation takes.
        NoRoomError: the disk has not so many left.
    """
    project = policies.editable_project(actor, project_id)
    most = settings.WORKSHOP_UPLOAD_BYTES
    if size > most:
        raise UploadTooLargeError(
            f"This file has {size / 2**20:,.0f} MiB. The most is {most / 2**20:,.0f} MiB; send "
            "a checkpoint of the generator alone, or fewer pictures."
        )
    found = FamilyUpload.objects.filter(
        project=project, kind=kind, file_name=file_name, size=size
    ).first()
    if found is not None:
        return found
    folder = folder_of(project.pk)
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < size + most // 8:
        raise NoRoomError("There is no room for this file at the moment. Tell an operator.")
    _drop_others(project)
    return FamilyUpload.objects.create(
        project=project, owner=actor, kind=Kind(kind), file_name=file_name, size=size,
        created_at=now,
    )  # fmt: skip


def _drop_others(project: FamilyProject) -> None:
    """Forget what was sent before: a project is made of one file."""
    for upload in FamilyUpload.objects.filter(project=project):
        drop_row(upload)


@transaction.atomic
def add_chunk(
    *, actor: User, upload_id: UUID, offset: int, pieces: Iterable[bytes]
) -> FamilyUpload:
    """Return the upload with a chunk more. One that is there already changes nothing.

    Raises:
        UnknownUploadError, ReadOnlyError: see `policies.editable_upload`.
        OffsetError: bytes between the last chunk and this one are missing.
        BadChunkError: it is empty, too large, or reaches past the end.
    """
    upload = policies.editable_upload(actor, upload_id)
    if offset > upload.received:
        raise OffsetError(
            f"{upload.received} bytes have arrived; go on from there, not from {offset}."
        )
    path = path_of(upload)
    path.parent.mkdir(parents=True, exist_ok=True)
    num_bytes = 0
    with path.open("r+b" if path.exists() else "w+b") as out:
        out.seek(offset)
        for piece in pieces:
            num_bytes += len(piece)
            if num_bytes > CHUNK_BYTES or offset + num_bytes > upload.size:
                raise BadChunkError(
                    f"A chunk has at most {CHUNK_BYTES} bytes and ends with the file, which "
                    f"was announced with {upload.size}."
                )
            out.write(piece)
    if num_bytes == 0:
        raise BadChunkError("This chunk is empty.")
    upload.received = max(upload.received, offset + num_bytes)
    upload.save(update_fields=["received"])
    return upload


@transaction.atomic
def drop(*, actor: User, upload_id: UUID) -> None:
    """Forget an upload and its bytes.

    Raises:
        UnknownUploadError, ReadOnlyError: see `policies.editable_upload`.
    """
    drop_row(policies.editable_upload(actor, upload_id))


def drop_row(upload: FamilyUpload) -> None:
    """Forget an upload; its bytes go once the transaction has committed."""
    folder = path_of(upload).parent
    upload.delete()
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True), robust=True)
