"""Use cases of people and what they like: likes, follows, collections, notices."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from webapp.accounts import policies as accounts
from webapp.accounts.models import Team, User
from webapp.common import events
from webapp.common.errors import NotFoundError, RefusedInputError
from webapp.common.messages import TeamEvent
from webapp.library import policies
from webapp.library.models import (
    MAX_TITLE,
    Collection,
    CollectionItem,
    EditVector,
    Follow,
    Like,
    Notice,
)

MAX_ITEMS = 500


class UnknownCreatorError(NotFoundError):
    """The person has nothing that the asker could follow."""

    code = "library.unknown_creator"


class CollectionFullError(RefusedInputError):
    """A collection holds so many edit vectors and no more."""

    code = "library.collection_full"


class CollectionTitleError(RefusedInputError):
    """A collection needs a name."""

    code = "library.collection_title"


@transaction.atomic
def like(*, actor: User, edit_vector_id: UUID, is_on: bool, now: datetime) -> None:
    """Like an edit vector, or take the like back; doing so twice changes nothing.

    Raises:
        UnknownVectorError: the actor can see no such edit vector.
    """
    edit_vector = policies.visible_edit_vector(actor, edit_vector_id)
    Like.objects.update_or_create(
        edit_vector=edit_vector, user=actor,
        defaults={"is_on": is_on, "changed_at": now},
    )  # fmt: skip


@transaction.atomic
def follow(*, actor: User, creator_id: int, is_on: bool, now: datetime) -> None:
    """Hear of what a creator lists from now on, or no more.

    Raises:
        UnknownCreatorError: the actor can see nothing of theirs, or it is the actor.
    """
    if not is_on:  # also of who shows nothing any more
        Follow.objects.filter(creator_id=creator_id, follower=actor).delete()
        return
    seen = EditVector.objects.visible_to(actor).filter(author_id=creator_id)
    if creator_id == actor.pk or not seen.exists():
        raise UnknownCreatorError("We cannot find this person.")
    Follow.objects.get_or_create(
        creator_id=creator_id, follower=actor, defaults={"created_at": now}
    )


def _title(title: str) -> str:
    plain = " ".join(title.split())
    if not plain or len(plain) > MAX_TITLE:
        detail = f"A name has 1 to {MAX_TITLE} characters."
        raise CollectionTitleError(detail, fields={"title": detail})
    return plain


def _announce(collection: Collection) -> None:
    event = TeamEvent(topic="library", object_id=collection.pk)
    events.announce_team(collection.team_id, event)


@transaction.atomic
def add_collection(
    *, actor: User, team: Team, title: str, description: str, is_personal: bool, now: datetime
) -> Collection:
    """Return a new, empty collection of the team, or of the actor alone.

    Raises:
        ReadOnlyError: the actor may only look in this team, and it is not personal.
        CollectionTitleError: it has no name, or too long a one.
    """
    if not is_personal:
        accounts.require_editor(actor, team.pk)
    collection = Collection.objects.create(
        team=team, owner=actor, is_personal=is_personal, title=_title(title),
        description=description.strip(), created_at=now,
    )  # fmt: skip
    _announce(collection)
    return collection


@transaction.atomic
def change_collection(
    *, actor: User, collection_id: UUID, title: str | None, description: str | None
) -> Collection:
    """Rename a collection; None leaves as is.

    Raises:
        UnknownCollectionError, NotYourCollectionError: see `policies`.
        CollectionTitleError: it has no name, or too long a one.
    """
    collection = policies.changeable_collection(actor, collection_id)
    if title is not None:
        collection.title = _title(title)
    if description is not None:
        collection.description = description.strip()
    collection.save()
    _announce(collection)
    return collection


@transaction.atomic
def remove_collection(*, actor: User, collection_id: UUID) -> None:
    """Remove a collection; the edit vectors in it stay.

    Raises:
        UnknownCollectionError, NotYourCollectionError: see `policies`.
    """
    collection = policies.changeable_collection(actor, collection_id)
    _announce(collection)
    collection.delete()


@transaction.atomic
def collect(
    *, actor: User, collection_id: UUID, edit_vector_id: UUID, is_in: bool, now: datetime
) -> None:
    """Put an edit vector into a collection, or take it out; twice changes nothing.

    Raises:
        UnknownCollectionError: the actor can see no such collection.
        ReadOnlyError: the actor may only look in its team.
        UnknownVectorError: the actor can see no such edit vector.
        CollectionFullError: it holds as many as it can.
    """
    collection = policies.visible_collection(actor, collection_id)
    if not collection.is_personal:
        accounts.require_editor(actor, collection.team_id)
    if not is_in:
        collection.items.filter(edit_vector_id=edit_vector_id).delete()
        _announce(collection)
        return
    edit_vector = policies.visible_edit_vector(actor, edit_vector_id)
    if collection.items.count() >= MAX_ITEMS:
        raise CollectionFullError(f"A collection holds at most {MAX_ITEMS} edit vectors.")
    CollectionItem.objects.get_or_create(
        collection=collection, edit_vector=edit_vector,
        defaults={"added_by": actor, "created_at": now},
    )  # fmt: skip
    _announce(collection)


def read_notices(*, actor: User, now: datetime) -> None:
    """Mark all notices of the actor as read."""
    Notice.objects.visible_to(actor).filter(read_at__isnull=True).update(read_at=now)
