"""Use cases that bring an edit vector to the community, and take it away again.

`draft -> measuring -> listed | unlisted -> withdrawn`, and `removed` by a moderator until an
appeal is upheld. A vector is measured before anybody outside its team can find it; one whose
figures are too low stays a draft, with the reasons.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.common import events
from webapp.common.errors import ConflictError, RefusedInputError
from webapp.common.messages import TeamEvent
from webapp.families import selectors as families
from webapp.jobs import services as jobs
from webapp.jobs.contract import Measured, MeasureEditVector
from webapp.jobs.models import Job
from webapp.library import cards, index, policies
from webapp.library.models import (
    MAX_REASON,
    OPEN_STATES,
    Appeal,
    EditVector,
    EditVectorVersion,
    Follow,
    Notice,
    Publication,
    PublicationState,
    Report,
    UseEvent,
    Verdict,
)
from webapp.webhooks import services as webhooks
from webapp.webhooks.models import EVENTS

State = PublicationState


class AlreadyPublishedError(ConflictError):
    """It is with the community already, or on the way there."""

    code = "library.already_published"


class RemovedByModeratorError(ConflictError):
    """A moderator took it out; only an appeal brings it back."""

    code = "library.removed"


class NotPublishedError(ConflictError):
    """It is not with the community."""

    code = "library.not_published"


class AlreadyReportedError(ConflictError):
    """The person has said so already, and it is not decided yet."""

    code = "library.already_reported"


class OwnFamilyError(ConflictError):
    """The edit vector is made for a family that only its team has."""

    code = "library.own_family"


class AlreadyDecidedError(ConflictError):
    """A moderator has decided this."""

    code = "library.already_decided"


class BadReasonError(RefusedInputError):
    """A report or appeal says too much, or nothing."""

    code = "library.reason"


def is_open(edit_vector: EditVector) -> bool:
    """Return whether people outside the team may have it now."""
    return Publication.objects.filter(edit_vector=edit_vector, state__in=OPEN_STATES).exists()


def tell(
    recipients: Iterable[int], kind: str, edit_vector: EditVector, *, text: str, now: datetime
) -> None:
    """Leave one sentence for each person, and count it in their page after the commit."""
    assert kind in Notice.KINDS, kind
    Notice.objects.bulk_create(
        Notice(
            recipient_id=pk, kind=kind, text=text[:500], edit_vector=edit_vector, created_at=now
        )
        for pk in set(recipients)
    )


def _changed(edit_vector: EditVector) -> None:
    index.refresh(edit_vector.pk)
    event = TeamEvent(topic="library", object_id=edit_vector.pk)
    events.announce_team(edit_vector.team_id, event)


def _move(
    publication: Publication, state: State, *, now: datetime, actor: User | None = None
) -> None:
    """Bring a publication into another state; `actor` is None where figures decided."""
    before = str(publication.state)
    publication.state = state
    publication.changed_at = now
    publication.save()
    edit_vector = publication.edit_vector
    audit.record(
        team=edit_vector.team_id, actor=actor, action=f"library.{state}", target=edit_vector.pk,
        title=edit_vector.title, before=before, after=str(state),
    )  # fmt: skip
    if f"vector.{state}" in EVENTS:
        webhooks.emit(
            team_id=edit_vector.team_id, event=f"vector.{state}", now=now,
            data={"edit_vector_id": str(edit_vector.pk), "title": edit_vector.title},
        )  # fmt: skip
    _changed(edit_vector)


# ---- publishing ----------------------------------------------------------------------------


@transaction.atomic
def publish(
    *, actor: User, edit_vector_id: UUID, is_listed: bool = True, now: datetime
) -> Publication:
    """Bring an edit vector to the community, once its figures are known and good enough.

    Without `is_listed` only those who have its address can use it. Publishing a listed one
    as unlisted, or the other way round, moves it.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
        AlreadyPublishedError: it is there, or on the way.
        RemovedByModeratorError: appeal first.
        OwnFamilyError: nobody outside the team could apply it.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    version = edit_vector.current_version
    if edit_vector.deleted_at is not None or version is None:
        raise policies.UnknownVectorError
    if not families.is_shipped(families.get(version.bundle)):
        raise OwnFamilyError(
            "This edit vector is made for your team's own family. Nobody else has that "
            "family, so nobody else could apply it."
        )
    version.refresh_from_db(fields=["card"])  # as it is now that the vector's row is locked
    publication = Publication.objects.filter(edit_vector=edit_vector).first()
    if publication is None:
        publication = Publication(
            edit_vector=edit_vector, published_by=actor, created_at=now, changed_at=now
        )
    if publication.state == State.REMOVED:
        raise RemovedByModeratorError(
            "A moderator removed this edit vector. You can appeal on its page."
        )
    wanted = State.LISTED if is_listed else State.UNLISTED
    if publication.state in (wanted, State.MEASURING):
        raise AlreadyPublishedError("This edit vector is published already.")
    publication.is_wanted_listed = is_listed
    publication.published_by = actor
    publication.reasons = []
    _weigh(publication, version, now=now, actor=actor)
    return publication


def _weigh(
    publication: Publication, version: EditVectorVersion, *, now: datetime, actor: User
) -> None:
    """Decide a publication by the figures of a version, or have it wait for them."""
    if version.card is not None:
        _decide(publication, Measured.model_validate(version.card), now=now, actor=actor)
        return
    _move(publication, State.MEASURING, now=now, actor=actor)
    under_way = Job.objects.active().filter(
        kind="measure", request__edit_vector_version_id=str(version.pk)
    )
    if not under_way.exists():  # the last one failed
        request = MeasureEditVector(bundle=version.bundle, edit_vector_version_id=version.pk)
        jobs.enqueue(
            owner=publication.published_by, team=publication.edit_vector.team,
            request=request, now=now,
        )  # fmt: skip


def _decide(
    publication: Publication, card: Measured, *, now: datetime, actor: User | None = None
) -> None:
    edit_vector = publication.edit_vector
    publication.reasons = cards.failures(card)
    if publication.reasons:
        tell(
            [edit_vector.author_id], "not_listed", edit_vector, now=now,
            text=f"{edit_vector.title} is not listed: {'; '.join(publication.reasons)}. "
            "It stays in your team's library.",
        )  # fmt: skip
        _move(publication, State.DRAFT, now=now, actor=actor)
        return
    publication.listed_at = publication.listed_at or now
    wanted = State.LISTED if publication.is_wanted_listed else State.UNLISTED
    _move(publication, wanted, now=now, actor=actor)
    if not publication.is_wanted_listed:
        return
    tell(
        [edit_vector.author_id], "listed", edit_vector, now=now,
        text=f"{edit_vector.title} was measured and is listed.",
    )  # fmt: skip
    followers = Follow.objects.filter(creator=edit_vector.author)
    tell(
        followers.values_list("follower_id", flat=True), "creator", edit_vector, now=now,
        text=f"{edit_vector.author.display_name} listed {edit_vector.title}.",
    )  # fmt: skip


def figures_arrived(version: EditVectorVersion, card: Measured, *, now: datetime) -> None:
    """Decide what waited for the figures of this version: its listing, or its taking over."""
    edit_vector = version.edit_vector
    publication = Publication.objects.filter(edit_vector=edit_vector).first()
    if publication is None:
        return
    if edit_vector.current_version_id == version.pk:
        if publication.state == State.MEASURING:
            _decide(publication, card, now=now)
        return
    newest = edit_vector.versions.order_by("-number").first()
    if publication.state not in OPEN_STATES or newest != version:
        return
    reasons = cards.failures(card)
    if reasons:
        tell(
            [edit_vector.author_id], "not_listed", edit_vector, now=now,
            text=f"Version {version.number} of {edit_vector.title} is not listed: "
            f"{'; '.join(reasons)}. The community keeps the version before.",
        )  # fmt: skip
        return
    make_current(version, now=now)


def figures_failed(version: EditVectorVersion, *, reason: str, now: datetime) -> None:
    """End the waiting of a publication whose figures will not come; its author is told."""
    edit_vector = version.edit_vector
    publication = Publication.objects.filter(edit_vector=edit_vector).first()
    if publication is None or edit_vector.current_version_id != version.pk:
        return
    if publication.state != State.MEASURING:
        return
    publication.reasons = [f"it could not be measured. {reason}".strip()[:300]]
    tell(
        [edit_vector.author_id], "not_listed", edit_vector, now=now,
        text=f"{edit_vector.title} is not listed: it could not be measured. "
        "Publish it again to have it tried once more.",
    )  # fmt: skip
    _move(publication, State.DRAFT, now=now)


def make_current(version: EditVectorVersion, *, now: datetime) -> None:
    """Make a version the one that is found, and tell those who used an older one."""
    edit_vector = version.edit_vector
    edit_vector.current_version = version
    edit_vector.save(update_fields=["current_version", "updated_at"])
    users = UseEvent.objects.filter(edit_vector=edit_vector).exclude(
        user_id=edit_vector.author_id
    )
    notes = f": {version.notes}" if version.notes else "."
    tell(
        users.values_list("user_id", flat=True).distinct(), "new_version", edit_vector, now=now,
        text=f"{edit_vector.title}, which you used, has a version {version.number}{notes}",
    )  # fmt: skip
    _changed(edit_vector)


@transaction.atomic
def withdraw(*, actor: User, edit_vector_id: UUID, now: datetime) -> None:
    """Take an edit vector back from the community; pictures that hold it keep it.

    Withdrawing what is not published changes nothing, so a client may safely retry.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    publication = Publication.objects.filter(edit_vector=edit_vector).first()
    if publication is not None and publication.state in (*OPEN_STATES, State.MEASURING):
        _move(publication, State.WITHDRAWN, now=now, actor=actor)


# ---- reports, decisions, appeals -------------------------------------------------------------


def _checked_reason(text: str, *, is_needed: bool) -> str:
    plain = text.strip()
    if len(plain) > MAX_REASON or (is_needed and not plain):
        detail = f"Say why in 1 to {MAX_REASON} characters."
        raise BadReasonError(detail, fields={"text": detail})
    return plain


@transaction.atomic
def report(
    *, actor: User, edit_vector_id: UUID, reason: str, text: str, now: datetime
) -> Report:
    """Tell the moderators that a published edit vector should not be there.

    Raises:
        UnknownVectorError: the actor can see no such edit vector.
        NotPublishedError: it is with its team alone.
        AlreadyReportedError: the actor's last report of it is not decided yet.
        BadReasonError: the text is too long.
    """
    edit_vector = policies.visible_edit_vector(actor, edit_vector_id)
    if not is_open(edit_vector):
        raise NotPublishedError("Only published edit vectors can be reported.")
    try:
        with transaction.atomic():
            return Report.objects.create(
                edit_vector=edit_vector, reporter=actor, reason=reason,
                text=_checked_reason(text, is_needed=False), created_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise AlreadyReportedError(
            "You have reported this edit vector. A moderator will look at it."
        ) from None


@transaction.atomic
def decide_report(
    *, actor: User, report_id: UUID, is_upheld: bool, note: str, now: datetime
) -> Report:
    """Remove what was reported from the community, or dismiss the report.

    All open reports of the same edit vector are decided alike; author and reporters are
    told, with the note.

    Raises:
        ModeratorsOnlyError: the actor does not moderate.
        UnknownReportError: there is no such report.
        AlreadyDecidedError: somebody was quicker.
        BadReasonError: a removal without a note, or a note that is too long.
    """
    found = policies.decidable_report(actor, report_id)
    if found.verdict != Verdict.OPEN:
        raise AlreadyDecidedError("This report was decided already.")
    plain = _checked_reason(note, is_needed=is_upheld)
    edit_vector = found.edit_vector
    verdict = Verdict.UPHELD if is_upheld else Verdict.DISMISSED
    open_ones = Report.objects.filter(edit_vector=edit_vector, verdict=Verdict.OPEN)
    reporters = list(open_ones.values_list("reporter_id", flat=True))
    open_ones.update(verdict=verdict, decided_by=actor, decided_at=now, note=plain)
    title = edit_vector.title
    if is_upheld:
        publication = Publication.objects.select_related("edit_vector").get(
            edit_vector=edit_vector
        )
        publication.reasons = [plain[:300]]
        _move(publication, State.REMOVED, now=now, actor=actor)
        tell(
            [edit_vector.author_id], "removed", edit_vector, now=now,
            text=f"A moderator removed {title} from the community: {plain}",
        )  # fmt: skip
    outcome = "removed" if is_upheld else "kept"
    tell(
        reporters, "decided", edit_vector, now=now,
        text=f"{title}, which you reported, was {outcome}. {plain}".strip(),
    )  # fmt: skip
    found.refresh_from_db()
    return found


@transaction.atomic
def appeal(*, actor: User, edit_vector_id: UUID, text: str, now: datetime) -> Appeal:
    """Ask for a removed edit vector back.

    Raises:
        UnknownVectorError, NotYourVectorError: see `policies.changeable_edit_vector`.
        NotPublishedError: no moderator removed it.
        AlreadyReportedError: an appeal is waiting already.
        BadReasonError: nothing was said, or too much.
    """
    edit_vector = policies.changeable_edit_vector(actor, edit_vector_id)
    if not Publication.objects.filter(edit_vector=edit_vector, state=State.REMOVED).exists():
        raise NotPublishedError("No moderator removed this edit vector.")
    try:
        with transaction.atomic():
            return Appeal.objects.create(
                edit_vector=edit_vector, author=actor,
                text=_checked_reason(text, is_needed=True), created_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise AlreadyReportedError("Your appeal is waiting for a moderator.") from None


@transaction.atomic
def decide_appeal(
    *, actor: User, appeal_id: UUID, is_upheld: bool, note: str, now: datetime
) -> Appeal:
    """Give a removed edit vector back to the community, or leave it removed.

    Raises:
        ModeratorsOnlyError: the actor does not moderate.
        UnknownReportError: there is no such appeal.
        AlreadyDecidedError: somebody was quicker.
        BadReasonError: the note is too long.
    """
    found = policies.decidable_appeal(actor, appeal_id)
    if found.verdict != Verdict.OPEN:
        raise AlreadyDecidedError("This appeal was decided already.")
    found.verdict = Verdict.UPHELD if is_upheld else Verdict.DISMISSED
    found.decided_by = actor
    found.decided_at = now
    found.note = _checked_reason(note, is_needed=False)
    found.save()
    edit_vector = found.edit_vector
    outcome = "stays removed"
    if is_upheld:
        publication = Publication.objects.select_related("edit_vector__team").get(
            edit_vector=edit_vector
        )
        version = edit_vector.current_version
        assert version is not None, "an edit vector is saved with its first version"
        publication.reasons = []
        card = Measured.model_validate(version.card) if version.card is not None else None
        if card is not None and not cards.failures(card):
            wanted = State.LISTED if publication.is_wanted_listed else State.UNLISTED
            _move(publication, wanted, now=now, actor=actor)
            outcome = "is back with the community"
        else:  # a version came since, and has to show what it does as any other
            _weigh(publication, version, now=now, actor=actor)
            outcome = "may be with the community once its figures are good enough"
    tell(
        [found.author_id], "decided", edit_vector, now=now,
        text=f"Your appeal was decided: {edit_vector.title} {outcome}. {found.note}".strip(),
    )  # fmt: skip
    return found
