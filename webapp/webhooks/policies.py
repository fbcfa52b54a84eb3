"""Who may do what to webhooks? Owners of the team everything, nobody else anything."""

from uuid import UUID

from webapp.accounts.models import User
from webapp.common.errors import NotFoundError
from webapp.webhooks.models import Webhook


class UnknownWebhookError(NotFoundError):
    """There is no such webhook, or the actor does not own its team."""

    code = "webhooks.unknown"

    def __init__(self) -> None:
        super().__init__("We cannot find this webhook.")


def owned_webhook(actor: User, webhook_id: UUID) -> Webhook:
    """Return a webhook of a team that `actor` owns.

    Raises:
        UnknownWebhookError: there is none.
    """
    found = Webhook.objects.visible_to(actor).filter(pk=webhook_id).first()
    if found is None:
        raise UnknownWebhookError
    return found
