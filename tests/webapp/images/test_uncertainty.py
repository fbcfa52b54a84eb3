"""Asking where a label map is uncertain: the question, its answer, and who may."""

import pytest

from tests.factories import rows
from webapp.accounts import services as accounts
from webapp.accounts.models import Role
from webapp.common import artifacts
from webapp.images import sharing
from webapp.images.models import Access
from webapp.jobs import worker
from webapp.jobs.contract import FindUncertainty, UncertaintyFound


def ask(image, actor):
    return rows.client(actor).post(f"/api/revisions/{image.head_id}/uncertainty")


def claimed():
    while (job := worker.claim("interactive", now=rows.NOW, lease_seconds=30)) is not None:
        if job.request.kind == "uncertainty":
            return job
    raise AssertionError("nobody asked")


def finish(job):
    drawn = artifacts.put(b"grey png", content_type="image/png")
    result = UncertaintyFound(map=drawn, top=0.35, overall=0.08, num_members=10)
    worker.finish(job, result, now=rows.later(1))


def read(actor, job_id):
    return rows.client(actor).get(f"/api/uncertainties/{job_id}")


def answered(image, actor):
    """Ask, and answer as a worker does."""
    asked = ask(image, actor).json()
    finish(claimed())
    return asked["job_id"]


def test_a_question_names_the_code_of_the_revision_and_is_answered_with_a_map(who):
    image = rows.sample(who)

    asked = ask(image, who.owner)
    waiting = asked.json()
    job = claimed()
    finish(job)

    answer = read(who.owner, waiting["job_id"]).json()
    assert asked.status_code == 202
    assert (waiting["is_done"], waiting["map_url"]) == (False, None)
    assert isinstance(job.request, FindUncertainty)
    assert job.request.w_plus == image.head.w_plus_id
    assert answer["is_done"] is True
    assert answer["revision_id"] == str(image.head_id)
    assert (answer["top"], answer["overall"], answer["num_members"]) == (0.35, 0.08, 10)
    assert rows.client(who.owner).get(answer["map_url"]).content == b"grey png"


def test_a_refusal_of_the_worker_is_told_in_words(who):
    image = rows.sample(who)
    job_id = ask(image, who.owner).json()["job_id"]

    worker.fail(
        claimed(), "job.other_family", "Another generator.", retryable=False, now=rows.later(1)
    )

    answer = read(who.owner, job_id).json()
    assert (answer["is_done"], answer["map_url"]) == (True, None)
    assert answer["refusal"] == "Another generator."


def test_only_who_asked_reads_the_answer_and_it_makes_no_revision(who):
    image = rows.sample(who)
    before = image.revisions.count()

    job_id = answered(image, who.owner)

    assert read(who.teammate, job_id).status_code == 404
    assert read(who.stranger, job_id).status_code == 404
    assert image.revisions.count() == before
    kinds = {job["kind"] for job in rows.client(who.teammate).get("/api/jobs").json()}
    assert "uncertainty" not in kinds


@pytest.mark.parametrize("asker", ["viewer", "guest"])
def test_who_may_only_look_asks_and_is_answered_while_they_may(who, asker):
    image, user = rows.sample(who), who.stranger
    if asker == "viewer":
        accounts.add_member(team=who.team, user=user, role=Role.VIEWER)
    else:
        link = sharing.share(
            actor=who.owner, image_id=image.pk, access=Access.VIEW, days=None, now=rows.NOW
        )
        sharing.open_link(actor=user, secret=sharing.secret_of(link))

    job_id = answered(image, user)
    shown = read(user, job_id)
    if asker == "viewer":
        accounts.remove_member(
            actor=who.owner, team_id=who.team.pk, user_id=user.pk, now=rows.NOW
        )
    else:
        sharing.unshare(actor=who.owner, share_id=link.pk, now=rows.NOW)

    assert shown.json()["is_done"] is True
    assert read(user, job_id).status_code == 404
    assert ask(image, user).status_code == 404
