"""How do we talk to Redis ourselves? Over one synchronous client per process."""

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def client() -> "redis.Redis":
    """Return the client of this process; it keeps its own pool and is safe between threads.

    Deliberately kept for the life of the process: a connection per message leaks.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=30,
        socket_connect_timeout=2,
        health_check_interval=30,
    )
