"""Measures the library and prints each figure as `name value unit`, one a line.

`python -m deploy.bench.library_main [--rows N] [search|painting|album ...]`, or
`make bench-library`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from deploy.bench import album, library, painting
from deploy.bench.__main__ import EMAIL, note, say
from deploy.bench.installation import Installation
from deploy.local.__main__ import PASSWORD


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="folder of the database, kept for next time")
    parser.add_argument("--memory", default="3GB", help="maintenance_work_mem of the builds")
    parser.add_argument("--workers", type=int, default=1, help="parallel workers of the builds")
    parser.add_argument("what", nargs="*", choices=["search", "painting", "album"], default=[])
    given = parser.parse_args()
    wanted = set(given.what) or {"search", "painting", "album"}
    if "search" in wanted:
        note(f"filling a library of {given.rows} vectors ...")
        library.measure(
            given.rows, say, num_asked=given.asked, keep=given.keep,
            memory=given.memory, num_workers=given.workers,
        )  # fmt: skip
    if wanted & {"painting", "album"}:
        with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
            Path(folder).chmod(0o755)
            installation = Installation(Path(folder))
            try:
                note("starting an installation ...")
                installation.start()
                for name, module in (("painting", painting), ("album", album)):
                    if name in wanted:
                        module.measure(installation, say, email=EMAIL, password=PASSWORD)
            finally:
                installation.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
