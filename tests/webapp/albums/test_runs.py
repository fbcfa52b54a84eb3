"""Applying a stack to an album: one job a picture, progress, retries, an end."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import rows
from tests.webapp.library.test_edit_vectors import save, stack_of
from webapp.accounts import services as accounts
from webapp.albums import selectors, services
from webapp.common.errors import DomainError
from webapp.images.models import Image, Revision
from webapp.jobs import worker


@pytest.fixture
def album(who):
    return [rows.sample(who, name=f"Picture {n}", seed=n) for n in range(3)]


def start(who, images, *, actor=None, stack=None, ids=None):
    return services.start(
        actor=actor or who.owner, team=who.team,
        image_ids=ids or [image.pk for image in images],
        stack=stack if stack is not None else stack_of(save(who)), now=rows.NOW,
    )  # fmt: skip


def renders():
    """Claim what waits in the batch lane, the measuring of vectors left out."""
    while (job := worker.claim("batch", now=rows.NOW, lease_seconds=30)) is not None:
        if job.request.kind == "render":
            yield job


def test_every_picture_gets_a_revision_and_the_page_shows_how_far_it_is(who, album):
    run = start(who, album)
    before = selectors.run(who.teammate, run.pk)

    places = [image.pk for image in album]
    jobs = sorted(renders(), key=lambda job: places.index(job.request.image_id))
    for seed, job in enumerate(jobs[:2], start=5):
        worker.finish(job, rows.edited(seed, kind="render"), now=rows.later(9))
    worker.fail(jobs[2], "region.empty", "Nothing to see.", retryable=False, now=rows.later(9))

    after = selectors.run(who.teammate, run.pk)
    assert (before.run.num_pictures, before.run.num_done, before.run.is_over) == (3, 0, False)
    assert (after.run.num_done, after.run.num_failed, after.run.is_over) == (2, 1, True)
    assert [one.state for one in after.pictures] == ["done", "done", "failed"]
    assert after.pictures[2].refusal == "Nothing to see."
    assert after.pictures[0].after_url is not None
    head = Image.objects.get(pk=album[0].pk).head
    assert head.pk == after.pictures[0].revision_id
    assert head.stack[0]["strength"] == 1.0


def test_only_what_failed_is_tried_again_and_from_the_same_picture(who, album):
    run = start(who, album)
    done, *others = renders()
    worker.finish(done, rows.edited(7, kind="render"), now=rows.later(9))
    for job in others:
        worker.fail(job, "x.y", "No.", retryable=False, now=rows.later(9))

    assert services.retry(actor=who.teammate, run_id=run.pk, now=rows.later(20)) == 2
    again = list(renders())
    for seed, job in enumerate(again, start=8):
        worker.finish(job, rows.edited(seed, kind="render"), now=rows.later(30))

    assert selectors.run(who.owner, run.pk).run.num_done == 3
    assert Revision.objects.filter(kind="render").count() == 3
    with pytest.raises(services.NothingToRetryError):
        services.retry(actor=who.owner, run_id=run.pk, now=rows.later(40))


def test_stopping_keeps_what_is_done(who, album):
    run = start(who, album)
    first = next(renders())
    worker.finish(first, rows.edited(7, kind="render"), now=rows.later(9))

    services.cancel(actor=who.owner, run_id=run.pk, now=rows.later(10))

    shown = selectors.run(who.owner, run.pk).run
    assert (shown.num_done, shown.num_canceled, shown.is_over) == (1, 2, True)


def test_a_run_of_somebody_who_left_is_stopped_and_retried_by_others(who, album):
    vector = save(who)
    run = start(who, album, actor=who.teammate, stack=stack_of(vector))
    accounts.remove_member(
        actor=who.owner, team_id=who.team.pk, user_id=who.teammate.pk, now=rows.NOW
    )

    services.cancel(actor=who.owner, run_id=run.pk, now=rows.later(1))
    num_stopped = selectors.run(who.owner, run.pk).run.num_canceled
    services.retry(actor=who.owner, run_id=run.pk, now=rows.later(2))
    for seed, job in enumerate(renders(), start=5):
        worker.finish(job, rows.edited(seed, kind="render"), now=rows.later(9))

    assert num_stopped == 3
    assert selectors.run(who.owner, run.pk).run.num_done == 3


def test_a_picture_that_cannot_take_part_is_named(who, album):
    Image.objects.filter(pk=album[1].pk).update(head=None)

    with pytest.raises(services.UnfitPicturesError) as caught:
        start(who, album)
    with pytest.raises(services.UnfitPicturesError):
        start(who, album, ids=[album[0].pk, uuid4()])

    assert caught.value.detail == "Not ready yet: Picture 1. Leave them out, or wait."


@pytest.mark.parametrize("stack", [(), "strangers"])
def test_a_stack_that_is_not_ones_own_is_refused(who, album, stack):
    given = stack_of(save(who, actor=who.stranger, team=who.other_team)) if stack else None
    browser = rows.client(who.owner)
    body = {
        "image_ids": [str(album[0].pk)],
        "stack": [use.model_dump(mode="json") for use in given or ()],
    }

    answer = browser.post("/api/album-runs", body, content_type="application/json")

    assert answer.status_code == (404 if stack else 422)


def test_strangers_see_no_run_and_start_none_on_others_pictures(who, album):
    run = start(who, album)
    browser = rows.client(who.stranger)

    assert browser.get(f"/api/album-runs/{run.pk}").status_code == 404
    assert browser.post(f"/api/album-runs/{run.pk}/retry").status_code == 404
    assert browser.get("/api/album-runs").json() == []
    with pytest.raises(DomainError):
        services.start(
            actor=who.stranger, team=who.other_team, image_ids=[album[0].pk],
            stack=stack_of(save(who, actor=who.stranger, team=who.other_team)), now=rows.NOW,
        )  # fmt: skip


def test_runs_take_the_same_queries_however_many_pictures(who, album):
    run = start(who, album[:1])
    browser = rows.client(who.owner)

    def num_queries(address):
        browser.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(address).status_code == 200
        return len(queries)

    one = num_queries(f"/api/album-runs/{run.pk}"), num_queries("/api/album-runs")
    more = start(who, album)
    three = num_queries(f"/api/album-runs/{more.pk}"), num_queries("/api/album-runs")

    assert one == three
