"""What can be read about images and revisions?"""

import base64
import binascii
from datetime import datetime
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, UUIDField
from django.db.models.functions import Coalesce

from webapp.accounts.models import User
from webapp.common.errors import RefusedInputError
from webapp.images.models import Image, Revision
from webapp.images.policies import UnknownImageError
from webapp.jobs.models import ACTIVE, Job

PAGE = 60
MAX_REVISIONS = 500


class BadCursorError(RefusedInputError):
    """The cursor was not given out by this list."""

    code = "input.cursor"


def _with_details(images: QuerySet[Image]) -> QuerySet[Image]:
    revisions = (
        Revision.objects.filter(image=OuterRef("pk"))
        .order_by()
        .values("image")
        .annotate(number=Count("pk"))
        .values("number")
    )
    job = (
        Job.objects.filter(image_id=OuterRef("pk"), status__in=ACTIVE)
        .order_by("-created_at")
        .values("pk")[:1]
    )
    return images.select_related("owner", "head").annotate(  # type: ignore[no-redef]  # the model names them for readers
        num_revisions=Coalesce(Subquery(revisions, output_field=IntegerField()), 0),
        job_id=Subquery(job, output_field=UUIDField()),
    )


def image(user: User, image_id: UUID) -> Image:
    """Return a live image with what its page shows.

    Raises:
        UnknownImageError: `user` can see no such image.
    """
    found = _with_details(Image.objects.visible_to(user).live()).filter(pk=image_id).first()
    if found is None:
        raise UnknownImageError
    return found


def images(
    user: User, *, query: str = "", cursor: str | None = None, limit: int = PAGE
) -> tuple[list[Image], str | None]:
    """Return a page of images, changed last on top, and the cursor of the next page.

    Raises:
        BadCursorError: the cursor is not one of ours.
    """
    found = _with_details(Image.objects.visible_to(user).live())
    for word in query.split()[:8]:
        found = found.filter(Q(name__icontains=word) | Q(owner__name__icontains=word))
    if cursor:
        at, last_id = _read_cursor(cursor)
        found = found.filter(Q(updated_at__lt=at) | Q(updated_at=at, pk__lt=last_id))
    rows = list(found.order_by("-updated_at", "-pk")[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], _cursor(rows[limit - 1])


def _cursor(image: Image) -> str:
    text = f"{image.updated_at.isoformat()}|{image.pk.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, _, last_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return datetime.fromisoformat(at), UUID(last_id)
    except (ValueError, binascii.Error):
        raise BadCursorError("This page marker is not valid. Read the list again.") from None


def revisions(image: Image) -> list[Revision]:
    """Return the history of an image, newest first; each row knows the head of its moment."""
    found = Revision.objects.filter(image=image).select_related("author", "image")
    return list(found.order_by("-created_at", "-pk")[:MAX_REVISIONS])


def recent_revisions(user: User, *, limit: int) -> list[Revision]:
    """Return the newest revisions of all images that `user` may see."""
    found = Revision.objects.visible_to(user).select_related("author", "image")
    return list(found.order_by("-created_at")[:limit])


def image_names(user: User, ids: set[UUID]) -> dict[UUID, str]:
    """Return the names of those of the images that `user` may see."""
    visible = Image.objects.visible_to(user).live().filter(pk__in=ids)
    return dict(visible.values_list("pk", "name"))
