"""What happened lately in a person's teams? Revisions, edit vectors, and jobs without them."""

from webapp.accounts.models import User
from webapp.accounts.schemas import PersonOut
from webapp.common import artifacts
from webapp.images import selectors
from webapp.images.schemas import ActivityOut
from webapp.jobs import selectors as jobs
from webapp.library import selectors as library

LIMIT = 50


def recent(user: User) -> list[ActivityOut]:
    """Return what happened, newest first, in a constant number of queries."""
    revisions = selectors.recent_revisions(user, limit=LIMIT)
    found = [
        ActivityOut(
            id=revision.id,
            kind="revision",
            at=revision.created_at,
            person=PersonOut.of(revision.author),
            title=revision.title or revision.kind,
            status=None,
            image_id=revision.image_id,
            image_name=revision.image.name,
            thumbnail_url=artifacts.url(revision.thumbnail_id, content_type="image/webp"),
        )
        for revision in revisions
    ]
    found += [
        ActivityOut(
            id=vector.id,
            kind="vector",
            at=vector.created_at,
            person=PersonOut.of(vector.author),
            title=vector.title,
            status=None,
            image_id=None,
            image_name=None,
            thumbnail_url=None,
        )
        for vector in library.recent(user, limit=LIMIT)
    ]
    pending = [
        job for job in jobs.jobs(user) if job.revision_id is None and job.image_id is not None
    ]
    names = selectors.image_names(user, {job.image_id for job in pending if job.image_id})
    found += [
        ActivityOut(
            id=job.id,
            kind="job",
            at=job.finished_at or job.created_at,
            person=PersonOut.of(job.owner),
            title=job.kind,
            status=job.status,
            image_id=job.image_id,
            image_name=names[job.image_id],
            thumbnail_url=None,
        )
        for job in pending
        if job.image_id in names
    ]
    return sorted(found, key=lambda each: each.at, reverse=True)[:LIMIT]
