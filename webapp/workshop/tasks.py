"""What runs in the background without a device: clearing away what was removed."""

from celery import shared_task

from webapp.workshop import services


@shared_task(name="webapp.workshop.tasks.clear_removed", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def clear_removed() -> None:
    """Delete the folders of removed projects; beat rings this every five minutes."""
    services.clear_removed()
