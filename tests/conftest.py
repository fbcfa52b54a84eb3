"""Starts the real servers before Django wakes up; see `tests.servers`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests import servers

if TYPE_CHECKING:
    from editing.bundle import Bundle


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Not an option, but the one hook that runs before the conftests of inner folders.

    Those import models, so Django must be awake, and before it the servers.
    """
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    if not servers.are_needed(config.known_args_namespace.file_or_dir, config.rootpath):
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


@pytest.fixture(scope="session")
def tiny_family(real_servers: servers.Servers) -> "Bundle":
    """The tiny seeded bundle, offered by this run's installation under its name."""
    from tests.factories import families

    return families.write_tiny_family(real_servers.bundles)
