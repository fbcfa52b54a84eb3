"""How is the product measured? On an installation of its own, started as a newcomer does.

Free port, temporary data folder, one of the repository's own bundles; gone when it is over.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.servers import free_port
from deploy.local.settings import ROOT

NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ARTIFACTS_DIR", "BUNDLES_DIR")


def small_bundle(var: Path) -> Path:
    """Return a folder of bundles below `var` that links to the smallest shipped one alone.

    Its pictures are edited fastest.
    """
    link = var / "bundles" / "portraits-64"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(ROOT / "bundles" / link.name)
    return link.parent


@dataclass
class Installation:
    """A platform with its data in `folder`, started and stopped through its own runner."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[str] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it and return the seconds until it said that it is ready.

        Raises:
            RuntimeError: it ended instead.
        """
        inherited = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
        ours = {
            "PORT": str(self.port), "VAR_DIR": str(self.folder),
            "BUNDLES_DIR": str(small_bundle(self.folder)),
        }  # fmt: skip
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local"], cwd=ROOT, text=True,
            env=inherited | ours,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("Atelier is ready"):
                return time.monotonic() - began
        raise RuntimeError("the installation did not start:\n" + "".join(said))

    def cpu_seconds(self) -> float:
        """Return the processor time that all its processes have used so far, in seconds.

        Of processes that ended, only what their parents counted.
        """
        assert self.process is not None
        used: dict[int, tuple[int, float]] = {}  # of each process: its parent, its seconds
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue  # it ended just now
            ticks = sum(
                int(field) for field in fields[11:15]
            )  # its own and its dead children's
            used[int(stat.parent.name)] = (int(fields[1]), ticks / os.sysconf("SC_CLK_TCK"))
        ours, seconds = {self.process.pid}, 0.0
        for pid in sorted(used):
            parent, own = used[pid]
            if pid in ours or parent in ours:
                ours.add(pid)
                seconds += own
        return seconds

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
