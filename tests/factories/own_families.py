"""A team's own family in the making: a tiny checkpoint, uploads, painted samples."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Pillow

SIZE = 32
PARTS = (
    {"name": "background", "title": "Background", "color": "#2E3B74", "is_background": True},
    {"name": "body", "title": "Body", "color": "#BACBAB"},
    {"name": "ears", "title": "Ears", "color": "#622601"},
)


def checkpoint() -> bytes:
    """Return a StyleGAN2 of 32 px as its official code pickles one."""
    from tests.editing.importers import foreign

    sizes = foreign.Sizes(resolution=SIZE, base=128, most=8, w_dim=8, z_dim=8, mapping_layers=2)
    state = foreign.official_state(sizes)
    return foreign.nvidia_pickle(foreign.nvidia_network(state))


def send(browser: Client, path: str, body: Any = None, *, method: str = "POST") -> Any:
    """Send JSON and return the answer's JSON; anything but a success fails the test."""
    text = "" if body is None else json.dumps(body)
    answer = browser.generic(method, f"/api{path}", text, content_type="application/json")
    assert answer.status_code < 300, answer.content.decode()
    return json.loads(answer.content) if answer.content else None


def read(browser: Client, path: str) -> Any:
    return send(browser, path, method="GET")


def upload(browser: Client, project_id: str, data: bytes, *, kind: str, file_name: str) -> Any:
    """Send a file in two chunks; return the upload."""
    wish = {"file_name": file_name, "size": len(data), "kind": kind}
    upload = send(browser, f"/family-projects/{project_id}/uploads", wish)
    half = len(data) // 2
    for offset, chunk in ((0, data[:half]), (half, data[half:])):
        upload = add_chunk(browser, upload["id"], offset=offset, chunk=chunk).json()
    return upload


def add_chunk(browser: Client, upload_id: str, *, offset: int, chunk: bytes) -> Any:
    return browser.post(
        f"/api/family-uploads/{upload_id}/chunks",
        {"offset": offset, "chunk": SimpleUploadedFile("chunk", chunk)},
    )


def label_map(seed: int = 0, *, size: int = SIZE, body: int = 1, ears: int = 2) -> bytes:
    """Return a label map as PNG: a body with ears, moved about by `seed`."""
    ids = np.zeros((size, size), np.uint8)
    left = 2 + seed % 5
    ids[size // 3 :, left : left + size // 2] = body
    ids[size // 4 : size // 3, left : left + 2] = ears
    return png(ids)


def png(ids: "np.ndarray[Any, Any]") -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(ids.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def save_label_map(
    browser: Client,
    sample: Any,
    data: bytes,
    *,
    version: int | None = None,
    is_done: bool = True,
) -> Any:
    """Save a sample's label map and return the whole answer."""
    fields = {
        "version": sample["label_version"] if version is None else version,
        "is_done": "true" if is_done else "false",
        "label_map": SimpleUploadedFile("map.png", data, content_type="image/png"),
    }
    return browser.post(f"/api/family-samples/{sample['id']}/label-map", fields)


def set_parts(browser: Client, project: Any, parts: Any = PARTS, **more: Any) -> Any:
    """Give a project parts and return it."""
    wish = {"schema_version": project["schema_version"], "parts": list(parts), **more}
    return send(browser, f"/family-projects/{project['id']}/schema", wish, method="PUT")


def pictures_zip(folder: Path, *, num: int = 24, size: int = 32, more: Any = None) -> bytes:
    """Return a zip of pictures to learn from, with `more` files by name."""
    import zipfile

    rng = np.random.default_rng(3)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for number in range(num):
            pixels = np.full((size, size, 3), rng.integers(0, 255, 3), np.uint8)
            pixels[4:12, 4 + number % 8 : 16 + number % 8] = rng.integers(0, 255, 3)
            file = io.BytesIO()
            Pillow.fromarray(pixels).save(file, "PNG")
            zipped.writestr(f"pictures/{number:03d}.png", file.getvalue())
        for name, data in (more or {}).items():
            zipped.writestr(name, data)
    return out.getvalue()
