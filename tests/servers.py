"""Which servers do the tests talk to?

Real ones: a PostgreSQL and a Redis of their own, from the wheels, started once per run in
a temporary folder. They start before Django reads its settings, and only where a selected
test could need them, so the engine's tests run without any.
"""

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers import PostgreSQL, Redis

WITHOUT_SERVERS = ("editing", "architecture", "deploy", "e2e")


@dataclass(frozen=True)
class Servers:
    """The servers of this run and the folder that everything of it lives in."""

    directory: Path
    postgresql: PostgreSQL
    redis: Redis

    @property
    def bundles(self) -> Path:
        return self.directory / "bundles"


_running: list[Servers] = []


def are_needed(arguments: list[str], root: Path) -> bool:
    """Say whether the paths on pytest's command line select tests that use a server.

    No path at all selects every test.
    """
    tests = root / "tests"
    if not arguments:
        return True
    for argument in arguments:
        path = (Path.cwd() / argument.split("::")[0]).resolve()
        if not path.is_relative_to(tests):
            return True
        inner = path.relative_to(tests).parts
        if not inner or inner[0] not in WITHOUT_SERVERS:
            return True
    return False


def start() -> Servers:
    """Start the servers of this run, once, and set the environment that names them."""
    if _running:
        return _running[0]
    directory = Path(tempfile.mkdtemp(prefix="atelier-tests-"))
    directory.chmod(0o755)
    servers = Servers(
        directory=directory,
        postgresql=PostgreSQL(directory / "postgresql", durable=False),
        redis=Redis(directory / "redis", keep=False),
    )

    def stop() -> None:
        servers.redis.stop()
        servers.postgresql.stop()
        shutil.rmtree(directory, ignore_errors=True)

    atexit.register(stop)
    servers.redis.start()
    servers.postgresql.start()
    servers.bundles.mkdir()
    os.environ.update(
        DJANGO_SETTINGS_MODULE="webapp.config.settings",
        DATABASE_URL=servers.postgresql.url,
        REDIS_URL=servers.redis.url,
        SECRET_KEY="only-for-tests-" + "x" * 40,
        ARTIFACTS_DIR=str(directory / "artifacts"),
        BUNDLES_DIR=str(servers.bundles),
        FAMILIES_DIR=str(directory / "published-families"),
        WORKSHOP_DIR=str(directory / "workshop"),
        DEBUG="0",
    )
    _running.append(servers)
    return servers


def running() -> bool:
    """Say whether this run has servers."""
    return bool(_running)
