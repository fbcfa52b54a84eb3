"""A generator from elsewhere becomes a family of the team, labelled by two people at once."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.foreign import SIZES, write_checkpoint
from tests.e2e.platform import ROOT

SIDE = SIZES.resolution
SUBJECT, GROUND = 1, 0
MINUTE = 60_000


def test_sixteen_labels_by_two_people_make_a_family_that_the_team_can_use(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    mara, jonas = person("mara@example.com"), person("jonas@example.com")

    # 1. Mara begins a family with a file that is no generator, then with one that is.
    mara.goto("/families")
    mara.get_by_role("button", name="Make your own").click()
    mara.get_by_label("What does it draw?").fill("Swatches")
    mara.get_by_role("button", name="Begin").click()
    mara.wait_for_url(re.compile(r"/families/[0-9a-f-]{36}\?step=bring$"))
    project = mara.url.split("?")[0]
    project_id = project.rsplit("/", 1)[-1]
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"PK\x03\x04 no generator")
    bring(mara, broken)
    refusal = panel(mara).get_by_role("alert")
    expect(refusal).to_be_visible(timeout=3 * MINUTE)
    bringing = read(mara, f"/api/family-projects/{project_id}")["steps"][0]
    assert bringing["state"] == "failed"
    expect(refusal).to_contain_text(bringing["job"]["error"]["detail"])
    bring(mara, write_checkpoint(tmp_path / "elsewhere.pt"))
    expect(mara.get_by_text(f"{SIDE} × {SIDE} pixels")).to_be_visible(timeout=3 * MINUTE)
    expect(panel(mara).get_by_text("CC0-1.0")).to_be_visible()

    # 2. and 3. While samples are drawn, Jonas names the parts; no colour may stand twice.
    step(mara, "Draw samples")
    mara.get_by_role("button", name="Draw 200 pictures").click()
    jonas.goto(f"{project}?step=schema")
    jonas.get_by_role("button", name=re.compile("^Blank")).click()
    color = jonas.get_by_label("Colour of Background")
    kept = color.input_value()
    color.fill(jonas.get_by_label("Colour of Subject").input_value())
    jonas.get_by_role("button", name="Keep these 2 parts").click()
    expect(jonas.get_by_text("The same colour as “Background”")).to_be_visible()
    color.fill(kept)
    jonas.get_by_role("button", name="Keep these 2 parts").click()
    expect(jonas.get_by_role("link", name=re.compile("Name the parts Done"))).to_be_visible()
    reasons = mara.get_by_role("heading", name="16 to label, and why")
    expect(reasons).to_be_visible(timeout=2 * MINUTE)
    expect(mara.get_by_text("start here", exact=False).first).to_be_visible()

    # 4. Both label, each the picture that the page gives them; each sees where the other is.
    mara.goto(f"{project}?step=label")
    mara.get_by_role("link", name="Start labelling").click()
    paint(mara)
    jonas.goto(f"{project}?step=label")
    expect(jonas.get_by_role("link", name=re.compile("Mara Kessler.* here"))).to_be_visible()
    jonas.get_by_role("link", name=re.compile("Start labelling|Label the next")).click()
    assert sample_of(jonas) != sample_of(mara)
    paint(jonas)
    undo(jonas)
    first, second = sample_of(mara), sample_of(jonas)
    finish(mara)
    finish(jonas)

    # Nothing is lost by a reload, and what others painted is a start.
    paint(mara)
    mara.reload()
    expect(covered(mara)).to_have_text("100 % labelled")
    jonas.goto(f"{project}?step=label")
    expect(jonas.get_by_role("link", name=re.compile("Mara Kessler.* here"))).to_be_visible()
    jonas.get_by_role("link", name="Label the next").click()
    assert sample_of(jonas) != sample_of(mara)
    lenders = jonas.get_by_role("region", name="Start from").get_by_role("button")
    expect(lenders.first).to_be_visible()
    lenders.first.click()
    expect(covered(jonas)).to_have_text("100 % labelled")
    expect(kept_words(jonas)).to_have_text("All kept")
    jonas.get_by_role("button", name="Undo").click()
    expect(covered(jonas)).to_have_text("0 % labelled")

    # The rest comes as indexed PNGs; a map of another size is named and left out.
    mara.goto(f"{project}?step=label")
    chosen = read(mara, f"/api/family-projects/{project_id}/samples?which=chosen")
    by_id = {each["id"]: each for each in chosen}
    assert {by_id[each]["label"]["saved_by"]["name"] for each in (first, second)} == {
        "Mara Kessler", "Jonas Okafor",
    }  # fmt: skip
    missing = [each["number"] for each in chosen if not (each["label"] or {}).get("is_done")]
    assert len(missing) == 14
    assert_branch_needs_all(mara, project)
    mara.goto(f"{project}?step=label")
    take_in(mara, archive(tmp_path, missing))
    expect(mara.get_by_text(re.compile("label maps taken in, 1 not"))).to_be_visible()
    expect(mara.get_by_text("16 of 16 pictures done")).to_be_visible()

    # 5. The branch: stopped, gone on with, then the least certain first; one is fixed.
    step(mara, "Train the labels")
    mara.get_by_role("button", name="Train on 16 pictures").click()
    cancel = mara.get_by_role("button", name="Cancel")
    expect(mara.get_by_text(re.compile("step [1-9]"))).to_be_visible(timeout=3 * MINUTE)
    cancel.click()
    mara.get_by_role("button", name="Go on").click(timeout=3 * MINUTE)
    worst_first = mara.get_by_role("heading", name=re.compile("nobody labelled"))
    expect(worst_first).to_be_visible(timeout=5 * MINUTE)
    predicted = read(mara, f"/api/family-projects/{project_id}/samples?which=predicted")
    doubts = [each["prediction"]["uncertainty"] for each in predicted]
    assert len(doubts) == 184
    assert doubts == sorted(doubts, reverse=True)
    mara.get_by_role("radio", name="Uncertainty").click()
    expect(mara.get_by_alt_text("Where it is uncertain").first).to_be_visible()
    mara.get_by_role("button", name=f"Fix sample {predicted[0]['number']}", exact=True).click()
    mara.wait_for_url(re.compile(predicted[0]["id"]))
    expect(covered(mara)).to_have_text("100 % labelled")
    expect(kept_words(mara)).to_have_text("All kept")

    # 6. The encoder, in seconds, and a picture of Jonas's own.
    mara.goto(f"{project}?step=encoder")
    mara.get_by_label("Minutes of training").fill("0.1")
    mara.get_by_role("button", name="Train the encoder").click()
    expect(mara.get_by_role("heading", name="Redrawn so far")).to_be_visible(timeout=3 * MINUTE)
    jonas.goto(f"{project}?step=encoder")
    own = ROOT / "bundles" / "portraits-64" / "samples" / "rosa.png"
    jonas.get_by_label("Picture to try").set_input_files(own)
    expect(jonas.get_by_alt_text("Redrawn by the family")).to_be_visible(timeout=2 * MINUTE)
    expect(jonas.get_by_text(re.compile(r"Redrawn, error \d"))).to_be_visible()

    # 7. Published: the gallery, an upload, the studio and the library know it.
    mara.goto(f"{project}?step=publish")
    mara.get_by_role("button", name="Publish to the team").click()
    expect(mara.get_by_text("“Swatches” is ready, version 1")).to_be_visible(timeout=4 * MINUTE)
    mara.get_by_role("link", name="Its card").click()
    expect(mara.get_by_role("heading", name="Swatches")).to_be_visible()
    expect(mara.get_by_text("CC0-1.0")).to_be_visible()
    jonas.goto("/families")
    expect(jonas.get_by_role("link", name=re.compile("^Swatches 32 px"))).to_be_visible()
    jonas.goto("/library")
    expect(jonas.get_by_role("checkbox", name="Swatches")).to_be_visible()
    jonas.goto("/pictures")
    family = next(each for each in read(jonas, "/api/families") if each["title"] == "Swatches")
    made = next(
        each
        for each in read(jonas, "/api/images")["items"]
        if each["bundle"] == family["name"]
    )  # fmt: skip
    jonas.goto(f"/pictures/{made['id']}")
    expect(jonas.get_by_test_id("studio-canvas")).to_be_visible()
    expect(jonas.get_by_role("option", name=re.compile("^Subject"))).to_be_visible()


# ---- what the two of them do -------------------------------------------------------------


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name=re.compile(r"^Step \d of 7"))


def step(page: Page, title: str) -> None:
    page.get_by_role("navigation", name="Steps").get_by_role("link", name=title).click()


def bring(page: Page, file: Path) -> None:
    page.get_by_label("Checkpoint or zip of pictures").set_input_files(file)
    page.get_by_label("Licence of the file").fill("CC0-1.0")
    page.get_by_role("button", name="Import the generator").click()


def sample_of(page: Page) -> str:
    page.wait_for_url(re.compile(r"/samples/"))
    found = re.search(r"/samples/([0-9a-f-]{36})", page.url)
    assert found, page.url
    return found[1]


def covered(page: Page) -> Locator:
    return page.get_by_text(re.compile(r"^\d+(\.\d)? % labelled$"))


def kept_words(page: Page) -> Locator:
    return page.get_by_role("banner").get_by_role("status")


def paint(page: Page) -> None:
    """Draw around the middle with the lasso, and give the rest to the background."""
    canvas = page.get_by_test_id("label-canvas")
    expect(page.get_by_role("main", name="Canvas")).to_have_attribute("aria-busy", "false")
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.get_by_role("option", name=re.compile("^Subject")).click()
    page.get_by_role("button", name="Polygon").click()
    page.mouse.move(x - 140, y - 140)
    page.mouse.down()
    for corner in ((140, -140), (140, 140), (-140, 140), (-140, -120)):
        page.mouse.move(x + corner[0], y + corner[1], steps=4)
    page.mouse.up()
    page.get_by_role("option", name=re.compile("^Background")).click()
    page.get_by_role("button", name="Rest is Background").click()
    expect(covered(page)).to_have_text("100 % labelled")
    expect(kept_words(page)).to_have_text("All kept")


def undo(page: Page) -> None:
    """Take the filling back and bring it again, by keys."""
    page.get_by_test_id("label-canvas").focus()
    page.keyboard.press("Control+z")
    expect(covered(page)).not_to_have_text("100 % labelled")
    page.keyboard.press("Control+Shift+z")
    expect(covered(page)).to_have_text("100 % labelled")


def finish(page: Page) -> None:
    """Say that the picture is labelled, and wait for the next one."""
    now = sample_of(page)
    page.get_by_role("button", name="Done, next picture").click()
    expect(page).not_to_have_url(re.compile(now))


def read(page: Page, path: str) -> Any:
    answer = page.request.get(path)
    assert answer.ok, answer.text()
    return answer.json()


def archive(folder: Path, numbers: list[int]) -> Path:
    """Write a zip of label maps as another program would, and one that fits no sample."""
    path = folder / "labels.zip"
    labels = np.full((SIDE, SIDE), GROUND, np.uint8)
    labels[10:22, 10:22] = SUBJECT
    with zipfile.ZipFile(path, "w") as packed:
        for number in numbers:
            packed.writestr(f"{number:03d}.png", indexed(labels))
        packed.writestr("000.png" if 0 not in numbers else "001.png", indexed(labels[:8, :8]))
    return path


def indexed(labels: np.ndarray[Any, Any]) -> bytes:
    picture = Image.fromarray(labels, "P")
    picture.putpalette([40, 40, 90, 200, 220, 180])
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def take_in(page: Page, file: Path) -> None:
    page.get_by_role("button", name="Files").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="For all, over what is there").click()
    chooser.value.set_files(file)


def assert_branch_needs_all(page: Page, project: str) -> None:
    """See that 2 of 16 labels are too few, and that the page says so."""
    page.goto(f"{project}?step=branch")
    expect(panel(page)).to_contain_text("of 16 pictures are labelled")
