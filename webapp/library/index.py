"""How does search learn of an edit vector? One entry each, made anew whenever it changes.

Entries hold nothing that is not elsewhere. A live edit vector has one, a removed one none.
Counts of uses and likes are rolled up into the entries by a periodic task, so that nobody
waits for the row of a popular vector.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVector
from django.db import connection, transaction
from django.db.models import TextField, Value
from django.db.models.expressions import Combinable

from webapp.jobs.contract import Measured
from webapp.library import cards
from webapp.library.folding import fold
from webapp.library.models import (
    EditVector,
    EffectEntry,
    Like,
    PublicationState,
    RollUp,
    SearchEntry,
    UseEvent,
)

# A transaction may commit events somewhat older than the newest that were counted.
OVERLAP = timedelta(minutes=2)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def _words(text: str, *, weight: str, config: str) -> Combinable:
    value = Value(fold(text), output_field=TextField())
    return SearchVector(value, config=config, weight=weight)


def _document(edit_vector: EditVector, tags: Collection[str]) -> Combinable:
    """Return what words are looked for in: title, tags, author, then the description.

    Names go in as they are written, titles and prose by their English stems, too.
    """
    plain = [
        (edit_vector.title, "A"),
        (" ".join(tags), "B"),
        (edit_vector.author.display_name, "C"),
        (edit_vector.description, "D"),
    ]
    document = _words(edit_vector.title, weight="A", config="english")
    document = document + _words(edit_vector.description, weight="D", config="english")
    for text, weight in plain:
        document = document + _words(text, weight=weight, config="simple")
    return document


def refresh(edit_vector_id: UUID) -> None:
    """Write the entry of an edit vector as it is now, or take it away if it was removed."""
    found = (
        EditVector.objects.live()
        .select_related("author", "current_version", "publication")
        .filter(pk=edit_vector_id, current_version__isnull=False)
        .first()
    )
    if found is None:
        SearchEntry.objects.filter(pk=edit_vector_id).delete()
        EffectEntry.objects.filter(pk=edit_vector_id).delete()
        return
    version = found.current_version
    assert version is not None
    tags = sorted(found.tags.values_list("name", flat=True))
    card = Measured.model_validate(version.card) if version.card is not None else None
    publication = getattr(found, "publication", None)
    fields: dict[str, Any] = {
        "team_id": found.team_id,
        "author_id": found.author_id,
        "family": version.family,
        "bundle": version.bundle,
        "is_listed": (publication is not None and publication.state == PublicationState.LISTED),
        "parts": version.part_names,
        "tags": tags,
        "locality": card.locality if card else None,
        "identity": card.identity if card else None,
        "success": card.success if card else None,
        "allows_commercial": found.allows_commercial,
        "allows_derivatives": found.allows_derivatives,
        "created_at": found.created_at,
        "title_key": found.title.lower(),
        "words": _document(found, tags),
    }
    if not SearchEntry.objects.filter(pk=found.pk).update(**fields):
        counts = {
            "num_uses": UseEvent.objects.filter(edit_vector=found).count(),
            "num_likes": Like.objects.filter(edit_vector=found, is_on=True).count(),
        }
        SearchEntry(edit_vector=found, **counts, **fields).save(force_insert=True)
    signature = cards.signature(card) if card else None
    if signature is None:
        EffectEntry.objects.filter(pk=found.pk).delete()
        return
    shared = ("team_id", "family", "bundle", "is_listed")
    EffectEntry.objects.update_or_create(
        edit_vector=found,
        defaults={"signature": signature, **{name: fields[name] for name in shared}},
    )


def refresh_missing() -> int:
    """Write the entries of live edit vectors that have none; return how many there were."""
    missing = EditVector.objects.live().filter(
        entry__isnull=True, current_version__isnull=False
    )
    ids = list(missing.values_list("pk", flat=True))
    for pk in ids:
        refresh(pk)
    return len(ids)


RECOUNT = """
UPDATE library_searchentry e SET
  num_uses = (SELECT count(*) FROM library_useevent u WHERE u.edit_vector_id = c.id),
  num_likes = (SELECT count(*) FROM library_like l WHERE l.edit_vector_id = c.id AND l.is_on)
FROM (
  SELECT edit_vector_id AS id FROM library_useevent WHERE created_at >= %(since)s
  UNION SELECT edit_vector_id FROM library_like WHERE changed_at >= %(since)s) c
WHERE e.edit_vector_id = c.id
"""


@transaction.atomic
def roll_up(*, now: datetime) -> int:
    """Count uses and likes since the last time into the entries; return how many changed."""
    last = RollUp.objects.select_for_update().first() or RollUp()
    since = BEGINNING if last.pk is None else last.counted_until - OVERLAP
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT, {"since": since})
        written: int = cursor.rowcount
    last.counted_until = now
    last.save()
    return written
