"""A team's vectors become one file, and the file another team's vectors; every page is usable.

The two journeys share an installation: starting one takes longer than either.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.people import sign_up
from tests.e2e.platform import ROOT, RunningPlatform
from tests.e2e.studio import open_studio

TITLE = "Smiles for spring"
NEWCOMER = "ben.imports@example.org"
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def test_a_collection_is_exported_as_one_file_and_imported_by_another_team(
    atelier: RunningPlatform,
    visitor: Callable[..., Page],
    person: Callable[..., Page],
    tmp_path: Path,
) -> None:
    mara, ben = person("mara@example.com"), visitor()
    mara.goto("/library/collections")
    mara.get_by_role("button", name="New collection").click()
    mara.get_by_label("Name", exact=True).fill(TITLE)
    mara.get_by_role("button", name="Begin", exact=True).click()
    expect(mara.get_by_role("heading", name=TITLE)).to_be_visible()
    collection = mara.url
    titles = [item["title"] for item in vectors(mara)[:2]]
    for vector in vectors(mara)[:2]:
        mara.goto(f"/library/{vector['id']}")
        mara.get_by_role("button", name="Collect").click()
        mara.get_by_role("menuitem", name=TITLE).click()
        expect(
            mara.locator("span", has_text=f"Added {vector['title']} to the collection.")
        ).to_be_visible()
    mara.goto(collection)
    with mara.expect_download() as download:
        mara.get_by_role("link", name="Export").click()
    file = tmp_path / "collection.zip"
    download.value.save_as(file)

    sign_up(ben, atelier, NEWCOMER)
    assert vectors(ben) == []
    ben.goto("/library/collections")
    ben.get_by_label("File of edit vectors").set_input_files(file)
    dialog = ben.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Imported 2 vectors")).to_be_visible()
    dialog.get_by_role("link", name="Open the collection of 2 vectors").click()

    expect(ben.get_by_role("heading", name=TITLE)).to_be_visible()
    for title in titles:
        expect(ben.get_by_role("link", name=f"{title}, card")).to_be_visible()
    assert sorted(item["title"] for item in vectors(ben)) == sorted(titles)

    # What is no collection is refused in words, and nothing of it is kept.
    (tmp_path / "notes.zip").write_bytes(b"these are notes")
    ben.goto("/library/collections")
    ben.get_by_label("File of edit vectors").set_input_files(tmp_path / "notes.zip")
    expect(dialog.get_by_role("heading", name="Not imported")).to_be_visible()
    assert len(vectors(ben)) == 2


def test_no_page_breaks_a_rule_of_wcag_a_or_aa(
    visitor: Callable[..., Page], person: Callable[..., Page]
) -> None:
    stranger, mara = visitor(), person("mara@example.com")
    collection = mara.request.get("/api/collections").json()[0]["id"]
    family = mara.request.get("/api/families").json()[0]["name"]
    broken: dict[str, list[str]] = {}
    for path in ("/sign-in", "/sign-up"):
        broken[path] = violations(stranger, path)
    for path in (
        "/pictures", "/library", "/library/collections", f"/library/collections/{collection}",
        f"/library/{vectors(mara)[0]['id']}", "/album-runs", "/album-runs/new", "/families",
        f"/families/card/{family}", "/notices", "/activity", "/team", "/account",
    ):  # fmt: skip
        broken[path] = violations(mara, path)
    studio = open_studio(mara, "Mei")
    broken["the studio"] = violations(mara)
    broken["history"] = violations(mara, f"/pictures/{studio.image_id}/history")

    assert {path: found for path, found in broken.items() if found} == {}


def vectors(page: Page) -> list[dict[str, Any]]:
    """Return the edit vectors of the person's own team."""
    found: list[dict[str, Any]] = page.request.get("/api/edit-vectors?scope=team").json()[
        "items"
    ]
    return found


def violations(page: Page, path: str | None = None) -> list[str]:
    """Return which rules a page breaks and where, as axe-core sees it once all is there."""
    if path is not None:
        page.goto(path)
        expect(page.get_by_role("main")).to_be_visible()
        page.wait_for_load_state("networkidle")
        expect(page.locator(".at-ghost")).to_have_count(0)
    page.evaluate(AXE.read_text())
    # An experimental rule: it takes all that a card says for the label of the card's link.
    options = {"runOnly": RULES, "rules": {"label-content-name-mismatch": {"enabled": False}}}
    result = page.evaluate("async (options) => await axe.run(document, options)", options)
    assert len(result["passes"]) >= 5, "axe found next to nothing to look at"
    return [
        f"{rule['id']}: {node['target']} {node['html'][:200]}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
