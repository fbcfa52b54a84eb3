"""Take the pictures of the README from the running product: `python -m tests.e2e.pictures`."""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e import platform
from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.e2e.platform import ROOT
from tests.e2e.studio import open_studio

FOLDER = ROOT / "docs" / "pictures"


def main() -> None:
    """Walk the first journey and keep a picture of each screen."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as var,
        platform.running(Path(var)) as atelier,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = _signed_in(browser, atelier.url, "mara@example.com", 1440, 900)
        expect(page.get_by_role("link", name=re.compile("Rosa"))).to_be_visible()
        _shoot(page, "gallery")

        studio = open_studio(page, "Mei")
        studio.raise_mouth_corners()
        studio.optimize()
        expect(page.get_by_text(re.compile(r"1\d of 30 steps"))).to_be_visible()
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
        browser.close()


def _signed_in(browser: Browser, url: str, email: str, width: int, height: int) -> Page:
    context = browser.new_context(base_url=url, viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Mail address").fill(email)
    page.get_by_label("Password").fill("atelier")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/pictures")
    return page


def _shoot(page: Page, name: str) -> None:
    # Not `wait_for_function`: the page's policy forbids evaluating text.
    while not page.evaluate("[...document.images].every((image) => image.complete)"):
        page.wait_for_timeout(100)
    page.wait_for_timeout(600)
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
