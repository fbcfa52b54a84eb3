"""Who may do what to images and revisions? Members edit; owners remove; strangers see none."""

from uuid import UUID

from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common.errors import ForbiddenError, NotFoundError
from webapp.images.models import Image, Revision


class UnknownImageError(NotFoundError):
    """There is no such image, or the asker may not know of it."""

    code = "images.unknown"

    def __init__(self) -> None:
        super().__init__(
            "We cannot find this picture. The link may be old, or it was not shared with you."
        )


class UnknownRevisionError(NotFoundError):
    """There is no such revision, or the asker may not know of it."""

    code = "images.unknown_revision"

    def __init__(self) -> None:
        super().__init__(
            "We cannot find this revision. The link may be old, or it was not shared with you."
        )


class NotYourImageError(ForbiddenError):
    """Only who added an image, or an owner of the team, may remove it."""

    code = "images.not_yours"


def visible_image(actor: User, image_id: UUID, *, for_update: bool = False) -> Image:
    """Return a live image that `actor` may see; members of the team may also edit it.

    Raises:
        UnknownImageError: there is none.
    """
    found = (
        Image.objects.visible_to(actor)
        .live()
        .select_related("owner", "team", "head")
        .filter(pk=image_id)
    )
    if for_update:
        found = found.select_for_update(of=("self",))
    image = found.first()
    if image is None:
        raise UnknownImageError
    return image


def removable_image(actor: User, image_id: UUID) -> Image:
    """Return an image, removed or not, that `actor` may remove and bring back; row locked.

    Raises:
        UnknownImageError: the actor can see no such image.
        NotYourImageError: the actor neither added it nor owns the team.
    """
    image = (
        Image.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("owner", "team", "head")
        .filter(pk=image_id)
        .first()
    )
    if image is None:
        raise UnknownImageError
    if image.owner_id != actor.pk and not accounts.is_owner(actor, image.team_id):
        raise NotYourImageError(
            f"Only {image.owner.display_name} or a team owner can remove this picture."
        )
    return image


def visible_revision(actor: User, revision_id: UUID, *, for_update: bool = False) -> Revision:
    """Return a revision that `actor` may see.

    Raises:
        UnknownRevisionError: there is none.
    """
    found = (
        Revision.objects.visible_to(actor)
        .select_related("author", "image", "image__team", "parent")
        .filter(pk=revision_id)
    )
    if for_update:
        found = found.select_for_update(of=("self",))
    revision = found.first()
    if revision is None:
        raise UnknownRevisionError
    return revision
