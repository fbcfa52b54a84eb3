"""Whose jobs does somebody see who is a guest of one image? The app that shares images knows.

It registers here at start-up, since images are above jobs.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from webapp.accounts.models import User

Images = Callable[[User], "QuerySet[Any, Any]"]
MayEdit = Callable[[User, UUID, UUID], bool]

_images: list[Images] = []
_may_edit: list[MayEdit] = []


def register(*, images: Images, may_edit: MayEdit) -> None:
    """Name who knows the ids of images that are shared with a person, and who may edit one.

    `may_edit` gets the person, the image and the image's team.
    """
    _images.append(images)
    _may_edit.append(may_edit)


def shared_images(user: User) -> "list[QuerySet[Any, Any]]":
    """Return queries for the ids of images that are shared with `user`."""
    return [images(user) for images in _images]


def may_see(user: User, image_id: UUID) -> bool:
    """Return whether an image is shared with `user`."""
    return any(image_id in row.values() for images in shared_images(user) for row in images)


def may_edit(user: User, image_id: UUID, team_id: UUID) -> bool:
    """Return whether `user` may change an image, as a guest or otherwise."""
    return any(asked(user, image_id, team_id) for asked in _may_edit)
