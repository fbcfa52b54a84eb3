"""What runs in the background for webhooks: delivering."""

from celery import shared_task
from django.utils import timezone

from webapp.webhooks import services


@shared_task(name="webapp.webhooks.tasks.deliver", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def deliver() -> None:
    """Send what is due; beat rings this every five seconds."""
    services.deliver_due(now=timezone.now())
