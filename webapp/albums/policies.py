"""Who may do what to a run? Editors of its team start, stop and retry; viewers look."""

from uuid import UUID

from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.albums.models import Run
from webapp.common.errors import NotFoundError


class UnknownRunError(NotFoundError):
    """There is no such run, or the asker may not know of it."""

    code = "albums.unknown"


def visible_run(actor: User, run_id: UUID) -> Run:
    """Return a run that `actor` may see.

    Raises:
        UnknownRunError: there is none.
    """
    found = (
        Run.objects.visible_to(actor).select_related("owner", "team").filter(pk=run_id).first()
    )
    if found is None:
        raise UnknownRunError("We cannot find this album run.")
    return found


def editable_run(actor: User, run_id: UUID) -> Run:
    """Return a run that `actor` may stop and retry.

    Raises:
        UnknownRunError: the actor can see no such run.
        ReadOnlyError: the actor may only look.
    """
    found = visible_run(actor, run_id)
    accounts.require_editor(actor, found.team_id)
    return found
