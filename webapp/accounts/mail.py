"""What does an invitation say, and when is it mailed? Soon after its row is committed.

The row is its own outbox: it is marked in the transaction that sends it, so a process that
dies sends a mail twice at worst, and never not at all.
"""

import logging
from datetime import datetime
from smtplib import SMTPException, SMTPRecipientsRefused
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from webapp.accounts.models import Invitation
from webapp.accounts.services import invitation_link

log = logging.getLogger(__name__)
BATCH = 20

TEXT = """{inviter} invites you to {team} on Atelier, as {role}.

{url}

The link is good until {until} and for this address alone. If you do not know
{inviter}, you need not do anything.
"""


def send_invitations(*, now: datetime) -> int:
    """Mail what waits, and return how many went out. What fails is tried again next time.

    An address that the server refuses holds up no other.
    """
    num_sent = 0
    refused: list[UUID] = []
    while num_sent < BATCH:
        with transaction.atomic():
            invitation = (
                Invitation.objects.open(now=now)
                .exclude(email="")
                .exclude(pk__in=refused)
                .filter(mailed_at__isnull=True)
                .select_related("team", "invited_by")
                .select_for_update(of=("self",), skip_locked=True)
                .order_by("pk")
                .first()
            )
            if invitation is None:
                break
            try:
                _send(invitation)
            except SMTPRecipientsRefused as error:
                log.warning("invitation %s is refused: %s", invitation.pk, error)
                refused.append(invitation.pk)
                continue
            except (SMTPException, OSError) as error:
                log.warning("invitation %s waits: %s", invitation.pk, error)
                break
            invitation.mailed_at = now
            invitation.save(update_fields=["mailed_at"])
            num_sent += 1
    return num_sent


def _send(invitation: Invitation) -> None:
    article = "a" if invitation.role == "viewer" else "an"
    inviter = " ".join(invitation.invited_by.display_name.split())
    team = " ".join(invitation.team.name.split())
    send_mail(
        subject=f"{inviter} invites you to {team}",
        message=TEXT.format(
            inviter=inviter,
            team=team,
            role=f"{article} {invitation.role}",
            url=f"{settings.PUBLIC_URL}/join/{invitation_link(invitation)}",
            until=invitation.expires_at.strftime("%d %B %Y"),
        ),
        from_email=None,
        recipient_list=[invitation.email],
    )
