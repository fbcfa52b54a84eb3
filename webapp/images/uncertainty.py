"""Where is the label map of a revision uncertain? Ask a worker, and read its answer."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from ninja import Schema

from webapp.accounts.models import User
from webapp.common import artifacts
from webapp.images import policies
from webapp.jobs import policies as job_policies
from webapp.jobs import services as jobs
from webapp.jobs.contract import FindUncertainty, UncertaintyFound
from webapp.jobs.models import TERMINAL, Job

NEWER_FIRST = 5  # before renders and optimizations that wait, for somebody looks on


class UncertaintyOut(Schema):
    """The answer, once a worker has given it.

    `map_url` is a grey picture of the label map's size: white is `top` nats or more, black is
    where all `num_members` networks agree. `overall` is the mean, in nats, over the most
    uncertain tenth of the pixels.
    """

    job_id: UUID
    revision_id: UUID
    is_done: bool
    refusal: str | None
    map_url: str | None
    top: float | None
    overall: float | None
    num_members: int | None


@transaction.atomic
def start(*, actor: User, revision_id: UUID, now: datetime) -> Job:
    """Return the job that finds where the label map of a revision is uncertain.

    Anybody who may see the revision may ask; it changes nothing.

    Raises:
        UnknownRevisionError: the actor can see no such revision.
    """
    revision = policies.visible_revision(actor, revision_id)
    request = FindUncertainty(
        image_id=revision.image_id,
        bundle=revision.image.bundle,
        base_revision_id=revision.pk,
        w_plus=revision.w_plus_id,
    )
    return jobs.enqueue(
        owner=actor, team=revision.image.team, request=request, now=now, priority=NEWER_FIRST,
    )  # fmt: skip


def answer(user: User, job_id: UUID) -> UncertaintyOut:
    """Return how far the question is, and what was found; for who asked.

    Raises:
        UnknownJobError: `user` asked no such question.
        UnknownRevisionError: they may not see the revision any more.
    """
    job = Job.objects.filter(pk=job_id, owner=user, kind="uncertainty").first()
    if job is None:
        raise job_policies.UnknownJobError("We cannot find this question.")
    revision = policies.visible_revision(user, UUID(job.request["base_revision_id"]))
    found = UncertaintyFound.model_validate(job.result, strict=False) if job.result else None
    return UncertaintyOut(
        job_id=job.pk,
        revision_id=revision.pk,
        is_done=job.status in TERMINAL,
        refusal=job.error_detail or None,
        map_url=artifacts.url(found.map) if found else None,
        top=found.top if found else None,
        overall=found.overall if found else None,
        num_members=found.num_members if found else None,
    )
