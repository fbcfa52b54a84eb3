"""A generator file as people bring one from elsewhere, so small that all is fast."""

from dataclasses import replace
from pathlib import Path

from tests.editing.importers import foreign

SIZES = replace(foreign.SMALLEST, resolution=32)


def write_checkpoint(path: Path) -> Path:
    """Write a rosinality checkpoint of a 32 px generator of random weights; return `path`."""
    state = foreign.official_state(SIZES, seed=5)
    path.write_bytes(foreign.torch_file({"g_ema": foreign.rosinality_state(state)}))
    return path
