"""How long does a person wait for an optimization of 30 steps, frames included?

Through the real API, socket and worker: the clock runs from the request until the socket
has said that the job succeeded, while every frame is received and acknowledged.
"""

import io
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import torch
from PIL import Image
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from deploy.bench.installation import Installation
from editing import families
from webapp.common.frames import Frame

STEPS = 30
TERMINAL = ("succeeded", "failed", "canceled")
# Paintings that every portrait can follow, one after the other.
PAINTINGS = ("smile", "frown")


@dataclass(frozen=True)
class Run:
    """One optimization as a person saw it."""

    seconds: float
    num_frames: int


class Person:
    """Somebody signed in, by HTTP."""

    def __init__(self, url: str, *, email: str, password: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=60)
        self.http.get("/api/session").raise_for_status()
        self.post(
            "/_allauth/browser/v1/auth/login", json={"email": email, "password": password}
        )

    def post(self, path: str, **content: Any) -> Any:
        headers = {
            "X-CSRFToken": self.http.cookies.get("csrftoken") or "",
            "Origin": self.url,
            "Idempotency-Key": uuid.uuid4().hex,
        }
        answer = self.http.post(path, headers=headers, **content)
        if answer.is_error:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def socket(self, image_id: str) -> ClientConnection:
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        return connect(
            f"{self.url.replace('http', 'ws', 1)}/ws/images/{image_id}/",
            additional_headers={"Cookie": cookies},
            origin=Origin(self.url),
            compression=None,
        )


def paint(labels: bytes, *, family: str, rule: str) -> bytes:
    """Return the painting of a label map, PNG, that a rule of the family makes of it."""
    import numpy as np

    before = torch.from_numpy(np.array(Image.open(io.BytesIO(labels))))
    kind = families.get(family)
    after = kind.painting_rules[rule](before, kind.schema)
    out = io.BytesIO()
    Image.fromarray(after.to(torch.uint8).numpy()).save(out, "PNG")
    return out.getvalue()


def optimize(person: Person, image: dict[str, Any], *, family: str, rule: str) -> Run:
    """Paint and optimize one picture; return what the person saw.

    Raises:
        RuntimeError: the job did not succeed.
    """
    head = next(
        revision
        for revision in person.get(f"/api/images/{image['id']}/revisions")
        if revision["is_head"]
    )
    labels = person.http.get(head["label_map_url"]).raise_for_status().content
    painting = paint(labels, family=family, rule=rule)
    num_frames = 0
    with person.socket(image["id"]) as socket:
        socket.send(json.dumps({"type": "hello", "protocol": 1}))
        began = time.monotonic()
        job = person.post(
            f"/api/images/{image['id']}/edits",
            files={"label_map": ("painting.png", painting, "image/png")},
            data={"base_revision_id": head["id"], "steps": str(STEPS), "frozen_seq": "0"},
        )
        socket.send(json.dumps({"type": "watch", "job_id": job["id"]}))
        while True:
            message = socket.recv(timeout=120)
            if isinstance(message, bytes):
                frame = Frame.unpack(message)
                num_frames += 1
                ack = {"type": "ack", "stream": str(frame.stream), "seq": frame.seq}
                socket.send(json.dumps(ack))
                continue
            event = json.loads(message)
            if event["type"] == "job" and event["job_id"] == job["id"]:
                if event["status"] == "succeeded":
                    return Run(time.monotonic() - began, num_frames)
                if event["status"] in TERMINAL:
                    raise RuntimeError(f"the job ended as {event}")


def measure(installation: Installation, *, email: str, password: str, rounds: int) -> list[Run]:
    """Return `rounds` runs on sample pictures, after one that warms up."""
    person = Person(installation.url, email=email, password=password)
    kinds = {kind["name"]: kind["family"] for kind in person.get("/api/families")}
    images = [
        image
        for image in person.get("/api/images")["items"]
        if image["head_revision_id"] is not None
    ]
    runs = []
    for number in range(rounds + 1):
        image = images[number % len(images)]
        rule = PAINTINGS[number // len(images) % len(PAINTINGS)]
        run = optimize(person, image, family=kinds[image["bundle"]], rule=rule)
        if number:
            runs.append(run)
    return runs
