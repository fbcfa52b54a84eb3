"""What runs in the background for people and teams: mail, and forgetting old sessions."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from webapp.accounts import mail


@shared_task(name="webapp.accounts.tasks.mail_invitations", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def mail_invitations() -> None:
    """Mail the invitations that wait for it; beat rings this every five seconds."""
    mail.send_invitations(now=timezone.now())


@shared_task(name="webapp.accounts.tasks.forget_sessions", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def forget_sessions() -> None:
    """Delete the sessions that have ended; beat rings this every hour."""
    call_command("clearsessions")
