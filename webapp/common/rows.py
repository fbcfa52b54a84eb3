"""How is the one row found that somebody may see? Otherwise it is as if it were not there."""

from typing import TypeVar
from uuid import UUID

from django.db import models

from webapp.common.errors import NotFoundError

Row = TypeVar("Row", bound=models.Model)


def one(found: "models.QuerySet[Row]", row_id: UUID, *, otherwise: type[NotFoundError]) -> Row:
    """Return the row of that id among those that `found` holds.

    Raises:
        NotFoundError: there is none; it is raised as `otherwise`, which takes no arguments.
    """
    row = found.filter(pk=row_id).first()
    if row is None:
        raise otherwise
    return row
