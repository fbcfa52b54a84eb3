"""What an open socket may do ends when the role does: within a second, or at the sweep."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.factories import rows
from tests.factories.rows import People
from tests.webapp.rooms.browsers import opened
from webapp.accounts import services as accounts
from webapp.accounts.models import Membership, Role
from webapp.images import services as images
from webapp.images import sharing
from webapp.images.models import Access, Image
from webapp.rooms.db import db_call
from webapp.rooms.sockets import CloseCode, Socket

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)


def path(image: Image) -> str:
    return f"/ws/images/{image.pk}/"


async def test_removing_a_member_closes_what_they_have_open_within_a_second(
    who: People, image: Image, sessions: Any
) -> None:
    async with opened(path(image), sessions["teammate"]) as browser:
        began = time.monotonic()
        await db_call(
            accounts.remove_member,
            actor=who.owner,
            team_id=who.team.pk,
            user_id=who.teammate.pk,
            now=NOW,
        )

        code = await browser.expect_close()

    assert code == CloseCode.NO_ACCESS
    assert time.monotonic() - began < 1.0


async def test_a_viewer_is_sent_round_again_and_then_looks_only(
    who: People, image: Image, sessions: Any
) -> None:
    async with opened(path(image), sessions["teammate"]) as browser:
        await db_call(
            accounts.change_role,
            actor=who.owner,
            team_id=who.team.pk,
            user_id=who.teammate.pk,
            role=Role.VIEWER,
        )
        assert await browser.expect_close() == CloseCode.RESYNC

    async with opened(path(image), sessions["teammate"], hello=False) as browser:
        welcome = await browser.hello()
        assert welcome["may_edit"] is False
        for message in (
            {"type": "rest", "stack": []},
            {"type": "claim", "part": 2},
        ):
            await browser.say(message)
            assert (await browser.expect("refused"))["code"] == "rooms.read_only"
        stroke = await browser.draw()
        refused = await browser.expect("refused")
        assert (refused["code"], refused["op_id"]) == ("rooms.read_only", stroke)


async def test_a_role_that_nobody_told_of_is_found_at_the_sweep(
    who: People, image: Image, sessions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Socket, "revalidate_seconds", 0.2)
    monkeypatch.setattr(Socket, "tick_seconds", 0.1)
    async with opened(path(image), sessions["teammate"]) as browser:
        await db_call(Membership.objects.filter(user=who.teammate).delete)

        assert await browser.expect_close() == CloseCode.NO_ACCESS


async def test_taking_a_link_back_closes_its_guests_and_nobody_else(
    who: People, image: Image, sessions: Any
) -> None:
    link = await db_call(
        sharing.share,
        actor=who.owner,
        image_id=image.pk,
        access=Access.EDIT,
        days=None,
        now=NOW,
    )
    await db_call(sharing.open_link, actor=who.stranger, secret=sharing.secret_of(link))
    async with (
        opened(path(image), sessions["stranger"]) as guest,
        opened(path(image), sessions["owner"]) as host,
    ):
        await guest.draw()
        await host.expect("op")
        began = time.monotonic()

        await db_call(sharing.unshare, actor=who.owner, share_id=link.pk, now=NOW)

        assert await guest.expect_close() == CloseCode.NO_ACCESS
        assert time.monotonic() - began < 1.0
        await host.draw()
        await host.expect("op")


async def test_removing_a_picture_closes_it_for_guests_too(
    who: People, image: Image, sessions: Any
) -> None:
    link = await db_call(
        sharing.share, actor=who.owner, image_id=image.pk, access=Access.VIEW, days=None,
        now=NOW,
    )  # fmt: skip
    await db_call(sharing.open_link, actor=who.stranger, secret=sharing.secret_of(link))
    async with opened(path(image), sessions["stranger"]) as guest:
        began = time.monotonic()

        await db_call(images.remove, actor=who.owner, image_id=image.pk, now=NOW)

        assert await guest.expect_close() == CloseCode.NO_ACCESS
        assert time.monotonic() - began < 1.0


@pytest.fixture
def two_sign_ins(who: People) -> list[Client]:
    return [rows.client(who.owner), rows.client(who.owner)]


async def test_signing_out_closes_the_sockets_of_that_sign_in_alone(
    image: Image, two_sign_ins: list[Client]
) -> None:
    sessions = [each.cookies["sessionid"].value for each in two_sign_ins]
    async with (
        opened(path(image), sessions[0]) as first,
        opened(path(image), sessions[1]) as second,
    ):
        await db_call(_sign_out, two_sign_ins[0])

        assert await first.expect_close() == CloseCode.NO_SESSION
        await second.draw()
        await second.expect("op")


def _sign_out(client: Client) -> None:
    client.delete("/_allauth/browser/v1/auth/session")


async def test_the_events_socket_hears_of_a_team_from_the_moment_of_joining(
    who: People, sessions: Any
) -> None:
    async with opened("/ws/events/", sessions["stranger"], hello=False) as browser:
        await browser.heard_so_far()
        await db_call(accounts.add_member, team=who.team, user=who.stranger, role=Role.VIEWER)
        heard: list[Any] = []
        for number in range(50):  # the socket joins the team's group a moment later
            await db_call(
                accounts.rename_team,
                actor=who.owner,
                team_id=who.team.pk,
                name=f"Renamed {number}",
            )
            heard = [each for each in await browser.heard_so_far() if each["topic"] == "team"]
            if heard:
                break

        assert heard[0]["object_id"] == str(who.team.pk)
