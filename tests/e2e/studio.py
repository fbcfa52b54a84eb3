"""What a person does in the studio, in terms of the picture instead of the screen."""

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

Labels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Studio:
    """An open studio page."""

    page: Page
    image_id: str

    @property
    def canvas(self) -> Locator:
        return self.page.get_by_test_id("studio-canvas")

    def api(self, path: str) -> Any:
        """Return what the server says of this picture, with this person's cookies."""
        answer = self.page.request.get(f"/api/images/{self.image_id}{path}")
        assert answer.ok, answer.text()
        return answer.json()

    def revisions(self) -> list[dict[str, Any]]:
        """Return the revisions, newest first."""
        found: list[dict[str, Any]] = self.api("/revisions")
        return found

    def labels(self) -> Labels:
        """Return the label map of the head revision, (H, W)."""
        head = next(revision for revision in self.revisions() if revision["is_head"])
        picture = self.page.request.get(head["label_map_url"])
        assert picture.ok
        return np.asarray(Image.open(io.BytesIO(picture.body())))

    def pixels(self, revision: dict[str, Any]) -> NDArray[np.uint8]:
        """Return the picture of a revision, (H, W, 3)."""
        picture = self.page.request.get(revision["picture_url"])
        assert picture.ok
        return np.asarray(Image.open(io.BytesIO(picture.body())).convert("RGB"))

    def progress(self, words: str) -> Locator:
        """Return the running job's progress as the panel says it, not the screen reader."""
        panel = self.page.get_by_role("region", name="Optimize")
        return panel.get_by_text(re.compile(words))

    def choose_part(self, title: str) -> None:
        self.page.get_by_role("option", name=re.compile(f"^{re.escape(title)}")).click()

    def stroke(self, *points: tuple[float, float]) -> None:
        """Draw with the tool in hand through points (x, y) in label-map pixels."""
        mouse, side = self.page.mouse, len(self.labels())
        mouse.move(*self._on_screen(points[0], side))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self._on_screen(point, side), steps=6)
        mouse.up()

    def _on_screen(self, point: tuple[float, float], side: int) -> tuple[float, float]:
        box = self.canvas.bounding_box()
        assert box is not None
        zoom = self.page.get_by_role("status", name="Zoom").inner_text()
        scale = float(re.sub(r"[^0-9.]", "", zoom)) / 100
        return (
            box["x"] + box["width"] / 2 + (point[0] - side / 2) * scale,
            box["y"] + box["height"] / 2 + (point[1] - side / 2) * scale,
        )

    def raise_mouth_corners(self, upper_lip: int = 9, lower_lip: int = 10) -> None:
        """Paint both corners of the mouth higher, as a person would draw a smile."""
        labels = self.labels()
        rows, columns = np.nonzero(np.isin(labels, (upper_lip, lower_lip)))
        left, right = float(columns.min()), float(columns.max()) + 1
        middle = float(np.median(rows)) + 0.5
        self.choose_part("Lower lip")
        pixel = len(labels) / 64
        for corner, out in ((left, -1.5 * pixel), (right, 1.5 * pixel)):
            self.stroke(
                (corner + out, middle - 2.5 * pixel), (corner - out, middle + 0.5 * pixel)
            )

    def optimize(self) -> None:
        self.page.get_by_role("button", name="Optimize", exact=True).click()

    def wait_for_revisions(self, count: int, *, seconds: float = 60) -> list[dict[str, Any]]:
        """Return the revisions as soon as there are `count`."""
        for _ in range(int(seconds * 10)):
            revisions = self.revisions()
            if len(revisions) >= count:
                return revisions
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{len(self.revisions())} revisions, expected {count}")

    def set_strength(self, title: str, presses: int) -> None:
        """Move a vector's slider by key presses of 0.05 each; negative goes left."""
        slider = self.page.get_by_role("slider", name=title)
        slider.focus()
        for _ in range(abs(presses)):
            slider.press("ArrowRight" if presses > 0 else "ArrowLeft")


def open_studio(page: Page, name: str) -> Studio:
    """Open the picture called `name` from the gallery and wait until it shows."""
    page.goto("/pictures")
    page.get_by_role("link", name=re.compile(re.escape(name))).first.click()
    page.wait_for_url(re.compile(r"/pictures/[0-9a-f-]{36}$"))
    studio = Studio(page=page, image_id=page.url.rsplit("/", 1)[-1])
    expect(studio.canvas).to_be_visible()
    expect(page.get_by_text("All strokes kept").locator("visible=true").first).to_be_visible()
    return studio
