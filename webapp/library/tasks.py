"""What runs in the background without a device: the counts that search sorts by, and mail."""

from celery import shared_task
from django.utils import timezone

from webapp.library import digest, index


@shared_task(name="webapp.library.tasks.roll_up", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def roll_up() -> None:
    """Count new uses and likes; beat rings this every ten seconds."""
    index.roll_up(now=timezone.now())


@shared_task(name="webapp.library.tasks.mail_digests", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def mail_digests() -> None:
    """Mail what people have not read; beat rings this every quarter of an hour."""
    digest.send(now=timezone.now())
