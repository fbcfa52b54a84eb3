"""What the doorbell calls: work this lane until it is empty."""

from celery import shared_task
from django.db import DatabaseError

from gpu_worker import lanes
from gpu_worker.app import service


@shared_task(name="gpu_worker.ring", ignore_result=True)  # type: ignore[untyped-decorator]
def ring(lane: str) -> None:
    """Look in `lane`. A ring that is lost costs one sweep, a repeated one costs nothing."""
    if lane not in lanes.URGENCY:
        lanes.log.warning("a ring for an unknown lane: %r", lane)
        return
    try:
        service().lanes.work(lane)
    except DatabaseError as error:
        lanes.log.warning("lane %s cannot be read, the sweep rings again: %s", lane, error)
