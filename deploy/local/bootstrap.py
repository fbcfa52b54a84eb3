"""Is everything in place to run Atelier from this folder? Puts in place what is missing.

Run with any Python, from the repository: `python3 deploy/local/bootstrap.py [step ...]`.
It makes `.venv` with the packages of `requirements.lock`, builds the front end if its
sources changed, and with the step `run` becomes the runner. Standard library only, and no
syntax newer than Python 3.7, so that an old Python is told so instead of failing to parse.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
FRONTEND = ROOT / "frontend"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
NOT_SOURCES = ("node_modules", "dist", "coverage", "test-results", "playwright-report")
STEPS = ("python", "frontend", "run")


class NotReady(Exception):  # noqa: N818 - the message is the whole of it
    """Something is missing; the message is one line saying what to do."""


def digest(paths: list[Path]) -> str:
    """Return one hash of the names and bytes of files, which need not exist."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"-")
    return total.hexdigest()


def is_stamped(stamp: Path, value: str) -> bool:
    """Say whether the work that `stamp` stands for was done for this very `value`."""
    return stamp.exists() and stamp.read_text() == value


def find_python() -> str:
    """Return a Python that is new enough: this one, or another on the path.

    Raises NotReady if there is none.
    """
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return sys.executable
    for minor in range(OLDEST_PYTHON[1] + 4, OLDEST_PYTHON[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    have = ".".join(str(n) for n in sys.version_info[:2])
    raise NotReady(
        f"Python 3.11 or newer is needed and this is {have}; install one and run again."
    )


def find_node() -> str:
    """Return npm, once Node is known to be new enough. Raises NotReady."""
    wanted = f"Node {OLDEST_NODE} or newer is needed to build the interface"
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise NotReady(wanted + " and was not found; install it and run again.")
    version = subprocess.run(
        [node, "--version"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout.strip()
    major = version.lstrip("v").split(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise NotReady(f"{wanted} and this is {version}; update it and run again.")
    return npm


def venv_python() -> Path:
    return VENV / "bin" / "python"


def prepare_python() -> None:
    """Make `.venv` hold what the lock says; nothing happens if it already does."""
    value = digest([LOCK])
    stamp = VENV / ".atelier-lock"
    if venv_python().exists() and is_stamped(stamp, value):
        return
    if not venv_python().exists():
        say("Making .venv ...")
        command = [find_python(), "-m", "venv", "--clear", str(VENV)]
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
            raise NotReady(
                "Python could not make .venv; install its venv module "
                "(on Debian: apt-get install python3-venv) and run again."
            )
    say("Installing Python packages, a few minutes the first time ...")
    command = [
        str(venv_python()), "-m", "pip", "install", "--quiet",
        "--disable-pip-version-check", "-r", str(LOCK),
    ]  # fmt: skip
    if subprocess.run(command, cwd=str(ROOT), check=False).returncode:
        raise NotReady(
            "The Python packages could not be installed (reason above); "
            "check the network and disk space and run again: it goes on where it stopped."
        )
    stamp.write_text(value)


def frontend_sources() -> list[Path]:
    """Return the files that the built front end depends on."""
    found = []
    for folder, folders, files in os.walk(str(FRONTEND)):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        found += [Path(folder) / name for name in files if ".test." not in name]
    return found


def prepare_frontend(*, packages_always: bool = False) -> None:
    """Build `frontend/dist` if its sources changed; only then is Node needed."""
    if not (FRONTEND / "package-lock.json").exists():
        raise NotReady("frontend/package-lock.json is missing; restore it from the repository.")
    modules = FRONTEND / "node_modules"
    packages = digest([FRONTEND / "package-lock.json"])
    packages_stamp = modules / ".atelier-packages"
    sources = digest(frontend_sources())
    sources_stamp = modules / ".atelier-sources"
    is_built = (FRONTEND / "dist" / "index.html").exists() and is_stamped(
        sources_stamp, sources
    )
    has_packages = is_stamped(packages_stamp, packages)
    if is_built and (has_packages or not packages_always):
        return
    npm = find_node()
    if not has_packages:
        say("Installing packages of the interface ...")
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run([npm, "ci", *quiet], cwd=str(FRONTEND), check=False).returncode:
            raise NotReady(
                "The packages of the interface could not be installed (reason above); "
                "check the network and run again."
            )
        packages_stamp.write_text(packages)
    if is_built:
        return
    say("Building the interface ...")
    built = subprocess.run(
        [npm, "run", "--silent", "build"], cwd=str(FRONTEND), check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if built.returncode:
        sys.stderr.write(built.stdout)
        raise NotReady("The interface could not be built (reason above).")
    sources_stamp.write_text(sources)


def become_runner() -> None:
    """Replace this process by the runner, which then gets our signals."""
    python = str(venv_python())
    sys.stdout.flush()
    os.chdir(str(ROOT))
    os.execv(python, [python, "-m", "deploy.local"])  # noqa: S606 - our own interpreter


def say(text: str) -> None:
    print(text, flush=True)


def main(steps: list[str]) -> int:
    unknown = [step for step in steps if step not in STEPS]
    if unknown:
        say("Steps are: {}. Unknown: {}.".format(" ".join(STEPS), " ".join(unknown)))
        return 2
    try:
        find_python()
        prepare_python()
        if "frontend" in steps or "run" in steps:
            prepare_frontend(packages_always="frontend" in steps)
        if "run" in steps:
            become_runner()
    except NotReady as reason:
        sys.stderr.write(f"atelier: {reason}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["run"]))
