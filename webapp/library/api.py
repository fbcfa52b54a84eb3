"""The vector library over HTTP. Saving a vector starts at a revision, in the images app."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile

from webapp.accounts import auth
from webapp.common import answers
from webapp.common.errors import TooLargeError
from webapp.jobs.contract import SearchScope
from webapp.library import (
    exchange,
    favorites,
    policies,
    publications,
    search,
    selectors,
    services,
    vector_file,
)
from webapp.library.schemas import (
    AppealOut,
    AppealRequest,
    CollectionChange,
    CollectionOut,
    CollectionPageOut,
    CollectionRequest,
    ConflictOut,
    DecisionRequest,
    EditVectorChange,
    EditVectorOut,
    EditVectorPage,
    FacetsOut,
    ForkRequest,
    ImportedOut,
    ImportOut,
    LicenseIn,
    NoticesOut,
    PublishRequest,
    QueueOut,
    ReportRequest,
    SimilarOut,
    Sort,
    VectorPageOut,
)
from webapp.library.search import Filters

router = Router(tags=["library"])

Words = Annotated[str, Query(max_length=200)]
List = Annotated[str, Query(max_length=600)]  # names with commas between
MAX_NAMES = 20


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))[
        :MAX_NAMES
    ]


Share = Annotated[float | None, Query(ge=0, le=1)]


class FilterQuery(Schema):
    """What narrows a search; `parts` and `tags` are names with commas between."""

    parts: List = ""
    tags: List = ""
    bundle: Words = ""
    family: Words = ""
    mine: bool = False
    author: int | None = None
    scope: SearchScope = "all"
    least_locality: Share = None
    least_identity: Share = None
    least_success: Share = None
    commercial: bool = False
    derivatives: bool = False

    def plain(self) -> Filters:
        values = self.model_dump()
        values |= {"parts": _names(self.parts), "tags": _names(self.tags)}
        return Filters(**values)


@router.get("/edit-vectors", response=EditVectorPage)
def search_edit_vectors(
    request: HttpRequest,
    filters: Query[FilterQuery],
    q: Words = "",
    sort: Sort = "relevance",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> HttpResponse:
    """The edit vectors of the person's teams and of the community."""
    page = search.find(
        auth.person(request), query=q, filters=filters.plain(), sort=sort, cursor=cursor
    )
    return answers.ready(EditVectorPage, page)


@router.get("/edit-vectors/facets", response=FacetsOut)
def count_edit_vectors(
    request: HttpRequest, q: Words = "", bundle: Words = "", family: Words = ""
) -> FacetsOut:
    """How many edit vectors lie behind each filter."""
    filters = Filters(bundle=bundle, family=family)
    return search.facets(auth.person(request), query=q, filters=filters)


@router.get("/edit-vectors/conflicts", response=list[ConflictOut])
def list_conflicts(
    request: HttpRequest, ids: Annotated[list[UUID], Query(max_length=8)]
) -> list[ConflictOut]:
    """The pairs among these versions that act on the same parts, the worst first."""
    return selectors.conflicts(auth.person(request), ids)


@router.post("/edit-vectors/import", response={201: ImportOut})
def import_edit_vectors(request: HttpRequest, file: File[UploadedFile]) -> Status[ImportOut]:
    """Take in one edit vector file, or an archive of them; each is checked and measured."""
    data = _uploaded(file, most=exchange.MAX_UNPACKED >> 2)
    items, collection_id = exchange.import_file(
        actor=auth.person(request),
        team=auth.team(request),
        name=file.name or "file",
        data=data,
        now=timezone.now(),
    )
    lines = [
        ImportedOut(
            name=item.name,
            edit_vector_id=item.edit_vector.pk if item.edit_vector else None,
            title=item.edit_vector.title if item.edit_vector else None,
            refusal=item.refusal,
        )
        for item in items
    ]
    return Status(201, ImportOut(items=lines, collection_id=collection_id))


def _uploaded(file: UploadedFile, *, most: int) -> bytes:
    if (file.size or 0) > most:
        raise TooLargeError(f"This file is larger than {most >> 20} MB.")
    data: bytes = file.read()
    return data


@router.get("/edit-vectors/versions", response=list[EditVectorOut])
def list_edit_vectors_of_versions(
    request: HttpRequest, ids: Annotated[list[UUID], Query(max_length=64)]
) -> HttpResponse:
    """The edit vectors of versions that stacks name, removed ones included."""
    found = selectors.of_versions(auth.person(request), ids)
    return answers.ready(list[EditVectorOut], found)


@router.get("/edit-vectors/{edit_vector_id}", response=EditVectorOut)
def get_edit_vector(request: HttpRequest, edit_vector_id: UUID) -> EditVectorOut:
    """One edit vector with its card."""
    return selectors.shown(auth.person(request), edit_vector_id)


@router.patch("/edit-vectors/{edit_vector_id}", response=EditVectorOut)
def change_edit_vector(
    request: HttpRequest, edit_vector_id: UUID, change: EditVectorChange
) -> EditVectorOut:
    """Change title, description or tags; for its author and owners of the team."""
    actor = auth.person(request)
    services.change_edit_vector(
        actor=actor,
        edit_vector_id=edit_vector_id,
        title=change.title,
        description=change.description,
        tags=change.tags,
    )
    return selectors.shown(actor, edit_vector_id)


@router.delete("/edit-vectors/{edit_vector_id}", response={204: None})
def remove_edit_vector(request: HttpRequest, edit_vector_id: UUID) -> Status[None]:
    """Take an edit vector out of the library; what applied it keeps it."""
    services.remove_edit_vector(
        actor=auth.person(request), edit_vector_id=edit_vector_id, now=timezone.now()
    )
    return Status(204, None)


@router.post("/edit-vectors/{edit_vector_id}/undelete", response=EditVectorOut)
def bring_back_edit_vector(request: HttpRequest, edit_vector_id: UUID) -> EditVectorOut:
    """Undo a removal."""
    actor = auth.person(request)
    services.bring_back_edit_vector(actor=actor, edit_vector_id=edit_vector_id)
    return selectors.shown(actor, edit_vector_id)


@router.get("/edit-vectors/{edit_vector_id}/file")
def download_edit_vector(request: HttpRequest, edit_vector_id: UUID) -> HttpResponse:
    """The current version as an `editvector/1` file."""
    name, data = selectors.file(auth.person(request), edit_vector_id)
    response = HttpResponse(data, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.get("/edit-vectors/{edit_vector_id}/page", response=VectorPageOut)
def get_edit_vector_page(request: HttpRequest, edit_vector_id: UUID) -> VectorPageOut:
    """All that the page of an edit vector shows: its card, versions, forks and standing."""
    return selectors.page(auth.person(request), edit_vector_id)


@router.get("/edit-vectors/{edit_vector_id}/similar", response=list[SimilarOut])
def list_similar_edit_vectors(
    request: HttpRequest,
    edit_vector_id: UUID,
    scope: SearchScope = "all",
    limit: Annotated[int, Query(ge=1, le=48)] = 20,
) -> HttpResponse:
    """The edit vectors that do nearly the same, most alike first."""
    found = search.like_vector(auth.person(request), edit_vector_id, scope=scope, limit=limit)
    return answers.ready(list[SimilarOut], found)


@router.post("/edit-vectors/{edit_vector_id}/versions", response={201: EditVectorOut})
def add_edit_vector_version(
    request: HttpRequest,
    edit_vector_id: UUID,
    file: File[UploadedFile],
    notes: Form[str] = "",
) -> Status[EditVectorOut]:
    """Add a version from an edit vector file; it is measured before others get it."""
    actor = auth.person(request)
    read = vector_file.read(_uploaded(file, most=vector_file.MAX_FILE_BYTES))
    current = selectors.shown(actor, edit_vector_id)
    team_id = policies.visible_edit_vector(actor, edit_vector_id).team_id
    services.add_version(
        actor=actor,
        edit_vector_id=edit_vector_id,
        bundle=exchange.bundle_of(dict(read.card), team_id=team_id).name,
        offset=read.offset,
        parts=read.parts,
        margin=current.version.margin,
        learned_from={"how": "import"},
        notes=notes,
        now=timezone.now(),
    )
    return Status(201, selectors.shown(actor, edit_vector_id))


@router.post("/edit-vectors/{edit_vector_id}/fork", response={201: EditVectorOut})
def fork_edit_vector(
    request: HttpRequest, edit_vector_id: UUID, wish: ForkRequest
) -> Status[EditVectorOut]:
    """Copy an edit vector into the person's team, as far as its licence allows."""
    actor = auth.person(request)
    fork = services.fork_edit_vector(
        actor=actor,
        team=auth.team(request),
        edit_vector_id=edit_vector_id,
        title=wish.title,
        strength=wish.strength,
        now=timezone.now(),
    )
    return Status(201, selectors.shown(actor, fork.pk))


@router.put("/edit-vectors/{edit_vector_id}/license", response=EditVectorOut)
def change_edit_vector_license(
    request: HttpRequest, edit_vector_id: UUID, license: LicenseIn
) -> EditVectorOut:
    """Change what others may do with it."""
    actor = auth.person(request)
    services.change_license(actor=actor, edit_vector_id=edit_vector_id, license=license.plain())
    return selectors.shown(actor, edit_vector_id)


# ---- with the community --------------------------------------------------------------------


@router.post(
    "/edit-vectors/{edit_vector_id}/publish", response=EditVectorOut, auth=auth.publishing
)
def publish_edit_vector(
    request: HttpRequest, edit_vector_id: UUID, wish: PublishRequest
) -> EditVectorOut:
    """Bring it to the community once its figures are known and good enough."""
    actor = auth.person(request)
    publications.publish(
        actor=actor,
        edit_vector_id=edit_vector_id,
        is_listed=wish.is_listed,
        now=timezone.now(),
    )
    return selectors.shown(actor, edit_vector_id)


@router.post(
    "/edit-vectors/{edit_vector_id}/withdraw", response=EditVectorOut, auth=auth.publishing
)
def withdraw_edit_vector(request: HttpRequest, edit_vector_id: UUID) -> EditVectorOut:
    """Take it back from the community; pictures that hold it keep it."""
    actor = auth.person(request)
    publications.withdraw(actor=actor, edit_vector_id=edit_vector_id, now=timezone.now())
    return selectors.shown(actor, edit_vector_id)


@router.post("/edit-vectors/{edit_vector_id}/report", response={204: None})
def report_edit_vector(
    request: HttpRequest, edit_vector_id: UUID, wish: ReportRequest
) -> Status[None]:
    """Tell the moderators that it should not be there."""
    publications.report(
        actor=auth.person(request),
        edit_vector_id=edit_vector_id,
        reason=wish.reason,
        text=wish.text,
        now=timezone.now(),
    )
    return Status(204, None)


@router.post("/edit-vectors/{edit_vector_id}/appeal", response={201: AppealOut})
def appeal_removal(
    request: HttpRequest, edit_vector_id: UUID, wish: AppealRequest
) -> Status[AppealOut]:
    """Ask for a removed edit vector back."""
    found = publications.appeal(
        actor=auth.person(request),
        edit_vector_id=edit_vector_id,
        text=wish.text,
        now=timezone.now(),
    )
    return Status(201, AppealOut.of(found))


@router.get("/moderation", response=QueueOut)
def get_moderation_queue(request: HttpRequest) -> QueueOut:
    """What waits for a moderator, the oldest first."""
    return selectors.queue(auth.person(request))


@router.post("/reports/{report_id}/decision", response={204: None})
def decide_report(
    request: HttpRequest, report_id: UUID, decision: DecisionRequest
) -> Status[None]:
    """Remove what was reported, or dismiss the report."""
    publications.decide_report(
        actor=auth.person(request),
        report_id=report_id,
        is_upheld=decision.is_upheld,
        note=decision.note,
        now=timezone.now(),
    )
    return Status(204, None)


@router.post("/appeals/{appeal_id}/decision", response={204: None})
def decide_appeal(
    request: HttpRequest, appeal_id: UUID, decision: DecisionRequest
) -> Status[None]:
    """Give a removed edit vector back, or leave it removed."""
    publications.decide_appeal(
        actor=auth.person(request),
        appeal_id=appeal_id,
        is_upheld=decision.is_upheld,
        note=decision.note,
        now=timezone.now(),
    )
    return Status(204, None)


# ---- likes, follows, collections, notices --------------------------------------------------


@router.put("/edit-vectors/{edit_vector_id}/like", response={204: None})
def like_edit_vector(request: HttpRequest, edit_vector_id: UUID) -> Status[None]:
    """Like it."""
    favorites.like(
        actor=auth.person(request),
        edit_vector_id=edit_vector_id,
        is_on=True,
        now=timezone.now(),
    )
    return Status(204, None)


@router.delete("/edit-vectors/{edit_vector_id}/like", response={204: None})
def unlike_edit_vector(request: HttpRequest, edit_vector_id: UUID) -> Status[None]:
    """Take the like back."""
    favorites.like(
        actor=auth.person(request),
        edit_vector_id=edit_vector_id,
        is_on=False,
        now=timezone.now(),
    )
    return Status(204, None)


@router.put("/creators/{creator_id}/follow", response={204: None})
def follow_creator(request: HttpRequest, creator_id: int) -> Status[None]:
    """Hear of what this person lists."""
    favorites.follow(
        actor=auth.person(request), creator_id=creator_id, is_on=True, now=timezone.now()
    )
    return Status(204, None)


@router.delete("/creators/{creator_id}/follow", response={204: None})
def unfollow_creator(request: HttpRequest, creator_id: int) -> Status[None]:
    """Hear of it no more."""
    favorites.follow(
        actor=auth.person(request), creator_id=creator_id, is_on=False, now=timezone.now()
    )
    return Status(204, None)


@router.get("/collections", response=list[CollectionOut])
def list_collections(request: HttpRequest) -> list[CollectionOut]:
    """The collections of the person's teams, and their own."""
    return selectors.collections(auth.person(request))


@router.post("/collections", response={201: CollectionPageOut})
def add_collection(request: HttpRequest, wish: CollectionRequest) -> Status[CollectionPageOut]:
    """Begin a collection."""
    actor = auth.person(request)
    made = favorites.add_collection(
        actor=actor,
        team=auth.team(request),
        title=wish.title,
        description=wish.description,
        is_personal=wish.is_personal,
        now=timezone.now(),
    )
    return Status(201, selectors.collection(actor, made.pk))


@router.get("/collections/{collection_id}", response=CollectionPageOut)
def get_collection(request: HttpRequest, collection_id: UUID) -> CollectionPageOut:
    """A collection with what is in it."""
    return selectors.collection(auth.person(request), collection_id)


@router.patch("/collections/{collection_id}", response=CollectionPageOut)
def change_collection(
    request: HttpRequest, collection_id: UUID, change: CollectionChange
) -> CollectionPageOut:
    """Rename a collection."""
    actor = auth.person(request)
    favorites.change_collection(
        actor=actor,
        collection_id=collection_id,
        title=change.title,
        description=change.description,
    )
    return selectors.collection(actor, collection_id)


@router.delete("/collections/{collection_id}", response={204: None})
def remove_collection(request: HttpRequest, collection_id: UUID) -> Status[None]:
    """Remove a collection; the edit vectors in it stay."""
    favorites.remove_collection(actor=auth.person(request), collection_id=collection_id)
    return Status(204, None)


@router.put("/collections/{collection_id}/items/{edit_vector_id}", response={204: None})
def collect_edit_vector(
    request: HttpRequest, collection_id: UUID, edit_vector_id: UUID
) -> Status[None]:
    """Put an edit vector into a collection."""
    favorites.collect(
        actor=auth.person(request),
        collection_id=collection_id,
        edit_vector_id=edit_vector_id,
        is_in=True,
        now=timezone.now(),
    )
    return Status(204, None)


@router.delete("/collections/{collection_id}/items/{edit_vector_id}", response={204: None})
def uncollect_edit_vector(
    request: HttpRequest, collection_id: UUID, edit_vector_id: UUID
) -> Status[None]:
    """Take an edit vector out of a collection."""
    favorites.collect(
        actor=auth.person(request),
        collection_id=collection_id,
        edit_vector_id=edit_vector_id,
        is_in=False,
        now=timezone.now(),
    )
    return Status(204, None)


@router.get("/collections/{collection_id}/file")
def download_collection(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """A collection as one archive."""
    name, data = exchange.export_collection(auth.person(request), collection_id)
    response = HttpResponse(data, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.get("/notices", response=NoticesOut)
def list_notices(request: HttpRequest) -> NoticesOut:
    """What the library told the person, newest first."""
    return selectors.notices(auth.person(request))


@router.post("/notices/read", response={204: None})
def read_notices(request: HttpRequest) -> Status[None]:
    """Mark all as read."""
    favorites.read_notices(actor=auth.person(request), now=timezone.now())
    return Status(204, None)
