"""What happens to a family in the making when the worker that makes it is killed?"""

import time
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from tests.factories import families, own_families
from tests.factories.own_families import read, send
from tests.factories.rows import client
from tests.faults.conftest import RealWorker, eventually
from webapp.jobs import services as jobs
from webapp.jobs.models import Job
from webapp.workshop import uploads

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


soon = partial(eventually, seconds=90)


def told(job: Job) -> str:
    """Return what the job's row says of its progress."""
    job.refresh_from_db()
    return str((job.progress or {}).get("sentence") or "")


def step_of(job: Job) -> int:
    """Return at which step of the training the job says it is; 0 before."""
    words = told(job).partition("step ")[2].split()
    return int(words[0].replace(",", "")) if words else 0


def run(browser: Any, path: str, body: Any = None) -> Job:
    return Job.objects.get(pk=send(browser, path, body if body is not None else {})["id"])


def ends(job: Job) -> str:
    """Return how a job ends, with the sweep that the io process does every five seconds."""

    def is_over() -> bool:
        jobs.sweep(now=timezone.now())
        job.refresh_from_db()
        return job.finished_at is not None

    soon(is_over, what=f"{job.kind} ends; it said: {told(job)}")
    return str(job.status)


def test_a_killed_worker_costs_a_family_an_attempt_and_nothing_that_was_made(
    workshop: RealWorker,
) -> None:
    owner, _ = families.a_team()
    browser = client(owner)
    made = send(browser, "/family-projects", {"title": "Foxes"})
    place = f"/family-projects/{made['id']}"
    folder = uploads.folder_of(UUID(made["id"]))
    own_families.upload(
        browser, made["id"], own_families.checkpoint(), kind="checkpoint", file_name="foxes.pkl"
    )
    assert ends(run(browser, f"{place}/bring")) == "succeeded"

    # while samples are drawn: those that were are not drawn again
    drawing = run(browser, f"{place}/sample")
    drawn = folder / "samples" / "drawn"
    soon(lambda: len([*drawn.glob("*.safetensors")]) >= 20, what="twenty samples are drawn")
    workshop.kill()
    # A sample is drawn once its description lies beside its picture, which is written first.
    whole = {path.with_suffix(".png").name for path in drawn.glob("*.safetensors")}
    stamps = {name: at for name, at in _stamps(drawn).items() if name in whole}
    assert len(stamps) >= 20
    workshop.start()
    assert ends(drawing) == "succeeded", drawing.error_detail
    assert drawing.num_attempts == 2
    again = _stamps(folder / "samples")
    assert {name: again[name] for name in stamps} == stamps

    # while the branch learns: it goes on from its last checkpoint
    own_families.set_parts(browser, read(browser, place))
    for sample in read(browser, f"{place}/samples?which=chosen"):
        own_families.save_label_map(browser, sample, own_families.label_map(sample["number"]))
    training = run(browser, f"{place}/train-branch")
    runs = folder / "branch" / "runs"
    soon(lambda: step_of(training) > 1, what="the branch learns")
    at, seen_at = step_of(training), time.time()

    def is_kept() -> bool:
        return any(path.stat().st_mtime > seen_at for path in runs.glob("*/checkpoint.pt"))

    soon(is_kept, what="the branch has a later checkpoint")
    workshop.kill()
    workshop.start()
    seen: list[int] = []

    def goes_on() -> bool:
        jobs.sweep(now=timezone.now())
        training.refresh_from_db()
        if training.num_attempts == 2 and (step := step_of(training)):
            seen.append(step)
        return bool(seen) and seen[-1] > at

    soon(goes_on, what="the training is gone on with")
    assert min(seen) >= at, "no step of the checkpoint is taken again"
    # That a training gone on with ends well, the engine's tests say; here it would be minutes.
    jobs.cancel(actor=owner, job_id=training.pk, now=timezone.now())
    assert ends(training) == "canceled"
    assert _drafts(folder) == []


def _stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("[0-9]*.png")}


def _drafts(folder: Path) -> list[str]:
    """Return what nobody will ever read again."""
    hidden = [path.name for path in folder.rglob(".*") if path.name != ".lock"]
    return [*hidden, *(path.name for path in folder.rglob("*.partial"))]
