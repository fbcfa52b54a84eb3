"""What can be read of a room? The snapshot, what somebody missed, and where it stands."""

from dataclasses import dataclass
from uuid import UUID

from webapp.accounts.models import User
from webapp.images import policies as images
from webapp.images.models import Image, Revision
from webapp.images.policies import UnknownImageError
from webapp.library import selectors as library
from webapp.rooms import policies
from webapp.rooms.messages import Op
from webapp.rooms.models import Room, RoomOp
from webapp.rooms.schemas import RoomOut, StackItemOut

MAX_MISSED = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a room stands: what a socket compares itself with."""

    epoch: int
    seq: int
    base_revision_id: UUID | None


def standing(image_id: UUID) -> Standing:
    """Return where a room stands; for sockets, whose grant is checked elsewhere."""
    row = (
        Image.objects.filter(pk=image_id)
        .values_list("epoch", "room__last_seq", "head_id")
        .first()
    )
    if row is None:
        raise UnknownImageError
    return Standing(epoch=row[0], seq=row[1] or 0, base_revision_id=row[2])


def as_message(row: RoomOp) -> Op:
    """Return a kept op as everybody is told of it."""
    return Op.model_validate(
        {**row.payload, "epoch": row.epoch, "seq": row.seq, "author_id": row.author_id}
    )


def missed(image_id: UUID, *, after: int) -> list[Op] | None:
    """Return the ops of the present epoch after a place, or None if they are too many."""
    rows = list(
        RoomOp.objects.filter(room__image_id=image_id, seq__gt=after)
        .order_by("seq")
        .select_related("room__image")[: MAX_MISSED + 1]
    )
    if len(rows) > MAX_MISSED:
        return None
    return [as_message(row) for row in rows if row.epoch == row.room.image.epoch]


def code_of(image_id: UUID, revision_id: UUID) -> str | None:
    """Return the artifact that holds the code of an image's revision, or None.

    Raises:
        EarlierModelError: the code is for a generator that its bundle has no more.
    """
    found = Revision.objects.filter(pk=revision_id, image_id=image_id).select_related("image")
    revision = found.first()
    if revision is None:
        return None
    if images.is_of_earlier_model(revision):
        raise images.EarlierModelError
    return revision.w_plus_id


def snapshot(user: User, image_id: UUID) -> tuple[str, RoomOut]:
    """Return the room as it stands, with its entity tag.

    Raises:
        UnknownImageError: `user` can see no such image.
    """
    image = images.visible_image(user, image_id)
    room = Room.objects.filter(image=image).first()
    seq = room.last_seq if room is not None else 0
    stack = room.stack if room is not None else []
    version = room.stack_version if room is not None else 0
    rows = (
        RoomOp.objects.filter(room=room, epoch=image.epoch, seq__lte=seq).order_by("seq")
        if room is not None
        else []
    )
    ids = [UUID(use["edit_vector_version_id"]) for use in stack]
    titles = library.titles(ids) if ids else {}
    shown = RoomOut(
        epoch=image.epoch,
        seq=seq,
        base_revision_id=image.head_id,
        ops=[as_message(row) for row in rows],
        stack=[
            StackItemOut(
                edit_vector_version_id=pk, strength=use["strength"], title=titles.get(pk)
            )
            for pk, use in zip(ids, stack, strict=True)
        ],
        may_edit=policies.may_edit(user, image),
    )
    return f'"{image.epoch}.{seq}.{version}.{user.pk}"', shown
