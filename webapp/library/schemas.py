"""How are edit vectors shown over HTTP?

What is made of our own rows is constructed without being checked a second time: a page of
cards is a thousand fields, and HTTP checks them all on the way out.
"""

from collections.abc import Collection as Collection_
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from ninja import Schema
from pydantic import Field, StringConstraints

from webapp.accounts.models import EDITING, Role, User
from webapp.accounts.schemas import PersonOut
from webapp.common import artifacts
from webapp.jobs.contract import Measured
from webapp.library import cards
from webapp.library.licenses import License
from webapp.library.models import (
    MAX_DESCRIPTION,
    MAX_NOTES,
    MAX_REASON,
    MAX_TAG,
    MAX_TAGS,
    MAX_TITLE,
    Appeal,
    Collection,
    EditVector,
    EditVectorVersion,
    Notice,
    Publication,
    Report,
)

Sort = Literal["relevance", "new", "title", "used", "liked"]
TagName = Annotated[str, StringConstraints(max_length=MAX_TAG)]


class FigureOut(Schema):
    """A measured figure that the community may expect, with the least it must reach."""

    name: cards.FigureName
    value: float
    least: float
    is_enough: bool


class CardOut(Schema):
    """What was measured on the probe pictures."""

    strengths: list[float]
    strips: list[list[str]]  # addresses: one strip per face, one picture per strength
    num_probes: int
    locality: float
    outside_change: float
    identity: float | None
    success: float
    num_asked: int  # probes that show what the vector takes away: success is theirs
    effect_by_part: dict[str, float]
    valid_range: tuple[float, float]
    norm: float
    additivity: float | None
    heat_url: str | None
    figures: list[FigureOut]
    failures: list[str]  # why the community does not get it; empty if it does

    @classmethod
    def of(cls, measured: Measured) -> "CardOut":
        figures = []
        for minimum in cards.MINIMUMS:
            value = cards.figure(measured, minimum.name)
            if value is not None:
                enough = value >= minimum.least
                figures.append(
                    FigureOut.model_construct(
                        name=minimum.name, value=value, least=minimum.least, is_enough=enough
                    )
                )
        return cls.model_construct(
            additivity=measured.additivity,
            heat_url=artifacts.url(measured.heat) if measured.heat else None,
            figures=figures,
            failures=cards.failures(measured),
            strengths=list(measured.strengths),
            strips=[[artifacts.url(p) for p in strip.pictures] for strip in measured.strips],
            num_probes=measured.num_probes,
            locality=measured.locality,
            outside_change=measured.outside_change,
            identity=measured.identity,
            success=measured.success,
            num_asked=measured.num_probes if measured.num_asked is None else measured.num_asked,
            effect_by_part=measured.effect_by_part,
            valid_range=measured.valid_range,
            norm=measured.norm,
        )


class VersionOut(Schema):
    id: UUID
    number: int
    notes: str
    norm: float
    fingerprint: str
    parts: list[str]
    margin: int
    card: CardOut | None  # None until a worker has measured it
    created_at: datetime
    content_hash: str


class LicenseIn(Schema):
    """What others may do with an edit vector; the team itself may do everything."""

    asks_credit: bool = True
    allows_commercial: bool = True
    allows_derivatives: bool = True
    keeps_license: bool = False

    @classmethod
    def of(cls, found: EditVector) -> "LicenseIn":
        return cls.model_construct(
            asks_credit=found.asks_credit,
            allows_commercial=found.allows_commercial,
            allows_derivatives=found.allows_derivatives,
            keeps_license=found.keeps_license,
        )

    def plain(self) -> License:
        return License(**self.model_dump())


StateName = Literal["draft", "measuring", "listed", "unlisted", "withdrawn", "removed"]


class PublicationOut(Schema):
    """Whether the community has an edit vector, and why not."""

    state: StateName
    reasons: list[str]
    listed_at: datetime | None

    @classmethod
    def of(cls, found: Publication | None) -> "PublicationOut":
        if found is None:
            return cls.model_construct(state="draft", reasons=[], listed_at=None)
        return cls.model_construct(
            state=cast(StateName, str(found.state)),
            reasons=found.reasons,
            listed_at=found.listed_at,
        )


class SourceOut(Schema):
    """What an edit vector was forked from."""

    id: UUID
    title: str
    author: PersonOut
    version: int


class EditVectorOut(Schema):
    """An edit that people can find and apply."""

    id: UUID
    title: str
    description: str
    tags: list[str]
    author: PersonOut
    bundle: str
    version: VersionOut
    created_at: datetime
    num_uses: int
    num_likes: int
    is_liked: bool
    team: str  # name of the team that keeps it
    is_team: bool  # it is in a team of the person who asks
    license: LicenseIn
    publication: PublicationOut
    forked_from: SourceOut | None
    may_change: bool
    may_fork: bool
    may_export: bool
    thumbnail_url: str | None  # with the vector at strength 1
    before_url: str | None  # the same face without it
    strip_urls: list[str]  # the same face at `strengths`; empty until measured
    strengths: list[float]
    is_own: bool
    is_removed: bool

    @classmethod
    def of(
        cls,
        found: EditVector,
        *,
        card: Measured | None,
        tags: list[str],
        user: User,
        roles: Mapping[UUID, str],
        liked: Collection_[UUID],
    ) -> "EditVectorOut":
        """Show `found`, with all that `selectors` reads beside it at hand.

        `card` is of its current version; `roles` are the person's own, by team; `liked` the
        edit vectors they like.
        """
        version = found.current_version
        assert version is not None, "an edit vector is saved with its first version"
        shown = CardOut.of(card) if card is not None else None
        strip = shown.strips[0] if shown is not None and shown.strips else []
        strengths = shown.strengths if strip and shown is not None else []
        at = dict(zip(strengths, strip, strict=True))
        entry = getattr(found, "entry", None)
        role = roles.get(found.team_id)
        is_own = found.author_id == user.pk
        source = found.forked_from
        is_free = role is not None or found.allows_derivatives
        return cls.model_construct(
            id=found.pk,
            title=found.title,
            description=found.description,
            tags=tags,
            author=PersonOut.of(found.author),
            bundle=version.bundle,
            version=VersionOut.model_construct(
                id=version.pk,
                number=version.number,
                notes=version.notes,
                norm=version.norm,
                fingerprint=version.fingerprint,
                parts=version.part_names,
                margin=version.margin,
                card=shown,
                created_at=version.created_at,
                content_hash=version.content_hash,
            ),
            created_at=found.created_at,
            num_uses=entry.num_uses if entry else 0,
            num_likes=entry.num_likes if entry else 0,
            is_liked=found.pk in liked,
            team=found.team.name,
            is_team=role is not None,
            license=LicenseIn.of(found),
            publication=PublicationOut.of(getattr(found, "publication", None)),
            forked_from=SourceOut(
                id=source.edit_vector_id,
                title=source.edit_vector.title,
                author=PersonOut.of(source.edit_vector.author),
                version=source.number,
            )
            if source
            else None,
            may_change=role == Role.OWNER or (is_own and role in EDITING),
            may_fork=is_free,
            may_export=is_free,
            thumbnail_url=at.get(1.0) or _learned(version.learned_from.get("after")),
            before_url=at.get(0.0) or _learned(version.learned_from.get("before")),
            strip_urls=strip,
            strengths=strengths,
            is_own=is_own,
            is_removed=found.deleted_at is not None,
        )


def _learned(digest: object) -> str | None:
    """Return the address of a picture that the vector was learned on, if it was kept."""
    return artifacts.url(digest) if isinstance(digest, str) and digest else None


class EditVectorPage(Schema):
    items: list[EditVectorOut]
    next: str | None
    total: int | None  # of all pages; counted for the first one only
    is_total_exact: bool  # else there are more


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
    team: int
    community: int
    local: int  # as local as `least_locality`
    identity: int
    works: int
    commercial: int
    derivatives: int
    is_exact: bool  # else of some of them
    least_locality: float
    least_identity: float
    least_success: float
    tags: list[FacetOut]
    parts: list[FacetOut]


class SimilarOut(Schema):
    """An edit vector with how alike its effect is, up to 1."""

    vector: EditVectorOut
    likeness: float


class VersionLineOut(Schema):
    """A version as the lineage shows it."""

    id: UUID
    number: int
    notes: str
    created_at: datetime
    is_measured: bool

    @classmethod
    def of(cls, found: EditVectorVersion) -> "VersionLineOut":
        return cls(
            id=found.pk,
            number=found.number,
            notes=found.notes,
            created_at=found.created_at,
            is_measured=found.card is not None,
        )


class ForkOut(Schema):
    """A fork as the lineage shows it, under the version it comes from."""

    id: UUID
    title: str
    author: PersonOut
    of_version: int
    num_uses: int

    @classmethod
    def of(cls, found: EditVector) -> "ForkOut":
        assert found.forked_from is not None, "only forks are asked for"
        entry = getattr(found, "entry", None)
        return cls(
            id=found.pk,
            title=found.title,
            author=PersonOut.of(found.author),
            of_version=found.forked_from.number,
            num_uses=entry.num_uses if entry else 0,
        )


class AppealOut(Schema):
    """The author of a removed edit vector asks for it back."""

    id: UUID
    edit_vector_id: UUID
    title: str
    author: PersonOut
    text: str
    verdict: Literal["open", "upheld", "dismissed"]
    note: str
    created_at: datetime

    @classmethod
    def of(cls, found: Appeal) -> "AppealOut":
        return cls.model_validate(
            {
                "id": found.pk,
                "edit_vector_id": found.edit_vector_id,
                "title": found.edit_vector.title,
                "author": PersonOut.of(found.author),
                "text": found.text,
                "verdict": str(found.verdict),
                "note": found.note,
                "created_at": found.created_at,
            }
        )


class ReportOut(Schema):
    """Somebody says that a published edit vector should not be there."""

    id: UUID
    edit_vector_id: UUID
    title: str
    author: PersonOut
    reporter: PersonOut
    reason: str
    text: str
    verdict: Literal["open", "upheld", "dismissed"]
    note: str
    created_at: datetime

    @classmethod
    def of(cls, found: Report) -> "ReportOut":
        return cls.model_validate(
            {
                "id": found.pk,
                "edit_vector_id": found.edit_vector_id,
                "title": found.edit_vector.title,
                "author": PersonOut.of(found.edit_vector.author),
                "reporter": PersonOut.of(found.reporter),
                "reason": found.reason,
                "text": found.text,
                "verdict": str(found.verdict),
                "note": found.note,
                "created_at": found.created_at,
            }
        )


class QueueOut(Schema):
    """What waits for a moderator."""

    reports: list[ReportOut]
    appeals: list[AppealOut]


class VectorPageOut(Schema):
    """All that the page of one edit vector shows."""

    vector: EditVectorOut
    versions: list[VersionLineOut]
    forks: list[ForkOut]
    is_author_followed: bool
    is_reported: bool
    appeal: AppealOut | None


class ConflictOut(Schema):
    """Two edit vectors of a stack that act on the same parts."""

    versions: tuple[UUID, UUID]
    titles: tuple[str, str]
    overlap: float  # share of their effect that falls on the same parts
    parts: list[str]


class CollectionOut(Schema):
    """Edit vectors put together under a name."""

    id: UUID
    title: str
    description: str
    is_personal: bool
    owner: PersonOut
    is_own: bool
    num_vectors: int
    created_at: datetime

    @classmethod
    def of(cls, found: Collection, *, user: User) -> "CollectionOut":
        """Show a collection as `selectors` reads it."""
        number: int = found.num  # type: ignore[attr-defined]  # annotated by selectors
        return cls(
            id=found.pk,
            title=found.title,
            description=found.description,
            is_personal=found.is_personal,
            owner=PersonOut.of(found.owner),
            is_own=found.owner_id == user.pk,
            num_vectors=number,
            created_at=found.created_at,
        )


class CollectionPageOut(Schema):
    collection: CollectionOut
    items: list[EditVectorOut]


class NoticeOut(Schema):
    """One sentence that the library tells a person."""

    id: UUID
    kind: str
    text: str
    edit_vector_id: UUID
    created_at: datetime
    is_read: bool

    @classmethod
    def of(cls, found: Notice) -> "NoticeOut":
        return cls(
            id=found.pk,
            kind=found.kind,
            text=found.text,
            edit_vector_id=found.edit_vector_id,
            created_at=found.created_at,
            is_read=found.read_at is not None,
        )


class NoticesOut(Schema):
    items: list[NoticeOut]
    num_unread: int


class ImportedOut(Schema):
    """What became of one file of an import."""

    name: str
    edit_vector_id: UUID | None
    title: str | None
    refusal: str | None  # why it was left out


class ImportOut(Schema):
    items: list[ImportedOut]
    collection_id: UUID | None


# ---- requests ----------------------------------------------------------------------------

Title = Annotated[str, StringConstraints(max_length=MAX_TITLE)]
Reason = Annotated[str, StringConstraints(max_length=MAX_REASON)]


class PublishRequest(Schema):
    is_listed: bool = True


class ForkRequest(Schema):
    title: Title = ""
    strength: Annotated[float, Field(ge=-2, le=2)] = 1.0


class ReportRequest(Schema):
    reason: Literal["person", "stolen", "misleading", "offensive", "other"]
    text: Reason = ""


class DecisionRequest(Schema):
    is_upheld: bool
    note: Reason = ""


class AppealRequest(Schema):
    text: Reason


class CollectionRequest(Schema):
    title: Title
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)] = ""
    is_personal: bool = False


class CollectionChange(Schema):
    title: Title | None = None
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)] | None = None


Notes = Annotated[str, StringConstraints(max_length=MAX_NOTES)]
