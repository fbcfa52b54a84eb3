"""What has been measured already? Tensors in files, so that a benchmark stops and resumes.

Everything is kept below one folder whose name tells bundle and renderer apart; what depends
on the protocol has it in its own name, so that protocols share the rest. A piece
of work is done once: `Store.keep` reads its file, or does the work and writes it, whole or
not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Store:
    """Finished pieces below `folder`; `progress` hears of a stage and the share done."""

    folder: Path
    progress: Progress = lambda stage, share: None

    def keep(self, name: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """Return the tensors called `name`, from their file or else from `make`."""
        path = self.folder / f"{name}.safetensors"
        if path.exists():
            return load_file(path)
        made = {key: value.detach().contiguous() for key, value in make().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        save_file(made, partial)
        partial.replace(path)
        return made

    def keep_chunks(
        self,
        name: str,
        num: int,
        make: Callable[[slice], dict[str, Tensor]],
        *,
        chunk: int = 16,
    ) -> dict[str, Tensor]:
        """Return the tensors of `num` pictures, made and kept `chunk` pictures at a time."""
        pieces = []
        for start in range(0, num, chunk):
            rows = slice(start, min(start + chunk, num))
            self.progress(name, start / num)
            pieces.append(
                self.keep(f"{name}/{rows.start:05d}-{rows.stop:05d}", partial(make, rows))
            )
        self.progress(name, 1.0)
        return {key: torch.cat([piece[key] for piece in pieces]) for key in pieces[0]}
