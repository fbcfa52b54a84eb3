"""Which bundles are offered to whom, and which parts do their pictures have?

Read from the manifests alone; the networks are the worker's. Shipped bundles are offered to
everybody, those that a team published to the members of that team.
"""

import json
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from webapp.accounts.models import User
from webapp.common.errors import NotFoundError
from webapp.families.models import OwnFamily
from webapp.jobs.contract import BundleName

log = logging.getLogger(__name__)
NAME = re.compile(r"[a-z0-9-]{1,64}")


class UnknownBundleError(NotFoundError):
    """This installation has no such bundle, or the asker may not know of it."""

    code = "families.unknown"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no family of pictures called {name} here.")


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
    figures: dict[str, float] = {}
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

    def pictures(self) -> list[bytes]:
        """Return the pictures that came with the bundle, PNG, in the manifest's order.

        Names without a file are left out.
        """
        files = (self.path / "samples" / f"{PurePath(name).name}.png" for name in self.samples)
        return [file.read_bytes() for file in files if file.is_file()]

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


def shipped() -> list[BundleInfo]:
    """Return the bundles that came with the installation and can be read, by name."""
    found = []
    for manifest in sorted(Path(settings.BUNDLES_DIR).glob("*/manifest.json")):
        info = _read(manifest, manifest.stat().st_mtime_ns)
        if info is not None:
            found.append(info)
    return found


def shipped_for_new_pictures() -> list[BundleInfo]:
    """Return of each shipped family the bundle with the largest pictures.

    The smaller ones stay for the pictures that were made with them.
    """
    largest: dict[str, BundleInfo] = {}
    for info in shipped():
        other = largest.get(info.family)
        if other is None or info.resolution > other.resolution:
            largest[info.family] = info
    return list(largest.values())


def _published(name: str) -> BundleInfo | None:
    """Return what the manifest in the folder of a published family says, if there is one."""
    manifest = Path(settings.FAMILIES_DIR) / name / "manifest.json"
    try:
        return _read(manifest, manifest.stat().st_mtime_ns)
    except OSError:
        return None


def get(name: str) -> BundleInfo:
    """Return a bundle by name, whoever it belongs to: for what may be seen already.

    A name that a person gives goes through `visible` or `of_team` instead.

    Raises:
        UnknownBundleError: this installation has none of that name.
    """
    for info in shipped():
        if info.name == name:
            return info
    published = _published(name) if NAME.fullmatch(name) else None
    if published is None or published.name != name:
        raise UnknownBundleError(name)
    return published


# ---- what somebody may use -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """A bundle, and the row of the team that made it; None if it was shipped."""

    info: BundleInfo
    own: OwnFamily | None
    # False if its project has published again since, or a larger one of its family is shipped
    is_newest: bool = True


def offers(user: User) -> list[Offer]:
    """Return the bundles that `user` may use: shipped ones, then those of their teams.

    One query. A published family whose folder is gone is left out.
    """
    rows = list(
        OwnFamily.objects.visible_to(user).select_related("made_by").order_by("-created_at")
    )
    newest: set[UUID] = set()
    own = []
    for row in rows:
        info = _published(row.bundle)
        if info is None:
            log.error("the folder of family %s is gone", row.bundle)
            continue
        own.append(Offer(info, row, is_newest=row.project_id not in newest))
        newest.add(row.project_id)
    for_new = {info.name for info in shipped_for_new_pictures()}
    return [
        *(Offer(info, None, is_newest=info.name in for_new) for info in shipped()),
        *own,
    ]


def offer(user: User, name: str) -> Offer:
    """Return a bundle that `user` may use.

    Raises:
        UnknownBundleError: there is none of that name, or it is another team's.
    """
    for found in offers(user):
        if found.info.name == name:
            return found
    raise UnknownBundleError(name)


def of_team(team_id: UUID, name: str) -> BundleInfo:
    """Return a bundle that what belongs to a team may be made with.

    Raises:
        UnknownBundleError: there is none of that name, or it is another team's.
    """
    info = get(name)
    if is_shipped(info) or OwnFamily.objects.filter(team_id=team_id, bundle=name).exists():
        return info
    raise UnknownBundleError(name)


def all_of_team(team_id: UUID) -> list[BundleInfo]:
    """Return every bundle that what belongs to a team may be made with, newest own first."""
    rows = OwnFamily.objects.filter(team_id=team_id).order_by("-created_at")
    own = [_published(name) for name in rows.values_list("bundle", flat=True)]
    return [*(info for info in own if info is not None), *shipped()]


def is_shipped(info: BundleInfo) -> bool:
    """Return whether a bundle is offered to everybody."""
    return info.path.parent == Path(settings.BUNDLES_DIR)
