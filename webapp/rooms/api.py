"""A room over HTTP: its snapshot. What happens after goes over the socket."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from webapp.accounts import auth
from webapp.rooms import selectors
from webapp.rooms.schemas import RoomOut

router = Router(tags=["rooms"])


@router.get("/images/{image_id}/room", response=RoomOut)
def get_room(
    request: HttpRequest, response: HttpResponse, image_id: UUID
) -> RoomOut | HttpResponse:
    """The painting as it stands. Open the socket first, then read this."""
    tag, room = selectors.snapshot(auth.person(request), image_id)
    if request.headers.get("If-None-Match") == tag:
        unchanged = HttpResponse(status=304)
        unchanged["ETag"] = tag
        return unchanged
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return room
