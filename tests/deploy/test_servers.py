"""The embedded servers are real, keep their data, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from deploy.local.servers import PostgreSQL, Redis, ServerError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: where we are root, PostgreSQL runs as another user, who may not enter.
    path = Path(tempfile.mkdtemp(prefix="atelier-servers-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_postgresql_keeps_its_data_between_starts_and_has_vectors(folder: Path) -> None:
    server = PostgreSQL(folder / "postgresql", durable=False).start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("CREATE TABLE kept AS SELECT '[1,2]'::vector AS v")
    server.stop()

    server.start()

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT v FROM kept").fetchall() == [("[1,2]",)]
        listens = connection.execute("SHOW listen_addresses").fetchone()
        assert listens == ("",)
    server.stop()
    assert not server.is_running


def test_redis_keeps_its_data_and_never_evicts(folder: Path) -> None:
    server = Redis(folder / "redis").start()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    server.stop()

    server.start()

    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"
    server.stop()


def test_a_second_server_on_the_same_folder_is_refused(folder: Path) -> None:
    first = PostgreSQL(folder / "postgresql", durable=False).start()
    second = PostgreSQL(folder / "postgresql", durable=False)

    with pytest.raises(ServerError, match="PostgreSQL does not start; see"):
        second.start()

    assert first.is_running
    first.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_killing_their_starter_ends_the_servers(folder: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from deploy.local.servers import PostgreSQL, Redis
redis = Redis(Path({str(folder)!r}) / "redis").start()
postgresql = PostgreSQL(Path({str(folder)!r}) / "postgresql", durable=False).start()
print(redis._process.pid, postgresql._process.pid, flush=True)
time.sleep(600)
"""
    starter = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert starter.stdout is not None
    pids = [int(word) for word in starter.stdout.readline().split()]
    assert len(pids) == 2

    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()

    deadline = time.monotonic() + 60
    while any(_is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a server outlived its starter"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    os.kill(pid, 0)
    return state != "Z"
