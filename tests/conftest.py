"""Starts the real servers before Django wakes up; see `tests.servers`."""

from collections.abc import Iterator

import pytest

from tests import servers


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not servers.are_needed(list(config.args), config.rootpath):
        return
    servers.start()
    import django

    django.setup()


@pytest.fixture(scope="session")
def real_servers() -> servers.Servers:
    """The PostgreSQL and Redis of this run, with the folder of its files."""
    return servers.start()


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    """Every test finds an empty Redis."""
    yield
    if servers.running():
        import redis

        with redis.Redis.from_url(servers.start().redis.url) as client:
            client.flushall()
