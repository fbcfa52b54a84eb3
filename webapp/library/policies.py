"""Who may do what to edit vectors? Members of the team use them; authors change theirs."""

from uuid import UUID

from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common.errors import ForbiddenError, NotFoundError
from webapp.library.models import EditVector


class UnknownVectorError(NotFoundError):
    """There is no such edit vector, or the asker may not know of it."""

    code = "library.unknown"

    def __init__(self) -> None:
        super().__init__(
            "We cannot find this edit vector. It may have been removed, "
            "or it was not shared with you."
        )


class NotYourVectorError(ForbiddenError):
    """Only its author, or an owner of the team, may change an edit vector."""

    code = "library.not_yours"


def may_change(actor: User, edit_vector: EditVector) -> bool:
    """Return whether `actor` may rename, remove and bring back the edit vector."""
    return edit_vector.author_id == actor.pk or accounts.is_owner(actor, edit_vector.team_id)


def visible_edit_vector(actor: User, edit_vector_id: UUID) -> EditVector:
    """Return a live edit vector that `actor` may see, with its current version.

    Raises:
        UnknownVectorError: there is none.
    """
    found = (
        EditVector.objects.visible_to(actor)
        .live()
        .select_related("current_version", "author")
        .filter(pk=edit_vector_id)
        .first()
    )
    if found is None:
        raise UnknownVectorError
    return found


def changeable_edit_vector(actor: User, edit_vector_id: UUID) -> EditVector:
    """Return an edit vector, removed or not, that `actor` may change; its row is locked.

    Raises:
        UnknownVectorError: the actor can see no such edit vector.
        NotYourVectorError: the actor neither made it nor owns the team.
    """
    found = (
        EditVector.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("author")
        .filter(pk=edit_vector_id)
        .first()
    )
    if found is None:
        raise UnknownVectorError
    if not may_change(actor, found):
        raise NotYourVectorError(
            f"Only {found.author.display_name} or a team owner can change this edit vector."
        )
    return found
