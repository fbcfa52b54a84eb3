"""A browser's side of a socket, for tests: it speaks JSON and keeps what it hears."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from channels.testing import WebsocketCommunicator

from webapp.common.frames import Frame
from webapp.rooms import routing

ORIGIN = "http://127.0.0.1:8000"
PATIENCE = 30.0  # the machine may be busy; passing tests never wait this long


class ClosedError(Exception):
    """The server closed the socket."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Browser:
    """One open socket."""

    def __init__(self, wire: WebsocketCommunicator) -> None:
        self.wire = wire
        self.stream = ""

    async def say(self, message: "dict[str, Any] | str") -> None:
        text = message if isinstance(message, str) else json.dumps(message, default=str)
        await self.wire.send_to(text_data=text)

    async def hear(self, *, patience: float = PATIENCE) -> "dict[str, Any] | Frame":
        """Return the next message or frame."""
        output = await self.wire.receive_output(patience)
        if output["type"] == "websocket.close":
            raise ClosedError(output.get("code", 1000))
        if output.get("bytes") is not None:
            return Frame.unpack(output["bytes"])
        found: dict[str, Any] = json.loads(output["text"])
        return found

    async def expect(self, kind: str, **content: Any) -> "dict[str, Any]":
        """Return the next message of a type, with this content; others are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.hear()
                if not isinstance(message, dict) or message["type"] != kind:
                    continue
                if all(message[key] == value for key, value in content.items()):
                    return message

    async def expect_frame(self) -> Frame:
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.hear()
                if isinstance(message, Frame):
                    return message

    async def expect_close(self) -> int:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.hear()
                except ClosedError as closed:
                    return closed.code

    async def heard_so_far(self) -> "list[dict[str, Any] | Frame]":
        """Return what the server sends until it has answered a ping."""
        await self.say({"type": "ping"})
        heard: list[dict[str, Any] | Frame] = []
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.hear()
                if isinstance(message, dict) and message["type"] == "pong":
                    return heard
                heard.append(message)

    async def hello(self) -> "dict[str, Any]":
        await self.say({"type": "hello", "protocol": 1})
        welcome = await self.expect("welcome")
        self.stream = welcome["preview_stream"]
        return welcome

    async def draw(self, *, epoch: int = 1, part: int = 2, **more: Any) -> str:
        """Send a stroke and return its id."""
        stroke = a_stroke(part=part, **more)
        await self.say({"type": "stroke", "epoch": epoch, "stroke": stroke})
        return str(stroke["op_id"])

    async def undo(self, target: str, *, undone: bool = True, epoch: int = 1) -> str:
        undo = {"op_id": str(uuid4()), "target": target, "undone": undone}
        await self.say({"type": "undo", "epoch": epoch, "undo": undo})
        return str(undo["op_id"])


def a_stroke(**more: Any) -> "dict[str, Any]":
    return {
        "op_id": str(uuid4()), "tool": "brush", "part": 2, "radius": 32,
        "points": [[16, 16], [32, 48]], "rasteriser": 1, **more,
    }  # fmt: skip


def wire(path: str, *, session: str | None, origin: str | None = ORIGIN) -> Any:
    headers = []
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    if session is not None:
        headers.append((b"cookie", f"sessionid={session}".encode()))
    return WebsocketCommunicator(routing.application, path, headers=headers)


@asynccontextmanager
async def opened(path: str, session: str | None, *, hello: bool = True, **more: Any):
    """Open a socket, say hello, and close it at the end."""
    communicator = wire(path, session=session, **more)
    accepted, _ = await communicator.connect(PATIENCE)
    assert accepted
    browser = Browser(communicator)
    try:
        if hello:
            await browser.hello()
        yield browser
    finally:
        await communicator.disconnect(timeout=PATIENCE)
