"""One mail a day about what somebody has not read."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from tests.factories.rows import People
from tests.webapp.library.test_edit_vectors import save
from webapp.library import digest
from webapp.library.models import Notice

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def notice(who: People, text: str, *, at=NOW, **more) -> Notice:
    return Notice.objects.create(
        recipient=who.owner, kind="forked", text=text, edit_vector=save(who, title=text),
        created_at=at, **more,
    )  # fmt: skip


def test_what_is_unread_comes_in_one_mail_a_day(who: People) -> None:
    notice(who, "Sam forked Smile")
    notice(who, "Sam forked Frown")
    notice(who, "Read already", read_at=NOW)

    counts = [digest.send(now=NOW), digest.send(now=NOW)]

    assert counts == [1, 0]
    text = str(mail.outbox[0].body)
    assert mail.outbox[0].to == [who.owner.email]
    assert "Smile" in text
    assert "Frown" in text
    assert "Read already" not in text
    notice(who, "A third", at=NOW + timedelta(hours=2))
    assert digest.send(now=NOW + timedelta(hours=3)) == 0
    assert digest.send(now=NOW + timedelta(hours=25)) == 1
    assert "A third" in str(mail.outbox[1].body)
    assert "Smile" not in str(mail.outbox[1].body)


def test_nobody_gets_mail_who_wants_none_or_missed_nothing(who: People) -> None:
    assert digest.send(now=NOW) == 0
    notice(who, "Sam forked Smile")
    who.owner.wants_digest = False
    who.owner.save()

    assert digest.send(now=NOW) == 0
    assert mail.outbox == []
