"""Which pictures does training see? Renders of a family, drawn once and kept on disk.

Pictures, label maps and factors lie in flat files that processes map into memory. They
are drawn in chunks, each from its own seed, so drawing can stop and resume at any
chunk, in as many processes as there are, and always gives the same pictures. Asking for
more later draws only the new ones; pictures held out then were never trained on before.

Shapes: N pictures, S their side, C columns of the factor code, F factors.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from editing import families
from editing.errors import EditingError

CHUNK = 128
PIXELS_AT_ONCE = 16 * 64 * 64  # fields of this size stay in the cache of one core


class StaleRendersError(EditingError):
    """The folder holds renders of another family, size, seed or renderer."""

    code = "training.stale_renders"


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """What to draw: `num` pictures of `family` at `size` pixels, the last ones held out."""

    family: str
    size: int
    num: int = 40_960
    num_held_out: int = 1_024
    seed: int = 1


class Renders:
    """Renders on disk: uint8 pictures and label maps, float factors and codes."""

    def __init__(
        self, folder: Path, plan: RenderPlan, *, device: torch.device | str = "cpu"
    ) -> None:
        """Open or begin the folder; `device` is where `batch` puts what it returns."""
        self.device = torch.device(device)
        self.folder = folder
        self.plan = plan
        self.family = families.get(plan.family)
        space = self.family.factors
        self.num_chunks = -(-plan.num // CHUNK)
        total = self.num_chunks * CHUNK
        folder.mkdir(parents=True, exist_ok=True)
        self._check_origin()
        side = plan.size
        self.images = self._map("images", np.uint8, (total, 3, side, side))
        self.labels = self._map("labels", np.uint8, (total, side, side))
        self.values = self._map("values", np.float32, (total, len(space.names)))
        self.codes = self._map("codes", np.float32, (total, space.code_dim))
        self.done = self._map("done", np.uint8, (self.num_chunks,))
        self._chances: Tensor | None = None

    @property
    def num_train(self) -> int:
        """Return how many pictures may be trained on; the rows after them are held out."""
        return len(self.images) - self.plan.num_held_out

    @property
    def held_out(self) -> Tensor:
        """Return the rows that no stage trains on."""
        return torch.arange(self.num_train, len(self.images))

    def draw(self, *, part: int = 0, num_parts: int = 1) -> Iterator[int]:
        """Draw every `num_parts`-th missing chunk; yield how many chunks all have drawn."""
        for chunk in range(part, self.num_chunks, num_parts):
            if self.done[chunk]:
                continue
            self._draw_chunk(chunk)
            self.done[chunk] = 1
            yield int(self.done.sum())

    def choose(self, num: int, random: torch.Generator) -> Tensor:
        """Return `num` training rows, with repetition, rare people more often.

        A row's chance rises with the square root of how rare its rarest category is: a
        goatee is seen half as often as stubble-free chins, not an eighth.
        """
        if self._chances is None:
            self._chances = self._rarity().cumsum(0)
        total = float(self._chances[-1])
        at = torch.rand(num, generator=random, dtype=torch.float64) * total
        return torch.searchsorted(self._chances, at).clamp_max(self.num_train - 1)

    def _rarity(self) -> Tensor:
        """Return the weight of every training row, float64 (N,)."""
        space = self.family.factors
        weights = torch.ones(self.num_train, dtype=torch.float64)
        for i, name in enumerate(space.names):
            if space.columns[name].kind != "categorical":
                continue
            option = torch.from_numpy(self.values[: self.num_train, i]).long()
            share = option.bincount().double() / len(option)
            weights = weights.maximum((share.max() / share[option]).sqrt())
        return weights

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (images in [-1, 1], labels uint8, codes) of the given rows."""
        at = rows.numpy()
        images, labels, codes = (
            torch.from_numpy(kept[at]).to(self.device)
            for kept in (self.images, self.labels, self.codes)
        )
        return images.float().div_(127.5).sub_(1), labels, codes

    def _draw_chunk(self, chunk: int) -> None:
        generator = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + chunk)
        drawn = self.family.factors.sample(CHUNK, generator)
        start = chunk * CHUNK
        self.values[start : start + CHUNK] = drawn.values.numpy()
        self.codes[start : start + CHUNK] = self.family.factors.encode(drawn).numpy()
        batch = max(1, PIXELS_AT_ONCE // self.plan.size**2)
        for first in range(0, CHUNK, batch):
            last = min(first + batch, CHUNK)
            render = self.family.render(drawn[first:last], size=self.plan.size)
            rows = slice(start + first, start + last)
            image = (render.image * 127.5 + 128).clamp(0, 255)
            self.images[rows] = image.to(torch.uint8).numpy()
            self.labels[rows] = render.labels.numpy()

    def _map(self, name: str, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
        path = self.folder / f"{name}.npy"
        if not path.exists():
            return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        found = np.lib.format.open_memmap(path, mode="r+")
        if len(found) == shape[0]:
            return found
        # More pictures are wanted than were drawn: the file grows, its rows stay.
        partial = path.with_suffix(".partial")
        grown = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
        grown[: len(found)] = found
        grown.flush()
        partial.replace(path)
        return grown

    def _check_origin(self) -> None:
        """Note what the folder holds, or compare: a renderer changed meanwhile shows."""
        probe = self.family.factors.sample(2, torch.Generator().manual_seed(7))
        render = self.family.render(probe, size=self.plan.size)
        origin = {
            "family": self.plan.family,
            "size": self.plan.size,
            "num": self.plan.num,
            "seed": self.plan.seed,
            "probe": round(float(render.image.double().abs().sum()), 2),
        }
        path = self.folder / "origin.json"
        found = json.loads(path.read_text()) if path.exists() else {**origin, "num": 0}
        if found | {"num": origin["num"]} != origin:
            raise StaleRendersError(f"{self.folder} was drawn from something else: empty it")
        if found["num"] > origin["num"]:
            raise StaleRendersError(
                f"{self.folder} holds {found['num']} pictures, more than {origin['num']}: "
                "ask for at least as many, or empty it"
            )
        if found["num"] < origin["num"]:
            path.write_text(json.dumps(origin))
