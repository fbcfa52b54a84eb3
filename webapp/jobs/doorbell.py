"""How does a worker learn that a lane has work? By a ring, which may be lost.

A ring carries no work: it says "look in this lane". If Redis is away it is logged, and the
sweep rings again.
"""

import logging
from functools import lru_cache

from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def _bell() -> Celery:
    """Return a sender of its own, so that ringing is alike in every process and thread."""
    app = Celery("doorbell", set_as_current=False)
    app.conf.update(
        settings.CELERY,
        broker_transport_options={"socket_connect_timeout": 2, "socket_timeout": 5},
    )
    return app


def ring(lane: str) -> None:
    """Tell the workers of `lane` to look for work. An outage is logged, never raised."""
    try:
        _bell().send_task(
            "gpu_worker.ring",
            kwargs={"lane": lane},
            queue=f"gpu.{lane}",
            ignore_result=True,
            retry=False,
        )
    except (OperationalError, OSError) as error:
        log.warning("ring for %s lost: %s", lane, error)
