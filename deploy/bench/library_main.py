"""Measures the library and prints each figure as `name value unit`, one a line.

`python -m deploy.bench.library_main [--rows N] [search|painting|album ...]`, or
`make bench-library`.
"""

import argparse
import sys
from pathlib import Path

from deploy.bench import library
from deploy.bench.__main__ import note, say


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="folder of the database, kept for next time")
    parser.add_argument("what", nargs="*", choices=["search", "painting", "album"], default=[])
    given = parser.parse_args()
    wanted = set(given.what) or {"search", "painting", "album"}
    if "search" in wanted:
        note(f"filling a library of {given.rows} vectors ...")
        library.measure(given.rows, say, num_asked=given.asked, keep=given.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
