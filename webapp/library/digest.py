"""What did somebody miss? Their unread notices, in one mail a day at most."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Exists, F, OuterRef, Q

from webapp.accounts.models import User
from webapp.library.models import Notice

log = logging.getLogger(__name__)
PERIOD = timedelta(days=1)
BATCH = 100
LINES = 20


def send(*, now: datetime) -> int:
    """Mail whoever has unread notices since their last mail; return how many mails went out.

    Who is told is marked before the mail leaves: better one mail too few than one too many.
    """
    unread = Notice.objects.filter(recipient=OuterRef("pk"), read_at__isnull=True)
    fresh = unread.filter(
        Q(created_at__gt=OuterRef("digest_sent_at")) | Q(recipient__digest_sent_at__isnull=True)
    )
    due = Q(digest_sent_at__isnull=True) | Q(digest_sent_at__lte=now - PERIOD)
    people = User.objects.filter(due, Exists(fresh), is_active=True, wants_digest=True)
    num_sent = 0
    for user in people.order_by("pk")[:BATCH]:
        was = user.digest_sent_at
        mine = User.objects.filter(pk=user.pk, digest_sent_at=was)
        if was is None:
            mine = User.objects.filter(pk=user.pk, digest_sent_at__isnull=True)
        if not mine.update(digest_sent_at=now):
            continue  # another process was faster
        try:
            _mail(user, since=was)
        except (SMTPException, OSError) as error:
            log.warning("the digest of %s did not leave: %s", user.pk, error)
            continue
        num_sent += 1
    return num_sent


def _mail(user: User, *, since: datetime | None) -> None:
    found = Notice.objects.visible_to(user).filter(read_at__isnull=True)
    if since is not None:
        found = found.filter(created_at__gt=since)
    notices = list(found.select_related("edit_vector").order_by(F("created_at").desc())[:LINES])
    lines = [
        f"- {notice.text}\n  {settings.PUBLIC_URL}/library/{notice.edit_vector_id}"
        for notice in notices
    ]
    send_mail(
        subject="What happened on Atelier",
        message="\n".join(
            [
                f"Hello {user.display_name},",
                "",
                *lines,
                "",
                f"To get no more of these mails: {settings.PUBLIC_URL}/account",
            ]
        ),
        from_email=None,
        recipient_list=[user.email],
    )
