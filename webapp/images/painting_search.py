"""Which edit vectors would do what was painted? Ask a worker, and read its answer."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from ninja import Schema

from webapp.accounts.models import User
from webapp.common import artifacts
from webapp.families import selectors as families
from webapp.images import label_maps, policies, services
from webapp.jobs import policies as job_policies
from webapp.jobs import services as jobs
from webapp.jobs.contract import Matched, MatchPainting, SearchScope
from webapp.jobs.models import Job, Status
from webapp.library import selectors as library
from webapp.library.schemas import EditVectorOut

NEWER_FIRST = 5  # before renders and optimizations that wait, for somebody looks on


class MatchOut(Schema):
    """An edit vector that does what was painted, tried on this picture."""

    vector: EditVectorOut
    strength: float
    match: float
    picture_url: str


class PaintingSearchOut(Schema):
    """The answer to a painting, once a worker has given it."""

    job_id: UUID
    is_done: bool
    refusal: str | None
    matches: list[MatchOut]
    num_candidates: int
    seconds: float | None


@transaction.atomic
def start(
    *,
    actor: User,
    image_id: UUID,
    base_revision_id: UUID,
    label_map: bytes,
    scope: SearchScope,
    now: datetime,
) -> Job:
    """Return the job that looks for edit vectors that would do what was painted.

    Anybody who may see the picture may ask; it changes nothing.

    Raises:
        UnknownImageError: the actor can see no such image.
        OtherImageError: the base is no revision of this image.
        BadLabelMapError: the painting is not a label map of this family.
        NothingChangedError: the painting is what the base shows already.
    """
    image = policies.visible_image(actor, image_id)
    base = services.base_of(image, base_revision_id)
    info = families.get(image.bundle)
    painted = label_maps.read(label_map, bundle=info)
    present = label_maps.read(artifacts.read(base.label_map_id), bundle=info)
    if not label_maps.changed_parts(present, painted, bundle=info):
        raise services.NothingChangedError
    data = label_maps.write(painted, bundle=info)
    request = MatchPainting(
        image_id=image.pk,
        bundle=image.bundle,
        base_revision_id=base.pk,
        w_plus=base.w_plus_id,
        label_map=artifacts.put(data, content_type="image/png"),
        scope=scope,
    )
    return jobs.enqueue(
        owner=actor, team=image.team, request=request, now=now, priority=NEWER_FIRST,
    )  # fmt: skip


def answer(user: User, job_id: UUID) -> PaintingSearchOut:
    """Return how far a search is, and what it found; for who asked.

    Edit vectors that were withdrawn meanwhile are left out.

    Raises:
        UnknownJobError: `user` asked no such question.
        UnknownImageError: they may not see the picture any more.
    """
    job = Job.objects.filter(pk=job_id, owner=user, kind="match").first()
    if job is None:
        raise job_policies.UnknownJobError("We cannot find this search.")
    policies.visible_image(user, UUID(job.request["image_id"]))  # the answer shows it
    found = Matched.model_validate(job.result, strict=False) if job.result else None
    matches = found.matches if found else ()
    vectors = {
        vector.version.id: vector
        for vector in library.of_versions(user, [one.edit_vector_version_id for one in matches])
        if not vector.is_removed
    }
    is_over = job.status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
    return PaintingSearchOut(
        job_id=job.pk,
        is_done=is_over,
        refusal=job.error_detail or None,
        matches=[
            MatchOut(
                vector=vectors[one.edit_vector_version_id],
                strength=one.strength,
                match=one.match,
                picture_url=artifacts.url(one.picture, content_type="image/webp"),
            )
            for one in matches
            if one.edit_vector_version_id in vectors
        ],
        num_candidates=found.num_candidates if found else 0,
        seconds=found.seconds if found else None,
    )
