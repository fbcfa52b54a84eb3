"""The whole product as a newcomer starts it, on free ports and in a folder of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.installation import small_bundle

ROOT = Path(__file__).resolve().parents[2]
# What `tests.servers` sets for tests inside this process, and no installation should inherit.
OF_THIS_RUN = {
    "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "BUNDLES_DIR",
    "ARTIFACTS_DIR", "DEBUG",
}  # fmt: skip
READY = re.compile(r"Atelier is ready at (http://\S+)")


@dataclass(frozen=True, slots=True)
class RunningPlatform:
    """One running installation."""

    url: str
    var: Path
    log: Path
    process: subprocess.Popen[bytes]
    started_in_seconds: float

    def descendants(self, pattern: str) -> list[int]:
        """Return the ids of processes under this installation whose command has `pattern`."""
        children: dict[int, list[int]] = {}
        commands: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / "stat").read_text()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
            commands[int(entry.name)] = command
        found, todo = [], [self.process.pid]
        while todo:
            for child in children.get(todo.pop(), []):
                todo.append(child)
                if re.search(pattern, commands[child]):
                    found.append(child)
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    var: Path, *, bundles: Path | None = None, timeout_seconds: float = 180
) -> Iterator[RunningPlatform]:
    """Run the platform with its data under `var`; stop it and all its processes at the end.

    It offers the families in the folder `bundles`, by default the shipped one whose pictures
    are smallest and edited fastest.
    """
    var.mkdir(parents=True, exist_ok=True)
    bundles = bundles or small_bundle(var)
    log = var / "platform.log"
    environment = {
        name: value for name, value in os.environ.items() if name not in OF_THIS_RUN
    } | {
        "PORT": str(free_port()), "VAR_DIR": str(var), "BUNDLES_DIR": str(bundles),
        "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    began = time.monotonic()
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local"],
            cwd=ROOT, env=environment, stdout=sink, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            offset = 0
            while True:
                text = log.read_text(errors="replace")
                if ready := READY.search(text, offset):
                    break
                if process.poll() is not None or time.monotonic() - began > timeout_seconds:
                    raise RuntimeError(f"the platform did not start:\n{text[-6000:]}")
                time.sleep(0.1)
            yield RunningPlatform(
                url=ready[1].rstrip("/"), var=var, log=log, process=process,
                started_in_seconds=time.monotonic() - began,
            )  # fmt: skip
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
