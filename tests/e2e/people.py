"""How people come in: signing up, reading their mail, signing in, being named moderator."""

import email
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.platform import ROOT, RunningPlatform

OF_THE_DEMO = "atelier"
OF_NEWCOMERS = "a long enough one"


def sign_in(page: Page, address: str, password: str = OF_THE_DEMO) -> None:
    """Fill the form that is open and wait for the gallery."""
    page.get_by_label("Mail address").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/pictures")


def sign_up(page: Page, atelier: RunningPlatform, address: str) -> None:
    """Make an account, confirm its address from the mail, and sign in to its own team."""
    page.goto("/sign-up")
    page.get_by_label("Mail address").fill(address)
    page.get_by_label("Password").fill(OF_NEWCOMERS)
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    page.goto(link_in_mail(atelier, address, "/confirm/"))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, address, OF_NEWCOMERS)


def link_in_mail(atelier: RunningPlatform, address: str, path: str) -> str:
    """Return the address beginning with `path` that was mailed; waits until it was."""
    for _ in range(120):
        for file in (atelier.var / "mail").glob(f"*{address}*"):
            body = email.message_from_bytes(file.read_bytes()).get_payload(decode=True)
            assert isinstance(body, bytes)
            if found := re.search(rf"http://\S+{path}\S+", body.decode()):
                return found[0]
        time.sleep(0.25)
    raise AssertionError(f"no mail with {path} to {address}")


def name_moderator(atelier: RunningPlatform, address: str) -> None:
    """Do what an operator does: the account works the queue of reports from now on."""
    process = atelier.descendants(r"gpu_worker\.app")[0]
    raw = Path(f"/proc/{process}/environ").read_text()
    environment = dict(entry.split("=", 1) for entry in raw.split("\0") if "=" in entry)
    subprocess.run(
        [
            sys.executable, "manage.py", "shell", "-c",
            "from webapp.accounts.models import User; "
            f"assert User.objects.filter(email={address!r}).update(is_moderator=True) == 1",
        ],
        cwd=ROOT, env=os.environ | environment, check=True, capture_output=True,
    )  # fmt: skip
