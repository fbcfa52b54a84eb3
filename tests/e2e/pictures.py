"""Take the pictures of the README from the running product: `python -m tests.e2e.pictures`."""

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e import platform
from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.e2e.people import sign_in, sign_up
from tests.e2e.platform import ROOT, RunningPlatform
from tests.e2e.studio import open_studio

FOLDER = ROOT / "docs" / "pictures"


def main() -> None:
    """Walk the first journey and keep a picture of each screen."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as var,
        platform.running(Path(var), bundles=ROOT / "bundles") as atelier,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = _signed_in(browser, atelier.url, "mara@example.com", 1440, 900)
        expect(page.get_by_role("link", name=re.compile("Rosa"))).to_be_visible()
        _shoot(page, "gallery")

        studio = open_studio(page, "Mei")
        studio.raise_mouth_corners()
        studio.optimize()
        expect(studio.progress(r"1\d of 30 steps")).to_be_visible()
        _shoot(page, "studio")
        studio.wait_for_revisions(2)

        page.get_by_role("button", name="Add an edit vector").click()
        page.get_by_role("dialog").get_by_role(
            "button", name=re.compile("Round glasses")
        ).click()
        if page.get_by_role("dialog").is_visible():
            page.keyboard.press("Escape")
        studio.set_strength("Round glasses", 6)
        page.get_by_role("button", name="Keep", exact=True).click()
        studio.wait_for_revisions(3)
        page.goto(f"/pictures/{studio.image_id}/history")
        expect(page.get_by_role("slider").first).to_be_visible()
        _shoot(page, "history")

        page.goto("/pictures")
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name=re.compile("New picture")).click()
        chooser.value.set_files(ROOT / "docs" / "pictures" / "fox.png")
        page.get_by_label("What it shows").select_option("portraits-128")
        page.get_by_role("dialog").get_by_role("button", name=re.compile("^Use this")).click()
        expect(page.get_by_role("button", name="Edit anyway")).to_be_visible(timeout=90_000)
        _shoot(page, "upload")

        phone = _signed_in(browser, atelier.url, "jonas@example.com", 390, 844)
        phone.goto(f"/pictures/{studio.image_id}")
        expect(phone.get_by_test_id("studio-canvas")).to_be_visible()
        _shoot(phone, "studio-phone")
        page.goto("/library")
        # Cards come as the batch lane gets to them.
        expect(page.get_by_text("Being measured")).to_have_count(0, timeout=600_000)
        _shoot(page, "library")
        phone.goto("/library")
        _shoot(phone, "library-phone")
        _community(browser, atelier, page, phone)
        _car(page)
        browser.close()


def _community(browser: Browser, atelier: RunningPlatform, page: Page, phone: Page) -> None:
    """Walk through the community as a stranger: browse, a card; then search by painting."""
    glasses = _fork(page, "Round glasses", "Reading glasses", 0.9)
    first = [vector["id"] for vector in _every(page, "/api/edit-vectors?sort=title")]
    for vector in dict.fromkeys([glasses, *first]):
        _write(page, "POST", f"/api/edit-vectors/{vector}/publish", {"is_listed": True})
    listed = _every(page, "/api/edit-vectors?scope=community&sort=title")
    for number, vector in enumerate(listed):
        for liker in (page, phone)[: 1 + number % 2]:
            _write(liker, "PUT", f"/api/edit-vectors/{vector['id']}/like", {})
    for title, strength in (("Faint frames", 0.5), ("Bold frames", 1.4)):
        _fork(phone, "Reading glasses", title, strength)

    stranger = _opened(browser, atelier.url, 1440, 900)
    sign_up(stranger, atelier, "robin.reed@example.org")
    stranger.goto("/library?scope=community&sort=liked")
    stranger.get_by_role("article").nth(2).hover()
    stranger.wait_for_timeout(2500)
    _shoot(stranger, "community")
    for one, name in ((stranger, "card"), (phone, "card-phone")):
        one.goto(f"/library/{glasses}")
        expect(one.get_by_text("Measured and listed")).to_be_visible()
        expect(one.get_by_role("heading", name="Does nearly the same")).to_be_visible()
        _shoot(one, name)

    studio = open_studio(page, "Henrik")
    families = page.request.get("/api/families").json()
    portraits = next(f for f in families if f["family"] == "portraits")
    ids = {part["title"]: part["id"] for part in portraits["parts"]}
    labels = studio.labels()
    for title in ("Brow, left", "Brow, right"):
        rows, columns = np.nonzero(labels == ids[title])
        above = float(rows.min()) - 0.5
        studio.choose_part(title)
        studio.stroke((float(columns.min()) + 1, above), (float(columns.max()), above))
    page.get_by_role("button", name="Find vectors that do this").click()
    search = page.get_by_role("region", name="Search by painting")
    found = search.get_by_role("button", name=re.compile("alike, suggested"))
    expect(found.first).to_be_visible()
    found.first.hover()
    page.wait_for_timeout(1500)
    _shoot(page, "search-by-painting")


def _car(page: Page) -> None:
    """Take the roof off a car, by a vector."""
    studio = open_studio(page, "Harbour")
    page.get_by_role("button", name="Add an edit vector").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("No roof")).click()
    if page.get_by_role("dialog").is_visible():
        page.keyboard.press("Escape")
    studio.set_strength("No roof", 2)
    page.wait_for_timeout(2000)
    _shoot(page, "studio-car")


def _fork(page: Page, of: str, title: str, strength: float) -> str:
    """Return the id of a fork of the vector called `of`, once it was measured."""
    source = _every(page, f"/api/edit-vectors?q={of}&sort=relevance")[0]
    body = {"title": title, "strength": strength}
    _write(page, "POST", f"/api/edit-vectors/{source['id']}/fork", body)
    for _ in range(600):
        made = _every(page, f"/api/edit-vectors?q={title}&sort=relevance")
        if made and made[0]["version"]["card"]:
            return str(made[0]["id"])
        page.wait_for_timeout(200)
    raise AssertionError(f"{title} was not measured")


def _every(page: Page, path: str) -> list[dict[str, Any]]:
    """Return the first page of a list, with this person's cookies."""
    answer = page.request.get(path)
    assert answer.ok, answer.text()
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def _write(page: Page, method: str, path: str, body: dict[str, Any]) -> None:
    """Change something that needs no picture of the way there."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    token = next(value for name, value in cookies.items() if "csrf" in name.lower())
    headers = {"X-CSRFToken": token, "Referer": page.url}
    page.request.fetch(path, method=method, data=body, headers=headers)


def _signed_in(browser: Browser, url: str, address: str, width: int, height: int) -> Page:
    page = _opened(browser, url, width, height)
    page.goto("/sign-in")
    sign_in(page, address)
    return page


def _opened(browser: Browser, url: str, width: int, height: int) -> Page:
    context = browser.new_context(base_url=url, viewport={"width": width, "height": height})
    return context.new_page()


def _shoot(page: Page, name: str) -> None:
    # Not `wait_for_function`: the page's policy forbids evaluating text.
    while not page.evaluate("[...document.images].every((image) => image.complete)"):
        page.wait_for_timeout(100)
    page.wait_for_timeout(600)
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
