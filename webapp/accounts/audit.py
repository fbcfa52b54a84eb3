"""What happened to permissions here, who did it, and when? An append-only log of each team.

Written in the transaction of the change itself, so there is no change without its event.
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

from webapp.accounts import policies
from webapp.accounts.models import AuditEvent, Team, User
from webapp.common import paging
from webapp.common.request_id import current_request_id

PAGE = 50
COLUMNS = (
    "at",
    "actor",
    "actor_email",
    "action",
    "target",
    "title",
    "before",
    "after",
    "request",
)
Format = Literal["csv", "jsonl"]


def record(
    *,
    team: Team | UUID,
    actor: User | None,
    action: str,
    target: object = "",
    title: str = "",
    before: Any = None,
    after: Any = None,
) -> None:
    """Write one event; call it inside the transaction that makes the change."""
    AuditEvent.objects.create(
        team_id=team.pk if isinstance(team, Team) else team,
        actor=actor,
        action=action,
        target=str(target),
        title=title[:200],
        before=before,
        after=after,
        request_id=current_request_id(),
    )


def events(
    actor: User, team_id: UUID, *, cursor: str | None = None, limit: int = PAGE
) -> tuple[list[AuditEvent], str | None]:
    """Return a page of a team's events, newest first, and the cursor of the next page.

    Raises:
        UnknownTeamError, OwnersOnlyError: the actor may not read it.
        BadCursorError: the cursor is not one of ours.
    """
    team = policies.owned_team(actor, team_id)
    found = AuditEvent.objects.visible_to(actor).filter(team=team).select_related("actor")
    return paging.newest_first(found, cursor=cursor, limit=limit)


def export(actor: User, team_id: UUID, *, form: Format) -> Iterator[str]:
    """Yield a team's whole log, oldest first, as text in the wanted form.

    Raises:
        UnknownTeamError, OwnersOnlyError: the actor may not read it; raised at once.
    """
    team = policies.owned_team(actor, team_id)
    found = AuditEvent.objects.visible_to(actor).filter(team=team).select_related("actor")
    rows = found.order_by("created_at", "pk").iterator(chunk_size=500)
    return _as_csv(rows) if form == "csv" else _as_lines(rows)


def _facts(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": event.created_at.isoformat(),
        "actor": event.actor.display_name if event.actor else "",
        "actor_email": event.actor.email if event.actor else "",
        "action": event.action,
        "target": event.target,
        "title": event.title,
        "before": event.before,
        "after": event.after,
        "request": event.request_id,
    }


def _as_lines(rows: Iterator[AuditEvent]) -> Iterator[str]:
    for event in rows:
        yield json.dumps(_facts(event), ensure_ascii=False) + "\n"


def _as_csv(rows: Iterator[AuditEvent]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for event in rows:
        facts = _facts(event)
        writer.writerow([_cell(facts[name]) for name in COLUMNS])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = value if isinstance(value, str) else ("" if value is None else json.dumps(value))
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
