"""Which addresses does a team have told of what happens, and how did each telling go?"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from webapp.accounts.models import Membership, Role, Team, User
from webapp.common.models import BaseModel

# What can be heard of; each is emitted by the app that owns the thing.
EVENTS = (
    "image.added", "revision.added", "vector.listed", "vector.unlisted", "vector.withdrawn",
    "vector.removed", "webhook.test",
)  # fmt: skip


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def visible_to(self, user: User) -> "WebhookQuerySet":
        """Return the webhooks of the teams that `user` owns."""
        owned = Membership.objects.filter(user=user, role=Role.OWNER)
        return self.filter(team__in=owned.values("team"))


class Webhook(BaseModel):
    """An address, the events it hears of, and the key with which each message is signed."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="webhooks")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    url = models.CharField(max_length=500)
    key = models.CharField(max_length=80)  # needed whole to sign with, so it is not hashed
    events = ArrayField(models.CharField(max_length=40))
    is_active = models.BooleanField(default=True)

    objects = WebhookQuerySet.as_manager()


class State(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(BaseModel):
    """One message to one address; the row is its own outbox, tried again until it is taken."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    body = models.JSONField[Any, Any]()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    num_attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_answer = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(state="waiting"),
                name="delivery_waiting",
            ),
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_of_webhook"),
        ]
