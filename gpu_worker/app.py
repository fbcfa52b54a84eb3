"""The Celery application of a worker: a threads pool that listens for doorbells.

`celery -A gpu_worker.app worker --pool threads --concurrency 3 -Q gpu.interactive,gpu.batch`.
One with `ROLE=workshop` has `--concurrency 1 -Q gpu.workshop` instead.
Celery carries no work here: a ring says "look in this lane", and rows say what to do.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")

import django

django.setup()

from celery import Celery, signals  # noqa: E402 - after Django's set-up
from django.conf import settings  # noqa: E402

from gpu_worker.service import Service  # noqa: E402
from gpu_worker.settings import read_settings  # noqa: E402

app = Celery("gpu_worker")
app.conf.update(settings.CELERY)
app.conf.update(
    worker_enable_remote_control=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    beat_schedule={},
)
app.conf.include = ["gpu_worker.tasks"]

_service: Service | None = None


def service() -> Service:
    """Return the parts of this process; they are made on first use, never at import."""
    global _service
    if _service is None:
        _service = Service(read_settings())
    return _service


def _check_settings(**_: Any) -> None:
    service()  # fails loudly before anything is consumed


def _start(**_: Any) -> None:
    service().start()


def _stop(**_: Any) -> None:
    service().stop()


def _close(**_: Any) -> None:
    service().close()


signals.worker_init.connect(_check_settings)
signals.worker_ready.connect(_start)
signals.worker_shutting_down.connect(_stop)
signals.worker_shutdown.connect(_close)
