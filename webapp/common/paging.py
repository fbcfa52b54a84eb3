"""Where does the next page of a list begin? After a row, named by its instant and its id."""

import base64
import binascii
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import models

from webapp.common.errors import RefusedInputError
from webapp.common.models import BaseModel

Row = TypeVar("Row", bound=BaseModel)


class BadCursorError(RefusedInputError):
    """The cursor was not given out by this list."""

    code = "input.cursor"

    def __init__(self) -> None:
        super().__init__("This page marker is not valid. Read the list again.")


def newest_first(
    rows: models.QuerySet[Row], *, cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """Return a page of rows, made last on top, and the cursor of the next page, if any.

    Raises:
        BadCursorError: the cursor is not one of ours.
    """
    if cursor:
        at, last_id = _read(cursor)
        older = models.Q(created_at__lt=at) | models.Q(created_at=at, pk__lt=last_id)
        rows = rows.filter(older)
    found = list(rows.order_by("-created_at", "-pk")[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], _write(found[limit - 1])


def _write(row: BaseModel) -> str:
    text = f"{row.created_at.isoformat()}|{row.pk.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, _, last_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise BadCursorError
        return moment, UUID(last_id)
    except (ValueError, binascii.Error):
        raise BadCursorError from None
