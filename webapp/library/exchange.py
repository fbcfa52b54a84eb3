"""How do edit vectors leave and enter as files? Alone, or a whole collection as one archive.

One vector is an `editvector/1` file. An archive is a zip of such files with an index,
`editvectors.json`, that names each with its SHA-256. Writing is deterministic. Reading
trusts nothing: sizes before anything is unpacked, names, hashes, and then every file as if
it had come alone. A file that cannot be used is left out with the reason; the others enter.
"""

import hashlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field

from webapp.accounts import policies as accounts
from webapp.accounts.models import Team, User
from webapp.common.errors import DomainError, RefusedInputError
from webapp.families import selectors as families
from webapp.library import favorites, policies, selectors, services, vector_file
from webapp.library.folding import fold
from webapp.library.licenses import License
from webapp.library.models import MAX_TITLE, EditVector, EditVectorVersion

INDEX = "editvectors.json"
FORMAT = "editvectors/1"
MAX_FILES = 500
MAX_INDEX_BYTES = 1 << 20
MAX_UNPACKED = 256 << 20
# What the library raises at a damaged, encrypted or unknown entry of a zip.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError,
)  # fmt: skip
MADE_AT = (1980, 1, 1, 0, 0, 0)  # equal content, equal bytes


class ArchiveError(RefusedInputError):
    """The bytes are no archive of edit vectors."""

    code = "library.archive"


class OtherModelFileError(RefusedInputError):
    """The file was made for a model that this installation does not have."""

    code = "library.other_model"


class AlreadyHereError(RefusedInputError):
    """The team has exactly this edit vector already."""

    code = "library.already_here"


class Line(BaseModel):
    """One file of an archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,120}\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Index(BaseModel):
    """What an archive says that it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str
    title: str = Field(max_length=MAX_TITLE)
    files: list[Line] = Field(max_length=MAX_FILES)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file: an edit vector, or the reason why not."""

    name: str
    edit_vector: EditVector | None
    refusal: str | None


# ---- out -----------------------------------------------------------------------------------


def archive(title: str, files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return an archive of named files; equal arguments, equal bytes."""
    names: set[str] = set()
    lines: list[Line] = []
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        for name, data in files:
            stem, number = name.removesuffix(".safetensors"), 1
            while name in names:
                number += 1
                name = f"{stem}-{number}.safetensors"
            names.add(name)
            lines.append(Line(file=name, sha256=hashlib.sha256(data).hexdigest()))
            zipped.writestr(_entry(name), data)
        index = Index(format=FORMAT, title=title, files=lines)
        zipped.writestr(_entry(INDEX), index.model_dump_json(indent=1))
    return out.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=MADE_AT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def export_collection(user: User, collection_id: UUID) -> tuple[str, bytes]:
    """Return the name and bytes of a collection as one archive.

    Edit vectors whose licence does not let `user` have the file are left out.

    Raises:
        UnknownCollectionError: `user` can see no such collection.
    """
    collection = policies.visible_collection(user, collection_id)
    ids = collection.items.order_by("created_at", "pk").values_list("edit_vector_id", flat=True)
    visible = EditVector.objects.visible_to(user).live().filter(pk__in=list(ids))
    rows = {
        row.pk: row
        for row in visible.select_related("current_version", "author").prefetch_related("tags")
    }
    teams = set(Team.objects.visible_to(user).values_list("pk", flat=True))
    files = [
        selectors.file_of(rows[pk])
        for pk in ids
        if pk in rows and policies.may_export(rows[pk], teams=teams)
    ]
    name = re.sub(r"[^a-z0-9]+", "-", fold(collection.title)).strip("-")[:60] or "collection"
    return f"{name}.zip", archive(collection.title, files)


# ---- in ------------------------------------------------------------------------------------


def import_file(
    *, actor: User, team: Team, name: str, data: bytes, now: datetime
) -> tuple[list[Imported], UUID | None]:
    """Return what became of each file in an upload, and the collection it made, if any.

    A zip becomes a team collection of what could be used. A single file that cannot be
    used is refused; in an archive it is left out with the reason.

    Raises:
        ReadOnlyError: the actor may only look in this team.
        ArchiveError: a zip that is no archive of edit vectors.
        VectorFileError, BadOffsetError, OtherModelFileError, AlreadyHereError: a single file.
    """
    accounts.require_editor(actor, team.pk)
    if not data.startswith(b"PK"):
        vector = _import_one(actor=actor, team=team, data=data, now=now)
        return [Imported(name=name, edit_vector=vector, refusal=None)], None
    title, files = _unpack(data)
    title = (" ".join(_storable(title).split()) or name)[:MAX_TITLE]
    found: list[Imported] = []
    for file_name, content in files:
        if content is None:
            refusal_text = "The file is damaged: it does not have the hash that the index says."
            found.append(Imported(name=file_name, edit_vector=None, refusal=refusal_text))
            continue
        try:
            vector = _import_one(actor=actor, team=team, data=content, now=now)
            found.append(Imported(name=file_name, edit_vector=vector, refusal=None))
        except DomainError as refusal:
            found.append(Imported(name=file_name, edit_vector=None, refusal=refusal.detail))
    made = [one.edit_vector for one in found if one.edit_vector is not None]
    if not made:
        return found, None
    collection = favorites.add_collection(
        actor=actor, team=team, title=title, description="", is_personal=False, now=now
    )
    for vector in made:
        favorites.collect(
            actor=actor, collection_id=collection.pk, edit_vector_id=vector.pk, is_in=True,
            now=now,
        )  # fmt: skip
    return found, collection.pk


def _unpack(data: bytes) -> tuple[str, Iterator[tuple[str, bytes | None]]]:
    """Return the title of an archive and its files, each read when it is asked for.

    A file that is not what its hash says comes as None.

    Raises:
        ArchiveError: no such archive, or it would unpack to too much.
    """
    try:
        zipped = zipfile.ZipFile(io.BytesIO(data))
        sizes = {entry.filename: entry.file_size for entry in zipped.infolist()}
        if len(sizes) > MAX_FILES + 1 or sum(sizes.values()) > MAX_UNPACKED:
            raise ArchiveError(
                f"An archive holds at most {MAX_FILES} files and "
                f"{MAX_UNPACKED >> 20} MB unpacked."
            )
        if sizes.get(INDEX, MAX_INDEX_BYTES + 1) > MAX_INDEX_BYTES:
            raise ArchiveError(f"The archive has no {INDEX} that says what it holds.")
        index = Index.model_validate_json(_read(zipped, INDEX, MAX_INDEX_BYTES))
    except UNREADABLE as e:
        raise ArchiveError("This is not an archive of edit vectors.") from e
    if index.format != FORMAT:
        raise ArchiveError(f"This is not an archive of the format {FORMAT}.")
    if {line.file for line in index.files} | {INDEX} != sizes.keys():
        raise ArchiveError("The archive does not hold exactly what its index says.")

    def files() -> Iterator[tuple[str, bytes | None]]:
        for line in index.files:
            try:
                content = _read(zipped, line.file, vector_file.MAX_FILE_BYTES)
            except UNREADABLE:
                content = b""
            is_whole = hashlib.sha256(content).hexdigest() == line.sha256
            yield line.file, content if is_whole else None

    return index.title, files()


def _read(zipped: zipfile.ZipFile, name: str, most: int) -> bytes:
    with zipped.open(name) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise zipfile.BadZipFile(f"{name} is larger than it says")
    return data


@transaction.atomic
def _import_one(*, actor: User, team: Team, data: bytes, now: datetime) -> EditVector:
    read = vector_file.read(data)
    card = dict(read.card)
    info = bundle_of(card, team_id=team.pk)
    digest = vector_file.content_hash(vector_file.offset_bytes(read.offset))
    here = EditVectorVersion.objects.filter(
        content_hash=digest, edit_vector__team=team, edit_vector__deleted_at__isnull=True
    )
    if here.exists():
        raise AlreadyHereError("Your team has this edit vector already.")
    margin = card.get("margin", 5)
    return services.save_edit_vector(
        actor=actor,
        team=team,
        bundle=info.name,
        offset=read.offset,
        parts=read.parts,
        margin=margin if isinstance(margin, int) and 0 <= margin <= 64 else 5,
        learned_from={
            "how": "import",
            "author": _text(card, "author", 80),
            "id": _text(card, "id", 40),
        },
        title=_text(card, "title", MAX_TITLE) or "Imported",
        description=_text(card, "description", 2000),
        tags=[tag[:40] for tag in _texts(card.get("tags"))[:12]],
        license=_license(card.get("terms")),
        now=now,
    )


def bundle_of(card: dict[str, Any], *, team_id: UUID) -> families.BundleInfo:
    """Return the bundle, among those a team has, that a card was made for.

    Raises:
        OtherModelFileError: there is none with this generator.
    """
    model = card.get("model")
    fingerprint = model.get("fingerprint") if isinstance(model, dict) else None
    for info in families.all_of_team(team_id):
        if info.fingerprint == fingerprint:
            return info
    name = _text(model, "bundle", 64) if isinstance(model, dict) else ""
    raise OtherModelFileError(
        f"This vector was made for {name or 'a model'} that is not installed here."
    )


def _text(card: dict[str, Any], name: str, most: int) -> str:
    value = card.get(name)
    return " ".join(_storable(value).split())[:most] if isinstance(value, str) else ""


def _storable(text: str) -> str:
    """Return a text without what JSON can say and the database cannot hold."""
    return text.encode("utf-8", "ignore").decode().replace("\0", " ")


def _texts(value: object) -> list[str]:
    found = value if isinstance(value, list) else []
    return [_storable(one) for one in found if isinstance(one, str)]


def _license(value: object) -> License:
    """Return the switches that came with a file; one that is missing is the strict one."""
    given = value if isinstance(value, dict) else {}
    return License(
        asks_credit=given.get("asks_credit") is not False,
        allows_commercial=given.get("allows_commercial") is True,
        allows_derivatives=given.get("allows_derivatives") is True,
        keeps_license=given.get("keeps_license") is not False,
    )
