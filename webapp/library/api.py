"""The vector library over HTTP. Saving a vector starts at a revision, in the images app."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from webapp.accounts import auth
from webapp.library import selectors, services
from webapp.library.schemas import (
    EditVectorChange,
    EditVectorOut,
    EditVectorPage,
    FacetsOut,
    Sort,
)

router = Router(tags=["library"])

Words = Annotated[str, Query(max_length=200)]
List = Annotated[str, Query(max_length=600)]  # names with commas between
MAX_NAMES = 20


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))[
        :MAX_NAMES
    ]


@router.get("/edit-vectors", response=EditVectorPage)
def search_edit_vectors(
    request: HttpRequest,
    q: Words = "",
    parts: List = "",
    tags: List = "",
    sort: Sort = "relevance",
    bundle: Words = "",
    mine: bool = False,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> EditVectorPage:
    """The team's edit vectors. `parts` and `tags` are names with commas between."""
    return selectors.search(
        auth.person(request),
        query=q,
        parts=_names(parts),
        tags=_names(tags),
        sort=sort,
        bundle=bundle,
        mine=mine,
        cursor=cursor,
    )


@router.get("/edit-vectors/facets", response=FacetsOut)
def count_edit_vectors(
    request: HttpRequest, q: Words = "", bundle: Words = "", mine: bool = False
) -> FacetsOut:
    """How many edit vectors lie behind each filter."""
    return selectors.facets(auth.person(request), query=q, bundle=bundle, mine=mine)


@router.get("/edit-vectors/versions", response=list[EditVectorOut])
def list_edit_vectors_of_versions(
    request: HttpRequest, ids: Annotated[list[UUID], Query(max_length=64)]
) -> list[EditVectorOut]:
    """The edit vectors of versions that stacks name, removed ones included."""
    return selectors.of_versions(auth.person(request), ids)


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
