"""Webhooks and how their deliveries went, for operators. Keys are not shown."""

from django.contrib import admin

from webapp.common import operators
from webapp.webhooks.models import Delivery, Webhook


@admin.register(Webhook, site=operators.site)
class WebhookAdmin(operators.ReadOnlyAdmin[Webhook]):
    list_display = ("url", "team", "events", "is_active", "created_at")
    list_select_related = ("team",)
    exclude = ("key",)


@admin.register(Delivery, site=operators.site)
class DeliveryAdmin(operators.ReadOnlyAdmin[Delivery]):
    list_display = ("created_at", "webhook", "event", "state", "num_attempts", "last_answer")
    list_filter = ("state", "event")
    list_select_related = ("webhook",)
    exclude = ("body",)
