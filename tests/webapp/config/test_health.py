import json

import pytest
from django.test import Client

from tests.servers import Servers
from webapp.common.redis import client


@pytest.mark.django_db
def test_health_says_whether_a_worker_is_ready() -> None:
    browser = Client()

    assert browser.get("/api/health").json() == {
        "database": True, "redis": True, "worker": None,
    }  # fmt: skip

    client().set("worker:ready", json.dumps({"state": "ready"}), ex=8)

    assert browser.get("/api/health").json()["worker"] == "ready"


@pytest.mark.django_db
def test_health_is_not_well_without_redis(real_servers: Servers) -> None:
    real_servers.redis.stop()
    try:
        answer = Client().get("/api/health")
    finally:
        real_servers.redis.start()

    assert answer.status_code == 503
    assert answer.json()["redis"] is False
