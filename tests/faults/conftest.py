"""A real worker process that tests may kill, on a family slow enough to be interrupted."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from django.db import connection

from deploy.local.supervision import processes
from editing.bundle import Bundle
from tests.factories import families
from tests.servers import Servers
from webapp.accounts.models import Team, User
from webapp.common.redis import client
from webapp.images.models import Image

ROOT = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 3
PATIENCE_SECONDS = 300.0


def eventually(
    is_true: Callable[[], object], *, what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Return once `is_true` says so; a test waits for facts, never for time to pass."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


@dataclass
class RealWorker:
    """The worker exactly as the local platform starts it, on this run's database."""

    environment: dict[str, str]
    log: Path
    name: str = "gpu"
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        every = processes(port=1, run_dir=self.log.parent)
        (kind,) = [process for process in every if process.name == self.name]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *kind.arguments], cwd=ROOT,
                env=self.environment | dict(kind.environment),
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        eventually(self.is_ready, what=f"the worker is ready; see {self.log}")

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        own = client().get(f"worker:{socket.gethostname()}:{self.process.pid}")
        return isinstance(own, bytes) and b'"state": "ready"' in own

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(60)
        self.process = None
        return status


@dataclass(frozen=True)
class Studio:
    owner: User
    team: Team
    image: Image
    bundle: Bundle


@pytest.fixture(scope="session")
def slow_family(real_servers: Servers) -> Bundle:
    return families.write_slow_family(real_servers.bundles)


@pytest.fixture
def studio(transactional_db: None, slow_family: Bundle) -> Studio:
    owner, team = families.a_team()
    return Studio(owner, team, families.a_picture(owner, team, slow_family), slow_family)


@pytest.fixture
def worker(slow_family: Bundle, started: "Start") -> RealWorker:
    return started("gpu")


@pytest.fixture
def workshop(started: "Start") -> RealWorker:
    """The worker that makes families; it writes a checkpoint every second."""
    return started("workshop", CHECKPOINT_SECONDS="1")


class Start(Protocol):
    """Starts a worker by its name among the platform's processes."""

    def __call__(self, name: str, **environment: str) -> RealWorker: ...


@pytest.fixture
def started(transactional_db: None, real_servers: Servers, tmp_path: Path) -> Iterator[Start]:
    url = real_servers.postgresql.url.replace(
        "@/postgres?", f"@/{connection.settings_dict['NAME']}?"
    )
    shared = os.environ | {
        "DATABASE_URL": url,
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "OMP_NUM_THREADS": "1",
    }
    workers: list[RealWorker] = []

    def start(name: str, **environment: str) -> RealWorker:
        workers.append(RealWorker(shared | environment, tmp_path / f"{name}.log", name))
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process is not None:
            worker.kill()
