"""What beat and the background worker run."""

from typing import Any

import pytest

from webapp.jobs import services, tasks


def test_the_background_worker_knows_every_task_that_beat_rings() -> None:
    from webapp.config.celery import app

    app.loader.import_default_modules()

    rung = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"webapp.jobs.tasks.sweep", "webapp.library.tasks.roll_up"} <= rung
    assert rung <= set(app.tasks)


def test_the_task_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(services, "sweep", lambda *, now: calls.append(now))

    tasks.sweep()

    assert len(calls) == 1
    assert calls[0].tzinfo is not None
