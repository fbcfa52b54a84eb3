"""What runs in the background without a device: the sweep."""

from celery import shared_task
from django.utils import timezone

from webapp.jobs import services


@shared_task(name="webapp.jobs.tasks.sweep", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def sweep() -> None:
    """Mend what was lost; beat rings this every five seconds."""
    services.sweep(now=timezone.now())
