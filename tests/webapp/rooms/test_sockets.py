"""People at one picture, over real sockets, Redis and PostgreSQL."""

import asyncio
import threading
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session

from tests.factories import rows
from tests.webapp.rooms.browsers import Browser, a_stroke, opened, wire
from webapp.accounts.models import Membership
from webapp.common import events
from webapp.common.frames import Frame, PictureFormat
from webapp.common.messages import TeamEvent
from webapp.images import services as images
from webapp.images.models import Revision, RevisionKind
from webapp.jobs import services as jobs
from webapp.jobs import worker
from webapp.jobs.contract import OptimizeEdit, Progress
from webapp.library import services as library
from webapp.rooms import consumers, selectors, sockets
from webapp.rooms.db import db_call
from webapp.rooms.models import RoomOp

# Naming the apps spares every test the making of permissions that nobody uses here.
pytestmark = pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)


@pytest.fixture
def clock(monkeypatch):
    """The sockets' clock, which stands still; `clock[0] += 5` lets five seconds pass."""
    found = [1_700_000_000.0]
    monkeypatch.setattr(sockets.Socket, "now", staticmethod(lambda: found[0]))
    monkeypatch.setattr(sockets.Socket, "tick_seconds", 0.05)
    return found


def room(image) -> str:
    return f"/ws/images/{image.pk}/"


def frame(stream, seq, *, epoch=1, picture=b"webp", step=0) -> Frame:
    return Frame(
        stream=UUID(str(stream)), epoch=epoch, seq=seq, step=step, base_revision_id=UUID(int=7),
        format=PictureFormat.WEBP, picture=picture,
    )  # fmt: skip


async def put_frame(*args, **kwargs) -> None:
    await asyncio.to_thread(worker.put_frame, frame(*args, **kwargs))


def a_vector(who, *, title="Smile", team=None, actor=None):
    return library.save_edit_vector(
        actor=actor or who.owner, team=team or who.team, bundle="tiny-16",
        offset=np.ones((rows.LAYERS, rows.W_DIM), np.float32), parts=(2,), margin=5,
        learned_from={}, title=title, description="", tags=(), now=rows.NOW,
    )  # fmt: skip


def wish(image, seq, *stack, base=None):
    return {
        "type": "preview", "seq": seq, "base_revision_id": base or image.head_id,
        "stack": [
            {"edit_vector_version_id": version, "strength": strength}
            for version, strength in stack
        ],
    }  # fmt: skip


def a_job(who, image):
    request = OptimizeEdit(
        image_id=image.pk, bundle="tiny-16", base_revision_id=image.head_id,
        w_plus=image.head.w_plus_id, label_map=image.head.label_map_id,
    )  # fmt: skip
    return jobs.enqueue(
        owner=who.owner, team=who.team, request=request, now=rows.NOW, image_id=image.pk
    )


# ---- who gets in -----------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None, "http://127.0.0.1"])
async def test_a_socket_from_another_origin_is_refused(image, sessions, origin):
    communicator = wire(room(image), session=sessions["owner"], origin=origin)

    accepted, _ = await communicator.connect(10)

    assert not accepted


@pytest.mark.parametrize("path", ["/ws/images/{}/", "/ws/events/"])
@pytest.mark.parametrize("session", [None, "made-up", ""])
async def test_a_socket_without_session_is_closed(image, path, session):
    async with opened(path.format(image.pk), session, hello=False) as browser:
        assert await browser.expect_close() == 4401


async def test_a_stranger_is_told_that_there_is_no_such_picture(image, sessions):
    async with opened(room(image), sessions["stranger"], hello=False) as browser:
        assert await browser.expect_close() == 4404


async def test_an_unknown_picture_is_closed_in_the_same_way(sessions):
    path = f"/ws/images/{uuid4()}/"
    async with opened(path, sessions["owner"], hello=False) as browser:
        assert await browser.expect_close() == 4404


@pytest.mark.parametrize("path", ["/ws/", "/ws/images/7/", "/ws/images/"])
async def test_an_unknown_address_is_refused(sessions, path):
    accepted, _ = await wire(path, session=sessions["owner"]).connect(10)

    assert not accepted


async def test_an_old_browser_is_asked_to_reload(image, sessions):
    async with opened(room(image), sessions["owner"], hello=False) as browser:
        await browser.say({"type": "hello", "protocol": 0})

        assert await browser.expect_close() == 4426


async def test_nothing_is_heard_before_the_hello(image, sessions):
    async with opened(room(image), sessions["owner"], hello=False) as browser:
        await browser.draw()

        assert (await browser.expect("refused"))["code"] == "rooms.no_hello"


async def test_who_never_says_hello_is_closed(image, sessions, clock):
    async with opened(room(image), sessions["owner"], hello=False) as browser:
        await browser.say({"type": "ping"})
        await browser.expect("refused")
        clock[0] += consumers.HELLO_SECONDS + 1

        assert await browser.expect_close() == 4400


# ---- strokes ---------------------------------------------------------------------------------


async def test_two_people_see_all_strokes_in_one_order(who, image, sessions):
    async with (
        opened(room(image), sessions["owner"]) as mara,
        opened(room(image), sessions["teammate"]) as jonas,
    ):
        for _ in range(5):
            await asyncio.gather(mara.draw(), jonas.draw())
        seen = [[await browser.expect("op") for _ in range(10)] for browser in (mara, jonas)]

    assert seen[0] == seen[1]
    assert [message["op"]["seq"] for message in seen[0]] == list(range(1, 11))
    assert {message["op"]["author_id"] for message in seen[0]} == {
        who.owner.pk, who.teammate.pk,
    }  # fmt: skip


async def test_a_stroke_is_kept_before_it_is_acknowledged(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        op_id = await browser.draw(part=3)
        acknowledged = await browser.expect("op")

    kept = await db_call(lambda: RoomOp.objects.get(op_id=op_id))
    assert kept.seq == acknowledged["op"]["seq"] == 1
    assert kept.payload["stroke"]["part"] == 3


async def test_an_own_stroke_can_be_undone_and_anothers_not(image, sessions):
    async with (
        opened(room(image), sessions["owner"]) as mara,
        opened(room(image), sessions["teammate"]) as jonas,
    ):
        stroke = await mara.draw()
        await jonas.expect("op")
        refused_id = await jonas.undo(stroke)
        refused = await jonas.expect("refused")
        await mara.undo(stroke)
        told = await jonas.expect(
            "op",
        )

    assert (refused["code"], refused["op_id"]) == ("rooms.not_your_stroke", refused_id)
    assert told["op"]["undo"]["target"] == stroke
    assert told["op"]["seq"] == 2


async def test_a_stroke_sent_again_after_a_reconnect_is_acknowledged_once_more(image, sessions):
    stroke = a_stroke()
    message = {"type": "stroke", "epoch": 1, "stroke": stroke}
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say(message)
        first = await browser.expect("op")
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say(message)
        again = await browser.expect("op")

    assert again == first


async def test_ops_whose_hint_was_lost_are_read_again(image, sessions, monkeypatch):
    async with (
        opened(room(image), sessions["owner"]) as mara,
        opened(room(image), sessions["teammate"]) as jonas,
    ):
        with monkeypatch.context() as cut:
            cut.setattr(events, "publish", lambda group, message: None)
            await mara.draw()
            await mara.draw()
            await mara.expect("op")
            await mara.expect("op")
        await mara.draw()

        seqs = [(await jonas.expect("op"))["op"]["seq"] for _ in range(3)]

    assert seqs == [1, 2, 3]


async def test_a_ping_brings_what_was_missed(image, sessions, monkeypatch):
    async with (
        opened(room(image), sessions["owner"]) as mara,
        opened(room(image), sessions["teammate"]) as jonas,
    ):
        monkeypatch.setattr(events, "publish", lambda group, message: None)
        await mara.draw()
        await mara.expect("op")

        heard = await jonas.heard_so_far()

    assert [m["op"]["seq"] for m in heard if m["type"] == "op"] == [1]


async def test_who_missed_too_much_is_told_to_read_the_room_again(image, sessions, monkeypatch):
    monkeypatch.setattr(selectors, "MAX_MISSED", 1)
    async with (
        opened(room(image), sessions["owner"]) as mara,
        opened(room(image), sessions["teammate"]) as jonas,
    ):
        with monkeypatch.context() as cut:
            cut.setattr(events, "publish", lambda group, message: None)
            for _ in range(3):
                await mara.draw()
                await mara.expect("op")
        heard = await jonas.heard_so_far()

    assert [m for m in heard if m["type"] == "resync"]
    assert not [m for m in heard if m["type"] == "op"]


async def test_a_new_head_is_announced_to_everybody(image, sessions):
    def new_head():
        return images.add_revision(
            image=image, author=image.owner, kind=RevisionKind.OPTIMIZE, parent=image.head,
            picture=rows.picture(5), now=rows.NOW,
        )  # fmt: skip

    async with opened(room(image), sessions["teammate"]) as jonas:
        revision = await db_call(new_head)
        changed = await jonas.expect("room")
        await jonas.draw(epoch=2)
        placed = await jonas.expect("op")

    assert changed == {"type": "room", "epoch": 2, "base_revision_id": str(revision.pk)}
    assert placed["op"]["epoch"] == 2


# ---- presence --------------------------------------------------------------------------------


async def test_people_see_each_other_come_claim_and_go(who, image, sessions):
    async with opened(room(image), sessions["owner"]) as mara:
        async with opened(room(image), sessions["teammate"]) as jonas:
            both = await mara.expect("presence")
            while len(both["people"]) < 2:
                both = await mara.expect("presence")
            await jonas.draw(part=3)
            claimed = await mara.expect("presence")
        gone = await mara.expect("presence")

    assert [person["user_id"] for person in both["people"]] == [who.teammate.pk, who.owner.pk]
    assert claimed["people"][0]["part"] == 3
    assert [person["user_id"] for person in gone["people"]] == [who.owner.pk]


async def test_a_second_tab_of_the_same_person_adds_nobody(who, image, sessions):
    async with opened(room(image), sessions["owner"]) as one:
        await one.expect("presence")
        async with opened(room(image), sessions["owner"]) as two:
            shown = await two.expect("presence")
            stroke = await two.draw()
            told = await one.expect("op")

    assert [person["user_id"] for person in shown["people"]] == [who.owner.pk]
    assert told["op"]["stroke"]["op_id"] == stroke


async def test_a_claim_ends_five_seconds_after_the_last_stroke(image, sessions, clock):
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.expect("presence")
        await browser.say({"type": "claim", "part": 2})
        claimed = await browser.expect("presence")
        clock[0] += 4
        await browser.draw(part=2)
        await browser.expect("op")
        clock[0] += 4
        still = await browser.heard_so_far()
        clock[0] += 1.1
        ended = await browser.expect("presence")

    assert claimed["people"][0]["part"] == 2
    assert not [m for m in still if m["type"] == "presence"]
    assert ended["people"][0]["part"] is None


# ---- previews and frames ---------------------------------------------------------------------


async def test_of_many_wishes_the_newest_waits_for_the_worker(who, image, sessions):
    vector = await db_call(a_vector, who)
    version = vector.current_version_id
    async with opened(room(image), sessions["owner"]) as browser:
        for seq in range(1, 40):
            await browser.say(wish(image, seq, (version, seq / 20)))
        await browser.heard_so_far()

        (request,) = await asyncio.to_thread(worker.take_previews, 1)

    assert (request.seq, request.epoch) == (39, 1)
    assert str(request.stream) == browser.stream
    assert request.w_plus == image.head.w_plus_id
    assert request.stack[0].strength == 39 / 20


async def test_an_older_wish_does_not_replace_a_newer_one(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say(wish(image, 5))
        await browser.say(wish(image, 4))
        await browser.heard_so_far()

        (request,) = await asyncio.to_thread(worker.take_previews, 1)

    assert request.seq == 5


async def test_previews_of_anothers_vector_or_picture_are_refused(who, image, sessions):
    def foreign():
        vector = a_vector(who, team=who.other_team, actor=who.stranger)
        other = images.add_sample(
            owner=who.stranger, team=who.other_team, name="Theirs", bundle="tiny-16",
            picture=rows.picture(4), now=rows.NOW,
        )  # fmt: skip
        return vector.current_version_id, other.head_id

    version, revision = await db_call(foreign)
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say(wish(image, 1, (version, 1.0)))
        first = await browser.expect("refused")
        await browser.say(wish(image, 2, (uuid4(), 1.0)))
        second = await browser.expect("refused")
        await browser.say(wish(image, 3, base=revision))
        third = await browser.expect("refused")
        await browser.say(wish(image, 4, (version, 3.0)))
        fourth = await browser.expect("refused")
        taken = await asyncio.to_thread(worker.take_previews, 0.1)

    assert [first["code"], second["code"]] == ["library.unknown"] * 2
    assert third["code"] == "rooms.unknown_base"
    assert fourth["detail"] == "Strength goes from −2 to 2."
    assert taken == []


async def test_previews_of_an_earlier_models_code_are_refused(image, sessions):
    await db_call(Revision.objects.filter(image=image).update, fingerprint="e" * 64)

    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say(wish(image, 1))
        refused = await browser.expect("refused")
        taken = await asyncio.to_thread(worker.take_previews, 0.1)

    assert refused["code"] == "images.earlier_model"
    assert taken == []


async def test_frames_come_back_binary_and_newest_first(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        await put_frame(browser.stream, 1, picture=b"one")
        first = await browser.expect_frame()
        await put_frame(browser.stream, 2, picture=b"two")
        second = await browser.expect_frame()
        await put_frame(browser.stream, 1, picture=b"late")
        heard = await browser.heard_so_far()

    assert [first.picture, second.picture] == [b"one", b"two"]
    assert not [m for m in heard if isinstance(m, Frame)]


async def test_two_frames_are_in_flight_and_then_only_the_newest_follows(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        for seq in (1, 2):
            await put_frame(browser.stream, seq)
            assert (await browser.expect_frame()).seq == seq
        for seq in range(3, 30):
            await put_frame(browser.stream, seq)
        held_back = await browser.heard_so_far()
        await browser.say({"type": "ack", "stream": browser.stream, "seq": 1})
        newest = await browser.expect_frame()
        after = await browser.heard_so_far()

    assert not [m for m in held_back if isinstance(m, Frame)]
    assert newest.seq == 29
    assert not [m for m in after if isinstance(m, Frame)]


async def test_who_never_acknowledges_is_closed_to_resync(image, sessions, clock):
    async with opened(room(image), sessions["owner"]) as browser:
        await put_frame(browser.stream, 1)
        await browser.expect_frame()
        clock[0] += 10
        await browser.heard_so_far()
        clock[0] += 0.1

        assert await browser.expect_close() == 4408


async def test_the_frames_and_progress_of_a_watched_job_arrive(who, image, sessions):
    def start():
        job = a_job(who, image)
        return worker.claim("interactive", now=rows.NOW, lease_seconds=30), job

    claimed, job = await db_call(start)
    async with opened(room(image), sessions["teammate"]) as jonas:
        await put_frame(job.pk, 1, step=0)
        await jonas.say({"type": "watch", "job_id": job.pk})
        waiting = await jonas.expect_frame()
        await put_frame(job.pk, 2, step=1)
        live = await jonas.expect_frame()
        await db_call(
            worker.advance, claimed, Progress(step=1, num_steps=30), now=rows.NOW,
            lease_seconds=30,
        )  # fmt: skip
        moved = await jonas.expect("job", status="running")
        await jonas.say({"type": "watch", "job_id": None})
        await jonas.heard_so_far()
        await put_frame(job.pk, 3, step=2)
        after = await jonas.heard_so_far()

    assert (waiting.seq, live.seq, live.step) == (1, 2, 1)
    assert moved["progress"]["step"] == 1
    assert not [m for m in after if isinstance(m, Frame)]


async def test_a_job_of_another_picture_cannot_be_watched(who, image, sessions):
    def elsewhere():
        return a_job(who, rows.sample(who, name="Ben", seed=3))

    job = await db_call(elsewhere)
    async with opened(room(image), sessions["owner"]) as browser:
        for job_id in (job.pk, uuid4()):
            await browser.say({"type": "watch", "job_id": job_id})

            assert (await browser.expect("refused"))["code"] == "rooms.unknown_job"


async def test_a_stack_at_rest_is_told_to_all_and_kept(who, image, sessions):
    vector = await db_call(a_vector, who)
    stack = [{"edit_vector_version_id": str(vector.current_version_id), "strength": 0.5}]
    async with (
        opened(room(image), sessions["owner"]) as mara,
        opened(room(image), sessions["teammate"]) as jonas,
    ):
        await mara.say({"type": "rest", "stack": stack})
        told = await jonas.expect("stack")

    _, kept = await db_call(selectors.snapshot, who.teammate, image.pk)
    assert (told["author_id"], told["stack"]) == (who.owner.pk, stack)
    assert [(item.strength, item.title) for item in kept.stack] == [(0.5, "Smile")]


# ---- bad input and lost rights ---------------------------------------------------------------


async def test_unknown_types_are_ignored_and_the_socket_goes_on(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say({"type": "sing", "loud": True})
        await browser.draw()

        assert (await browser.expect("op"))["op"]["seq"] == 1


async def test_malformed_messages_are_refused_and_too_many_end_the_socket(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say("{")
        refused = await browser.expect("refused")
        for _ in range(sockets.MAX_MALFORMED - 1):
            await browser.say('{"type": "stroke"}')
        code = await browser.expect_close()

    assert refused["code"] == "rooms.malformed"
    assert code == 4400


async def test_a_binary_message_is_refused(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.wire.send_to(bytes_data=b"\x01" * 64)

        assert (await browser.expect("refused"))["code"] == "rooms.malformed"


async def test_a_message_that_is_too_long_ends_the_socket(image, sessions):
    async with opened(room(image), sessions["owner"]) as browser:
        await browser.say('{"type":"ping","x":"' + "x" * 300_000 + '"}')

        assert await browser.expect_close() == 1009


async def test_a_flood_ends_the_socket(image, sessions, clock):
    async with opened(room(image), sessions["owner"]) as browser:
        for _ in range(901):
            await browser.say({"type": "sing"})

        assert await browser.expect_close() == 4429


@pytest.mark.parametrize(
    ("loses", "code"), [("membership", 4403), ("session", 4401), ("account", 4401)]
)
async def test_lost_rights_reach_an_open_socket(who, image, sessions, clock, loses, code):
    def lose():
        if loses == "membership":
            Membership.objects.filter(user=who.teammate).delete()
        elif loses == "session":
            Session.objects.filter(pk=sessions["teammate"]).delete()
        else:
            type(who.teammate).objects.filter(pk=who.teammate.pk).update(is_active=False)

    async with opened(room(image), sessions["teammate"]) as browser:
        await browser.heard_so_far()
        await db_call(lose)
        clock[0] += sockets.REVALIDATE_SECONDS

        assert await browser.expect_close() == code


async def test_who_has_lost_the_team_cannot_draw_even_before_the_next_check(
    who, image, sessions
):
    async with opened(room(image), sessions["teammate"]) as browser:
        await db_call(lambda: Membership.objects.filter(user=who.teammate).delete())
        await browser.draw()

        assert (await browser.expect("refused"))["code"] == "images.unknown"


async def test_one_slow_query_does_not_hold_up_another_socket(image, sessions, monkeypatch):
    hold, held = threading.Event(), threading.Event()
    original = selectors.standing

    def slow(image_id):
        held.set()
        assert hold.wait(20)
        return original(image_id)

    async with (
        opened(room(image), sessions["owner"]) as slow_one,
        opened(room(image), sessions["teammate"]) as other,
    ):
        monkeypatch.setattr(selectors, "standing", slow)
        await slow_one.say({"type": "ping"})
        await asyncio.to_thread(held.wait, 20)
        try:
            await put_frame(other.stream, 1)
            assert (await other.expect_frame()).seq == 1
            await other.draw()
            assert (await other.expect("op"))["op"]["seq"] == 1
        finally:
            hold.set()
        await slow_one.expect("pong")


# ---- the events socket ---------------------------------------------------------------------


async def test_team_events_reach_the_team_and_nobody_else(who, sessions):
    event = TeamEvent(topic="library", object_id=uuid4())
    async with (
        opened("/ws/events/", sessions["teammate"], hello=False) as jonas,
        opened("/ws/events/", sessions["stranger"], hello=False) as sam,
    ):
        await jonas.heard_so_far()
        await sam.heard_so_far()
        await db_call(events.announce_team, who.team.pk, event)
        told = await jonas.expect("team")
        overheard = await sam.heard_so_far()

    assert told["object_id"] == str(event.object_id)
    assert overheard == []


async def test_a_hostile_browser_leaves_no_socket_broken_for_others(image, sessions):
    rng = np.random.default_rng(11)
    async with (
        opened(room(image), sessions["owner"]) as bad,
        opened(room(image), sessions["teammate"]) as good,
    ):
        await send_noise(bad, rng)
        await good.draw()

        assert (await good.expect("op"))["op"]["seq"] == 1


async def send_noise(browser: Browser, rng) -> None:
    for _ in range(15):
        await browser.say(bytes(rng.integers(1, 128, 40, dtype=np.uint8)).decode("ascii"))
