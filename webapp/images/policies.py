"""Who may do what to images and revisions?

Viewers of the team look, editors change, owners remove; guests do what their link permits;
strangers see nothing.
"""

from uuid import UUID

from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common.errors import ConflictError, ForbiddenError, NotFoundError
from webapp.families import selectors as families
from webapp.images.models import Access, Image, Revision, ShareGuest, ShareLink


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


class EarlierModelError(ConflictError):
    """The revision's code is for a generator that its bundle has no more."""

    code = "images.earlier_model"

    def __init__(self) -> None:
        super().__init__(
            "This picture was made with an earlier model of its family, which drew something "
            "else from the same code. Everything it shows is kept; download it and add it as "
            "a new picture to go on editing."
        )


class UnknownShareError(NotFoundError):
    """There is no such share link, or it has ended."""

    code = "images.unknown_share"

    def __init__(self) -> None:
        super().__init__("This link has ended or was taken back. Ask for a new one.")


def may_edit_image(user: User, image_id: UUID, team_id: UUID) -> bool:
    """Return whether `user` may change an image: an editor of its team, or a guest who may."""
    if accounts.may_edit_in(user, team_id):
        return True
    guest = ShareGuest.objects.of(user).filter(link__image=image_id, link__access=Access.EDIT)
    return user.is_active and guest.exists()


def is_of_earlier_model(revision: Revision) -> bool:
    """Return whether the code of `revision` is for a generator that its bundle has no more.

    A bundle that is gone has no later model: its pictures can still be looked at.
    """
    try:
        current = families.get(revision.image.bundle).fingerprint
    except families.UnknownBundleError:
        return False
    return revision.fingerprint not in ("", current)


def visible_image(actor: User, image_id: UUID, *, for_update: bool = False) -> Image:
    """Return a live image that `actor` may see.

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


def editable_image(actor: User, image_id: UUID, *, for_update: bool = False) -> Image:
    """Return a live image that `actor` may change.

    Raises:
        UnknownImageError: the actor can see no such image.
        ReadOnlyError: the actor may only look.
    """
    image = visible_image(actor, image_id, for_update=for_update)
    if not may_edit_image(actor, image.pk, image.team_id):
        raise accounts.ReadOnlyError
    return image


def shareable_image(actor: User, image_id: UUID) -> Image:
    """Return a live image that `actor` may share: an editor of its team, never a guest.

    Raises:
        UnknownImageError: the actor can see no such image.
        ReadOnlyError: the actor is a viewer or a guest.
    """
    image = visible_image(actor, image_id)
    accounts.require_editor(actor, image.team_id)
    return image


def revocable_share(actor: User, share_id: UUID) -> ShareLink:
    """Return a share link that `actor` may take back.

    Raises:
        UnknownShareError: the actor belongs to no team with such a link.
        ReadOnlyError: the actor is a viewer.
    """
    found = (
        ShareLink.objects.visible_to(actor).select_related("image").filter(pk=share_id).first()
    )
    if found is None:
        raise UnknownShareError
    accounts.require_editor(actor, found.image.team_id)
    return found


def removable_image(actor: User, image_id: UUID) -> Image:
    """Return an image, removed or not, that `actor` may remove and bring back; row locked.

    Raises:
        UnknownImageError: the actor can see no such image.
        NotYourImageError: the actor does not own the team, and did not add it as an editor.
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
    is_own = image.owner_id == actor.pk and accounts.may_edit_in(actor, image.team_id)
    if not is_own and not accounts.is_owner(actor, image.team_id):
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


def editable_revision(actor: User, revision_id: UUID, *, for_update: bool = False) -> Revision:
    """Return a revision of an image that `actor` may change.

    Raises:
        UnknownRevisionError: the actor can see no such revision.
        ReadOnlyError: the actor may only look.
    """
    revision = visible_revision(actor, revision_id, for_update=for_update)
    if not may_edit_image(actor, revision.image_id, revision.image.team_id):
        raise accounts.ReadOnlyError
    return revision
