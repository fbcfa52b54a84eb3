"""A browser for tests of signing in: it sends JSON and the cross-site token."""

import json
import re
from typing import Any
from urllib.parse import unquote

from django.core import mail
from django.test import Client

ALLAUTH = "/_allauth/browser/v1"


def browser() -> Client:
    """Return a browser that has loaded a page, with the cross-site check switched on."""
    client = Client(enforce_csrf_checks=True)
    client.get("/api/session")
    return client


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    """Send JSON as our pages do."""
    token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
    return client.generic(
        method,
        path,
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )


def post(client: Client, path: str, body: Any) -> Any:
    return send(client, "POST", path, body)


def link_in_mail(to: str) -> str:
    """Return the address in the newest mail to somebody."""
    text = [str(each.body) for each in mail.outbox if to in each.to][-1]
    found = re.search(r"http://127\.0\.0\.1:8000(/\S+)", text)
    assert found is not None, text
    return unquote(found[1])
