"""Saving, measuring, changing, removing and downloading edit vectors."""

import json
from uuid import uuid4

import numpy as np
import pytest

from editing import vectors
from tests.factories import rows
from webapp.common import artifacts
from webapp.common.errors import DomainError
from webapp.jobs import sources, worker
from webapp.jobs.contract import Measured, ProbeStrip, VectorUse
from webapp.jobs.models import Job
from webapp.library import index, policies, search, selectors, services, vector_file
from webapp.library.models import EditVector

OFFSET = np.linspace(-1, 1, rows.LAYERS * rows.W_DIM, dtype=np.float32).reshape(
    rows.LAYERS, rows.W_DIM
)


def save(who, *, offset=OFFSET, parts=(2,), title="Smile", tags=("happy",), **more):
    given = {
        "actor": who.owner, "team": who.team, "bundle": "tiny-16", "offset": offset,
        "parts": parts, "margin": 5, "title": title, "description": "Corners up.",
        "tags": tags, "now": rows.NOW,
        "learned_from": {"kind": "optimize", "image_id": str(uuid4())},
    }  # fmt: skip
    return services.save_edit_vector(**{**given, **more})


def measured(strengths=(-2.0, -1.0, 0.0, 1.0, 2.0)) -> Measured:
    strip = tuple(
        artifacts.put(b"picture at %f" % strength, content_type="image/png")
        for strength in strengths
    )
    return Measured(
        strengths=strengths, strips=(ProbeStrip(pictures=strip),), num_probes=16,
        locality=0.97, outside_change=0.01, identity=None, success=0.94,
        effect_by_part={"hair": 0.1}, valid_range=(-1.5, 2.0), norm=3.0,
    )  # fmt: skip


def test_a_saved_vector_waits_to_be_measured(who):
    vector = save(who)

    (job,) = Job.objects.all()
    assert job.lane == "batch"
    assert job.owner_id == who.owner.pk
    assert job.request["edit_vector_version_id"] == str(vector.current_version_id)


def test_the_worker_reads_the_very_offset_that_was_saved(who):
    vector = save(who, parts=(2, 3))

    record = sources.read_offset(vector.current_version_id)

    assert np.array_equal(np.frombuffer(record.offset, "<f4").reshape(record.shape), OFFSET)
    assert (record.parts, record.margin, record.fingerprint) == ((2, 3), 5, "f" * 64)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offset": np.zeros_like(OFFSET)}, "library.bad_offset"),
        ({"offset": np.full_like(OFFSET, np.nan)}, "library.bad_offset"),
        ({"offset": np.full_like(OFFSET, np.inf)}, "library.bad_offset"),
        ({"offset": OFFSET * 1e4}, "library.bad_offset"),
        ({"offset": OFFSET.ravel()}, "library.bad_offset"),
        ({"offset": OFFSET[:3]}, "library.wrong_shape"),
        ({"parts": (2, 77)}, "library.unknown_part"),
        ({"title": "  "}, "library.wording"),
        ({"title": "x" * 121}, "library.wording"),
        ({"tags": ["x" * 41]}, "library.wording"),
        ({"tags": [str(n) for n in range(13)]}, "library.wording"),
        ({"bundle": "cars-64"}, "families.unknown"),
    ],
)
def test_what_nobody_could_apply_or_find_is_refused(who, changes, code):
    with pytest.raises(DomainError) as caught:
        save(who, **changes)

    assert caught.value.code == code
    assert not EditVector.objects.exists()


def test_the_card_arrives_when_the_measuring_job_has_finished(who):
    vector = save(who)
    job = rows.claim("batch")

    worker.finish(job, measured(), now=rows.later(9))

    shown = selectors.shown(who.teammate, vector.pk)
    assert shown.version.card is not None
    assert shown.version.card.success == 0.94
    assert shown.strengths == [-2, -1, 0, 1, 2]
    assert shown.thumbnail_url == shown.strip_urls[3]
    assert shown.before_url == shown.strip_urls[2]
    assert rows.client(who.teammate).get(shown.strip_urls[0]).content.startswith(b"picture")


def test_the_file_goes_out_and_comes_back_the_same(who):
    vector = save(who, title="Élodie's smile", parts=(1, 2))
    services.keep_card(version_id=vector.current_version_id, card=measured(), now=rows.NOW)

    answer = rows.client(who.teammate).get(f"/api/edit-vectors/{vector.pk}/file")
    read = vector_file.read(answer.content)

    assert (
        answer["Content-Disposition"] == 'attachment; filename="elodie-s-smile-v1.safetensors"'
    )
    assert np.array_equal(read.offset, OFFSET)
    assert read.parts == (1, 2)
    assert read.card["title"] == "Élodie's smile"
    assert read.card["valid_range"] == [-1.5, 2.0]
    assert "image_id" not in json.dumps(read.card)
    assert vector_file.content_hash(OFFSET.tobytes()) == vector.current_version.content_hash
    assert (
        answer.content
        == rows.client(who.owner).get(f"/api/edit-vectors/{vector.pk}/file").content
    )


def test_the_engine_reads_our_file(who):
    vector = save(who, parts=(1, 2))
    _, data = selectors.file(who.owner, vector.pk)

    read = vectors.from_bytes(data)

    assert np.array_equal(read.offset.numpy(), OFFSET)
    assert read.parts == {1, 2}
    assert read.content_hash == vector.current_version.content_hash
    assert vector_file.read(vectors.to_bytes(read)).parts == (1, 2)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:40],
        lambda data: b"\xff" * 64,
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data.replace(b"editvector/1", b"editvector/9"),
        lambda data: data.replace(b'"offset"', b'"onset1"'),
        lambda data: data.replace(b'"F32"', b'"I32"'),
    ],
)
def test_a_damaged_file_is_refused(damage):
    data = vector_file.write(data=OFFSET.tobytes(), shape=OFFSET.shape, parts=(1,), card={})

    with pytest.raises(vector_file.VectorFileError):
        vector_file.read(damage(data))


# ---- who may ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("get", "", None, {"owner": 200, "teammate": 200, "stranger": 404}),
        ("get", "/file", None, {"owner": 200, "teammate": 200, "stranger": 404}),
        ("patch", "", {"title": "New"}, {"owner": 200, "teammate": 403, "stranger": 404}),
        ("delete", "", None, {"owner": 204, "teammate": 403, "stranger": 404}),
        ("post", "/undelete", None, {"owner": 200, "teammate": 403, "stranger": 404}),
    ],
)
@pytest.mark.parametrize("role", ["owner", "teammate", "stranger", "nobody"])
def test_who_may_do_what(who, method, path, body, expected, role):
    vector = save(who)
    browser = rows.client(None if role == "nobody" else getattr(who, role))

    answer = getattr(browser, method)(
        f"/api/edit-vectors/{vector.pk}{path}",
        **({"data": body, "content_type": "application/json"} if body else {}),
    )

    assert answer.status_code == (401 if role == "nobody" else expected[role])


def test_the_author_may_change_and_remove_what_is_theirs(who):
    vector = save(who, actor=who.teammate)
    browser = rows.client(who.teammate)
    address = f"/api/edit-vectors/{vector.pk}"

    change = {"title": "Wider smile", "tags": ["Grin", "grin ", "happy"]}
    changed = browser.patch(address, change, content_type="application/json").json()
    found = search.find(who.owner, query="wider grin")
    assert browser.delete(address).status_code == 204
    assert browser.delete(address).status_code == 204
    gone = browser.get(address).status_code
    back = browser.post(f"{address}/undelete")

    assert changed["tags"] == ["grin", "happy"]
    assert found.total == 1
    assert gone == 404
    assert back.json()["title"] == "Wider smile"
    assert search.find(who.owner, query="happy").total == 1


# ---- stacks -------------------------------------------------------------------------------


def stack_of(*vectors, strength=1.0):
    return tuple(
        VectorUse(edit_vector_version_id=vector.current_version_id, strength=strength)
        for vector in vectors
    )


def test_a_stack_of_the_teams_own_vectors_passes_in_few_queries(
    who, django_assert_max_num_queries
):
    stack = stack_of(save(who), save(who, title="Frown"))

    with django_assert_max_num_queries(1):
        selectors.check_stack(who.teammate, bundle="tiny-16", stack=stack)


def test_a_stack_with_a_strangers_or_unknown_vector_is_not_found(who):
    unknown = (VectorUse(edit_vector_version_id=uuid4(), strength=1.0),)

    for user, stack in ((who.stranger, stack_of(save(who))), (who.owner, unknown)):
        with pytest.raises(policies.UnknownVectorError):
            selectors.check_stack(user, bundle="tiny-16", stack=stack)


def test_a_vector_of_another_family_is_refused_in_words(who, bundle):
    rows.write_manifest(bundle, name="cars-16", family="cars")
    stack = stack_of(save(who, bundle="cars-16"))

    with pytest.raises(selectors.OtherFamilyError) as caught:
        selectors.check_stack(who.owner, bundle="tiny-16", stack=stack)

    assert caught.value.detail == (
        "This vector was made for another family and cannot be used on tiny."
    )


def test_a_vector_of_another_generator_of_the_family_is_refused(who):
    vector = save(who)
    vector.current_version.fingerprint = "0" * 64
    vector.current_version.save()

    with pytest.raises(selectors.OtherModelError):
        selectors.check_stack(who.owner, bundle="tiny-16", stack=stack_of(vector))


def test_a_vector_twice_in_a_stack_is_refused(who):
    vector = save(who)

    with pytest.raises(selectors.DuplicateVectorError):
        selectors.check_stack(who.owner, bundle="tiny-16", stack=stack_of(vector, vector))


def test_a_removed_vector_stays_where_it_is_applied(who):
    vector = save(who)
    services.remove_edit_vector(actor=who.owner, edit_vector_id=vector.pk, now=rows.NOW)

    selectors.check_stack(who.owner, bundle="tiny-16", stack=stack_of(vector))
    (shown,) = (
        rows.client(who.teammate)
        .get("/api/edit-vectors/versions", {"ids": [vector.current_version_id]})
        .json()
    )

    assert shown["is_removed"] is True
    assert selectors.titles([vector.current_version_id]) == {vector.current_version_id: "Smile"}


def test_uses_are_counted_once_per_kept_revision(who):
    smile, frown = save(who), save(who, title="Frown")
    services.record_uses(user=who.owner, stack=stack_of(smile, frown), now=rows.NOW)
    services.record_uses(user=who.owner, stack=stack_of(smile), now=rows.NOW)
    services.record_uses(user=who.owner, stack=stack_of(frown, strength=0.0), now=rows.NOW)
    index.roll_up(now=rows.later(1))

    found = search.find(who.owner, sort="used")

    assert [(item.title, item.num_uses) for item in found.items] == [("Smile", 2), ("Frown", 1)]
