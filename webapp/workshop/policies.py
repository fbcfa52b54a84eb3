"""Who may do what to a family in the making? Members look, editors work on it.

Strangers see nothing. Removing a project is for who began it and for owners of the team.
"""

from uuid import UUID

from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common.errors import ForbiddenError, NotFoundError
from webapp.common.rows import one
from webapp.workshop.models import FamilyProject, FamilySample, FamilyTry, FamilyUpload


class UnknownProjectError(NotFoundError):
    """There is no such project, or the asker may not know of it."""

    code = "workshop.unknown"

    def __init__(self) -> None:
        super().__init__("We cannot find this family project.")


class UnknownUploadError(NotFoundError):
    """There is no such upload, or the asker may not know of it."""

    code = "workshop.unknown_upload"

    def __init__(self) -> None:
        super().__init__("We cannot find this upload. Start it again.")


class UnknownSampleError(NotFoundError):
    """There is no such sample, or the asker may not know of it."""

    code = "workshop.unknown_sample"

    def __init__(self) -> None:
        super().__init__("We cannot find this sample.")


class UnknownTryError(NotFoundError):
    """There is no such try, or the asker may not know of it."""

    code = "workshop.unknown_try"

    def __init__(self) -> None:
        super().__init__("We cannot find this try.")


class NotYourProjectError(ForbiddenError):
    """Only who began a project, or an owner of the team, may remove it."""

    code = "workshop.not_yours"


def visible_project(actor: User, project_id: UUID) -> FamilyProject:
    """Return a live project that `actor` may see.

    Raises:
        UnknownProjectError: there is none.
    """
    seen = FamilyProject.objects.visible_to(actor).live().select_related("owner", "team")
    return one(seen, project_id, otherwise=UnknownProjectError)


def editable_project(actor: User, project_id: UUID) -> FamilyProject:
    """Return a live project that `actor` may work on, its row locked.

    Raises:
        UnknownProjectError: the actor can see no such project.
        ReadOnlyError: the actor may only look.
    """
    found = visible_project(actor, project_id)
    accounts.require_editor(actor, found.team_id)
    return locked(found.pk)


def locked(project_id: UUID) -> FamilyProject:
    """Return a live project with its row locked, for who has been let in already.

    Raises:
        UnknownProjectError: it was removed meanwhile.
    """
    live = FamilyProject.objects.live().select_related("owner", "team")
    locking = live.select_for_update(of=("self",))
    return one(locking, project_id, otherwise=UnknownProjectError)


def removable_project(actor: User, project_id: UUID) -> FamilyProject:
    """Return a project that `actor` may remove, its row locked.

    Raises:
        UnknownProjectError: the actor can see no such project.
        NotYourProjectError: the actor neither began it as an editor nor owns the team.
    """
    found = visible_project(actor, project_id)
    is_own = found.owner_id == actor.pk and accounts.may_edit_in(actor, found.team_id)
    if not is_own and not accounts.is_owner(actor, found.team_id):
        raise NotYourProjectError(
            f"Only {found.owner.display_name} or a team owner can remove this project."
        )
    return locked(found.pk)


def visible_upload(actor: User, upload_id: UUID) -> FamilyUpload:
    """Return an upload that `actor` may see.

    Raises:
        UnknownUploadError: there is none.
    """
    seen = FamilyUpload.objects.visible_to(actor).select_related("project")
    return one(seen, upload_id, otherwise=UnknownUploadError)


def editable_upload(actor: User, upload_id: UUID) -> FamilyUpload:
    """Return an upload that `actor` may go on with, its row locked.

    Raises:
        UnknownUploadError: the actor can see no such upload.
        ReadOnlyError: the actor may only look.
    """
    accounts.require_editor(actor, visible_upload(actor, upload_id).project.team_id)
    uploads = FamilyUpload.objects.select_for_update(of=("self",)).select_related("project")
    return one(uploads, upload_id, otherwise=UnknownUploadError)


def visible_sample(actor: User, sample_id: UUID) -> FamilySample:
    """Return a sample that `actor` may see.

    Raises:
        UnknownSampleError: there is none.
    """
    seen = FamilySample.objects.visible_to(actor)
    seen = seen.select_related("project", "assignee", "saved_by")
    return one(seen, sample_id, otherwise=UnknownSampleError)


def editable_sample(actor: User, sample_id: UUID) -> FamilySample:
    """Return a sample that `actor` may label, its row and its project's locked.

    Raises:
        UnknownSampleError: the actor can see no such sample.
        ReadOnlyError: the actor may only look.
    """
    found = visible_sample(actor, sample_id)
    accounts.require_editor(actor, found.project.team_id)
    project = locked(found.project_id)
    samples = FamilySample.objects.select_for_update(of=("self",))
    again = one(
        samples.select_related("assignee", "saved_by"), sample_id, otherwise=UnknownSampleError
    )
    again.project = project
    return again


def visible_try(actor: User, try_id: UUID) -> FamilyTry:
    """Return a try that `actor` may see.

    Raises:
        UnknownTryError: there is none.
    """
    seen = FamilyTry.objects.visible_to(actor).select_related("job")
    return one(seen, try_id, otherwise=UnknownTryError)
