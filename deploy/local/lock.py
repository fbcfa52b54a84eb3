"""Which exact packages does this repository run with? Writes the two lock files.

`python -m deploy.local.lock` resolves the dependency groups of `pyproject.toml` with pip
and writes `requirements.lock` (everything) and `requirements-web.lock` (the web process,
which has no torch). Versions are pinned; a local label such as `+cpu` is left out, so the
same lock installs the build of torch that fits the machine.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"requirements.lock": ("dev",), "requirements-web.lock": ("web",)}
HEAD = "# Written by `make lock` from the dependency groups {groups}; do not edit.\n"


def resolve(groups: tuple[str, ...]) -> list[str]:
    """Return `name==version` for everything the groups need, sorted by name."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed",
            "--quiet", "--report", str(report),
        ]  # fmt: skip
        for group in groups:
            command += ["--group", group]
        subprocess.run(command, cwd=ROOT, check=True)
        installs = json.loads(report.read_text())["install"]
    pins = {
        item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"]
        for item in installs
    }
    return [f"{name}=={version.split('+')[0]}" for name, version in sorted(pins.items())]


def main() -> None:
    for name, groups in LOCKS.items():
        pins = resolve(groups)
        (ROOT / name).write_text(HEAD.format(groups=", ".join(groups)) + "\n".join(pins) + "\n")
        print(f"{name}: {len(pins)} packages")


if __name__ == "__main__":
    main()
