"""How does the whole platform start and stop on this machine?

`Platform.start` returns once people can sign in and a worker is ready; `stop` ends what it
started and nothing else. Servers are our own children and the supervisor's processes are
its: each dies with its parent, so killing the runner leaves nothing behind.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO

import psycopg
import redis

from deploy.local.servers import PostgreSQL, Redis, ServerError, die_with_parent, tail
from deploy.local.settings import ROOT, LocalError, LocalSettings
from deploy.local.supervision import configuration, processes

START_SECONDS = 300.0
WORKER_READY = "worker:ready"


class Platform:
    """The servers and processes of one data folder."""

    def __init__(
        self, settings: LocalSettings, *, say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.settings = settings
        self.log_dir = settings.var_dir / "log"
        self.run_dir = settings.var_dir / "run"
        self.environment: dict[str, str] = {}
        self._say = say
        self._lock: IO[str] | None = None
        self._postgresql: PostgreSQL | None = None
        self._redis: Redis | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._preparing: subprocess.Popen[bytes] | None = None

    # ---- starting ----------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and return once it is ready.

        Raises:
            LocalError: something is missing or in the way; one line saying what to do.
        """
        for folder in (self.settings.var_dir, self.log_dir, self.run_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self._take_folder()
        self._check_port()
        self._start_servers()
        self._prepare()
        self._start_processes()
        self._wait_until_ready()

    def _take_folder(self) -> None:
        path = self.run_dir / "lock"
        self._lock = path.open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.seek(0)
            where = self._lock.read().strip() or "it"
            self._lock.close()
            self._lock = None
            raise LocalError(
                f"Atelier already runs from {self.settings.var_dir} ({where}). Stop that one "
                "first, or start another with VAR_DIR=... PORT=... make run."
            ) from error
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()}, {self.settings.url}\n")
        self._lock.flush()

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.settings.port))
            except OSError as error:
                port = self.settings.port
                raise LocalError(
                    f"Port {port} cannot be used ({str(error.strerror).lower()}). Stop what "
                    f"listens there, or choose another: PORT={port + 1} make run."
                ) from error

    def _start_servers(self) -> None:
        database_url, redis_url = self.settings.database_url, self.settings.redis_url
        try:
            if redis_url is None:
                self._redis = Redis(self.settings.var_dir / "redis").start()
                redis_url = self._redis.url
            if database_url is None:
                self._postgresql = PostgreSQL(self.settings.var_dir / "postgresql").start()
                database_url = self._postgresql.url
        except ServerError as error:
            raise LocalError(str(error)) from error
        self.environment = self.settings.environment(
            database_url=database_url, redis_url=redis_url
        )
        self._check_servers(database_url, redis_url)

    def _check_servers(self, database_url: str, redis_url: str) -> None:
        try:
            psycopg.connect(database_url, connect_timeout=5).close()
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise LocalError(f"DATABASE_URL cannot be reached: {reason}") from error
        try:
            with redis.Redis.from_url(redis_url, socket_connect_timeout=5) as client:
                policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
        except (redis.RedisError, ValueError) as error:
            raise LocalError(f"REDIS_URL cannot be reached: {error}") from error
        if policy != "noeviction":
            raise LocalError(
                f"The Redis at REDIS_URL may evict keys ({policy}), and a broker must not; "
                "set maxmemory-policy to noeviction."
            )

    def _prepare(self) -> None:
        log = self.log_dir / "prepare.log"
        with log.open("wb") as output:
            self._preparing = subprocess.Popen(
                [sys.executable, "-m", "deploy.local.prepare"], cwd=ROOT,
                env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM),
            )  # fmt: skip
        if self._preparing.wait():
            raise LocalError(
                f"The database could not be brought up to date; see {log}\n{tail(log, 3)}"
            )
        self._preparing = None

    def _start_processes(self) -> None:
        path = self.run_dir / "supervisor.conf"
        group = processes(port=self.settings.port, run_dir=self.run_dir)
        path.write_text(
            configuration(group, root=ROOT, run_dir=self.run_dir, log_dir=self.log_dir)
        )
        with (self.log_dir / "supervisor.out").open("wb") as output:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)], cwd=ROOT,
                env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM),
            )  # fmt: skip

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = [("web", self.web_answers), ("gpu", self.worker_is_ready)]
        while waiting:
            waiting = [(name, is_ready) for name, is_ready in waiting if not is_ready()]
            if not waiting:
                return
            name = waiting[0][0]
            log = self.log_dir / f"{name}.log"
            if self._supervisor is None or self._supervisor.poll() is not None:
                out = self.log_dir / "supervisor.out"
                raise LocalError(f"The processes stopped; see {out}\n{tail(out, 3)}")
            if time.monotonic() > deadline:
                raise LocalError(f"{name} does not get ready; see {log}\n{tail(log)}")
            time.sleep(0.1)

    # ---- running -----------------------------------------------------------------------

    def web_answers(self) -> bool:
        """Say whether the web process answers."""
        try:
            # Our own address, always http.
            with urllib.request.urlopen(f"{self.settings.url}/api/health", timeout=5):  # noqa: S310
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False

    def worker_is_ready(self) -> bool:
        """Say whether a worker has warmed up."""
        try:
            with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
                body = client.get(WORKER_READY)
        except redis.RedisError:
            return False
        return isinstance(body, bytes) and json.loads(body).get("state") == "ready"

    def mend(self) -> None:
        """Start a server of ours again if it died.

        Raises:
            LocalError: it cannot be, or the supervisor is gone.
        """
        try:
            for server in (self._redis, self._postgresql):
                if server is not None and not server.is_running:
                    self._say(f"{type(server).__name__} stopped and is started again.")
                    server.start()
        except ServerError as error:
            raise LocalError(str(error)) from error
        if self._supervisor is not None and self._supervisor.poll() is not None:
            out = self.log_dir / "supervisor.out"
            raise LocalError(f"The supervisor stopped; see {out}")

    # ---- stopping ----------------------------------------------------------------------

    def stop(self) -> None:
        """Stop what was started, in reverse order; may be called at any time, and twice."""
        for process, seconds in ((self._preparing, 5), (self._supervisor, 40)):
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._redis is not None:
            self._redis.stop()
        if self._postgresql is not None:
            self._postgresql.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
