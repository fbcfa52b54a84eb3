"""Is this installation able to work? For the local runner, probes and operators."""

import json

import redis
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from webapp.common.redis import client

WORKER_READY = "worker:ready"  # written by every worker that is, with a lifetime


@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 if database and Redis answer, else 503; `worker` says if one is ready.

    Without a worker people can look, paint and search; their jobs wait.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        has_database = True
    except Error:
        has_database = False
    worker = None
    try:
        body = client().get(WORKER_READY)
        has_redis = True
        if isinstance(body, bytes):
            worker = json.loads(body).get("state")
    except redis.RedisError:
        has_redis = False
    return JsonResponse(
        {"database": has_database, "redis": has_redis, "worker": worker},
        status=200 if has_database and has_redis else 503,
    )
