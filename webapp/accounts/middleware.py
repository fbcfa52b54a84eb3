"""Who asks, and how often? Tokens become people, and everybody gets a fair share per minute.

The headers are those of the draft that the browsers and proxies agree on
(draft-ietf-httpapi-ratelimit-headers): `RateLimit-Policy` says the rule, `RateLimit` what
is left of it, and a refusal says `Retry-After`.
"""

import logging
import math
import time
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError

from webapp.accounts import tokens
from webapp.common import problems
from webapp.common.errors import RateLimitedError

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]
BEARER = "bearer "
SAFE = ("GET", "HEAD", "OPTIONS")


class TooManyRequestsError(RateLimitedError):
    """Somebody asked more often than a minute allows."""

    code = "rate_limited"


class TokenSignIn:
    """Makes the person of a valid token the request's user, whatever its cookies say."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        header = request.headers.get("Authorization", "")
        if request.path.startswith("/api/") and header.lower().startswith(BEARER):
            found = tokens.find(header[len(BEARER) :].strip(), now=timezone.now())
            request.api_token = found  # type: ignore[attr-defined]  # read by accounts.auth
            request.user = found.user if found is not None else AnonymousUser()
        return self.get_response(request)


@lru_cache(maxsize=1)
def _limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(RedisStorage(settings.REDIS_URL, key_prefix="rate"))


class RateLimits:
    """Counts the requests to the API of each person, or of each address of strangers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/api/") or request.path == "/api/health":
            return self.get_response(request)
        policy, limit = self._policy(request)
        item = RateLimitItemPerMinute(limit)
        who = (
            f"user:{request.user.pk}"
            if request.user.is_authenticated
            else f"address:{request.META.get('REMOTE_ADDR', '')}"
        )
        try:
            is_within = _limiter().hit(item, policy, who)
            reset_at, num_left = _limiter().get_window_stats(item, policy, who)
        except RedisError as error:
            log.warning("requests are not counted: %s", error)
            return self.get_response(request)
        seconds = max(1, math.ceil(reset_at - time.time()))
        if is_within:
            response = self.get_response(request)
        else:
            response = problems.of_domain_error(
                TooManyRequestsError(
                    f"That was {limit} requests in a minute. You can go on in {seconds} s.",
                    retry_after=seconds,
                )
            )
        response.headers["RateLimit-Policy"] = f'"{policy}";q={limit};w=60'
        response.headers["RateLimit"] = f'"{policy}";r={max(0, num_left)};t={seconds}'
        return response

    def _policy(self, request: HttpRequest) -> tuple[str, int]:
        if not request.user.is_authenticated:
            return "strangers", settings.RATE_STRANGERS
        if request.method in SAFE:
            return "read", settings.RATE_READ
        return "write", settings.RATE_WRITE
