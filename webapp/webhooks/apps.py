"""What do webhooks set up when a process starts?"""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webapp.webhooks"

    def ready(self) -> None:
        from webapp.accounts import quotas
        from webapp.webhooks.models import Webhook

        quotas.register(
            "webhooks",
            title="webhooks",
            setting="QUOTA_WEBHOOKS",
            used=lambda team: Webhook.objects.filter(team=team).count(),
        )
