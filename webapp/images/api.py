"""Images, revisions and edits over HTTP."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import File, Form, Header, Query, Router, Status
from ninja.files import UploadedFile
from pydantic import StringConstraints, ValidationError

from webapp.accounts import auth
from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common.errors import RefusedInputError
from webapp.common.problems import plain_fields
from webapp.images import (
    activity,
    painting_search,
    policies,
    selectors,
    services,
    sharing,
    uncertainty,
    uploads,
)
from webapp.images.models import Access, Revision
from webapp.images.painting_search import PaintingSearchOut
from webapp.images.schemas import (
    ActivityOut,
    Crop,
    EditRequest,
    EditVectorRequest,
    ImageChange,
    ImageOut,
    ImagePage,
    InvertRequest,
    KeepRequest,
    Name,
    RefinementRequest,
    RevisionChange,
    RevisionOut,
    SharedImageOut,
    ShareOut,
    ShareRequest,
    ShareSecret,
    VersionRequest,
)
from webapp.images.uncertainty import UncertaintyOut
from webapp.jobs.contract import BundleName, SearchScope
from webapp.jobs.schemas import JobOut
from webapp.library import selectors as library
from webapp.library.schemas import EditVectorOut

router = Router(tags=["images"])

Key = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=80)] | None,
    Header(default=None, alias="Idempotency-Key"),
]


class BadCropTextError(RefusedInputError):
    """The crop is not the JSON of a square."""

    code = "images.crop_unreadable"


# ---- images ------------------------------------------------------------------------------


@router.get("/images", response=ImagePage)
def list_images(
    request: HttpRequest,
    cursor: str | None = None,
    q: Annotated[str, Query(max_length=200)] = "",
) -> ImagePage:
    """The pictures of the person's teams, changed last on top."""
    items, following = selectors.images(auth.person(request), query=q, cursor=cursor)
    return ImagePage(items=[ImageOut.of(image) for image in items], next=following)


@router.post("/images", response={201: ImageOut})
def add_image(
    request: HttpRequest,
    file: File[UploadedFile],
    name: Form[Name],
    bundle: Form[BundleName],
    crop: Form[str | None] = None,
    idempotency_key: Key = None,
) -> Status[ImageOut]:
    """Upload a picture. `crop` is the JSON of a `Crop`; the default is the centre square."""
    actor, team = auth.person(request), auth.team(request)
    if (file.size or 0) > uploads.MAX_BYTES:
        raise uploads.too_large(file.size or 0)
    image = services.add_image(
        actor=actor,
        team=team,
        name=name,
        bundle=bundle,
        data=file.read(),
        crop=_crop(crop),
        now=timezone.now(),
        idempotency_key=idempotency_key,
    )
    return Status(201, ImageOut.of(selectors.image(actor, image.pk)))


def _crop(text: str | None) -> dict[str, int] | None:
    if not text:
        return None
    try:
        return Crop.model_validate_json(text).model_dump()
    except ValidationError as error:
        fields = plain_fields(error.errors())
        raise BadCropTextError(
            "The crop needs x, y and size in pixels, and turns from 0 to 3.",
            fields={f"crop.{name}": sentence for name, sentence in fields.items()},
        ) from None


@router.get("/images/{image_id}", response=ImageOut)
def get_image(request: HttpRequest, image_id: UUID) -> ImageOut:
    """One picture."""
    return ImageOut.of(selectors.image(auth.person(request), image_id))


@router.patch("/images/{image_id}", response=ImageOut)
def change_image(request: HttpRequest, image_id: UUID, change: ImageChange) -> ImageOut:
    """Rename a picture."""
    actor = auth.person(request)
    services.rename(actor=actor, image_id=image_id, name=change.name, now=timezone.now())
    return ImageOut.of(selectors.image(actor, image_id))


@router.delete("/images/{image_id}", response={204: None})
def remove_image(request: HttpRequest, image_id: UUID) -> Status[None]:
    """Take a picture out of sight; it can be brought back."""
    services.remove(actor=auth.person(request), image_id=image_id, now=timezone.now())
    return Status(204, None)


@router.post("/images/{image_id}/undelete", response=ImageOut)
def bring_image_back(request: HttpRequest, image_id: UUID) -> ImageOut:
    """Bring a removed picture back."""
    actor = auth.person(request)
    services.bring_back(actor=actor, image_id=image_id, now=timezone.now())
    return ImageOut.of(selectors.image(actor, image_id))


# ---- work on an image: each answers with a job ---------------------------------------------


@router.post("/images/{image_id}/invert", response={202: JobOut})
def invert_image(
    request: HttpRequest, image_id: UUID, wish: InvertRequest, idempotency_key: Key = None
) -> Status[JobOut]:
    """Look for the uploaded picture once more, with other steps."""
    now = timezone.now()
    job = services.invert_again(
        actor=auth.person(request),
        image_id=image_id,
        steps=wish.steps,
        now=now,
        idempotency_key=idempotency_key,
    )
    return Status(202, JobOut.of(job, now=now))


@router.post("/images/{image_id}/edits", response={202: JobOut})
def start_edit(
    request: HttpRequest,
    image_id: UUID,
    label_map: File[UploadedFile],
    wish: Form[EditRequest],
    idempotency_key: Key = None,
) -> Status[JobOut]:
    """Optimize a picture toward a painted label map: an indexed or 8-bit grey PNG."""
    now = timezone.now()
    job = services.start_edit(
        actor=auth.person(request),
        image_id=image_id,
        label_map=label_map.read(),
        base_revision_id=wish.base_revision_id,
        steps=wish.steps,
        frozen_seq=wish.frozen_seq,
        now=now,
        idempotency_key=idempotency_key,
    )
    return Status(202, JobOut.of(job, now=now))


@router.post("/images/{image_id}/refinements", response={202: JobOut})
def start_refinement(
    request: HttpRequest, image_id: UUID, wish: RefinementRequest, idempotency_key: Key = None
) -> Status[JobOut]:
    """Apply a stack and repair the result."""
    now = timezone.now()
    job = services.start_refinement(
        actor=auth.person(request),
        image_id=image_id,
        base_revision_id=wish.base_revision_id,
        stack=wish.stack,
        steps=wish.steps,
        now=now,
        idempotency_key=idempotency_key,
    )
    return Status(202, JobOut.of(job, now=now))


@router.post("/images/{image_id}/revisions", response={202: JobOut})
def keep(
    request: HttpRequest, image_id: UUID, wish: KeepRequest, idempotency_key: Key = None
) -> Status[JobOut]:
    """Keep a picture with its stack applied."""
    now = timezone.now()
    job = services.keep(
        actor=auth.person(request),
        image_id=image_id,
        base_revision_id=wish.base_revision_id,
        stack=wish.stack,
        now=now,
        idempotency_key=idempotency_key,
    )
    return Status(202, JobOut.of(job, now=now))


# ---- history -----------------------------------------------------------------------------


@router.get("/images/{image_id}/revisions", response=list[RevisionOut])
def list_revisions(request: HttpRequest, image_id: UUID) -> list[RevisionOut]:
    """The history of a picture, newest first."""
    image = policies.visible_image(auth.person(request), image_id)
    revisions = selectors.revisions(image)
    titles = _titles(revisions)
    return [
        RevisionOut.of(each, head_id=each.image.head_id, titles=titles) for each in revisions
    ]


@router.patch("/revisions/{revision_id}", response=RevisionOut)
def change_revision(
    request: HttpRequest, revision_id: UUID, change: RevisionChange
) -> RevisionOut:
    """Name or star a revision."""
    revision = services.change_revision(
        actor=auth.person(request),
        revision_id=revision_id,
        title=change.title,
        starred=change.starred,
    )
    return _shown(revision)


@router.post("/revisions/{revision_id}/restore", response={201: RevisionOut})
def restore_revision(request: HttpRequest, revision_id: UUID) -> Status[RevisionOut]:
    """Make a new head that shows what this revision showed."""
    revision = services.restore(
        actor=auth.person(request), revision_id=revision_id, now=timezone.now()
    )
    return Status(201, _shown(revision))


@router.post("/revisions/{revision_id}/edit-vector", response={201: EditVectorOut})
def save_edit_vector(
    request: HttpRequest, revision_id: UUID, wish: EditVectorRequest
) -> Status[EditVectorOut]:
    """Save what changed from a revision's parent to it as an edit vector of the team."""
    actor: User = auth.person(request)
    edit_vector = services.save_edit_vector(
        actor=actor,
        revision_id=revision_id,
        title=wish.title,
        description=wish.description,
        tags=wish.tags,
        now=timezone.now(),
    )
    return Status(201, library.shown(actor, edit_vector.pk))


def _titles(revisions: list[Revision]) -> dict[UUID, str]:
    ids = {
        UUID(use["edit_vector_version_id"]) for revision in revisions for use in revision.stack
    }
    return library.titles(ids) if ids else {}


def _shown(revision: Revision) -> RevisionOut:
    return RevisionOut.of(revision, head_id=revision.image.head_id, titles=_titles([revision]))


# ---- search by painting --------------------------------------------------------------------


@router.post("/images/{image_id}/painting-searches", response={202: PaintingSearchOut})
def search_by_painting(
    request: HttpRequest,
    image_id: UUID,
    label_map: File[UploadedFile],
    base_revision_id: Form[UUID],
    scope: Form[SearchScope] = "all",
) -> Status[PaintingSearchOut]:
    """Look for edit vectors that would do what was painted; each is tried on this picture."""
    actor = auth.person(request)
    job = painting_search.start(
        actor=actor,
        image_id=image_id,
        base_revision_id=base_revision_id,
        label_map=label_map.read(),
        scope=scope,
        now=timezone.now(),
    )
    return Status(202, painting_search.answer(actor, job.pk))


@router.get("/painting-searches/{job_id}", response=PaintingSearchOut)
def get_painting_search(request: HttpRequest, job_id: UUID) -> PaintingSearchOut:
    """What a search by painting found; for who asked."""
    return painting_search.answer(auth.person(request), job_id)


# ---- where a label map is uncertain --------------------------------------------------------


@router.post("/revisions/{revision_id}/uncertainty", response={202: UncertaintyOut})
def ask_uncertainty(request: HttpRequest, revision_id: UUID) -> Status[UncertaintyOut]:
    """Find where the label map of a revision is uncertain; for all who may see it."""
    actor = auth.person(request)
    job = uncertainty.start(actor=actor, revision_id=revision_id, now=timezone.now())
    return Status(202, uncertainty.answer(actor, job.pk))


@router.get("/uncertainties/{job_id}", response=UncertaintyOut)
def get_uncertainty(request: HttpRequest, job_id: UUID) -> UncertaintyOut:
    """Where a label map is uncertain; for who asked."""
    return uncertainty.answer(auth.person(request), job_id)


@router.post("/revisions/{revision_id}/edit-vector-version", response={201: EditVectorOut})
def save_as_version(
    request: HttpRequest, revision_id: UUID, wish: VersionRequest
) -> Status[EditVectorOut]:
    """Save what a revision changed as a new version of an edit vector."""
    actor = auth.person(request)
    services.save_version(
        actor=actor,
        revision_id=revision_id,
        edit_vector_id=wish.edit_vector_id,
        notes=wish.notes,
        now=timezone.now(),
    )
    return Status(201, library.shown(actor, wish.edit_vector_id))


# ---- sharing by link -----------------------------------------------------------------------


@router.get("/images/{image_id}/shares", response=list[ShareOut], auth=auth.publishing)
def list_shares(request: HttpRequest, image_id: UUID) -> list[ShareOut]:
    """The open links to a picture; for editors of its team."""
    return [ShareOut.of(link) for link in sharing.links_of(auth.person(request), image_id)]


@router.post("/images/{image_id}/shares", response={201: ShareOut}, auth=auth.publishing)
def share_image(request: HttpRequest, image_id: UUID, wish: ShareRequest) -> Status[ShareOut]:
    """Make a link by which people outside the team see, or also edit, a picture."""
    made = sharing.share(
        actor=auth.person(request),
        image_id=image_id,
        access=Access(wish.access),
        days=wish.days,
        now=timezone.now(),
    )
    return Status(201, ShareOut.of(made))


@router.get("/teams/{team_id}/shares", response=list[ShareOut], auth=auth.publishing)
def list_team_shares(request: HttpRequest, team_id: UUID) -> list[ShareOut]:
    """The open links to all pictures of a team; for its editors."""
    actor = auth.person(request)
    accounts.visible_team(actor, team_id)
    accounts.require_editor(actor, team_id)
    return [ShareOut.of(link) for link in sharing.links_of_team(actor, team_id)]


@router.delete("/shares/{share_id}", response={204: None}, auth=auth.publishing)
def unshare_image(request: HttpRequest, share_id: UUID) -> Status[None]:
    """Take a link back; what its guests have open is closed."""
    sharing.unshare(actor=auth.person(request), share_id=share_id, now=timezone.now())
    return Status(204, None)


@router.post("/share-links/open", response=SharedImageOut)
def open_share(request: HttpRequest, wish: ShareSecret) -> SharedImageOut:
    """Open a link: from now on the picture is among those the person may see."""
    image = sharing.open_link(actor=auth.person(request), secret=wish.secret)
    return SharedImageOut(image_id=image.pk)


# ---- what happened lately ------------------------------------------------------------------


@router.get("/activity", response=list[ActivityOut])
def list_activity(request: HttpRequest) -> list[ActivityOut]:
    """The newest jobs, revisions and edit vectors of the person's teams."""
    return activity.recent(auth.person(request))
