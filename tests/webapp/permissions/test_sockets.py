"""Every message of a picture's socket, from everybody, for pictures in every state.

The expected answers stand in `sockets.txt`: `done`, the code of the refusal, or the code
with which the socket was closed. A new message fails here until it has its rows, see
`test_http.py`.
"""

import os
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from django.conf import settings
from pydantic import BaseModel

from tests.webapp.permissions import table
from tests.webapp.permissions.world import IMAGE_STATES, WHO, World, build
from tests.webapp.rooms.browsers import PATIENCE, Browser, ClosedError, a_stroke, wire
from webapp.rooms.messages import PROTOCOL, FromBrowser

pytestmark = pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)
TABLE = Path(__file__).with_name("sockets.txt")
PEOPLE = tuple(who for who in WHO if who not in ("token", "no_scope"))  # sockets know cookies

HEAD = """\
# Who may say what over the socket of a picture, in which state.
#
#   done     it was carried out             closed.4401   nobody is signed in
#   else     the code of the refusal        closed.4404   there is no such picture for you
"""


def kinds() -> list[str]:
    """Return the type of every message that a browser may send."""
    found: list[type[BaseModel]] = list(get_args(get_args(FromBrowser)[0]))
    return [str(each.model_fields["type"].default) for each in found]


def message(kind: str, world: World, state: str, stroke: str) -> dict[str, Any]:
    image = world.images[state]
    bodies: dict[str, dict[str, Any]] = {
        "hello": {"protocol": PROTOCOL},
        "stroke": {"epoch": image.epoch, "stroke": a_stroke(op_id=stroke)},
        "undo": {
            "epoch": image.epoch,
            "undo": {"op_id": str(uuid4()), "target": stroke, "undone": True},
        },
        "claim": {"part": 2},
        "preview": {"seq": 1, "base_revision_id": str(image.head_id), "stack": []},
        "rest": {"stack": []},
        "watch": {"job_id": str(world.ids[f"job {state}"])},
        "ack": {"stream": str(uuid4()), "seq": 1},
    }
    return {"type": kind, **bodies.get(kind, {})}


async def answers(world: World, state: str, who: str) -> dict[str, str]:
    """Return what becomes of each message that somebody sends."""
    cookie = world.browsers[who].cookies.get("sessionid")
    wired = wire(
        f"/ws/images/{world.images[state].pk}/", session=cookie.value if cookie else None
    )
    accepted, _ = await wired.connect(PATIENCE)
    assert accepted
    browser, stroke = Browser(wired), str(uuid4())
    found: dict[str, str] = {}
    try:
        for kind in kinds():
            await browser.say(message(kind, world, state, stroke))
            heard = await browser.heard_so_far() if kind != "ping" else []
            refusals = [
                each["code"]
                for each in heard
                if isinstance(each, dict) and each["type"] == "refused"
            ]
            found[kind] = refusals[0] if refusals else "done"
    except ClosedError as closed:
        found = {kind: found.get(kind, f"closed.{closed.code}") for kind in kinds()}
    finally:
        await wired.disconnect(timeout=PATIENCE)
    return found


@pytest.fixture
def world(db: None) -> World:
    return build()


async def test_everybody_gets_the_answer_that_the_table_says(world: World) -> None:
    found: dict[table.Key, table.Row] = {
        (kind, state): {} for kind in kinds() for state in IMAGE_STATES
    }
    for state in IMAGE_STATES:
        for who in PEOPLE:
            for kind, answer in (await answers(world, state, who)).items():
                found[kind, state][who] = answer
    if os.environ.get("WRITE_TABLE"):
        table.write(TABLE, found, head=HEAD, columns=PEOPLE)
        return

    assert found == table.read(TABLE)
