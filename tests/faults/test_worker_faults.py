"""What happens to work when its worker, or a server, goes away in the middle of it?

Rows of the platform reference: C3, C4, C7, D7 and the recovery promise of its section 3.
"""

import io
import signal
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from PIL import Image as Pillow

from tests.factories.families import SLOW, painted
from tests.faults.conftest import RealWorker, Studio, eventually
from tests.servers import Servers
from webapp.common.frames import Frame
from webapp.common.redis import client
from webapp.images import services as images
from webapp.images.models import Revision
from webapp.jobs import services as jobs
from webapp.jobs import worker as facade
from webapp.jobs.contract import PreviewRequest
from webapp.jobs.models import Job

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.timeout(1200),
]


def now() -> datetime:
    return datetime.now(UTC)


def start_edit(studio: Studio, *, steps: int) -> Job:
    assert studio.image.head_id is not None
    return images.start_edit(
        actor=studio.owner, image_id=studio.image.id, label_map=painted(studio.bundle),
        base_revision_id=studio.image.head_id, steps=steps, frozen_seq=0, now=now(),
    )  # fmt: skip


def newest_frame(stream: str) -> Frame | None:
    data = client().get(f"frame:{stream}")
    return Frame.unpack(data) if isinstance(data, bytes) else None


def step_of(job: Job) -> int:
    frame = newest_frame(job.id.hex)
    return frame.step if frame else 0


def wait_for_step(job: Job, step: int) -> None:
    eventually(lambda: step_of(job) >= step, what=f"step {step} of the job is shown")


def status(job: Job) -> str:
    job.refresh_from_db()
    return str(job.status)


def test_a_killed_worker_costs_an_attempt_and_never_a_second_revision(
    worker: RealWorker, studio: Studio
) -> None:
    job = start_edit(studio, steps=60)
    wait_for_step(job, 3)

    worker.kill()
    assert status(job) in ("leased", "running")
    worker.start()

    def swept_to_its_end() -> bool:
        jobs.sweep(now=now())  # what the io process does every five seconds
        return status(job) in ("succeeded", "failed")

    eventually(swept_to_its_end, what="the job is taken up again and ends")
    assert (job.status, job.num_attempts) == ("succeeded", 2), job.error_detail
    assert Revision.objects.filter(image=studio.image).count() == 2
    assert Revision.objects.get(job=job).parameters["steps_done"] == 60


def test_a_worker_asked_to_end_gives_its_job_back_and_leaves(
    worker: RealWorker, studio: Studio
) -> None:
    job = start_edit(studio, steps=200)
    wait_for_step(job, 3)

    assert worker.stop() == 0

    assert (status(job), job.num_attempts) == ("queued", 0)
    assert client().get("worker:ready") is None


def test_a_cancel_reaches_the_worker_and_the_next_job_runs(
    worker: RealWorker, studio: Studio
) -> None:
    job = start_edit(studio, steps=200)
    wait_for_step(job, 3)

    jobs.cancel(actor=studio.owner, job_id=job.id, now=now())
    at = step_of(job)
    eventually(lambda: status(job) == "canceled", what="the cancel is confirmed")

    assert step_of(job) <= at + 2
    assert Revision.objects.filter(image=studio.image).count() == 1
    after = start_edit(studio, steps=10)
    eventually(lambda: status(after) == "succeeded", what="the device is free again")


def test_a_slider_moves_while_an_optimization_runs(worker: RealWorker, studio: Studio) -> None:
    job = start_edit(studio, steps=200)
    wait_for_step(job, 3)
    head = Revision.objects.get(pk=studio.image.head_id)
    stream = uuid4()

    shown_at_steps = []
    for seq in range(1, 6):
        wish = PreviewRequest(
            stream=stream, epoch=0, seq=seq, bundle=SLOW, base_revision_id=head.id,
            w_plus=head.w_plus_id, stack=(),
        )  # fmt: skip
        before = step_of(job)
        client().set(f"preview:slot:{stream.hex}", wish.model_dump_json(), ex=30)
        client().rpush("preview:waiting", stream.hex)
        eventually(
            lambda seq=seq: getattr(newest_frame(stream.hex), "seq", 0) == seq,  # type: ignore[misc]
            what=f"preview {seq} is shown",
        )
        shown_at_steps.append(step_of(job) - before)

    # Not after the job, but between its steps.
    assert status(job) == "running"
    assert sorted(shown_at_steps)[2] <= 3, shown_at_steps
    frame = newest_frame(stream.hex)
    assert frame is not None
    assert Pillow.open(io.BytesIO(frame.picture)).size == (64, 64)
    jobs.cancel(actor=studio.owner, job_id=job.id, now=now())


def test_a_restarted_redis_loses_rings_but_no_job(
    worker: RealWorker, studio: Studio, real_servers: Servers
) -> None:
    running = start_edit(studio, steps=60)
    wait_for_step(running, 3)

    real_servers.redis.stop()
    waiting = start_edit(studio, steps=10)  # its ring goes nowhere
    real_servers.redis.start()

    def swept_to_the_end() -> bool:
        jobs.sweep(now=now(), stale_after=timedelta(0))
        return {status(running), status(waiting)} == {"succeeded"}

    eventually(swept_to_the_end, what="both jobs end")
    assert Revision.objects.filter(image=studio.image).count() == 3


def test_a_hung_worker_loses_its_lease_and_its_late_result_is_dropped(
    worker: RealWorker, studio: Studio
) -> None:
    job = start_edit(studio, steps=60)
    wait_for_step(job, 3)

    worker.send(signal.SIGSTOP)
    eventually(
        lambda: Job.objects.filter(pk=job.pk, lease_expires_at__lt=now()).exists(),
        what="the lease runs out, because no step renews it",
    )

    other = facade.claim("interactive", now=now(), lease_seconds=60)
    assert other is not None
    assert other.id == job.id
    worker.send(signal.SIGCONT)
    began = step_of(job)
    eventually(
        lambda: b"was lost to another worker" in worker.log.read_bytes(),
        what=f"the first worker gives up; it was at step {began}",
    )

    assert (status(job), job.num_attempts) == ("leased", 2)
    assert Revision.objects.filter(image=studio.image).count() == 1
