"""Measures every figure and prints it as `name value unit`, one a line.

`python -m deploy.bench`, or `make bench`. The engine's figures come from
`python -m editing benchmark`; those of the product from an installation of its own.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.bench import optimizing, sliding
from deploy.bench.installation import Installation
from deploy.local.__main__ import ACCOUNTS, PASSWORD
from deploy.local.settings import ROOT

EMAIL = ACCOUNTS[0][0]
ROUNDS = 7
MOVES = 100


def say(name: str, value: float, unit: str) -> None:
    print(f"{name} {value:.4g} {unit}", flush=True)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def engine() -> bool:
    """Print the engine's figures; return whether they could be measured."""
    command = [sys.executable, "-m", "editing", "benchmark", "portraits"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def product(folder: Path) -> bool:
    """Print the figures of the product; return whether all could be measured."""
    installation = Installation(folder)
    person = {"email": EMAIL, "password": PASSWORD}
    try:
        note("starting an installation for the first time ...")
        say("first_start_s", installation.start(), "s")
        installation.stop()
        say("warm_start_s", installation.start(), "s")
        runs = optimizing.measure(installation, rounds=ROUNDS, **person)
        say("optimize_30_steps_s", statistics.median(run.seconds for run in runs), "s")
        say("optimize_30_steps_frames", statistics.median(run.num_frames for run in runs), "")
        try:
            waits = sliding.measure(installation, moves=MOVES, **person)
        except sliding.NoBrowserError:
            note("slider_p95_ms: Chromium is not installed")
            return False
        say("slider_p50_ms", statistics.median(waits), "ms")
        say("slider_p95_ms", statistics.quantiles(waits, n=20)[-1], "ms")
        return True
    finally:
        installation.stop()


def main() -> int:
    wanted = set(sys.argv[1:]) or {"engine", "product"}
    is_complete = True
    if "product" in wanted:
        with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
            Path(folder).chmod(0o755)
            is_complete &= product(Path(folder))
    if "engine" in wanted:
        is_complete &= engine()
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
