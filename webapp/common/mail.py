"""Where can a developer read the mail? In a folder, one file a mail, as it would be sent."""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class FolderBackend(BaseEmailBackend):
    """Writes each mail to `EMAIL_FILE_PATH`, named by time and address."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            to = "".join(c for c in ",".join(message.to) if c.isalnum() or c in "@._-")[:80]
            stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
            path = folder / f"{stamp}-{to}-{secrets.token_hex(3)}.eml"
            path.write_bytes(message.message().as_bytes())
        return len(email_messages)
