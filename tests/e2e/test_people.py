"""Somebody new: signs up, gets a shared picture, loses it again, is invited and joins."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.people import link_in_mail, sign_up
from tests.e2e.platform import RunningPlatform

ADDRESS = "ana.new@example.org"


def test_a_newcomer_sees_a_shared_picture_until_it_is_taken_back_and_joins_by_mail(
    atelier: RunningPlatform, visitor: Callable[..., Page], person: Callable[..., Page]
) -> None:
    newcomer = visitor()
    sign_up(newcomer, atelier, ADDRESS)

    # Mara shares a picture: it opens, to look only.
    mara = person("mara@example.com")
    mara.locator("main a[href^='/pictures/']").first.click()
    mara.get_by_role("button", name="Share").click()
    mara.get_by_role("button", name="Make a link").click()
    address = mara.get_by_role("textbox", name="The link")
    newcomer.goto(address.input_value())
    expect(newcomer.get_by_text("You may look", exact=False).first).to_be_visible()

    # She takes the link back: what the guest has open says so, without a reload.
    mara.get_by_role("button", name="Take back").click()
    expect(newcomer.get_by_text("We cannot find this picture.", exact=False)).to_be_visible()

    # She invites; the newcomer joins and is among the people.
    mara.goto("/team")
    mara.get_by_label("Mail address, or empty for a link").fill(ADDRESS)
    mara.get_by_role("button", name="Invite", exact=True).click()
    newcomer.goto(link_in_mail(atelier, ADDRESS, "/join/"))
    newcomer.get_by_role("button", name="Join as Ana New").click()
    newcomer.wait_for_url("**/pictures")
    expect(mara.get_by_label("Role of Ana New")).to_have_value("editor")
    expect(mara.get_by_text("joined as editor")).to_be_visible()
