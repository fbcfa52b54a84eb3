"""A running platform, and browsers that use it as people do."""

import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e import platform
from tests.e2e.people import sign_in
from tests.e2e.platform import ROOT, RunningPlatform

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def atelier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """The platform of this run; its log is kept with the screenshots when a test fails."""
    with platform.running(tmp_path_factory.mktemp("atelier")) as running:
        yield running
        kept = ROOT / "test-results"
        kept.mkdir(exist_ok=True)
        shutil.copy(running.log, kept / "platform.log")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Playwright keeps an event loop running, so it ends before other modules."""
    assert CHROMIUM, "Chromium is needed: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(
    browser: Browser, atelier: RunningPlatform, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a browser profile in which nobody is signed in."""
    contexts: list[tuple[BrowserContext, list[str]]] = []

    def open_page(*, width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            base_url=atelier.url, viewport={"width": width, "height": height}
        )
        faults: list[str] = []
        contexts.append((context, faults))
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        return page

    yield open_page
    failed = getattr(request.node, "failed", False)
    for profile, (context, _) in enumerate(contexts):
        for number, page in enumerate(context.pages):
            if failed:
                _shoot(page, ROOT / "test-results", f"{request.node.name}-{profile}-{number}")
        context.close()
    assert not [fault for _, faults in contexts for fault in faults]


@pytest.fixture
def person(visitor: Callable[..., Page]) -> Callable[..., Page]:
    """Return a function that signs a person in, in a browser profile of their own."""

    def signed_in(email: str, *, width: int = 1440, height: int = 900) -> Page:
        page = visitor(width=width, height=height)
        page.goto("/sign-in")
        sign_in(page, email)
        return page

    return signed_in


def _shoot(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember on the item whether its test failed, for the screenshots."""
    report = yield
    if report.when == "call":
        item.failed = report.failed  # type: ignore[attr-defined]
    return report
