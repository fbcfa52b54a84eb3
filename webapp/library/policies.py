"""Who may do what to edit vectors? Members of the team use them; authors change theirs."""

from collections.abc import Collection as Collection_
from uuid import UUID

from django.db.models import QuerySet

from webapp.accounts import policies as accounts
from webapp.accounts.models import Team, User
from webapp.common.errors import ForbiddenError, NotFoundError
from webapp.library.models import Appeal, Collection, EditVector, Report


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


class NoDerivativesError(ForbiddenError):
    """The licence does not let others change it or take its file."""

    code = "library.no_derivatives"


class UnknownReportError(NotFoundError):
    """There is no such report or appeal, or the asker may not know of it."""

    code = "library.unknown_report"


class UnknownCollectionError(NotFoundError):
    """There is no such collection, or the asker may not know of it."""

    code = "library.unknown_collection"


class NotYourCollectionError(ForbiddenError):
    """Only who made a collection, or an owner of the team, may remove it."""

    code = "library.not_your_collection"


def may_change(actor: User, edit_vector: EditVector) -> bool:
    """Return whether `actor` may rename, remove and bring back the edit vector."""
    if edit_vector.author_id == actor.pk:
        return accounts.may_edit_in(actor, edit_vector.team_id)
    return accounts.is_owner(actor, edit_vector.team_id)


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
        .select_related("author", "current_version", "team", "forked_from__edit_vector")
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


def exportable_edit_vector(actor: User, edit_vector_id: UUID) -> EditVector:
    """Return a live edit vector whose file `actor` may have.

    Raises:
        UnknownVectorError: the actor can see no such edit vector.
        NoDerivativesError: it is another team's, whose licence does not allow it.
    """
    found = visible_edit_vector(actor, edit_vector_id)
    teams = Team.objects.visible_to(actor).values_list("pk", flat=True)
    if not may_export(found, teams=set(teams)):
        raise NoDerivativesError(
            f"{found.author.display_name} does not allow changes to this edit vector, "
            "so its file is not given out. You can still apply it."
        )
    return found


def may_export(edit_vector: EditVector, *, teams: Collection_[UUID]) -> bool:
    """Return whether somebody of `teams` may have the file: its own always, else by licence."""
    return edit_vector.allows_derivatives or edit_vector.team_id in teams


def decidable_report(actor: User, report_id: UUID) -> Report:
    """Return a report that `actor` may decide, the row of its edit vector locked.

    Whoever decides about an edit vector locks that first, and reads afterwards how things
    stand: two reports of one vector are decided one after the other.

    Raises:
        ModeratorsOnlyError: the actor does not moderate.
        UnknownReportError: there is no such report.
    """
    accounts.require_moderator(actor)
    reports = Report.objects.visible_to(actor).filter(pk=report_id)
    _lock_vector_of(reports)
    found = reports.select_related("edit_vector__author", "reporter").first()
    if found is None:
        raise UnknownReportError("We cannot find this report.")
    return found


def _lock_vector_of(rows: QuerySet[Report] | QuerySet[Appeal]) -> None:
    vectors = EditVector.objects.filter(pk__in=rows.values_list("edit_vector_id", flat=True))
    list(vectors.select_for_update(of=("self",)).values_list("pk"))


def decidable_appeal(actor: User, appeal_id: UUID) -> Appeal:
    """Return an appeal that `actor` may decide; locks and raises as for reports."""
    accounts.require_moderator(actor)
    appeals = Appeal.objects.visible_to(actor).filter(pk=appeal_id)
    _lock_vector_of(appeals)
    found = appeals.select_related("edit_vector__author", "author").first()
    if found is None:
        raise UnknownReportError("We cannot find this appeal.")
    return found


def visible_collection(actor: User, collection_id: UUID) -> Collection:
    """Return a collection that `actor` may see; those of a team its members also fill.

    Raises:
        UnknownCollectionError: there is none.
    """
    found = (
        Collection.objects.visible_to(actor)
        .select_related("owner", "team")
        .filter(pk=collection_id)
        .first()
    )
    if found is None:
        raise UnknownCollectionError("We cannot find this collection.")
    return found


def changeable_collection(actor: User, collection_id: UUID) -> Collection:
    """Return a collection that `actor` may rename and remove.

    Raises:
        UnknownCollectionError: the actor can see no such collection.
        NotYourCollectionError: the actor does not own the team, and did not make it as an
            editor.
    """
    found = visible_collection(actor, collection_id)
    if found.is_personal:
        return found  # nobody else sees it
    is_own = found.owner_id == actor.pk and accounts.may_edit_in(actor, found.team_id)
    if not is_own and not accounts.is_owner(actor, found.team_id):
        raise NotYourCollectionError(
            f"Only {found.owner.display_name} or a team owner can change this collection."
        )
    return found
