"""Who may do what in a room? Whoever may change the picture paints; others look on."""

from dataclasses import dataclass
from uuid import UUID

from webapp.accounts.models import User
from webapp.common.errors import SignInRequiredError
from webapp.images import policies as images
from webapp.images.models import Image


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person may do in a picture, as it was when this was made."""

    user_id: int
    name: str
    initials: str
    color: str
    image_id: UUID
    bundle: str
    may_edit: bool


def active_person(user_id: int) -> User:
    """Return a person whose account is in use.

    Raises:
        SignInRequiredError: there is none.
    """
    user: User | None = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise SignInRequiredError("Your sign-in has ended. Sign in again to go on.")
    return user


def may_edit(user: User, image: Image) -> bool:
    """Return whether `user`, who may see the image, may also paint in it."""
    return images.may_edit_image(user, image.pk, image.team_id)


def grant(user: User, image_id: UUID) -> Grant:
    """Return what `user` may do in a picture.

    Raises:
        UnknownImageError: `user` can see no such image.
    """
    image = images.visible_image(user, image_id)
    return Grant(
        user_id=user.pk,
        name=user.display_name,
        initials=user.initials,
        color=user.color,
        image_id=image.pk,
        bundle=image.bundle,
        may_edit=may_edit(user, image),
    )
