"""Claiming, advancing and ending jobs, as a worker does it."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from tests.factories import rows
from tests.factories.rows import NOW, People, later
from webapp.common.errors import ConflictError
from webapp.common.redis import client as redis_client
from webapp.jobs import contract, registry, services, worker
from webapp.jobs.models import Job, Turn
from webapp.jobs.registry import Handlers, JobError

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def handled() -> Iterator[list[Any]]:
    """Handlers that note what they hear, instead of those of images."""
    heard: list[Any] = []

    def on_success(*, job: Job, result: contract.JobResult, now: datetime) -> UUID | None:
        assert connection.in_atomic_block
        heard.append(("success", job.pk))
        return None

    def on_failure(*, job: Job, error: JobError, now: datetime) -> None:
        heard.append((error.code, job.pk))

    backs: list[Callable[[], None]] = []
    for kind in ("render", "measure"):
        backs.append(registry.swap(kind, Handlers(on_success, on_failure)))
    yield heard
    for back in backs:
        back()


def request_of(kind: str = "render") -> contract.JobRequest:
    if kind == "measure":
        return contract.MeasureEditVector(bundle="tiny-16", edit_vector_version_id=uuid4())
    return contract.RenderEdit(
        image_id=uuid4(), bundle="tiny-16", base_revision_id=uuid4(), w_plus="0" * 64, stack=()
    )


def enqueue(who: People, *, owner: Any = None, now: datetime = NOW, **options: Any) -> Job:
    return services.enqueue(
        owner=owner or who.owner, team=who.team, request=request_of(), now=now, **options
    )


def result() -> contract.Edited:
    none = "0" * 64
    picture = contract.Picture(w_plus=none, picture=none, label_map=none, thumbnail=none)
    return contract.Edited(
        kind="render", picture=picture, parts=(), steps_done=0, best_step=0,
        figures=contract.Figures(), changed_share=0.0, outside_change=0.0,
    )  # fmt: skip


def test_an_empty_lane_gives_nothing(who: People) -> None:
    assert worker.claim("interactive", now=NOW, lease_seconds=30) is None


def test_a_lane_gives_only_its_own_kinds(who: People) -> None:
    enqueue(who)

    assert worker.claim("batch", now=NOW, lease_seconds=30) is None
    assert worker.claim("interactive", now=NOW, lease_seconds=30) is not None


def test_a_claim_leases_the_row_with_a_new_token_and_counts_the_attempt(who: People) -> None:
    job = enqueue(who)

    claimed = rows.claim()

    job.refresh_from_db()
    assert (claimed.id, claimed.token, claimed.owner_id) == (job.id, 1, who.owner.pk)
    assert claimed.request == contract.RenderEdit.model_validate(job.request, strict=False)
    assert (job.status, job.num_attempts) == ("leased", 1)
    assert job.lease_expires_at == later(30)
    assert worker.claim("interactive", now=NOW, lease_seconds=30) is None


def test_the_least_recently_served_owner_comes_first(who: People) -> None:
    for _ in range(3):
        enqueue(who, owner=who.owner, now=NOW)
    late = enqueue(who, owner=who.teammate, now=later(60))

    owners = [rows.claim(now=later(61)).owner_id for _ in range(3)]

    assert owners == [who.owner.pk, late.owner_id, who.owner.pk]
    assert Turn.objects.count() == 2


def test_within_an_owner_priority_comes_before_age(who: People) -> None:
    old = enqueue(who, now=NOW)
    urgent = enqueue(who, now=later(5), priority=1)

    assert [rows.claim(now=later(9)).id for _ in range(2)] == [urgent.id, old.id]


@pytest.mark.django_db(transaction=True)
def test_two_claimers_at_once_never_get_the_same_job() -> None:
    who = rows.people()
    first = enqueue(who, now=NOW)
    second = enqueue(who, now=later(1), owner=who.teammate)
    found: list[UUID] = []

    def other() -> None:
        found.append(rows.claim(now=later(2)).id)

    with transaction.atomic():  # the first claim is not yet committed
        found.append(rows.claim(now=later(2)).id)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=20)
        assert not thread.is_alive(), "the second claimer waited for the first one's lock"

    assert sorted(found) == sorted([first.id, second.id])


def test_an_expired_lease_is_claimed_again_with_a_higher_token(who: People) -> None:
    enqueue(who)
    first = rows.claim(lease=30)

    assert worker.claim("interactive", now=later(29), lease_seconds=30) is None
    second = rows.claim(now=later(31))

    assert second.id == first.id
    assert second.token > first.token
    assert second.num_attempts == 2


def test_a_late_result_with_an_old_token_is_dropped(who: People, handled: list[Any]) -> None:
    enqueue(who)
    first = rows.claim()
    second = rows.claim(now=later(31))

    was_kept = worker.finish(first, result(), now=later(32))

    assert was_kept is False
    assert handled == []
    assert Job.objects.get().status == "leased"
    assert worker.finish(second, result(), now=later(33)) is True
    assert Job.objects.get().status == "succeeded"


def test_finishing_twice_runs_the_handler_once(who: People, handled: list[Any]) -> None:
    job = enqueue(who)
    claimed = rows.claim()

    answers = [worker.finish(claimed, result(), now=later(i)) for i in (1, 2)]

    assert answers == [True, False]
    assert handled == [("success", job.id)]


def test_a_handler_that_fails_leaves_the_job_as_it_was(
    who: People, request: pytest.FixtureRequest
) -> None:
    def explode(*, job: Job, result: contract.JobResult, now: datetime) -> UUID | None:
        Turn.objects.all().delete()
        raise RuntimeError("a bug in a handler")

    request.addfinalizer(registry.swap("render", Handlers(explode, None)))
    enqueue(who)
    claimed = rows.claim()

    with pytest.raises(RuntimeError), transaction.atomic():
        worker.finish(claimed, result(), now=later(1))

    assert Job.objects.get().status == "leased"
    assert Turn.objects.count() == 1


def test_a_handler_that_refuses_fails_the_job_with_its_code(
    who: People, request: pytest.FixtureRequest
) -> None:
    class GoneError(ConflictError):
        code = "test.gone"

    def refuse(*, job: Job, result: contract.JobResult, now: datetime) -> UUID | None:
        raise GoneError("The picture is gone.")

    request.addfinalizer(registry.swap("render", Handlers(refuse, None)))
    enqueue(who)

    worker.finish(rows.claim(), result(), now=later(1))

    job = Job.objects.get()
    assert (job.status, job.error_code) == ("failed", "test.gone")
    assert job.error_detail == "The picture is gone."


def test_after_three_attempts_the_sweep_gives_a_job_up(who: People, handled: list[Any]) -> None:
    job = enqueue(who)
    for attempt in range(3):
        rows.claim(now=later(attempt * 40))

    assert worker.claim("interactive", now=later(200), lease_seconds=30) is None
    swept = services.sweep(now=later(200))

    job.refresh_from_db()
    assert swept.num_poisoned == 1
    assert (job.status, job.error_code) == ("failed", "job.poison")
    assert handled == [("job.poison", job.id)]


def test_a_retryable_failure_waits_again_until_the_attempts_are_used_up(who: People) -> None:
    enqueue(who)
    seen = []
    for attempt in range(3):
        claimed = rows.claim(now=later(attempt))
        worker.fail(claimed, "device.lost", "The device fell over.", retryable=True,
                    now=later(attempt))  # fmt: skip
        seen.append(Job.objects.get().status)

    assert seen == ["queued", "queued", "failed"]
    assert Job.objects.get().error_code == "device.lost"


def test_a_refusal_is_never_retried(who: People) -> None:
    enqueue(who)

    worker.fail(rows.claim(), "vector.strength", "No.", retryable=False, now=later(1))

    assert Job.objects.get().status == "failed"


def test_releasing_gives_the_attempt_back(who: People) -> None:
    enqueue(who)

    worker.release(rows.claim(), now=later(1))

    job = Job.objects.get()
    assert (job.status, job.num_attempts, job.lease_expires_at) == ("queued", 0, None)


def test_advancing_renews_the_lease_and_keeps_the_progress(who: People) -> None:
    enqueue(who)
    claimed = rows.claim(lease=30)

    worker.advance(
        claimed, contract.Progress(step=1, num_steps=30), now=later(20), lease_seconds=30
    )

    job = Job.objects.get()
    assert (job.status, job.lease_expires_at) == ("running", later(50))
    assert job.progress["step"] == 1


def test_advancing_writes_at_most_twice_a_second_but_always_the_last_step(
    who: People, django_assert_num_queries: Any
) -> None:
    enqueue(who)
    claimed = rows.claim()

    with django_assert_num_queries(2):
        for step in range(11):
            worker.advance(
                claimed, contract.Progress(step=step, num_steps=10),
                now=later(step * 0.01), lease_seconds=30,
            )  # fmt: skip

    assert Job.objects.get().progress["step"] == 10


def test_advancing_after_the_lease_was_lost_says_so(who: People) -> None:
    enqueue(who)
    first = rows.claim()
    rows.claim(now=later(31))

    with pytest.raises(worker.LostLeaseError):
        worker.advance(
            first, contract.Progress(step=1, num_steps=2), now=later(32), lease_seconds=30
        )


def test_a_worker_hears_of_a_cancel_and_confirms_it(
    who: People, handled: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    job = enqueue(who)
    claimed = rows.claim()
    assert worker.is_cancel_requested(claimed, now=later(1)) is False

    with django_capture_on_commit_callbacks(execute=True):
        services.cancel(actor=who.owner, job_id=job.id, now=later(1))

    assert worker.is_cancel_requested(claimed, now=later(1.1)) is True
    assert Job.objects.get().status == "canceling"
    worker.confirm_cancel(claimed, now=later(2))
    assert Job.objects.get().status == "canceled"
    assert handled == [("job.canceled", job.id)]


def test_a_cancel_is_heard_from_the_row_when_redis_forgot_it(who: People) -> None:
    job = enqueue(who)
    claimed = rows.claim()
    services.cancel(actor=who.owner, job_id=job.id, now=later(1))
    redis_client().flushall()

    assert worker.is_cancel_requested(claimed, now=later(2)) is True


def test_progress_does_not_take_a_cancel_back(who: People) -> None:
    job = enqueue(who)
    claimed = rows.claim()
    services.cancel(actor=who.owner, job_id=job.id, now=later(1))

    worker.advance(
        claimed, contract.Progress(step=3, num_steps=9), now=later(2), lease_seconds=30
    )

    assert Job.objects.get().status == "canceling"


def test_a_result_that_comes_after_a_cancel_is_not_kept(
    who: People, handled: list[Any]
) -> None:
    job = enqueue(who)
    claimed = rows.claim()
    services.cancel(actor=who.owner, job_id=job.id, now=later(1))

    worker.finish(claimed, result(), now=later(2))

    assert Job.objects.get().status == "canceled"
    assert handled == [("job.canceled", job.id)]


def test_the_sweep_closes_canceling_rows_whose_worker_is_gone(who: People) -> None:
    job = enqueue(who)
    rows.claim(lease=30)
    services.cancel(actor=who.owner, job_id=job.id, now=later(1))

    assert services.sweep(now=later(29)).num_canceled == 0
    assert services.sweep(now=later(31)).num_canceled == 1
    assert Job.objects.get().status == "canceled"


def test_the_sweep_rings_for_waiting_and_for_lost_work(who: People) -> None:
    enqueue(who)

    assert services.sweep(now=later(10)).lanes_rung == ("interactive",)
    rows.claim(now=later(10))
    assert services.sweep(now=later(11)).lanes_rung == ()
    assert services.sweep(now=later(41)).lanes_rung == ("interactive",)
    assert redis_client().llen("gpu.interactive") == 2


def test_a_commit_rings_the_lane(who: People, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(who)

    assert redis_client().llen("gpu.interactive") == 1


def test_a_job_of_someone_who_left_the_team_is_not_done(who: People) -> None:
    enqueue(who, owner=who.teammate)
    who.team.memberships.filter(user=who.teammate).delete()

    assert worker.claim("interactive", now=later(1), lease_seconds=30) is None
    assert Job.objects.get().error_code == "job.not_allowed"


def test_a_request_of_another_version_fails_instead_of_looping(who: People) -> None:
    job = enqueue(who)
    Job.objects.filter(pk=job.pk).update(request={"kind": "render", "colour": "blue"})

    assert worker.claim("interactive", now=later(1), lease_seconds=30) is None
    assert Job.objects.get().error_code == "job.unreadable"
