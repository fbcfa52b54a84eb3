"""Teams over HTTP: roles, invitations, leaving, handing over, and the log of it all."""

import csv
import io
import json
import threading
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import rows
from tests.factories.rows import People
from webapp.accounts import audit, quotas, services
from webapp.accounts import mail as invitations_by_mail
from webapp.accounts.models import AuditEvent, Invitation, Membership, Role, User

pytestmark = pytest.mark.django_db


def send(user: Any, method: str, path: str, body: Any = None) -> Any:
    text = json.dumps(body) if body is not None else ""
    return rows.client(user).generic(method, path, text, content_type="application/json")


@pytest.fixture
def url(who: People) -> str:
    return f"/api/teams/{who.team.pk}"


def role_of(who: People, user: Any) -> str | None:
    found = Membership.objects.filter(team=who.team, user=user).first()
    return found.role if found else None


# ---- roles ---------------------------------------------------------------------------------


def test_an_owner_changes_a_role_and_others_do_not(who: People, url: str) -> None:
    path = f"{url}/members/{who.teammate.pk}"

    assert send(who.teammate, "PATCH", path, {"role": "owner"}).status_code == 403
    assert send(who.stranger, "PATCH", path, {"role": "owner"}).status_code == 404
    changed = send(who.owner, "PATCH", path, {"role": "viewer"})

    assert changed.status_code == 200
    assert role_of(who, who.teammate) == "viewer"
    event = AuditEvent.objects.get(action="team.role_changed")
    assert (event.before, event.after, event.actor) == ("editor", "viewer", who.owner)


def test_a_team_is_never_left_without_an_owner(who: People, url: str) -> None:
    mine = f"{url}/members/{who.owner.pk}"

    answers = [
        send(who.owner, "PATCH", mine, {"role": "editor"}),
        send(who.owner, "DELETE", mine),
    ]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert {answer.json()["code"] for answer in answers} == {"accounts.last_owner"}
    assert role_of(who, who.owner) == "owner"


def test_handing_over_makes_the_heir_owner_and_oneself_editor(who: People, url: str) -> None:
    wish = {"user_id": who.teammate.pk}

    assert send(who.teammate, "POST", f"{url}/hand-over", wish).status_code == 403
    handed = send(who.owner, "POST", f"{url}/hand-over", wish)

    assert handed.json()["role"] == "editor"
    assert (role_of(who, who.owner), role_of(who, who.teammate)) == ("editor", "owner")
    outsider = {"user_id": who.stranger.pk}
    assert send(who.teammate, "POST", f"{url}/hand-over", outsider).status_code == 404


def test_a_member_leaves_and_an_editor_removes_nobody_else(who: People, url: str) -> None:
    other = services.add_member(team=who.team, user=who.stranger, role=Role.VIEWER)

    assert send(who.teammate, "DELETE", f"{url}/members/{other.user_id}").status_code == 403
    assert send(who.teammate, "DELETE", f"{url}/members/{who.teammate.pk}").status_code == 204
    assert send(who.owner, "DELETE", f"{url}/members/{other.user_id}").status_code == 204

    assert role_of(who, who.teammate) is role_of(who, who.stranger) is None
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["team.member_left", "team.member_removed"]


def test_a_person_founds_a_second_team_and_goes_back_to_the_first(who: People) -> None:
    made = send(who.owner, "POST", "/api/teams", {"name": "  Second "})

    assert made.status_code == 201
    assert made.json()["name"] == "Second"
    assert send(who.owner, "GET", "/api/team").json()["name"] == "Second"
    back = send(who.owner, "PUT", "/api/session/team", {"team_id": str(who.team.pk)})
    assert back.json()["team_id"] == str(who.team.pk)
    assert send(who.owner, "GET", "/api/team").json()["name"] == "Northlight"
    alien = {"team_id": str(who.other_team.pk)}
    assert send(who.owner, "PUT", "/api/session/team", alien).status_code == 404


# ---- invitations ---------------------------------------------------------------------------


def invite(who: People, url: str, **wish: Any) -> Any:
    made = send(who.owner, "POST", f"{url}/invitations", wish)
    assert made.status_code == 201, made.content
    return made.json()


def secret(invitation: Any) -> dict[str, str]:
    return {"secret": invitation["url"].rpartition("/join/")[2]}


def test_a_link_lets_in_whoever_has_it_until_it_is_taken_back(who: People, url: str) -> None:
    made = invite(who, url, role="viewer", days=3)

    preview = send(None, "POST", "/api/invitation-links/preview", secret(made))
    joined = send(who.stranger, "POST", "/api/invitation-links/accept", secret(made))

    assert preview.json()["team"] == "Northlight"
    assert preview.json()["role"] == "viewer"
    assert joined.json()["team_id"] == str(who.team.pk)
    assert role_of(who, who.stranger) == "viewer"
    assert send(who.owner, "DELETE", f"/api/invitations/{made['id']}").status_code == 204
    gone = send(who.teammate, "POST", "/api/invitation-links/accept", secret(made))
    assert (gone.status_code, gone.json()["code"]) == (404, "accounts.unknown_invitation")


@pytest.mark.parametrize("way", ["own link", "link of another owner", "mail"])
def test_a_removed_owner_does_not_come_back_by_an_invitation(
    who: People, url: str, way: str
) -> None:
    services.change_role(
        actor=who.owner, team_id=who.team.pk, user_id=who.teammate.pk, role=Role.OWNER
    )
    wish = {"email": who.teammate.email} if way == "mail" else {}
    made = send(who.teammate if way == "own link" else who.owner, "POST",
                f"{url}/invitations", wish).json()  # fmt: skip
    untouched = invite(who, url, email="ana@example.com")

    send(who.owner, "DELETE", f"{url}/members/{who.teammate.pk}")
    back = send(who.teammate, "POST", "/api/invitation-links/accept", secret(made))

    assert back.status_code == 404
    assert role_of(who, who.teammate) is None
    ended = Invitation.objects.filter(revoked_at__isnull=False).values_list("pk", flat=True)
    assert {str(pk) for pk in ended} == {made["id"]}
    assert Invitation.objects.get(pk=untouched["id"]).revoked_at is None


def test_teammates_have_colors_of_their_own_also_who_had_a_team_before(who: People) -> None:
    founders = [User.objects.create_user(f"{n}@example.org") for n in range(3)]
    for user in founders:
        services.welcome(user=user)
    assert len({user.color for user in founders}) == 1  # each the first of a team

    for user in founders:
        services.add_member(team=who.team, user=user)

    colors = list(User.objects.filter(teams=who.team).values_list("color", flat=True))
    assert len(set(colors)) == len(colors) == 5


def test_an_invitation_ends(who: People, url: str) -> None:
    made = invite(who, url)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert (
        send(who.stranger, "POST", "/api/invitation-links/accept", secret(made)).status_code
        == 404
    )
    assert send(who.owner, "GET", f"{url}/invitations").json() == []


def test_a_mailed_invitation_is_good_for_its_address_once(who: People, url: str) -> None:
    made = invite(who, url, email="STRANGER@example.com")

    num_sent = invitations_by_mail.send_invitations(now=timezone.now())

    assert num_sent == 1
    assert mail.outbox[0].to == ["stranger@example.com"]
    assert made["url"] in str(mail.outbox[0].body)
    assert invitations_by_mail.send_invitations(now=timezone.now()) == 0
    outsider = rows.User.objects.create_user("other@example.com", "x", name="Other")
    services.confirm_address(outsider)
    refused = send(outsider, "POST", "/api/invitation-links/accept", secret(made))
    assert (refused.status_code, refused.json()["code"]) == (403, "accounts.other_address")
    accepted = send(who.stranger, "POST", "/api/invitation-links/accept", secret(made))
    assert accepted.status_code == 200
    assert (
        send(who.stranger, "POST", "/api/invitation-links/accept", secret(made)).status_code
        == 404
    )
    assert role_of(who, who.stranger) == "editor"


def test_an_address_that_the_mail_server_refuses_holds_up_no_other(
    who: People, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(who, url, email="nobody@example.com")
    invite(who, url, email="stranger@example.com")
    real_send = mail.EmailMessage.send

    def send_or_refuse(message: Any, *args: Any, **more: Any) -> Any:
        if message.to == ["nobody@example.com"]:
            raise SMTPRecipientsRefused({"nobody@example.com": (550, b"No such mailbox")})
        return real_send(message, *args, **more)

    monkeypatch.setattr(mail.EmailMessage, "send", send_or_refuse)

    num_sent = invitations_by_mail.send_invitations(now=timezone.now())

    assert (num_sent, [message.to for message in mail.outbox]) == (
        1,
        [["stranger@example.com"]],
    )
    assert Invitation.objects.get(email="nobody@example.com").mailed_at is None


def test_an_address_that_is_not_confirmed_is_nobodys(who: People, url: str) -> None:
    made = invite(who, url, email="claimed@example.com")
    claimant = rows.User.objects.create_user("claimed@example.com", "x", name="Claimant")

    refused = send(claimant, "POST", "/api/invitation-links/accept", secret(made))

    assert refused.status_code == 403


def test_accepting_never_lowers_a_role(who: People, url: str) -> None:
    made = invite(who, url, role="viewer")

    send(who.owner, "POST", "/api/invitation-links/accept", secret(made))

    assert role_of(who, who.owner) == "owner"


def test_the_address_of_a_link_is_a_page_of_ours(who: People, url: str) -> None:
    address = invite(who, url)["url"].removeprefix("http://127.0.0.1:8000")

    assert rows.client(None).get(address).headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("text", ["x", "AAAA~BBBB", "AZ0" * 60])
def test_an_invented_link_is_not_found(who: People, text: str) -> None:
    answer = send(None, "POST", "/api/invitation-links/preview", {"secret": text})

    assert answer.status_code == 404


def test_invitations_are_for_owners(who: People, url: str) -> None:
    made = invite(who, url)

    for user, expected in ((who.teammate, 403), (who.stranger, 404), (None, 401)):
        assert send(user, "GET", f"{url}/invitations").status_code == expected
        assert send(user, "POST", f"{url}/invitations", {}).status_code == expected
    for user in (who.teammate, who.stranger):
        assert send(user, "DELETE", f"/api/invitations/{made['id']}").status_code == 404


def test_a_full_team_lets_nobody_in(who: People, url: str, settings: Any) -> None:
    settings.QUOTA_MEMBERS = 2
    made = invite(who, url)

    refused = send(who.stranger, "POST", "/api/invitation-links/accept", secret(made))

    assert (refused.status_code, refused.json()["code"]) == (403, "accounts.quota")
    assert "2 members" in refused.json()["detail"]
    who.team.quotas = {"members": 3}
    who.team.save()
    assert (
        send(who.stranger, "POST", "/api/invitation-links/accept", secret(made)).status_code
        == 200
    )


@pytest.mark.django_db(transaction=True)
def test_of_two_who_join_at_once_only_one_gets_the_last_place(who: People) -> None:
    who.team.quotas = {"members": 3}
    who.team.save()
    late = User.objects.create_user("late@example.com")
    answers: list[str] = []

    def join() -> None:
        try:
            with transaction.atomic():
                quotas.check(who.team, "members")
                services.add_member(team=who.team, user=late)
        except quotas.QuotaExceededError:
            answers.append("full")
        finally:
            connection.close()

    other = threading.Thread(target=join)
    with transaction.atomic():
        quotas.check(who.team, "members")
        services.add_member(team=who.team, user=who.stranger)
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive(), "the second one did not wait for the first"
    other.join(timeout=20)

    assert answers == ["full"]
    assert who.team.memberships.count() == 3


def test_quotas_show_what_is_used(who: People, url: str) -> None:
    shown = {each["name"]: each for each in send(who.teammate, "GET", f"{url}/quotas").json()}

    assert shown["members"]["used"] == 2
    assert quotas.limit_of(who.team, quotas._quotas["members"]) == shown["members"]["limit"]


# ---- the log -------------------------------------------------------------------------------


def test_owners_read_and_export_the_log_and_members_do_not(who: People, url: str) -> None:
    send(who.owner, "PATCH", url, {"name": "=Northlight"})

    page = send(who.owner, "GET", f"{url}/audit").json()
    as_csv = send(who.owner, "GET", f"{url}/audit/export?form=csv")
    as_lines = send(who.owner, "GET", f"{url}/audit/export?form=jsonl")

    assert [each["action"] for each in page["items"]] == ["team.renamed", "team.founded"]
    table = list(csv.DictReader(io.StringIO(as_csv.getvalue().decode())))
    assert [row["action"] for row in table] == ["team.founded", "team.renamed"]
    assert table[-1]["title"] == "'=Northlight"  # no spreadsheet runs it
    lines = [json.loads(line) for line in as_lines.getvalue().decode().splitlines()]
    assert lines[-1]["after"] == "=Northlight"
    assert lines[-1]["request"]
    for path in (f"{url}/audit", f"{url}/audit/export"):
        assert send(who.teammate, "GET", path).status_code == 403
        assert send(who.stranger, "GET", path).status_code == 404


def test_the_log_is_read_page_by_page(who: People) -> None:
    for number in range(7):
        audit.record(team=who.team, actor=who.owner, action="test", title=str(number))

    first, following = audit.events(who.owner, who.team.pk, limit=4)
    second, end = audit.events(who.owner, who.team.pk, cursor=following, limit=4)

    assert [each.title for each in first + second][:7] == list("6543210")
    assert end is None


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_refuses_to_change_the_log(who: People, change: str) -> None:
    events = AuditEvent.objects.filter(team=who.team)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        events.update(title="nothing happened") if change == "update" else events.delete()


@pytest.mark.parametrize("path", ["", "/invitations", "/audit", "/quotas"])
def test_lists_of_a_team_take_a_constant_number_of_queries(
    who: People,
    url: str,
    path: str,
) -> None:
    browser = rows.client(who.owner)
    browser.get(url)  # the first answer of a sign-in also notes where it came from
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as caught:
            assert browser.get(url + path).status_code == 200
        counts.append(len(caught))
        for number in range(5):
            user = rows.User.objects.create_user(f"{len(counts)}{number}@example.com", None)
            services.add_member(team=who.team, user=user)
            services.invite(
                actor=who.owner, team_id=who.team.pk, email=user.email, role=Role.EDITOR,
                days=1, now=timezone.now(),
            )  # fmt: skip

    assert counts[0] == counts[1] <= 12
