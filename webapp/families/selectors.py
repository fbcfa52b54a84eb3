"""Which bundles does this installation offer, and which parts do their pictures have?

Read from the manifests alone; the networks are the worker's.
"""

import json
import logging
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from webapp.common.errors import NotFoundError
from webapp.jobs.contract import BundleName

log = logging.getLogger(__name__)


class UnknownBundleError(NotFoundError):
    """This installation has no such bundle."""

    code = "families.unknown"


class PartInfo(BaseModel):
    """A nameable region of the pictures of a family."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int = Field(ge=0, le=255)
    name: str
    title: str
    color: str
    group: str
    is_background: bool = False


class BundleInfo(BaseModel):
    """What a manifest says that people and the rest of the platform need."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: BundleName
    family: str
    title: str
    resolution: int = Field(ge=4, le=4096)
    label_size: int = Field(ge=4, le=4096)
    version: int
    fingerprint: str
    num_layers: int = Field(ge=1)
    w_dim: int = Field(ge=1)
    usual_error: tuple[float, float, float]
    samples: tuple[str, ...] = ()
    parts: tuple[PartInfo, ...]
    path: Path

    @model_validator(mode="before")
    @classmethod
    def _unfold_schema(cls, manifest: Any) -> Any:
        if isinstance(manifest, dict) and "parts" not in manifest:
            return {**manifest, "parts": manifest.get("schema", {}).get("parts", ())}
        return manifest

    def part_names(self, ids: Collection[int]) -> tuple[str, ...]:
        """Return the names of parts, in the order of the schema; unknown ids are left out."""
        return tuple(part.name for part in self.parts if part.id in ids)

    def part_ids(self, names: Collection[str]) -> tuple[int, ...]:
        """Return the ids of parts, in the order of the schema; unknown names are left out."""
        return tuple(part.id for part in self.parts if part.name in names)

    @property
    def background(self) -> frozenset[int]:
        """The ids of parts that an edit never frees to change."""
        return frozenset(part.id for part in self.parts if part.is_background)


@lru_cache(maxsize=64)
def _read(manifest: Path, modified_ns: int) -> BundleInfo | None:
    """Return what a manifest says; read again only when the file has changed."""
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        return BundleInfo.model_validate({**content, "path": manifest.parent})
    except (ValueError, ValidationError) as error:
        log.error("bundle %s is left out: %s", manifest.parent.name, error)
        return None


def all_bundles() -> list[BundleInfo]:
    """Return every bundle that can be read, by name."""
    found = []
    for manifest in sorted(Path(settings.BUNDLES_DIR).glob("*/manifest.json")):
        info = _read(manifest, manifest.stat().st_mtime_ns)
        if info is not None:
            found.append(info)
    return found


def get(name: str) -> BundleInfo:
    """Return a bundle by name.

    Raises:
        UnknownBundleError: this installation has none of that name.
    """
    for info in all_bundles():
        if info.name == name:
            return info
    raise UnknownBundleError(f"There is no family of pictures called {name} here.")
