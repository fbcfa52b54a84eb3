"""Which bundles are warm on the device? Those used last, as far as their bytes fit."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from editing.bundle import Bundle, BundleMissingError, load_bundle

log = logging.getLogger(__name__)


def num_bytes(bundle: Bundle) -> int:
    """Return what the networks and probes of a bundle take on the device."""
    networks: list[nn.Module | None] = [
        bundle.generator, bundle.branch, bundle.encoder, bundle.regressor, bundle.judge,
    ]  # fmt: skip
    tensors = [bundle.probes]
    for network in networks:
        if network is not None:
            tensors += [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _names(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("[!.]*/manifest.json"))


class Bundles:
    """The bundles of some folders, kept warm up to `budget` bytes.

    Used on the device's thread. `published` holds those that teams made themselves; a shipped
    one of the same name comes first. The least recently used one is dropped first, but never
    the one just asked for. `fit_out` may exchange parts of a bundle once it is loaded.
    """

    def __init__(
        self,
        folder: Path,
        *,
        published: Path | None = None,
        device: torch.device,
        budget: int,
        fit_out: Callable[[Bundle], Bundle] | None = None,
    ) -> None:
        self._folder = folder
        self._published = published
        self._device = device
        self._budget = budget
        self._fit_out = fit_out
        self._warm: OrderedDict[str, Bundle] = OrderedDict()

    def names(self) -> list[str]:
        """Return the names of the bundles that this installation offers to everybody."""
        return _names(self._folder)

    def warm(self) -> list[str]:
        """Return the names of the bundles on the device, least recently used first."""
        return list(self._warm)

    def get(self, name: str) -> Bundle:
        """Return a bundle, loaded and checked if it is not warm.

        Raises:
            BundleMissingError, BundleTamperedError, BundleError: as `load_bundle`.
        """
        if name in self._warm:
            self._warm.move_to_end(name)
            return self._warm[name]
        bundle = load_bundle(self._find(name), device=self._device)
        if self._fit_out is not None:
            bundle = self._fit_out(bundle)
        log.info("bundle %s is warm, %d bytes", name, num_bytes(bundle))
        self._warm[name] = bundle
        while len(self._warm) > 1 and self._total() > self._budget:
            dropped, _ = self._warm.popitem(last=False)
            log.info("bundle %s dropped", dropped)
        return bundle

    def _find(self, name: str) -> Path:
        for folder in (self._folder, self._published):
            if folder is not None and name in _names(folder):
                return folder / name
        raise BundleMissingError(f"no bundle {name}")

    def _total(self) -> int:
        return sum(num_bytes(bundle) for bundle in self._warm.values())
