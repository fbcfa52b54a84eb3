"""How much may a team have? Amounts, counted by the app that owns the rows.

Rates (per time) are limited elsewhere, see `webapp.accounts.middleware`. An operator may
give one team other quotas than the usual, in the operators' pages.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from webapp.accounts.models import Membership, Team
from webapp.common.errors import ForbiddenError

Counter = Callable[[Team], int]


class QuotaExceededError(ForbiddenError):
    """The team has as much of something as it may have."""

    code = "accounts.quota"
    title = "The quota is used up"


@dataclass(frozen=True, slots=True)
class Quota:
    """One amount that is limited: `setting` names the usual limit."""

    name: str
    title: str  # in the plural, as in "pictures"
    setting: str
    used: Counter


@dataclass(frozen=True, slots=True)
class Use:
    """How far a team has used one of its quotas."""

    name: str
    title: str
    used: int
    limit: int


_quotas: dict[str, Quota] = {}


def register(name: str, *, title: str, setting: str, used: Counter) -> None:
    """Name a quota and who counts; called once at start-up by the app that owns the rows."""
    assert name not in _quotas, f"two apps count {name}"
    _quotas[name] = Quota(name=name, title=title, setting=setting, used=used)


def limit_of(team: Team, quota: Quota) -> int:
    """Return how much `team` may have."""
    own = team.quotas.get(quota.name)
    return own if isinstance(own, int) else int(getattr(settings, quota.setting))


def check(team: Team, name: str, *, adding: int = 1) -> None:
    """Return if the team may have so much more; for the transaction that adds it.

    The team's row stays locked until that ends, so that of two at once the second counts what
    the first has added.

    Raises:
        QuotaExceededError: it may not; the text says how much it may have.
    """
    quota = _quotas[name]
    assert transaction.get_connection().in_atomic_block, "the lock is held to the end of it"
    team = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    limit = limit_of(team, quota)
    if quota.used(team) + adding > limit:
        raise QuotaExceededError(
            f"{team.name} may have {limit} {quota.title} and has no room left. Remove some, "
            "or ask an operator for more."
        )


def uses(team: Team) -> list[Use]:
    """Return how far each quota is used, in order of name."""
    return [
        Use(
            name=quota.name,
            title=quota.title,
            used=quota.used(team),
            limit=limit_of(team, quota),
        )
        for _, quota in sorted(_quotas.items())
    ]


register(
    "members",
    title="members",
    setting="QUOTA_MEMBERS",
    used=lambda team: Membership.objects.filter(team=team).count(),
)
