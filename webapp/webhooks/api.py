"""Webhooks over HTTP, for owners of the team."""

from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from webapp.accounts import auth
from webapp.accounts import policies as accounts
from webapp.common import paging
from webapp.webhooks import policies, services
from webapp.webhooks.models import Delivery, Webhook

router = Router(tags=["webhooks"], auth=auth.administering)

EventName = Literal[
    "image.added", "revision.added", "vector.listed", "vector.unlisted", "vector.withdrawn",
    "vector.removed", "webhook.test",
]  # fmt: skip
StateName = Literal["waiting", "delivered", "failed"]
PAGE = 50


class WebhookRequest(Schema):
    url: Annotated[str, Field(min_length=1, max_length=500)]
    events: Annotated[list[EventName], Field(min_length=1, max_length=20)]


class WebhookChange(Schema):
    is_active: bool


class WebhookOut(Schema):
    id: UUID
    url: str
    events: list[EventName]
    is_active: bool
    created_at: datetime

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookOut":
        return cls(
            id=webhook.pk, url=webhook.url, events=cast(list[EventName], webhook.events),
            is_active=webhook.is_active, created_at=webhook.created_at,
        )  # fmt: skip


class NewWebhookOut(WebhookOut):
    """A webhook, this once with the key that its messages are signed with."""

    key: str


class DeliveryOut(Schema):
    id: UUID
    event: EventName
    state: StateName
    num_attempts: int
    last_answer: str
    created_at: datetime
    next_attempt_at: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryOut":
        return cls(
            id=delivery.pk, event=cast(EventName, delivery.event),
            state=cast(StateName, delivery.state), num_attempts=delivery.num_attempts,
            last_answer=delivery.last_answer, created_at=delivery.created_at,
            next_attempt_at=delivery.next_attempt_at,
        )  # fmt: skip


class DeliveryPage(Schema):
    items: list[DeliveryOut]
    next: str | None


@router.get("/teams/{team_id}/webhooks", response=list[WebhookOut])
def list_webhooks(request: HttpRequest, team_id: UUID) -> list[WebhookOut]:
    """The webhooks of a team."""
    actor = auth.person(request)
    team = accounts.owned_team(actor, team_id)
    found = Webhook.objects.visible_to(actor).filter(team=team).order_by("-created_at")
    return [WebhookOut.of(webhook) for webhook in found[:200]]


@router.post("/teams/{team_id}/webhooks", response={201: NewWebhookOut})
def add_webhook(
    request: HttpRequest, team_id: UUID, wish: WebhookRequest
) -> Status[NewWebhookOut]:
    """Have an https address told of events; the key to check them with is shown once."""
    made = services.add(
        actor=auth.person(request), team_id=team_id, url=wish.url, events=wish.events,
        now=timezone.now(),
    )  # fmt: skip
    return Status(201, NewWebhookOut(**WebhookOut.of(made).model_dump(), key=made.key))


@router.patch("/webhooks/{webhook_id}", response=WebhookOut)
def change_webhook(request: HttpRequest, webhook_id: UUID, change: WebhookChange) -> WebhookOut:
    """Switch a webhook on or off."""
    actor = auth.person(request)
    return WebhookOut.of(
        services.change(actor=actor, webhook_id=webhook_id, is_active=change.is_active)
    )


@router.delete("/webhooks/{webhook_id}", response={204: None})
def remove_webhook(request: HttpRequest, webhook_id: UUID) -> Status[None]:
    """Remove a webhook."""
    services.remove(actor=auth.person(request), webhook_id=webhook_id)
    return Status(204, None)


@router.post("/webhooks/{webhook_id}/test", response={202: DeliveryOut})
def test_webhook(request: HttpRequest, webhook_id: UUID) -> Status[DeliveryOut]:
    """Send a message to try it."""
    made = services.test(actor=auth.person(request), webhook_id=webhook_id, now=timezone.now())
    return Status(202, DeliveryOut.of(made))


@router.get("/webhooks/{webhook_id}/deliveries", response=DeliveryPage)
def list_deliveries(
    request: HttpRequest, webhook_id: UUID, cursor: str | None = None
) -> DeliveryPage:
    """What a webhook was told, newest first, and how it went."""
    webhook = policies.owned_webhook(auth.person(request), webhook_id)
    found = Delivery.objects.filter(webhook=webhook)
    rows, following = paging.newest_first(found, cursor=cursor, limit=PAGE)
    return DeliveryPage(items=[DeliveryOut.of(row) for row in rows], next=following)
