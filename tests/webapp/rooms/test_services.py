"""Placing ops, and carrying them into a new epoch."""

import threading
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connections

from tests.factories import rows
from webapp.images import services as images
from webapp.images.models import RevisionKind
from webapp.jobs.contract import VectorUse
from webapp.library import policies as library
from webapp.rooms import selectors, services
from webapp.rooms.messages import Stroke, Undo
from webapp.rooms.models import Room, RoomOp


def a_stroke(**more) -> Stroke:
    return Stroke(
        **{
            "op_id": uuid4(),
            "tool": "brush",
            "part": 2,
            "radius": 32,
            "points": ((1, 2),),
            **more,
        }
    )


def place(user, image, op, *, epoch=1):
    return services.add_op(
        actor_id=user.pk, image_id=image.pk, epoch=epoch, op=op, now=rows.NOW
    ).op


def undo(user, image, stroke, *, undone=True, epoch=1):
    op = Undo(op_id=uuid4(), target=stroke.op_id, undone=undone)
    return place(user, image, op, epoch=epoch)


def new_head(image, *, frozen_seq, seed=9):
    image.refresh_from_db()
    return images.add_revision(
        image=image, author=image.owner, kind=RevisionKind.OPTIMIZE,
        picture=rows.picture(seed), parent=image.head, frozen_seq=frozen_seq, now=rows.NOW,
    )  # fmt: skip


def shown(user, image):
    _, room = selectors.snapshot(user, image.pk)
    return room


def test_ops_get_rising_places_and_are_in_the_snapshot(who, image):
    first, second = a_stroke(), a_stroke(part=1)
    place(who.owner, image, first)
    place(who.teammate, image, second)

    room = shown(who.owner, image)

    assert [(op.epoch, op.seq, op.author_id) for op in room.ops] == [
        (1, 1, who.owner.pk), (1, 2, who.teammate.pk),
    ]  # fmt: skip
    assert [op.stroke for op in room.ops] == [first, second]
    assert (room.seq, room.epoch, room.base_revision_id) == (2, 1, image.head_id)


def test_sending_an_op_again_returns_its_first_place(who, image):
    stroke = a_stroke()
    first = place(who.owner, image, stroke)
    place(who.owner, image, a_stroke())

    assert place(who.owner, image, stroke) == first
    assert RoomOp.objects.count() == 2


def test_an_id_cannot_be_used_for_another_stroke_or_by_somebody_else(who, image):
    stroke = a_stroke()
    place(who.owner, image, stroke)

    with pytest.raises(services.ReusedOpError):
        place(who.owner, image, stroke.model_copy(update={"part": 1}))
    with pytest.raises(services.ReusedOpError):
        place(who.teammate, image, stroke)


def test_only_ones_own_strokes_can_be_undone(who, image):
    stroke = a_stroke()
    place(who.owner, image, stroke)

    with pytest.raises(services.NotYourStrokeError):
        undo(who.teammate, image, stroke)
    assert undo(who.owner, image, stroke).undo.target == stroke.op_id
    assert undo(who.owner, image, stroke, undone=False).seq == 3


def test_what_is_not_there_or_is_itself_an_undo_cannot_be_undone(who, image):
    stroke = a_stroke()
    place(who.owner, image, stroke)
    taken_back = undo(who.owner, image, stroke)

    with pytest.raises(services.NothingToUndoError):
        undo(who.owner, image, a_stroke())
    with pytest.raises(services.NothingToUndoError):
        undo(who.owner, image, taken_back.undo)


def test_a_part_that_the_family_lacks_is_refused(who, image):
    with pytest.raises(services.UnknownPartError):
        place(who.owner, image, a_stroke(part=77))


def test_a_stranger_and_somebody_switched_off_place_nothing(who, image):
    with pytest.raises(selectors.UnknownImageError):
        place(who.stranger, image, a_stroke())
    who.owner.is_active = False
    who.owner.save()
    with pytest.raises(services.policies.SignInRequiredError):
        place(who.owner, image, a_stroke())

    assert not RoomOp.objects.exists()


def test_a_full_painting_takes_no_more(who, image, monkeypatch):
    monkeypatch.setattr(services, "MAX_OPS", 2)
    place(who.owner, image, a_stroke())
    place(who.owner, image, a_stroke())

    with pytest.raises(services.FullRoomError):
        place(who.owner, image, a_stroke())


def test_strokes_in_the_painting_stay_behind_and_later_ones_move_on(who, image):
    strokes = [a_stroke() for _ in range(4)]
    for stroke in strokes:
        place(who.owner, image, stroke)

    new_head(image, frozen_seq=2)

    room = shown(who.owner, image)
    assert (room.epoch, room.seq) == (2, 4)
    assert [(op.seq, op.stroke) for op in room.ops] == [(3, strokes[2]), (4, strokes[3])]


def test_a_stroke_undone_before_the_freeze_can_still_be_redone_after(who, image):
    kept, taken_back = a_stroke(), a_stroke()
    place(who.owner, image, kept)
    place(who.owner, image, taken_back)
    undo(who.owner, image, taken_back)

    new_head(image, frozen_seq=3)
    again = undo(who.owner, image, taken_back, undone=False, epoch=2)

    room = shown(who.owner, image)
    assert [op.seq for op in room.ops] == [2, 3, 4]
    assert again.epoch == 2


def test_an_undo_of_what_was_painted_stays_behind_with_it(who, image):
    stroke = a_stroke()
    place(who.owner, image, stroke)
    undo(who.owner, image, stroke)

    new_head(image, frozen_seq=1)

    assert shown(who.owner, image).ops == []


def test_a_stroke_sent_for_the_epoch_before_lands_in_the_present_one(who, image):
    new_head(image, frozen_seq=0)

    assert place(who.owner, image, a_stroke(), epoch=1).epoch == 2
    with pytest.raises(services.LaterEpochError):
        place(who.owner, image, a_stroke(), epoch=3)


def test_a_new_head_clears_the_stack(who, image):
    services.rest_stack(actor_id=who.owner.pk, image_id=image.pk, stack=())
    Room.objects.update(stack=[{"edit_vector_version_id": str(uuid4()), "strength": 1.0}])

    new_head(image, frozen_seq=0)

    assert shown(who.owner, image).stack == []


def test_a_stack_with_an_unknown_vector_does_not_rest(who, image):
    stack = (VectorUse(edit_vector_version_id=uuid4(), strength=1.0),)

    with pytest.raises(library.UnknownVectorError):
        services.rest_stack(actor_id=who.owner.pk, image_id=image.pk, stack=stack)


@pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)
def test_fifty_strokes_from_five_threads_while_the_head_moves_keep_one_order(who, image):
    faults = []

    def paint(user):
        try:
            for _ in range(10):
                place(user, image, a_stroke())
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    people = [who.owner, who.teammate, who.owner, who.teammate, who.owner]
    threads = [threading.Thread(target=paint, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    new_head(image, frozen_seq=5)
    for thread in threads:
        thread.join()

    assert faults == []
    assert sorted(RoomOp.objects.values_list("seq", flat=True)) == list(range(1, 51))
    behind = RoomOp.objects.filter(epoch=1)
    assert all(op.seq <= 5 for op in behind)
    assert Room.objects.get().last_seq == 50


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("teammate", 200), ("stranger", 404), (None, 401)]
)
def test_who_may_read_the_room(who, image, role, status):
    browser = rows.client(getattr(who, role) if role else None)

    assert browser.get(f"/api/images/{image.pk}/room").status_code == status


def test_an_unchanged_room_is_not_sent_again(who, image):
    browser = rows.client(who.owner)
    address = f"/api/images/{image.pk}/room"
    tag = browser.get(address)["ETag"]

    assert browser.get(address, headers={"If-None-Match": tag}).status_code == 304
    place(who.owner, image, a_stroke())
    again = browser.get(address, headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert again["ETag"] != tag
    assert again.json()["ops"][0]["stroke"]["part"] == 2


def test_the_snapshot_takes_the_same_queries_however_many_strokes_there_are(
    who, image, django_assert_max_num_queries
):
    for _ in range(12):
        place(who.owner, image, a_stroke())

    with django_assert_max_num_queries(4):
        assert len(shown(who.owner, image).ops) == 12
