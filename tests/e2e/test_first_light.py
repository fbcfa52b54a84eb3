"""The product's main job as two people live it, in real browsers against the real processes."""

import io
import os
import re
import signal
import uuid
from collections.abc import Callable

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.platform import RunningPlatform
from tests.e2e.studio import open_studio

MARA, JONAS = "mara@example.com", "jonas@example.com"
SignIn = Callable[..., Page]


def test_two_people_paint_share_and_apply_an_edit(person: SignIn) -> None:
    title = f"Easy smile {uuid.uuid4().hex[:6]}"
    mara, jonas = person(MARA), person(JONAS)
    jonas.goto("/library")

    # Mara paints raised mouth corners; the picture follows.
    studio = open_studio(mara, "Mei")
    known = len(studio.revisions())
    studio.raise_mouth_corners()
    expect(mara.get_by_text(re.compile(r"\d+ pixels painted"))).to_be_visible()
    studio.optimize()
    expect(studio.progress(r"\d+ of 30 steps")).to_be_visible()
    expect(mara.get_by_label("Loss by step", exact=True)).to_be_visible()
    after, before = studio.wait_for_revisions(known + 1)[:2]
    assert after["kind"] == "optimize"
    assert after["author"]["name"] == "Mara Kessler"
    assert after["figures"]["agreement"] > 0.8
    assert np.abs(studio.pixels(after).astype(int) - studio.pixels(before)).max() > 20

    # She saves it as an edit vector; Jonas sees it appear without touching his page.
    mara.get_by_role("button", name="Save as edit vector").first.click()
    mara.get_by_label("Name", exact=True).fill(title)
    mara.get_by_label(re.compile("^Tags")).fill("smile, mouth")
    mara.get_by_role("button", name="Save", exact=True).click()
    expect(jonas.get_by_text(title).first).to_be_visible()

    # He finds it by typing, and tries it on another portrait.
    jonas.get_by_role("searchbox").first.fill(title[:-2])
    expect(jonas.get_by_text(title).first).to_be_visible()
    other = open_studio(jonas, "Henrik")
    known = len(other.revisions())
    jonas.get_by_role("button", name="Add an edit vector").click()
    jonas.get_by_label("Search edit vectors").fill(title)
    jonas.get_by_role("dialog").get_by_role("button", name=re.compile(title)).click()
    if jonas.get_by_role("dialog").is_visible():
        jonas.keyboard.press("Escape")
    shown = other.canvas.get_attribute("data-frame-seq")
    other.set_strength(title, -4)
    expect(other.canvas).not_to_have_attribute("data-frame-seq", shown or "none")

    # A second vector on top, refined, then kept.
    jonas.get_by_role("button", name="Add an edit vector").click()
    jonas.get_by_role("dialog").get_by_role("button", disabled=False).nth(1).click()
    if jonas.get_by_role("dialog").is_visible():
        jonas.keyboard.press("Escape")
    stack = jonas.get_by_label("Edit vectors", exact=True)
    expect(stack.get_by_role("slider")).to_have_count(2)
    jonas.get_by_role("button", name="Refine", exact=True).click()
    refined = other.wait_for_revisions(known + 1)[0]
    assert refined["kind"] == "refine"
    assert len(refined["stack"]) == 2

    # History: compare, then restore the first one as a new revision.
    jonas.goto(f"/pictures/{other.image_id}/history")
    expect(jonas.get_by_role("slider").first).to_be_visible()
    first = other.revisions()[-1]
    jonas.goto(f"/pictures/{other.image_id}/history?b={first['id']}")
    jonas.get_by_role("button", name=re.compile("^Restore")).first.click()
    restored = other.wait_for_revisions(known + 2)[0]
    assert restored["kind"] == "restore"
    assert restored["is_head"]
    assert np.array_equal(other.pixels(restored), other.pixels(first))


def test_a_stack_at_rest_is_kept_as_a_revision(person: SignIn) -> None:
    page = person(MARA)
    studio = open_studio(page, "Kofi")
    known = len(studio.revisions())
    page.get_by_role("button", name="Add an edit vector").click()
    page.get_by_role("dialog").get_by_role("button", disabled=False).nth(1).click()
    if page.get_by_role("dialog").is_visible():
        page.keyboard.press("Escape")

    page.get_by_role("button", name="Keep", exact=True).click()

    kept = studio.wait_for_revisions(known + 1)[0]
    assert kept["kind"] == "render"
    assert len(kept["stack"]) == 1


def test_cancelling_stops_the_run_and_keeps_the_painting(person: SignIn) -> None:
    page = person(MARA)
    studio = open_studio(page, "Rosa")
    known = len(studio.revisions())
    studio.raise_mouth_corners()
    page.get_by_role("radio", name="100").click()
    studio.optimize()
    expect(studio.progress(r"\d+ of 100 steps")).to_be_visible()

    page.get_by_role("button", name=re.compile("^Cancel")).click()

    expect(page.get_by_role("button", name="Optimize", exact=True)).to_be_visible()
    assert len(studio.revisions()) == known
    expect(page.get_by_text(re.compile(r"\d+ pixels painted"))).to_be_visible()


def test_undo_and_redo_take_back_and_bring_back_ones_own_stroke(person: SignIn) -> None:
    page = person(MARA)
    studio = open_studio(page, "Layla")
    painted = page.get_by_text(re.compile(r"\d+ pixels painted"))
    studio.choose_part("Hair")
    studio.stroke((8, 8), (20, 8))
    expect(painted).to_be_visible()

    page.get_by_role("button", name="Undo").click()
    expect(painted).to_have_count(0)
    page.get_by_role("button", name="Redo").click()
    expect(painted).to_be_visible()

    page.reload()
    expect(painted).to_be_visible()
    page.get_by_role("button", name="Optimize", exact=True).wait_for()


def test_where_the_parts_are_uncertain_lies_over_the_picture_until_it_is_put_away(
    person: SignIn,
) -> None:
    page = person(MARA)
    open_studio(page, "Layla")
    meaning = page.get_by_role("region", name="Where the parts are uncertain")
    canvas = page.locator("canvas[data-uncertainty]")

    page.keyboard.press("u")
    expect(meaning.get_by_text(re.compile(r"\d+ networks name the parts"))).to_be_visible()
    expect(canvas).to_have_count(1)
    expect(page.get_by_role("radio", name="Uncertain")).to_be_checked()

    page.keyboard.press("u")
    expect(meaning).to_have_count(0)
    expect(canvas).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_text("Where the parts are uncertain, on or off")).to_be_visible()


def test_a_killed_worker_loses_no_job_and_makes_one_revision(
    person: SignIn, atelier: RunningPlatform
) -> None:
    page = person(JONAS)
    studio = open_studio(page, "Nina")
    known = len(studio.revisions())
    studio.raise_mouth_corners()
    page.get_by_role("radio", name="100").click()
    studio.optimize()
    expect(studio.progress(r"[1-9]\d* of 100 steps")).to_be_visible()

    workers = atelier.descendants(r"gpu_worker\.app")
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGKILL)

    revisions = studio.wait_for_revisions(known + 1, seconds=120)
    page.wait_for_timeout(1000)
    assert len(studio.revisions()) == known + 1
    assert revisions[0]["kind"] == "optimize"


def test_an_upload_is_cropped_inverted_and_shown_beside_the_original(person: SignIn) -> None:
    page = person(MARA)
    name = f"Stripes {uuid.uuid4().hex[:6]}"
    page.get_by_role("button", name=re.compile("New picture")).wait_for()

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("New picture")).click()
    chooser.value.set_files({"name": "mine.png", "mimeType": "image/png", "buffer": _picture()})
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Use this")).click()

    expect(
        page.get_by_text("Atelier has only learned portraits drawn in this style.")
    ).to_be_visible(timeout=60_000)
    expect(page.get_by_label(re.compile(r"^Error [0-9.]+, usually"))).to_be_visible()
    page.get_by_role("button", name="Edit anyway").click()
    page.wait_for_url(re.compile(r"/pictures/[0-9a-f-]{36}$"))
    expect(page.get_by_test_id("studio-canvas")).to_be_visible()


def test_a_file_that_is_no_picture_is_refused_in_words(person: SignIn) -> None:
    page = person(MARA)
    page.get_by_role("button", name=re.compile("New picture")).wait_for()

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("New picture")).click()
    chooser.value.set_files(
        {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
    )

    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Use this")).click()

    refusal = page.get_by_text("This file is not a picture we can read. Use PNG, JPEG or WebP.")
    expect(refusal.first).to_be_visible()


def _picture() -> bytes:
    """A striped square that no portrait renderer could make, as PNG."""
    rows = np.indices((300, 400))[0]
    pixels = np.where((rows // 20 % 2)[..., None], [230, 40, 60], [20, 40, 200]).astype(
        np.uint8
    )
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "PNG")
    return sink.getvalue()
