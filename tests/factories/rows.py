"""Rows for tests: the three people, a bundle's manifest, images with a history, jobs."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.test import Client
from PIL import Image as Pictures

from webapp.accounts import services as accounts
from webapp.accounts.models import Team, User
from webapp.common import artifacts
from webapp.images import codes
from webapp.images import services as images
from webapp.images.models import Image
from webapp.jobs import contract, worker

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
SIZE = 16
LAYERS, W_DIM = 6, 8
PARTS = (
    ("background", "Background", "#2E3B74", True),
    ("skin", "Skin", "#BACBAB", False),
    ("hair", "Hair", "#622601", False),
    ("glasses", "Glasses", "#F2E610", False),
)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass(frozen=True)
class People:
    """The same three everywhere: two of one team, one of another."""

    owner: User
    teammate: User
    stranger: User
    team: Team
    other_team: Team


def people() -> People:
    owner = User.objects.create_user("owner@example.com", PASSWORD, name="Olive Owner")
    teammate = User.objects.create_user("teammate@example.com", PASSWORD, name="Theo Mate")
    stranger = User.objects.create_user("stranger@example.com", PASSWORD, name="Sam Stranger")
    for user in (owner, teammate, stranger):
        accounts.confirm_address(user)
    team = accounts.found_team(name="Northlight", owner=owner)
    accounts.add_member(team=team, user=teammate)
    other = accounts.found_team(name="Elsewhere", owner=stranger)
    return People(owner, teammate, stranger, team, other)


def client(user: User | None) -> Client:
    """Return a browser in which `user` is signed in."""
    browser = Client(raise_request_exception=False)
    if user is not None:
        browser.force_login(user)
    return browser


def write_manifest(
    folder: Path, *, name: str = "tiny-16", family: str = "tiny", resolution: int = SIZE
) -> None:
    """Put a manifest under `folder`, as far as the web platform reads it."""
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    parts = [
        {"id": i, "name": n, "title": t, "color": c, "group": "face", "is_background": b}
        for i, (n, t, c, b) in enumerate(PARTS)
    ]
    manifest = {
        "format": "bundle/1", "name": name, "title": "Tiny", "family": family, "version": 1,
        "resolution": resolution, "label_size": SIZE, "num_layers": LAYERS, "w_dim": W_DIM,
        "schema": {"family": family, "version": 1, "parts": parts},
        "fingerprint": "f" * 64, "usual_error": [0.01, 0.02, 0.05], "samples": [],
    }  # fmt: skip
    (path / "manifest.json").write_text(json.dumps(manifest))


def labels(*, hair_rows: int = 4) -> "np.ndarray[Any, Any]":
    found = np.ones((SIZE, SIZE), np.uint8)
    found[:hair_rows] = 2
    found[-2:] = 0
    return found


def labels_png(found: "np.ndarray[Any, Any]", *, mode: str = "L") -> bytes:
    picture = Pictures.fromarray(found.astype(np.uint8), "L")
    if mode == "P":
        picture.putpalette([0, 0, 0] * 256)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def picture_bytes(
    *, size: tuple[int, int] = (64, 48), form: str = "PNG", mode: str = "RGB", **options: Any
) -> bytes:
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Pictures.fromarray(pixels).convert(mode).save(out, form, **options)
    return out.getvalue()


def picture(seed: int = 0, *, hair_rows: int = 4) -> contract.Picture:
    """Return the outcome of a job, its bytes stored."""
    rng = np.random.default_rng(seed)
    code = rng.standard_normal((LAYERS, W_DIM)).astype(np.float32)
    png = picture_bytes(size=(SIZE, SIZE)) + bytes([seed % 256])  # bytes of its own
    return contract.Picture(
        w_plus=artifacts.put(codes.write(code), content_type="application/octet-stream"),
        picture=artifacts.put(png, content_type="image/png"),
        label_map=artifacts.put(
            labels_png(labels(hair_rows=hair_rows)), content_type="image/png"
        ),
        thumbnail=artifacts.put(b"webp%d" % seed, content_type="image/webp"),
    )


def sample(who: People, *, name: str = "Ada", seed: int = 0) -> Image:
    """Return a ready image of the team with one revision."""
    return images.add_sample(
        owner=who.owner, team=who.team, name=name, bundle="tiny-16",
        picture=picture(seed), now=NOW,
    )  # fmt: skip


def edited(seed: int = 1, *, kind: Any = "optimize", hair_rows: int = 6) -> contract.Edited:
    """Return what a worker reports at the end of an edit."""
    return contract.Edited(
        kind=kind, picture=picture(seed, hair_rows=hair_rows), parts=(1, 2), steps_done=30,
        best_step=28, figures=contract.Figures(total=0.5), changed_share=0.2,
        outside_change=0.01,
    )  # fmt: skip


def inverted(seed: int = 2, *, error: float = 0.03) -> contract.Inverted:
    """Return what a worker reports at the end of an inversion."""
    return contract.Inverted(
        picture=picture(seed), residual=artifacts.put(b"residual", content_type="image/png"),
        error=error, psnr_db=30.0, perceptual=0.1, distance_to_w=0.2,
        usual_error=(0.01, 0.02, 0.05),
    )  # fmt: skip


def claim(lane: str = "interactive", *, now: datetime = NOW, lease: float = 30) -> Any:
    """Claim a job that must be there."""
    job = worker.claim(lane, now=now, lease_seconds=lease)
    assert job is not None, f"nothing to claim in {lane}"
    return job
