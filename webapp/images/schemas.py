"""How are images and revisions shown over HTTP, and what may be sent?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.conf import settings
from ninja import Schema
from pydantic import Field, StringConstraints

from webapp.accounts.schemas import PersonOut
from webapp.common import artifacts
from webapp.images import policies, sharing
from webapp.images.models import Image, Revision, ShareLink
from webapp.jobs.contract import InvertSteps, OptimizeSteps, RefineSteps, Stack

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]
AccessName = Literal["view", "edit"]
StatusName = Literal["inverting", "ready", "failed"]
KindName = Literal["sample", "invert", "optimize", "refine", "render", "restore"]


# ---- what may be sent --------------------------------------------------------------------


class Crop(Schema):
    """A square in pixels of the upright picture; what it holds is then turned clockwise.

    `turns` counts quarter turns. Upright is how the picture looks once its EXIF rotation,
    if any, is applied.
    """

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    size: int = Field(ge=1)
    turns: int = Field(default=0, ge=0, le=3)


class ImageChange(Schema):
    name: Name


class InvertRequest(Schema):
    steps: InvertSteps = 300


class RevisionChange(Schema):
    title: Title | None = None
    starred: bool | None = None


class EditRequest(Schema):
    """The form fields that travel with a painted label map."""

    base_revision_id: UUID
    steps: OptimizeSteps = 30
    frozen_seq: int = Field(default=0, ge=0)


class RefinementRequest(Schema):
    base_revision_id: UUID
    stack: Stack
    steps: RefineSteps = 10


class KeepRequest(Schema):
    base_revision_id: UUID
    stack: Annotated[Stack, Field(min_length=1)]


class EditVectorRequest(Schema):
    title: Name
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
    tags: Annotated[tuple[str, ...], Field(max_length=12)] = ()


class ShareRequest(Schema):
    """`days` is how long the link lasts; None is until it is taken back."""

    access: AccessName = "view"
    days: Annotated[int, Field(ge=1, le=365)] | None = 30


class ShareSecret(Schema):
    secret: Annotated[str, Field(min_length=1, max_length=200)]


# ---- what is shown -----------------------------------------------------------------------


class InversionOut(Schema):
    """How close the reconstruction is to the uploaded picture."""

    error: float
    psnr_db: float
    perceptual: float
    distance_to_w: float
    usual_error: tuple[float, float, float]
    residual_url: str | None
    is_unusual: bool


class ImageOut(Schema):
    id: UUID
    team_id: UUID
    name: str
    bundle: str
    status: StatusName
    owner: PersonOut
    created_at: datetime
    updated_at: datetime
    thumbnail_url: str | None
    picture_url: str | None
    original_url: str | None
    head_revision_id: UUID | None
    num_revisions: int
    job_id: UUID | None
    inversion: InversionOut | None
    epoch: int

    @classmethod
    def of(cls, image: Image) -> "ImageOut":
        """Show an image that came from `selectors.with_details`."""
        head = image.head
        thumbnail = picture = None
        if head is not None:
            thumbnail = artifacts.url(head.thumbnail_id, content_type="image/webp")
            picture = artifacts.url(head.picture_id)
        original = artifacts.url(image.original_id) if image.original_id else None
        return cls(
            id=image.id,
            team_id=image.team_id,
            name=image.name,
            bundle=image.bundle,
            status=cast(StatusName, image.status),
            owner=PersonOut.of(image.owner),
            created_at=image.created_at,
            updated_at=image.updated_at,
            thumbnail_url=thumbnail or original,
            picture_url=picture,
            original_url=original,
            head_revision_id=image.head_id,
            num_revisions=image.num_revisions,
            job_id=image.job_id,
            inversion=_inversion(image),
            epoch=image.epoch,
        )


def _inversion(image: Image) -> InversionOut | None:
    if image.inversion is None:
        return None
    return InversionOut(
        **image.inversion,
        residual_url=artifacts.url(image.residual_id) if image.residual_id else None,
        is_unusual=image.inversion["error"] > image.inversion["usual_error"][2],
    )


class ShareOut(Schema):
    """A link to an image, as the editors of its team see it."""

    id: UUID
    image_id: UUID
    image_name: str
    access: AccessName
    url: str
    made_by: PersonOut
    created_at: datetime
    expires_at: datetime | None
    num_guests: int

    @classmethod
    def of(cls, link: ShareLink) -> "ShareOut":
        """Show a link that came from `sharing`."""
        return cls(
            id=link.pk,
            image_id=link.image_id,
            image_name=link.image.name,
            access=cast(AccessName, link.access),
            url=f"{settings.PUBLIC_URL}/shared/{sharing.secret_of(link)}",
            made_by=PersonOut.of(link.made_by),
            created_at=link.created_at,
            expires_at=link.expires_at,
            num_guests=link.num_guests,
        )


class SharedImageOut(Schema):
    image_id: UUID


class ImagePage(Schema):
    items: list[ImageOut]
    next: str | None


class VectorUseOut(Schema):
    """An edit vector in a stack; the title is None once the vector is gone."""

    edit_vector_version_id: UUID
    strength: float
    title: str | None


class RevisionOut(Schema):
    id: UUID
    image_id: UUID
    parent_id: UUID | None
    kind: KindName
    title: str
    author: PersonOut
    created_at: datetime
    picture_url: str
    thumbnail_url: str
    label_map_url: str
    stack: list[VectorUseOut]
    parameters: dict[str, Any]
    figures: dict[str, Any]
    starred: bool
    is_head: bool
    is_of_earlier_model: bool

    @classmethod
    def of(
        cls, revision: Revision, *, head_id: UUID | None, titles: Mapping[UUID, str]
    ) -> "RevisionOut":
        stack = [
            VectorUseOut(
                edit_vector_version_id=UUID(use["edit_vector_version_id"]),
                strength=use["strength"],
                title=titles.get(UUID(use["edit_vector_version_id"])),
            )
            for use in revision.stack
        ]
        return cls(
            id=revision.id,
            image_id=revision.image_id,
            parent_id=revision.parent_id,
            kind=cast(KindName, revision.kind),
            title=revision.title,
            author=PersonOut.of(revision.author),
            created_at=revision.created_at,
            picture_url=artifacts.url(revision.picture_id),
            thumbnail_url=artifacts.url(revision.thumbnail_id, content_type="image/webp"),
            label_map_url=artifacts.url(revision.label_map_id),
            stack=stack,
            parameters=revision.parameters,
            figures=revision.figures,
            starred=revision.is_starred,
            is_head=revision.id == head_id,
            is_of_earlier_model=policies.is_of_earlier_model(revision),
        )


class ActivityOut(Schema):
    """One thing that happened in the team."""

    id: UUID
    kind: Literal["job", "revision", "vector"]
    at: datetime
    person: PersonOut
    title: str  # of a job its kind
    status: str | None  # of a job
    image_id: UUID | None
    image_name: str | None
    thumbnail_url: str | None


class VersionRequest(Schema):
    """What a new version of an edit vector is called for."""

    edit_vector_id: UUID
    notes: Annotated[str, Field(max_length=500)] = ""
