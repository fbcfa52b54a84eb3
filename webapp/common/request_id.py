"""Which request is this? An id that logs, audit events and the answer's header share."""

import secrets
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the request being answered; empty outside of one."""
    return _current.get()


class RequestId:
    """Gives every request an id and says it in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = _current.set(secrets.token_hex(8))
        try:
            response = self.get_response(request)
            response.headers["X-Request-Id"] = _current.get()
            return response
        finally:
            _current.reset(token)
