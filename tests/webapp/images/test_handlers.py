"""What finished jobs make of images, through the worker's own door."""

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import rows
from tests.factories.rows import NOW, People, later
from webapp.common import artifacts
from webapp.images import codes, hooks, services
from webapp.images.models import Image, Revision
from webapp.jobs import worker
from webapp.jobs.models import Job
from webapp.library.models import EditVectorVersion

pytestmark = pytest.mark.django_db


def upload(who: People) -> Image:
    browser = rows.client(who.owner)
    file = SimpleUploadedFile("me.png", rows.picture_bytes())
    response = browser.post("/api/images", {"file": file, "name": "Me", "bundle": "tiny-16"})
    assert response.status_code == 201
    return Image.objects.get(pk=response.json()["id"])


def edit(who: People, image: Image, *, frozen_seq: int = 0) -> Job:
    return services.start_edit(
        actor=who.teammate, image_id=image.pk,
        label_map=rows.labels_png(rows.labels(hair_rows=9)), base_revision_id=image.head_id,
        steps=30, frozen_seq=frozen_seq, now=NOW,
    )  # fmt: skip


def soon() -> datetime:
    from django.utils import timezone

    return timezone.now()


def test_an_inversion_makes_the_first_revision_and_tells_how_close_it_is(who: People) -> None:
    image = upload(who)

    worker.finish(rows.claim(now=soon()), rows.inverted(error=0.31), now=later(9))

    shown = rows.client(who.owner).get(f"/api/images/{image.pk}").json()
    assert (shown["status"], shown["num_revisions"], shown["job_id"]) == ("ready", 1, None)
    assert shown["inversion"]["error"] == 0.31
    assert shown["inversion"]["is_unusual"] is True
    assert shown["inversion"]["usual_error"] == [0.01, 0.02, 0.05]
    assert shown["inversion"]["residual_url"]


def test_a_failed_inversion_marks_the_image_and_another_try_may_follow(who: People) -> None:
    image = upload(who)
    job = rows.claim(now=soon())

    worker.fail(job, "invert.failed", "It did not work.", retryable=False, now=later(9))

    image.refresh_from_db()
    assert image.status == "failed"
    services.invert_again(actor=who.owner, image_id=image.pk, steps=200, now=soon())
    image.refresh_from_db()
    assert image.status == "inverting"


def test_a_finished_edit_becomes_the_head_with_author_and_parameters(who: People) -> None:
    image = rows.sample(who)
    base = image.head_id
    job = edit(who, image)

    worker.finish(rows.claim(), rows.edited(), now=later(9))

    job.refresh_from_db()
    image.refresh_from_db()
    revision = Revision.objects.get(pk=image.head_id)
    assert (job.status, job.revision_id) == ("succeeded", revision.pk)
    assert (revision.kind, revision.parent_id, revision.author) == (
        "optimize", base, who.teammate,
    )  # fmt: skip
    assert revision.parameters["part_names"] == ["skin", "hair"]
    assert (revision.parameters["steps"], revision.figures["changed_share"]) == (30, 0.2)
    assert image.epoch == 2


def test_finishing_an_edit_twice_makes_one_revision(who: People) -> None:
    image = rows.sample(who)
    edit(who, image)
    first = rows.claim()
    second = rows.claim(now=later(31))

    kept = [
        worker.finish(each, rows.edited(), now=later(40)) for each in (first, second, second)
    ]

    assert kept == [False, True, False]
    assert Revision.objects.filter(image=image, kind="optimize").count() == 1


def test_the_new_epoch_is_announced_to_whoever_registered(
    who: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(hooks, "_on_head_changed", [lambda **what: heard.append(what)])
    image = rows.sample(who)
    edit(who, image, frozen_seq=12)

    worker.finish(rows.claim(), rows.edited(), now=later(9))

    assert [(each["old_epoch"], each["new_epoch"], each["frozen_seq"]) for each in heard] == [
        (0, 1, 0),
        (1, 2, 12),
    ]


def test_an_edit_of_a_picture_that_was_removed_ends_as_failed(who: People) -> None:
    image = rows.sample(who)
    edit(who, image)
    claimed = rows.claim()
    services.remove(actor=who.owner, image_id=image.pk, now=later(1))

    worker.finish(claimed, rows.edited(), now=later(9))

    job = Job.objects.get()
    assert (job.status, job.error_code) == ("failed", "images.unknown")
    assert Revision.objects.count() == 1


def test_the_saved_vector_is_the_difference_of_the_codes(who: People) -> None:
    image = rows.sample(who)
    edit(who, image)
    worker.finish(rows.claim(), rows.edited(seed=3), now=later(9))
    image.refresh_from_db()
    head = image.head
    assert head is not None
    assert head.parent is not None

    response = rows.client(who.teammate).post(
        f"/api/revisions/{head.pk}/edit-vector",
        '{"title": "Longer hair", "tags": ["Hair", "long"]}',
        content_type="application/json",
    )

    assert response.status_code == 201, response.content
    shown = response.json()
    assert (shown["title"], shown["version"]["parts"]) == ("Longer hair", ["skin", "hair"])
    version = EditVectorVersion.objects.get()
    offset = np.frombuffer(version.offset, "<f4").reshape(version.num_layers, version.w_dim)
    after = codes.read(artifacts.read(head.w_plus_id))
    before = codes.read(artifacts.read(head.parent.w_plus_id))
    np.testing.assert_array_equal(offset, after - before)
    assert version.margin == 1  # the engine's margin at this label size
    assert Job.objects.filter(kind="measure").count() == 1


def test_keeping_a_stack_remembers_its_vectors(who: People) -> None:
    image = rows.sample(who)
    edit(who, image)
    worker.finish(rows.claim(), rows.edited(seed=3), now=later(9))
    image.refresh_from_db()
    browser = rows.client(who.owner)
    vector = browser.post(
        f"/api/revisions/{image.head_id}/edit-vector", '{"title": "Longer hair"}',
        content_type="application/json",
    ).json()  # fmt: skip
    other = rows.sample(who, seed=9, name="Bela")
    use = {"edit_vector_version_id": vector["version"]["id"], "strength": -0.5}

    import json

    job = browser.post(
        f"/api/images/{other.pk}/revisions",
        json.dumps({"base_revision_id": str(other.head_id), "stack": [use]}),
        content_type="application/json",
    )
    assert job.status_code == 202, job.content
    worker.finish(rows.claim(now=soon()), rows.edited(seed=4, kind="render"), now=later(20))

    newest = browser.get(f"/api/images/{other.pk}/revisions").json()[0]
    assert newest["kind"] == "render"
    assert newest["stack"] == [{**use, "title": "Longer hair"}]


def test_a_revision_where_the_picture_began_holds_no_vector(who: People) -> None:
    image = rows.sample(who)

    response = rows.client(who.owner).post(
        f"/api/revisions/{image.head_id}/edit-vector", '{"title": "Nothing"}',
        content_type="application/json",
    )  # fmt: skip

    assert response.status_code == 422
    assert response.json()["code"] == "images.nothing_to_save"
