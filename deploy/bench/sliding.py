"""How long is it from a pointer's move on a strength slider to new pixels on the canvas?

In Chromium, through everything: the clock of the page runs from the pointer event's own time
stamp until an animation frame in which the canvas holds other pixels than before.
"""

import shutil

from playwright.sync_api import Page, sync_playwright

from deploy.bench.installation import Installation

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# Reads a small copy of the canvas in every animation frame after a pointer event.
WATCH = """
() => {
  const canvas = document.querySelector('[data-testid=studio-canvas]');
  const small = document.createElement('canvas');
  small.width = small.height = 24;
  const pen = small.getContext('2d', { willReadFrequently: true });
  const look = () => {
    pen.drawImage(canvas, 0, 0, 24, 24);
    return pen.getImageData(0, 0, 24, 24).data.join();
  };
  window.slides = { waits: [], isBusy: false };
  document.addEventListener('input', () => {
    const slides = window.slides;
    if (slides.isBusy || slides.at === undefined) return;
    slides.isBusy = true;
    const before = look(), at = slides.at;
    const frame = () => {
      const now = performance.now();
      if (look() !== before) { slides.waits.push(now - at); slides.isBusy = false; }
      else if (now - at > 2000) { slides.waits.push(2000); slides.isBusy = false; }
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }, true);
  document.addEventListener('pointermove', (event) => {
    window.slides.at = event.timeStamp;
  }, true);
}
"""


class NoBrowserError(Exception):
    """There is no Chromium on this machine."""


def measure(
    installation: Installation, *, email: str, password: str, moves: int, chromium: str = ""
) -> list[float]:
    """Return the milliseconds of each of `moves` moves of a slider.

    Raises:
        NoBrowserError: Chromium is not installed.
    """
    path = chromium or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        raise NoBrowserError
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page(
            base_url=installation.url, viewport={"width": 1440, "height": 900}
        )
        page.set_default_timeout(60_000)
        _sign_in(page, email, password)
        _open_picture_with_a_vector(page)
        waits = _slide(page, moves)
        browser.close()
    return waits


def _sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/sign-in")
    page.locator("input[type=email]").fill(email)
    page.locator("input[type=password]").fill(password)
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/pictures")


def _open_picture_with_a_vector(page: Page) -> None:
    image = page.request.get("/api/images").json()["items"][0]
    page.goto(f"/pictures/{image['id']}")
    page.get_by_test_id("studio-canvas").wait_for()
    page.get_by_role("button", name="Add an edit vector").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", disabled=False).nth(1).click()
    if dialog.is_visible():
        page.keyboard.press("Escape")


def _slide(page: Page, moves: int) -> list[float]:
    slider = page.get_by_label("Edit vectors", exact=True).get_by_role("slider").first
    box = slider.bounding_box()
    assert box is not None, "the slider has no place on the screen"
    page.evaluate(WATCH)
    y = box["y"] + box["height"] / 2
    left, width = box["x"] + box["width"] * 0.15, box["width"] * 0.7
    page.mouse.move(left + width / 2, y)
    page.mouse.down()
    for number in range(moves + 5):
        share = abs((number * 0.07) % 2 - 1)  # to and fro
        page.mouse.move(left + width * share, y)
        page.wait_for_function("() => !window.slides.isBusy")
        page.wait_for_timeout(30)
    page.mouse.up()
    waits: list[float] = page.evaluate("() => window.slides.waits")
    return waits[5:]  # the first ones warm up
