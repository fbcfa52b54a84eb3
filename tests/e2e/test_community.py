"""An edit vector's way through the community, from its painting to an appeal."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.people import link_in_mail, name_moderator, sign_up
from tests.e2e.platform import ROOT, RunningPlatform
from tests.e2e.studio import Studio, open_studio

TITLE = "Merry corners"
FORK = "Merry, half"
JOINER, STRANGER = "ana.joins@example.org", "ben.finds@example.org"


def test_a_vector_is_published_found_used_forked_reported_removed_and_brought_back(
    atelier: RunningPlatform, visitor: Callable[..., Page], person: Callable[..., Page]
) -> None:
    name_moderator(atelier, "jonas@example.com")
    mara, ana, ben, jonas = (
        person("mara@example.com"), visitor(), visitor(), person("jonas@example.com"),
    )  # fmt: skip

    # Mara invites; Ana, who is new, joins her team.
    mara.goto("/team")
    mara.get_by_label("Mail address, or empty for a link").fill(JOINER)
    mara.get_by_role("button", name="Invite", exact=True).click()
    sign_up(ana, atelier, JOINER)
    ana.goto(link_in_mail(atelier, JOINER, "/join/"))
    ana.get_by_role("button", name=re.compile("^Join as")).click()
    ana.wait_for_url("**/pictures")

    # Ben, who is new too, stays in a team of his own and brings a picture while Ana paints.
    sign_up(ben, atelier, STRANGER)
    upload(ben)
    vector = paint_and_save(ana)

    # Ana says what others may do, and publishes: measured, then listed, without a reload.
    ana.goto(vector)
    set_license(ana, "They may sell what they make with it", False)
    set_license(ana, "Their forks keep this licence", True)
    publish(ana)
    # A second one of the same effect, to be alike to.
    mara.goto("/library?q=smile")
    mara.get_by_role("link", name="Smile, card").click()
    publish(mara)

    # Ben's team finds it by words, by likeness, and by painting on its own picture.
    ben.get_by_role("button", name="Open in studio").click()
    ben.wait_for_url(re.compile(r"/pictures/[0-9a-f-]{36}$"))
    studio = Studio(page=ben, image_id=ben.url.rsplit("/", 1)[-1])
    expect(studio.canvas).to_be_visible()
    ben.goto("/library")
    ben.get_by_role("radio", name=re.compile("^Community")).click()
    ben.get_by_label("Search vectors").fill("merr")
    card = ben.get_by_role("link", name=f"{TITLE}, card")
    expect(card).to_be_visible()
    expect(ben.get_by_text("1 vector", exact=True)).to_be_visible()
    ben.get_by_label("Search vectors").fill("smile")
    ben.get_by_role("link", name="Smile, card").click()
    ben.get_by_role("link", name=re.compile(rf"{TITLE} \d+ % alike")).click()
    expect(ben.get_by_role("heading", name=TITLE)).to_be_visible()
    assert ben.url.endswith(vector)

    # Tried beside the page: the picture there follows.
    ben.get_by_role("button", name="Try on my picture").click()
    dock = ben.get_by_label("On your picture", exact=True)
    picture = dock.get_by_role("img", name=re.compile("with the vectors below"))
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    dock.get_by_role("button", name="Close").click()

    studio = open_studio(ben, "Visitor")
    studio.raise_mouth_corners()
    ben.get_by_role("button", name="Find vectors that do this").click()
    search = ben.get_by_role("region", name="Search by painting")
    found = search.get_by_role("listitem").filter(has_text=TITLE)
    expect(found.get_by_role("button", name=re.compile("alike, suggested"))).to_be_visible()
    found.get_by_role("button", name=re.compile("^Use at")).click()
    ben.get_by_role("button", name="Close the search").click()
    ben.get_by_role("button", name="Keep", exact=True).click()
    kept = studio.wait_for_revisions(2)[0]
    assert [use["title"] for use in kept["stack"]] == [TITLE]

    # He forks it at half its strength; the fork is bound to the licence it came with.
    ben.goto(vector)
    ben.get_by_role("button", name="Fork", exact=True).click()
    dialog = ben.get_by_role("dialog")
    dialog.get_by_label("Name").fill(FORK)
    slider = dialog.get_by_role("slider", name="Strength of the fork")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowLeft")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    expect(ben.get_by_role("heading", name=FORK)).to_be_visible()
    expect(ben.get_by_text(f"Forked from {TITLE} v1")).to_be_visible()
    expect(ben.get_by_text("No commercial use")).to_be_visible()
    ask_license(ben, "They may sell what they make with it", True)
    refusal = "asks its forks to keep the same licence"
    expect(ben.get_by_role("dialog").get_by_text(refusal)).to_be_visible()
    ben.keyboard.press("Escape")

    # Ana allows no more forks: Ben may still apply it, but neither fork it nor take its file.
    set_license(ana, "They may fork it and take its file", False)
    ben.goto(vector)
    expect(ben.get_by_role("button", name="Fork", exact=True)).to_be_disabled()
    expect(ben.get_by_role("link", name="Export")).to_have_count(0)
    assert ben.request.get(f"/api/edit-vectors/{vector.rsplit('/', 1)[-1]}/file").status == 403

    # He reports it; Jonas, who moderates, removes it, and Ben's team finds it no more.
    ben.get_by_role("button", name=f"More about {TITLE}").click()
    ben.get_by_role("menuitem", name="Report").click()
    dialog.get_by_role("radio", name="It does not do what it says").check()
    dialog.get_by_role("textbox").fill("The lips hardly move.")
    dialog.get_by_role("button", name="Report").click()
    expect(dialog).to_have_count(0)
    jonas.goto("/moderation")
    report = jonas.get_by_role("listitem").filter(has_text=TITLE)
    expect(report.get_by_text("The lips hardly move.")).to_be_visible()
    remove = report.get_by_role("button", name="Remove from the community")
    expect(remove).to_be_disabled()
    report.get_by_role("textbox").fill("Its strip shows no smile.")
    remove.click()
    expect(report).to_have_count(0)
    ben.goto("/library?q=merry+corners&scope=community")
    expect(ben.get_by_text("No vector fits")).to_be_visible()
    # What he made with it stays.
    assert studio.revisions()[0]["id"] == kept["id"]
    assert studio.pixels(kept).any()

    # Ana appeals, and Jonas brings it back.
    ana.goto(vector)
    expect(ana.get_by_text("Its strip shows no smile.")).to_be_visible()
    ana.get_by_role("button", name="Appeal").click()
    ana.get_by_role("dialog").get_by_role("textbox").fill("At strength 1 it does.")
    ana.get_by_role("dialog").get_by_role("button", name="Appeal").click()
    expect(ana.get_by_text("Your appeal is waiting")).to_be_visible()
    jonas.goto("/moderation")
    jonas.get_by_role("button", name="Bring it back").click()
    expect(jonas.get_by_text("Nothing waits.")).to_be_visible()
    expect(ana.get_by_text("Measured and listed")).to_be_visible()
    ben.reload()
    expect(card).to_be_visible()


def upload(page: Page) -> None:
    """Bring a portrait; it is being understood when this returns."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("New picture")).click()
    chooser.value.set_files(ROOT / "bundles" / "portraits-64" / "samples" / "henrik.png")
    page.get_by_label("Name", exact=True).fill("Visitor")
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Use this")).click()


def paint_and_save(page: Page) -> str:
    """Raise the corners of a mouth, save that as an edit vector; return its page's path."""
    studio = open_studio(page, "Mei")
    studio.raise_mouth_corners()
    studio.optimize()
    studio.wait_for_revisions(2)
    page.get_by_role("button", name="Save as edit vector").first.click()
    page.get_by_label("Name", exact=True).fill(TITLE)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    found = page.request.get(f"/api/edit-vectors?q={TITLE}").json()["items"]
    return f"/library/{found[0]['id']}"


def publish(page: Page) -> None:
    """Publish what the page is about, and wait until its figures let it through."""
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("menuitem", name="For everyone to find").click()
    expect(page.get_by_text("Measured and listed")).to_be_visible(timeout=60_000)


def ask_license(page: Page, switch: str, is_on: bool) -> None:
    page.get_by_role("button", name=re.compile("^More about")).click()
    page.get_by_role("menuitem", name="Licence").click()
    page.get_by_role("checkbox", name=switch).set_checked(is_on)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()


def set_license(page: Page, switch: str, is_on: bool) -> None:
    ask_license(page, switch, is_on)
    expect(page.get_by_role("dialog")).to_have_count(0)
