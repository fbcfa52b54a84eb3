"""Whose families does somebody see who is a guest of one picture? The app that shares knows.

Who may look at a picture needs the parts of its family. It registers here at start-up, since
images are above families.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from webapp.accounts.models import User

Bundles = Callable[[User], "QuerySet[Any, Any]"]

_bundles: list[Bundles] = []


def register(bundles: Bundles) -> None:
    """Name who knows the bundles of pictures that are shared with a person."""
    _bundles.append(bundles)


def shared_bundles(user: User) -> "list[QuerySet[Any, Any]]":
    """Return queries for the names of bundles of pictures shared with `user`."""
    return [bundles(user) for bundles in _bundles]
