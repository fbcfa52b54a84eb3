"""The operators' pages: who gets in, and what they do not show."""

from typing import Any

import pytest

from tests.factories import rows
from tests.factories.rows import People
from webapp.accounts import tokens
from webapp.accounts.models import Scope
from webapp.common import operators

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(db: None) -> Any:
    return rows.User.objects.create_superuser("operator@example.com", "x", name="Op")


def test_only_staff_get_in_and_nobody_by_a_password_alone(who: People, operator: Any) -> None:
    nobody = rows.client(None).get("/operators/")

    assert nobody.status_code == 302
    entry = rows.client(None).get(nobody["Location"])
    assert entry["Location"].startswith("/sign-in?next=%2Foperators")
    member = rows.client(who.owner).get("/operators/", follow=False)
    assert member.status_code == 302
    assert rows.client(operator).get("/operators/").status_code == 200


def test_every_list_and_every_page_of_the_operators_opens(who: People, operator: Any) -> None:
    image = rows.sample(who)
    tokens.create(actor=who.owner, name="Script", scopes={Scope.READ}, days=None, now=rows.NOW)
    browser = rows.client(operator)

    for model in operators.site._registry:
        meta = model._meta
        base = f"/operators/{meta.app_label}/{meta.model_name}/"
        assert browser.get(base).status_code == 200, base
        first = model._default_manager.first()
        if first is not None:
            # Pictures are seen by their teams; an operator who is in none sees none.
            status = 302 if meta.model_name in ("image", "sharelink") else 200
            assert browser.get(f"{base}{first.pk}/change/").status_code == status, base
    assert image.name not in browser.get("/operators/images/image/").content.decode()


def test_no_secret_is_shown_to_operators(who: People, operator: Any) -> None:
    token, _ = tokens.create(
        actor=who.owner, name="Script", scopes={Scope.READ}, days=None, now=rows.NOW
    )

    page = rows.client(operator).get(f"/operators/accounts/apitoken/{token.pk}/change/")

    assert token.prefix in page.content.decode()
    assert token.digest not in page.content.decode()


def test_the_pages_of_operators_hold_no_inline_script(operator: Any) -> None:
    page = rows.client(operator).get("/operators/accounts/user/").content.decode()

    assert "<script>" not in page
    assert "onclick=" not in page
