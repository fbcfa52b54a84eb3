"""Jobs over HTTP: following one, and canceling it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.factories import rows
from tests.factories.rows import NOW, People, later
from webapp.images import services as images
from webapp.jobs import contract, services, worker
from webapp.jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(who: People) -> Job:
    """An edit that the teammate asked for."""
    image = rows.sample(who)
    return images.start_edit(
        actor=who.teammate,
        image_id=image.pk,
        label_map=rows.labels_png(rows.labels(hair_rows=9)),
        base_revision_id=image.head_id,
        steps=30,
        frozen_seq=0,
        now=NOW,
    )


def test_members_see_a_job_and_strangers_do_not(who: People, job: Job) -> None:
    for path in (f"/api/jobs/{job.pk}", "/api/jobs"):
        for user in (who.owner, who.teammate):
            assert rows.client(user).get(path).status_code == 200
    assert rows.client(who.stranger).get(f"/api/jobs/{job.pk}").status_code == 404
    assert rows.client(who.stranger).get("/api/jobs").json() == []
    assert rows.client(None).get(f"/api/jobs/{job.pk}").status_code == 401


def test_a_waiting_job_knows_its_place(who: People, job: Job) -> None:
    browser = rows.client(who.owner)
    second = services.enqueue(
        owner=who.owner,
        team=who.team,
        request=services.REQUESTS.validate_python(job.request),
        now=later(1),
        image_id=job.image_id,
    )

    places = {each["id"]: each["place_in_queue"] for each in browser.get("/api/jobs").json()}

    assert places == {str(job.pk): 1, str(second.pk): 2}


def test_a_running_job_tells_its_time_left_from_the_fifth_step(who: People, job: Job) -> None:
    claimed = rows.claim()
    shown = []
    for step, seconds in ((0, 0), (4, 4), (10, 10)):
        progress = contract.Progress(step=step, num_steps=30)
        worker.advance(claimed, progress, now=later(seconds), lease_seconds=30)
        row = Job.objects.get()
        from webapp.jobs.schemas import JobOut

        shown.append(JobOut.of(row, now=later(seconds)).seconds_left)

    assert shown == [None, None, 20.0]


def test_who_asked_and_team_owners_may_cancel_and_a_teammate_may_not(
    who: People, job: Job
) -> None:
    other = rows.People(who.teammate, who.owner, who.stranger, who.team, who.other_team)
    own = services.enqueue(
        owner=who.owner,
        team=who.team,
        request=services.REQUESTS.validate_python(job.request),
        now=later(1),
    )

    def cancel(user: Any, which: Job) -> Any:
        return rows.client(user).post(f"/api/jobs/{which.pk}/cancel")

    refused = cancel(other.owner, own)
    assert (refused.status_code, refused.json()["code"]) == (403, "jobs.not_yours")
    assert cancel(who.stranger, own).status_code == 404
    assert cancel(who.stranger, job).status_code == 404
    assert cancel(who.owner, job).json()["status"] == "canceled"
    assert cancel(who.owner, own).json()["status"] == "canceled"


def test_canceling_a_running_job_shows_canceling_and_twice_changes_nothing(
    who: People, job: Job
) -> None:
    rows.claim()
    browser = rows.client(who.teammate)

    states = [browser.post(f"/api/jobs/{job.pk}/cancel").json()["status"] for _ in range(2)]

    assert states == ["canceling", "canceling"]


def test_canceling_what_has_ended_changes_nothing(who: People, job: Job) -> None:
    worker.finish(rows.claim(), rows.edited(), now=later(1))

    shown = rows.client(who.teammate).post(f"/api/jobs/{job.pk}/cancel").json()

    assert (shown["status"], shown["error"]) == ("succeeded", None)
    assert shown["revision_id"]


def test_jobs_are_listed_by_picture_and_by_being_active(who: People, job: Job) -> None:
    browser = rows.client(who.owner)

    assert len(browser.get(f"/api/jobs?image_id={job.image_id}&active=1").json()) == 1
    assert browser.get(f"/api/jobs?image_id={uuid4()}").json() == []
    services.cancel(actor=who.owner, job_id=job.pk, now=later(1))
    assert browser.get("/api/jobs?active=1").json() == []


def test_a_job_of_nowhere_is_not_found(who: People) -> None:
    response = rows.client(who.owner).get(f"/api/jobs/{uuid4()}")

    assert (response.status_code, response.json()["code"]) == (404, "jobs.unknown")


def test_the_twenty_first_optimization_within_a_minute_is_refused_in_words(
    who: People, job: Job
) -> None:
    request = services.REQUESTS.validate_python(job.request)

    def start(seconds: float) -> Job:
        return services.enqueue(
            owner=who.teammate, team=who.team, request=request, now=later(seconds)
        )

    for second in range(1, 20):
        start(second)

    with pytest.raises(services.TooManyJobsError) as caught:
        start(48)
    assert caught.value.detail == (
        "That was 20 optimizations in a minute. You can go on in 12 s."
    )
    assert caught.value.status == 429
    start(61)
