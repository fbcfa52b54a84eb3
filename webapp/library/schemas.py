"""How are edit vectors shown over HTTP?"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, StringConstraints

from webapp.accounts.models import User
from webapp.accounts.schemas import PersonOut
from webapp.common import artifacts
from webapp.jobs.contract import Measured
from webapp.library.models import MAX_DESCRIPTION, MAX_TAG, MAX_TAGS, MAX_TITLE, EditVector

Sort = Literal["relevance", "new", "title", "used"]
TagName = Annotated[str, StringConstraints(max_length=MAX_TAG)]


class CardOut(Schema):
    """What was measured on the probe pictures."""

    strengths: list[float]
    strips: list[list[str]]  # addresses: one strip per face, one picture per strength
    num_probes: int
    locality: float
    outside_change: float
    identity: float | None
    success: float
    effect_by_part: dict[str, float]
    valid_range: tuple[float, float]
    norm: float

    @classmethod
    def of(cls, measured: Measured) -> "CardOut":
        return cls(
            strengths=list(measured.strengths),
            strips=[[artifacts.url(p) for p in strip.pictures] for strip in measured.strips],
            num_probes=measured.num_probes,
            locality=measured.locality,
            outside_change=measured.outside_change,
            identity=measured.identity,
            success=measured.success,
            effect_by_part=measured.effect_by_part,
            valid_range=measured.valid_range,
            norm=measured.norm,
        )


class VersionOut(Schema):
    id: UUID
    number: int
    norm: float
    parts: list[str]
    margin: int
    card: CardOut | None  # None until a worker has measured it
    created_at: datetime
    content_hash: str


class EditVectorOut(Schema):
    """An edit that the team can find and apply."""

    id: UUID
    title: str
    description: str
    tags: list[str]
    author: PersonOut
    bundle: str
    version: VersionOut
    created_at: datetime
    num_uses: int
    thumbnail_url: str | None  # with the vector at strength 1
    before_url: str | None  # the same face without it
    strip_urls: list[str]  # the same face at `strengths`; empty until measured
    strengths: list[float]
    is_own: bool
    is_removed: bool

    @classmethod
    def of(cls, found: EditVector, *, user: User, num_uses: int) -> "EditVectorOut":
        """Show `found`, whose version, author and tags are at hand."""
        version = found.current_version
        assert version is not None, "an edit vector is saved with its first version"
        card = Measured.model_validate(version.card) if version.card is not None else None
        shown = CardOut.of(card) if card is not None else None
        strip = shown.strips[0] if shown is not None and shown.strips else []
        strengths = shown.strengths if strip and shown is not None else []
        at = dict(zip(strengths, strip, strict=True))
        return cls(
            id=found.pk,
            title=found.title,
            description=found.description,
            tags=sorted(tag.name for tag in found.tags.all()),
            author=PersonOut.of(found.author),
            bundle=version.bundle,
            version=VersionOut(
                id=version.pk,
                number=version.number,
                norm=version.norm,
                parts=version.part_names,
                margin=version.margin,
                card=shown,
                created_at=version.created_at,
                content_hash=version.content_hash,
            ),
            created_at=found.created_at,
            num_uses=num_uses,
            thumbnail_url=at.get(1.0) or _learned(version.learned_from.get("after")),
            before_url=at.get(0.0) or _learned(version.learned_from.get("before")),
            strip_urls=strip,
            strengths=strengths,
            is_own=found.author_id == user.pk,
            is_removed=found.deleted_at is not None,
        )


def _learned(digest: object) -> str | None:
    """Return the address of a picture that the vector was learned on, if it was kept."""
    return artifacts.url(digest) if isinstance(digest, str) and digest else None


class EditVectorPage(Schema):
    items: list[EditVectorOut]
    next: str | None
    total: int  # of all pages


class EditVectorChange(Schema):
    """What to change; what is left out stays."""

    title: Annotated[str, Field(max_length=MAX_TITLE)] | None = None
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION)] | None = None
    tags: Annotated[list[TagName], Field(max_length=MAX_TAGS)] | None = None


class FacetOut(Schema):
    name: str
    count: int


class FacetsOut(Schema):
    """How many edit vectors there are in all, of one's own, and behind each filter."""

    total: int
    mine: int
    tags: list[FacetOut]
    parts: list[FacetOut]
