"""Use cases of webhooks: add, change, remove, tell, and deliver what was told.

Messages are signed as the Standard Webhooks specification says, so that receivers can use
its libraries: HMAC-SHA256 over id, time and body, under the key that was shown once.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from webapp.accounts import audit, quotas
from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common import outward
from webapp.webhooks import policies
from webapp.webhooks.models import Delivery, State, Webhook

log = logging.getLogger(__name__)

KEY_MARK = "whsec_"
WAITS = (10, 60, 300, 1800, 7200, 21600)  # seconds before the second, third, ... attempt
BATCH = 50
MAX_SECONDS = 60.0  # of one round: messages are signed with the time of its beginning


@transaction.atomic
def add(
    *, actor: User, team_id: UUID, url: str, events: Collection[str], now: datetime
) -> Webhook:
    """Return a new webhook of a team.

    Raises:
        UnknownTeamError, OwnersOnlyError: the actor may not.
        BadTargetError: the address does not lead to the public internet.
        QuotaExceededError: the team has as many as it may.
    """
    team = accounts.owned_team(actor, team_id, for_update=True)
    outward.resolve(url)
    quotas.check(team, "webhooks")
    key = KEY_MARK + base64.b64encode(secrets.token_bytes(32)).decode()
    webhook = Webhook.objects.create(
        team=team, made_by=actor, url=url, key=key, events=sorted(set(events)), created_at=now
    )
    audit.record(
        team=team, actor=actor, action="webhook.added", target=webhook.pk, title=url,
        after=webhook.events,
    )  # fmt: skip
    return webhook


@transaction.atomic
def change(*, actor: User, webhook_id: UUID, is_active: bool) -> Webhook:
    """Switch a webhook on or off.

    Raises:
        UnknownWebhookError: the actor owns no team with it.
    """
    webhook = policies.owned_webhook(actor, webhook_id)
    before, webhook.is_active = webhook.is_active, is_active
    webhook.save(update_fields=["is_active"])
    audit.record(
        team=webhook.team_id, actor=actor, action="webhook.changed", target=webhook.pk,
        title=webhook.url, before=before, after=is_active,
    )  # fmt: skip
    return webhook


@transaction.atomic
def remove(*, actor: User, webhook_id: UUID) -> None:
    """Remove a webhook and what it was still to be told.

    Raises:
        UnknownWebhookError: the actor owns no team with it.
    """
    webhook = policies.owned_webhook(actor, webhook_id)
    audit.record(
        team=webhook.team_id, actor=actor, action="webhook.removed", target=webhook.pk,
        title=webhook.url,
    )  # fmt: skip
    webhook.delete()


def test(*, actor: User, webhook_id: UUID, now: datetime) -> Delivery:
    """Have a webhook told that somebody tried it; returns the delivery to watch.

    Raises:
        UnknownWebhookError: the actor owns no team with it.
    """
    webhook = policies.owned_webhook(actor, webhook_id)
    return Delivery.objects.create(
        webhook=webhook, event="webhook.test", body={"by": actor.display_name},
        next_attempt_at=now, created_at=now,
    )  # fmt: skip


def emit(*, team_id: UUID, event: str, data: dict[str, Any], now: datetime) -> None:
    """Tell the webhooks of a team; call it inside the transaction that makes the change."""
    listeners = Webhook.objects.filter(team=team_id, is_active=True, events__contains=[event])
    Delivery.objects.bulk_create(
        Delivery(webhook=webhook, event=event, body=data, next_attempt_at=now, created_at=now)
        for webhook in listeners
    )


# ---- delivering ----------------------------------------------------------------------------


def message(delivery: Delivery) -> bytes:
    """Return the bytes that are sent and signed."""
    body = {
        "type": delivery.event,
        "timestamp": delivery.created_at.isoformat(),
        "data": delivery.body,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def signed_headers(delivery: Delivery, body: bytes, *, now: datetime) -> dict[str, str]:
    """Return the headers with which the receiver checks who sent this, and when."""
    message_id, stamp = f"msg_{delivery.pk.hex}", str(int(now.timestamp()))
    key = base64.b64decode(delivery.webhook.key.removeprefix(KEY_MARK))
    text = f"{message_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Atelier-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def deliver_due(*, now: datetime) -> int:
    """Send what is due and return how many were taken; the others wait, longer each time."""
    num_taken = 0
    end = time.monotonic() + MAX_SECONDS
    for _ in range(BATCH):
        if time.monotonic() > end:
            break
        with transaction.atomic():
            delivery = (
                Delivery.objects.filter(
                    state=State.WAITING, next_attempt_at__lte=now, webhook__is_active=True
                )
                .select_related("webhook")
                .select_for_update(of=("self",), skip_locked=True)
                .order_by("next_attempt_at")
                .first()
            )
            if delivery is None:
                break
            num_taken += _attempt(delivery, now=now)
    return num_taken


def _attempt(delivery: Delivery, *, now: datetime) -> bool:
    body = message(delivery)
    headers = signed_headers(delivery, body, now=now)
    delivery.num_attempts += 1
    try:
        status = outward.post(delivery.webhook.url, body, headers=headers)
    except outward.BadTargetError as refusal:
        # What led outward once may lead inward now; nothing is sent, and nothing tried again.
        delivery.state, delivery.last_answer = State.FAILED, refusal.detail[:200]
    except outward.NotTakenError as error:
        delivery.last_answer = str(error)[:200]
        if delivery.num_attempts > len(WAITS):
            delivery.state = State.FAILED
        else:
            wait = timedelta(seconds=WAITS[delivery.num_attempts - 1])
            delivery.next_attempt_at = now + wait
    else:
        delivery.state, delivery.last_answer = State.DELIVERED, f"it answered {status}"
    delivery.save(update_fields=["num_attempts", "state", "last_answer", "next_attempt_at"])
    return delivery.state == State.DELIVERED
