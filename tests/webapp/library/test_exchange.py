"""Edit vectors as files: single ones and whole collections, out and in again."""

import io
import json
import zipfile

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import rows
from tests.webapp.library.test_edit_vectors import OFFSET, measured, save
from webapp.library import exchange, favorites, publications, selectors, vector_file
from webapp.library.licenses import License
from webapp.library.models import EditVector


def collection_of(who, *vectors):
    made = favorites.add_collection(
        actor=who.owner, team=who.team, title="Été", description="", is_personal=False,
        now=rows.NOW,
    )  # fmt: skip
    for vector in vectors:
        favorites.collect(
            actor=who.owner, collection_id=made.pk, edit_vector_id=vector.pk, is_in=True,
            now=rows.NOW,
        )  # fmt: skip
    return made


def import_(who, data, *, actor=None, team=None):
    return exchange.import_file(
        actor=actor or who.stranger, team=team or who.other_team, name="x", data=data,
        now=rows.NOW,
    )  # fmt: skip


def test_a_collection_goes_out_and_comes_back_in_another_team(who):
    license = License(allows_commercial=False, keeps_license=True)
    two = [save(who, license=license), save(who, offset=OFFSET * 2, title="Frown")]
    made = collection_of(who, *two)

    name, data = exchange.export_collection(who.owner, made.pk)
    items, collection_id = import_(who, data)

    assert name == "ete.zip"
    assert data == exchange.export_collection(who.teammate, made.pk)[1]
    assert [item.refusal for item in items] == [None, None]
    page = selectors.collection(who.stranger, collection_id)
    assert (page.collection.title, [one.title for one in page.items]) == (
        "Été", ["Smile", "Frown"],
    )  # fmt: skip
    assert page.items[0].license.allows_commercial is False
    copies = EditVector.objects.filter(team=who.other_team).select_related("current_version")
    hashes = {copy.current_version.content_hash for copy in copies}
    assert hashes == {vector.current_version.content_hash for vector in two}


@pytest.mark.parametrize("terms", [None, {}, "free", {"allows_commercial": "yes"}])
def test_a_file_that_does_not_say_its_licence_gets_the_strict_one(who, terms):
    read = vector_file.read(selectors.file(who.owner, save(who).pk)[1])
    card = {**read.card, "terms": terms}
    if terms is None:
        del card["terms"]
    data = vector_file.write(
        data=vector_file.offset_bytes(read.offset), shape=read.offset.shape, parts=read.parts,
        card=card,
    )  # fmt: skip

    ((item,), _) = import_(who, data)

    assert License.of(item.edit_vector) == License(
        asks_credit=True, allows_commercial=False, allows_derivatives=False, keeps_license=True
    )


def test_exporting_a_collection_asks_as_often_for_many_vectors_as_for_one(who):
    def num_queries(made):
        with CaptureQueriesContext(connection) as asked:
            exchange.export_collection(who.owner, made.pk)
        return len(asked)

    vectors = [save(who, offset=OFFSET * (1 + n), title=f"Smile {n}") for n in range(5)]

    one, many = collection_of(who, vectors[0]), collection_of(who, *vectors)

    assert num_queries(many) == num_queries(one)


def test_the_same_vector_enters_a_team_once(who):
    _, data = selectors.file(who.owner, save(who).pk)

    import_(who, data)

    with pytest.raises(exchange.AlreadyHereError):
        import_(who, data)


def test_a_vector_for_a_model_that_is_not_here_is_refused_in_words(who):
    vector = save(who)
    vector.current_version.fingerprint = "0" * 64
    vector.current_version.save()
    _, data = selectors.file(who.owner, vector.pk)

    with pytest.raises(exchange.OtherModelFileError) as caught:
        import_(who, data)

    assert caught.value.detail == (
        "This vector was made for tiny-16 that is not installed here."
    )


def test_a_collection_leaves_out_what_its_licence_does_not_give_away(who):
    closed = save(who, card=measured(), license=License(allows_derivatives=False))
    free = save(who, card=measured(), offset=OFFSET * 2, title="Free")
    for vector in (closed, free):
        publications.publish(actor=who.owner, edit_vector_id=vector.pk, now=rows.NOW)
    made = favorites.add_collection(
        actor=who.stranger, team=who.other_team, title="Found", description="",
        is_personal=True, now=rows.NOW,
    )  # fmt: skip
    for vector in (closed, free):
        favorites.collect(
            actor=who.stranger, collection_id=made.pk, edit_vector_id=vector.pk, is_in=True,
            now=rows.NOW,
        )  # fmt: skip

    _, data = exchange.export_collection(who.stranger, made.pk)

    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert names == ["free-v1.safetensors", "editvectors.json"]


def rewritten(data: bytes, change) -> bytes:
    """Return an archive whose files `change` has replaced."""
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    change(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return out.getvalue()


def _index(change):
    def apply(files):
        index = json.loads(files["editvectors.json"])
        change(index)
        files["editvectors.json"] = json.dumps(index).encode()

    return apply


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.pop("editvectors.json"),
        lambda files: files.pop("smile-v1.safetensors"),
        lambda files: files.update({"evil.pkl": b"x"}),
        lambda files: files.update({"../up.safetensors": b"x"}),
        _index(lambda index: index.update(format="editvectors/9")),
        _index(lambda index: index.update(more=1)),
        _index(lambda index: index["files"][0].update(file="../../etc/passwd")),
        lambda files: files.update({"editvectors.json": b"[" * 100_000}),
    ],
)
def test_an_archive_that_is_not_what_it_says_is_refused(who, change):
    made = collection_of(who, save(who))
    _, data = exchange.export_collection(who.owner, made.pk)

    with pytest.raises(exchange.ArchiveError):
        import_(who, rewritten(data, change))

    assert not EditVector.objects.filter(team=who.other_team).exists()


def test_a_damaged_file_is_left_out_with_the_reason_and_the_others_enter(who):
    made = collection_of(who, save(who), save(who, offset=OFFSET * 2, title="Frown"))
    _, data = exchange.export_collection(who.owner, made.pk)

    def damage(files):
        files["smile-v1.safetensors"] = files["smile-v1.safetensors"][:-4] + b"\0\0\0\0"

    items, _ = import_(who, rewritten(data, damage))

    assert [item.refusal for item in items] == [
        "The file is damaged: it does not have the hash that the index says.", None,
    ]  # fmt: skip


def test_a_file_with_broken_compression_or_a_password_is_left_out_as_damaged(who):
    made = collection_of(who, save(who), save(who, offset=OFFSET * 2, title="Frown"))
    _, data = exchange.export_collection(who.owner, made.pk)
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        smile = zipped.getinfo("smile-v1.safetensors").header_offset
    name_length = len("smile-v1.safetensors")
    at = smile + 30 + name_length
    broken = data[:at] + b"\xff" * 16 + data[at + 16 :]
    locked = bytearray(data)
    locked[smile + 6] |= 1  # the flag of encryption, in both headers
    locked[data.index(b"PK\1\2") + 8] |= 1

    for one in (broken, bytes(locked)):
        items, _ = import_(who, one)
        assert items[0].refusal.startswith("The file is damaged")

    assert items[1].refusal == "Your team has this edit vector already."


def test_an_archive_without_a_real_title_becomes_a_collection_named_as_the_file(who):
    made = collection_of(who, save(who))
    _, data = exchange.export_collection(who.owner, made.pk)

    _, collection_id = import_(
        who, rewritten(data, _index(lambda index: index.update(title=" \0 ")))
    )

    assert selectors.collection(who.stranger, collection_id).collection.title == "x"


def test_texts_that_the_database_cannot_hold_lose_what_is_wrong_with_them(who):
    _, data = selectors.file(who.owner, save(who).pk)
    read = vector_file.read(data)
    bad = vector_file.write(
        data=vector_file.offset_bytes(read.offset), shape=read.offset.shape, parts=read.parts,
        card={**read.card, "title": "Sm\0e", "tags": ["ha\0ppy"]},
    )  # fmt: skip

    items, _ = import_(who, bad)

    shown = selectors.shown(who.stranger, items[0].edit_vector.pk)
    assert (shown.title, shown.tags) == ("Sm e", ["ha ppy"])


def test_a_zip_that_would_unpack_to_too_much_is_refused_before_it_does(who):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.safetensors", np.zeros(300 << 20, np.uint8).tobytes())

    with pytest.raises(exchange.ArchiveError):
        import_(who, out.getvalue())


def test_a_file_is_taken_over_http_and_measured(who):
    _, data = selectors.file(who.owner, save(who).pk)
    upload = SimpleUploadedFile("smile.safetensors", data)

    answer = rows.client(who.stranger).post("/api/edit-vectors/import", {"file": upload})

    assert answer.status_code == 201
    (line,) = answer.json()["items"]
    assert (line["title"], line["refusal"]) == ("Smile", None)
    assert rows.claim("batch").request.kind == "measure"


def test_nonsense_is_refused_over_http(who):
    for data in (b"", b"PK\x03\x04nonsense", b"\x80\x04K\x00."):
        upload = SimpleUploadedFile("x.safetensors", data or b" ")
        answer = rows.client(who.owner).post("/api/edit-vectors/import", {"file": upload})

        assert answer.status_code == 422, data
