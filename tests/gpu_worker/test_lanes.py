"""From a claimed row to its end, with the tiny family and everything else real."""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import BrokenBarrierError
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.numpy import load, save

from editing import optimize
from gpu_worker import workbench
from gpu_worker.device import DeviceLostError, OutOfMemoryError
from gpu_worker.lanes import Lanes
from tests.factories.families import painted
from tests.gpu_worker.conftest import Studio
from webapp.common import artifacts
from webapp.common.frames import Frame
from webapp.common.redis import client
from webapp.images import services as images
from webapp.images.models import Revision
from webapp.jobs import services as jobs
from webapp.jobs import worker
from webapp.jobs.contract import OptimizeEdit, RenderEdit, VectorUse
from webapp.jobs.models import Job

pytestmark = pytest.mark.django_db


def now() -> datetime:
    return datetime.now(UTC)


def start_edit(studio: Studio, *, steps: int = 10) -> Job:
    assert studio.image.head_id is not None
    return images.start_edit(
        actor=studio.owner, image_id=studio.image.id, label_map=painted(studio.bundle),
        base_revision_id=studio.image.head_id, steps=steps, frozen_seq=0, now=now(),
    )  # fmt: skip


def enqueue(studio: Studio, **changes: Any) -> Job:
    """Enqueue an edit past the checks of the door, as a row that should not exist."""
    head = Revision.objects.get(pk=studio.image.head_id)
    fields: dict[str, Any] = {
        "image_id": studio.image.id,
        "bundle": studio.bundle.name,
        "base_revision_id": head.id,
        "w_plus": head.w_plus_id,
        "label_map": artifacts.put(painted(studio.bundle), content_type="image/png"),
        "steps": 3,
    }
    request = OptimizeEdit.model_validate(fields | changes)
    return jobs.enqueue(
        owner=studio.owner, team=studio.team, request=request, now=now(),
        image_id=studio.image.id,
    )  # fmt: skip


def test_an_edit_becomes_one_revision_that_follows_the_painting(
    lanes: Lanes, studio: Studio
) -> None:
    job = start_edit(studio, steps=20)

    assert lanes.work("interactive") == 1

    job.refresh_from_db()
    assert (job.status, job.error_code) == ("succeeded", "")
    revision = Revision.objects.get(job=job)
    assert revision.parent_id == studio.image.head_id
    assert revision.parameters["steps_done"] == 20
    assert 2 in revision.parameters["parts"]
    assert revision.figures["agreement"] > 0
    code = load(artifacts.read(revision.w_plus_id))["w_plus"]
    assert code.shape == (studio.bundle.num_layers, studio.bundle.w_dim)
    picture = Pillow.open(io.BytesIO(artifacts.read(revision.picture_id)))
    assert picture.size == (16, 16)
    # The kept picture is the picture of the kept code, and not of some other step.
    drawn = studio.bundle.render(torch.from_numpy(code)[None])
    assert np.abs(np.array(picture) - workbench.frames.to_pillow(drawn)).max() <= 1


def test_the_best_step_is_kept_not_the_last(
    lanes: Lanes, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[optimize.Step] = []
    real = optimize.run

    def watched(*args: Any, **options: Any) -> Iterator[optimize.Step]:
        for step in real(*args, **options):
            seen.append(step)
            yield step

    monkeypatch.setattr(optimize, "run", watched)
    job = start_edit(studio, steps=15)

    lanes.work("interactive")

    best = min(seen, key=lambda step: step.total)
    revision = Revision.objects.get(job=job)
    code = load(artifacts.read(revision.w_plus_id))["w_plus"]
    assert np.array_equal(code, best.w_plus[0].numpy())
    assert revision.parameters["best_step"] == best.step


def test_the_last_frame_of_a_job_can_be_fetched_and_names_it(
    lanes: Lanes, studio: Studio
) -> None:
    job = start_edit(studio)

    lanes.work("interactive")

    data = client().get(f"frame:{job.id.hex}")
    assert isinstance(data, bytes)
    frame = Frame.unpack(data)
    assert (frame.stream, frame.seq, frame.step) == (job.id, 11, 10)
    assert Pillow.open(io.BytesIO(frame.picture)).size == (16, 16)


def label_map(labels: "np.ndarray[Any, Any]") -> str:
    out = io.BytesIO()
    Pillow.fromarray(labels.astype(np.uint8)).save(out, "PNG")
    return artifacts.put(out.getvalue(), content_type="image/png")


def code_of(studio: Studio, change: float) -> str:
    code = studio.bundle.samples()["ada"].numpy().copy()
    code[0, 0] = change
    return artifacts.put(save({"w_plus": code}), content_type="application/octet-stream")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("size", "labels"),
        ("part", "labels"),
        ("unchanged", "region.empty"),
        ("bundle", "bundle.missing"),
        ("nan", "tensor.not_finite"),
        ("shape", "job.other_family"),
        ("not a code", "job.unreadable"),
    ],
)
def test_a_row_that_should_not_exist_is_refused_by_the_worker_too(
    lanes: Lanes, studio: Studio, what: str, code: str
) -> None:
    head = Revision.objects.get(pk=studio.image.head_id)
    changes: dict[str, dict[str, Any]] = {
        "size": {"label_map": label_map(np.ones((8, 8)))},
        "part": {"label_map": label_map(np.full((16, 16), 200))},
        "unchanged": {"label_map": head.label_map_id},
        "bundle": {"bundle": "no-such-family"},
        "nan": {"w_plus": code_of(studio, float("nan"))},
        "shape": {
            "w_plus": artifacts.put(
                save({"w_plus": np.zeros((3, 3), np.float32)}),
                content_type="application/octet-stream",
            )
        },
        "not a code": {"w_plus": head.picture_id},
    }
    job = enqueue(studio, **changes[what])

    lanes.work("interactive")

    job.refresh_from_db()
    assert job.status == "failed"
    assert job.error_code.startswith(code)
    assert job.error_detail
    assert Revision.objects.count() == 1


class Interrupt:
    """Does something to the row in the middle of a run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, at: int, action: Any) -> None:
        self.seen: list[int] = []
        real = worker.advance

        def advance(job: Any, progress: Any, **times: Any) -> None:
            real(job, progress, **times)
            self.seen.append(progress.step)
            if progress.step == at:
                action()

        monkeypatch.setattr(worker, "advance", advance)


def test_a_cancel_stops_the_work_within_one_step(
    lanes: Lanes,
    studio: Studio,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    job = start_edit(studio, steps=50)

    def cancel() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            jobs.cancel(actor=studio.owner, job_id=job.id, now=now())

    run = Interrupt(monkeypatch, at=5, action=cancel)

    lanes.work("interactive")

    job.refresh_from_db()
    assert job.status == "canceled"
    assert max(run.seen) == 5
    assert Revision.objects.count() == 1


def test_a_worker_that_lost_its_lease_changes_nothing(
    lanes: Lanes, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_edit(studio, steps=50)

    def take_away() -> None:
        later = now() + timedelta(minutes=5)
        assert worker.claim("interactive", now=later, lease_seconds=60) is not None

    Interrupt(monkeypatch, at=3, action=take_away)

    lanes.work("interactive")

    job.refresh_from_db()
    assert (job.status, job.num_attempts) == ("leased", 2)
    assert Revision.objects.count() == 1


def test_a_stopping_worker_gives_the_job_back_with_its_attempt(
    lanes: Lanes, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_edit(studio, steps=50)
    run = Interrupt(monkeypatch, at=3, action=lanes.stop)

    lanes.work("interactive")

    job.refresh_from_db()
    assert (job.status, job.num_attempts) == ("queued", 0)
    assert max(run.seen) == 3


def test_a_bug_ends_the_job_with_a_reference_and_not_with_its_text(
    lanes: Lanes, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("secret/path/of/ours.py")

    monkeypatch.setattr(optimize, "run", broken)
    job = start_edit(studio)

    lanes.work("interactive")

    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "job.bug")
    assert "secret" not in job.error_detail
    assert "Reference" in job.error_detail


def test_an_exhausted_memory_is_tried_again_once_with_an_empty_cache(
    lanes: Lanes, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = optimize.run, []

    def scarce(*args: Any, **options: Any) -> Iterator[optimize.Step]:
        calls.append(1)
        if len(calls) == 1:
            raise OutOfMemoryError("CUDA out of memory")
        return real(*args, **options)

    monkeypatch.setattr(optimize, "run", scarce)
    job = start_edit(studio)

    lanes.work("interactive")

    job.refresh_from_db()
    assert (job.status, len(calls)) == ("succeeded", 2)


def test_a_lost_device_puts_the_job_back_and_ends_the_process(
    lanes: Lanes, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []

    def die(code: int) -> None:
        ended.append(code)
        lanes.stop()

    def broken(*args: Any, **options: Any) -> None:
        raise DeviceLostError("device-side assert triggered")

    monkeypatch.setattr(lanes, "_die", die)
    monkeypatch.setattr(optimize, "run", broken)
    job = start_edit(studio)

    lanes.work("interactive")

    job.refresh_from_db()
    assert ended == [70]
    assert (job.status, job.num_attempts) == ("queued", 1)


def test_an_unknown_vector_is_refused(lanes: Lanes, studio: Studio) -> None:
    head = Revision.objects.get(pk=studio.image.head_id)
    request = RenderEdit(
        image_id=studio.image.id, bundle=studio.bundle.name, base_revision_id=head.id,
        w_plus=head.w_plus_id,
        stack=(VectorUse(edit_vector_version_id=uuid4(), strength=1.0),),
    )  # fmt: skip
    job = jobs.enqueue(
        owner=studio.owner, team=studio.team, request=request, now=now(),
        image_id=studio.image.id,
    )  # fmt: skip

    lanes.work("interactive")

    job.refresh_from_db()
    assert job.status == "failed"
    assert job.error_code


def test_pictures_of_an_album_are_drawn_while_others_are_kept(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_waiting = {"batch": [1, 2], "interactive": [1, 2]}
    together = threading.Barrier(2, timeout=5)

    def claim(lane: str, **options: Any) -> Any:
        return jobs_waiting[lane].pop() if jobs_waiting[lane] else None

    monkeypatch.setattr(worker, "claim", claim)
    monkeypatch.setattr(lanes, "_settle", lambda job, urgency: together.wait())
    with ThreadPoolExecutor(2) as threads:
        for lane in ("batch", "interactive"):
            done = [threads.submit(lanes.work, lane) for _ in range(2)]
            if lane == "batch":
                assert sorted(one.result() for one in done) == [1, 1]
            else:  # one at a time: it waits for another in vain
                assert any(isinstance(one.exception(), BrokenBarrierError) for one in done)
    assert lanes.is_idle


def test_a_stack_is_compared_with_the_base_as_kept_as_if_it_were_drawn_again(
    lanes: Lanes, studio: Studio
) -> None:
    start_edit(studio, steps=20)
    lanes.work("interactive")
    learned = Revision.objects.get(kind="optimize")
    vector = images.save_edit_vector(
        actor=studio.owner, revision_id=learned.pk, title="Moved", description="", tags=(),
        now=now(),
    )  # fmt: skip
    version_id = vector.current_version_id
    assert version_id is not None
    base = Revision.objects.get(pk=studio.image.head_id)
    kept = []
    for is_base_known in (True, False):
        job = images.keep(
            actor=studio.owner, image_id=studio.image.pk, base_revision_id=base.pk,
            stack=(VectorUse(edit_vector_version_id=version_id, strength=1.0),), now=now(),
        )  # fmt: skip
        assert job.request["base"]["picture"] == base.picture_id
        if not is_base_known:
            job.request["base"] = None  # as an older server asks
            job.save()
        lanes.work("interactive")
        kept.append(Revision.objects.get(job=job))

    known, drawn_again = kept
    assert known.label_map_id == drawn_again.label_map_id == learned.label_map_id
    assert known.figures["changed_share"] > 0
    assert known.figures == pytest.approx(drawn_again.figures, abs=1e-6)
