"""Use cases that change a room: place an op, lay the stack to rest, follow a new head.

An op is durable before anybody hears of it: one short transaction takes the room's lock,
gives the op its `seq` and keeps it; the hint goes out after the commit. The same lock
guards the step into a new epoch, so an op is in exactly one painting.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from webapp.accounts.models import User
from webapp.common import events
from webapp.common.errors import ConflictError, ForbiddenError, RefusedInputError
from webapp.families import selectors as families
from webapp.images import policies as images
from webapp.images.models import Image
from webapp.jobs.contract import Stack
from webapp.library import selectors as library
from webapp.rooms import policies, selectors
from webapp.rooms.messages import Op, OpDone, StackRested, Stroke, Undo
from webapp.rooms.models import Room, RoomOp

MAX_OPS = 4000  # of one painting: beyond, the snapshot would be too long to read


class NotReadyError(ConflictError):
    """The picture has no head yet."""

    code = "rooms.not_ready"


class FullRoomError(ConflictError):
    """The painting has as many strokes as can be kept."""

    code = "rooms.full"


class LaterEpochError(ConflictError):
    """The op is for an epoch that has not begun."""

    code = "rooms.epoch"


class UnknownPartError(RefusedInputError):
    """The family of the picture has no such part."""

    code = "rooms.unknown_part"


class NothingToUndoError(ConflictError):
    """The painting holds no such stroke."""

    code = "rooms.nothing_to_undo"


class NotYourStrokeError(ForbiddenError):
    """Undo takes back one's own strokes only."""

    code = "rooms.not_your_stroke"


class ReusedOpError(ConflictError):
    """The id names another op already."""

    code = "rooms.reused_op"


@dataclass(frozen=True, slots=True)
class Placed:
    """An op at its place; `is_new` is false if it was there from an earlier try."""

    op: Op
    is_new: bool


def _lock(room: Room) -> None:
    """Wait for the room's lock, which is held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [room.pk.hex])


def _room_of(image: Image) -> Room:
    room, _ = Room.objects.get_or_create(image=image)
    return room


def add_op(
    *, actor_id: int, image_id: UUID, epoch: int, op: Stroke | Undo, now: datetime
) -> Placed:
    """Place a stroke or an undo at the end of the painting, and tell everybody.

    An op made for an earlier epoch is placed in the present one. Sending an op again under
    its id returns the place it got the first time.

    Raises:
        SignInRequiredError, UnknownImageError: the actor may not be here any more.
        ReadOnlyError: the actor may only look.
        NotReadyError: the picture has no head yet.
        LaterEpochError, FullRoomError, ReusedOpError: the op has no place.
        UnknownPartError: the stroke's part is not one of the family.
        NothingToUndoError, NotYourStrokeError: the undo's target is not the actor's to undo.
    """
    actor = policies.active_person(actor_id)
    image = images.editable_image(actor, image_id)
    room = _room_of(image)  # before the lock: whoever makes it waits for the image's row
    with transaction.atomic():
        _lock(room)
        image.refresh_from_db(fields=["epoch", "head"])
        room.refresh_from_db(fields=["last_seq"])
        earlier = RoomOp.objects.filter(room=room, op_id=op.op_id).first()
        if earlier is not None:
            return Placed(op=_again(earlier, actor=actor, op=op), is_new=False)
        if image.head_id is None:
            raise NotReadyError("This picture is not understood yet. Wait a moment.")
        if epoch > image.epoch:
            raise LaterEpochError("This painting has not begun. Read the room again.")
        if RoomOp.objects.filter(room=room, epoch=image.epoch).count() >= MAX_OPS:
            raise FullRoomError(
                f"This painting has {MAX_OPS} strokes, the most there can be. "
                "Optimize, then go on."
            )
        _check(op, actor=actor, room=room, image=image)
        room.last_seq += 1
        room.save(update_fields=["last_seq"])
        row = RoomOp.objects.create(
            room=room,
            epoch=image.epoch,
            seq=room.last_seq,
            op_id=op.op_id,
            author=actor,
            target=op.target if isinstance(op, Undo) else None,
            payload=_payload(op),
            created_at=now,
        )
        placed = selectors.as_message(row)
        _announce(image_id, placed)
    return Placed(op=placed, is_new=True)


def _payload(op: Stroke | Undo) -> dict[str, object]:
    kind = "stroke" if isinstance(op, Stroke) else "undo"
    return {kind: op.model_dump(mode="json")}


def _again(row: RoomOp, *, actor: User, op: Stroke | Undo) -> Op:
    if row.author_id != actor.pk or row.payload != _payload(op):
        raise ReusedOpError("This stroke's id was used for another one.")
    return selectors.as_message(row)


def _check(op: Stroke | Undo, *, actor: User, room: Room, image: Image) -> None:
    if isinstance(op, Stroke):
        info = families.get(image.bundle)
        if op.part not in {part.id for part in info.parts}:
            raise UnknownPartError(f"{info.title} have no part with the number {op.part}.")
        return
    target = RoomOp.objects.filter(
        room=room, epoch=image.epoch, op_id=op.target, target__isnull=True
    ).first()
    if target is None:
        raise NothingToUndoError("This stroke is not in the painting, so it stays as it is.")
    if target.author_id != actor.pk:
        raise NotYourStrokeError("You can undo your own strokes only.")


def _announce(image_id: UUID, op: Op) -> None:
    text = OpDone(op=op).model_dump_json()
    message = {"type": "room.op", "seq": op.seq, "text": text}
    group = events.room_group(image_id)
    transaction.on_commit(lambda: events.publish(group, message), robust=True)


def rest_stack(*, actor_id: int, image_id: UUID, stack: Stack) -> None:
    """Keep a stack as the room's state, and tell everybody.

    Raises:
        SignInRequiredError, UnknownImageError: the actor may not be here any more.
        ReadOnlyError: the actor may only look.
        DomainError: a vector of the stack is unknown, twice there, or of another family.
    """
    actor = policies.active_person(actor_id)
    image = images.editable_image(actor, image_id)
    library.check_stack(actor, bundle=image.bundle, stack=stack)
    room = _room_of(image)
    with transaction.atomic():
        _lock(room)
        Room.objects.filter(pk=room.pk).update(
            stack=[use.model_dump(mode="json") for use in stack],
            stack_version=F("stack_version") + 1,
        )
        events.announce_room(image_id, StackRested(author_id=actor.pk, stack=stack))


def follow_head(
    *, image: Image, old_epoch: int, new_epoch: int, frozen_seq: int, now: datetime
) -> None:
    """Carry into the new epoch what the new head does not show, and clear the stack.

    Runs in the transaction that moves the head. Strokes up to `frozen_seq` were in the
    painting that the head followed and stay behind, unless they were undone at that time;
    everything else moves, in its order, with its undos.
    """
    room = _room_of(image)
    _lock(room)
    undone: dict[UUID, bool] = {}
    strokes: dict[UUID, int] = {}
    rows = RoomOp.objects.filter(room=room, epoch=old_epoch).order_by("seq")
    ops = list(rows.values_list("pk", "seq", "op_id", "target", "payload"))
    for _, seq, op_id, target, payload in ops:
        if target is None:
            strokes[op_id] = seq
        elif seq <= frozen_seq:
            undone[target] = payload["undo"]["undone"]
    painted = {
        op_id
        for op_id, seq in strokes.items()
        if seq <= frozen_seq and not undone.get(op_id, False)
    }
    moving = [pk for pk, _, op_id, target, _ in ops if (target or op_id) not in painted]
    RoomOp.objects.filter(pk__in=moving).update(epoch=new_epoch)
    Room.objects.filter(pk=room.pk).update(stack=[], stack_version=F("stack_version") + 1)
