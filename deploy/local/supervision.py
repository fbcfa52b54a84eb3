"""Which processes make up the platform, and who starts one again when it dies?

Supervisor does, a well-kept process runner: with a growing pause between tries, logs that
rotate, and whole process groups stopped at the end. This module writes its configuration.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the platform; `stop_seconds` is its time to end its work."""

    name: str
    arguments: tuple[str, ...]
    stop_seconds: int = 10
    environment: tuple[tuple[str, str], ...] = ()  # beside what all have

    @property
    def command(self) -> str:
        """Return the command line, of this Python and tied to the supervisor's life."""
        python = sys.executable
        words = (python, "-I", "-S", str(CHILD), python, "-m", *self.arguments)
        return shlex.join(words)


def processes(*, port: int, run_dir: Path) -> tuple[Process, ...]:
    """Return the processes of the platform, the slowest to start first."""
    quiet = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")
    return (
        Process(
            "gpu",
            (
                "celery", "-A", "gpu_worker.app", "worker", "--pool", "threads",
                "--concurrency", "3", "-Q", "gpu.interactive,gpu.batch", "-n", "gpu@%h",
                *quiet,
            ),
            stop_seconds=20,
        ),
        Process(
            "workshop",
            (
                "celery", "-A", "gpu_worker.app", "worker", "--pool", "threads",
                "--concurrency", "1", "-Q", "gpu.workshop", "-n", "workshop@%h", *quiet,
            ),
            stop_seconds=20,
            # A step of an import or of a large training takes minutes; its lease is renewed.
            environment=(("ROLE", "workshop"), ("STEP_SECONDS", "1800")),
        ),
        Process(
            "web",
            (
                "daphne", "-b", "127.0.0.1", "-p", str(port), "--no-server-name",
                "--access-log", "/dev/null", "webapp.config.asgi:application",
            ),
            stop_seconds=5,
        ),
        Process(
            "io",
            (
                "celery", "-A", "webapp.config.celery", "worker", "--pool", "prefork",
                "--concurrency", "1", "-Q", "io", "-n", "io@%h", *quiet,
            ),
        ),
        Process(
            "beat",
            (
                "celery", "-A", "webapp.config.celery", "beat", "--loglevel", "WARNING",
                "--schedule", str(run_dir / "beat"), "--pidfile", "",
            ),
            stop_seconds=5,
        ),
    )  # fmt: skip


def configuration(
    group: tuple[Process, ...], *, root: Path, run_dir: Path, log_dir: Path
) -> str:
    """Return the supervisor's configuration for `group`."""

    def plain(text: object) -> str:
        return str(text).replace("%", "%%")

    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"directory={plain(root)}",
        f"logfile={plain(log_dir / 'supervisor.log')}",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        f"pidfile={plain(run_dir / 'supervisor.pid')}",
        f"childlogdir={plain(log_dir)}",
    ]
    for process in group:
        lines += [
            "",
            f"[program:{process.name}]",
            f"command={plain(process.command)}",
            "autorestart=true",
            "startsecs=3",
            "startretries=1000",
            f"stopwaitsecs={process.stop_seconds}",
            "stopasgroup=false",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={plain(log_dir / process.name)}.log",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
        ]
        if process.environment:
            pairs = (f'{name}="{plain(value)}"' for name, value in process.environment)
            lines.append(f"environment={','.join(pairs)}")
    return "\n".join(lines) + "\n"
