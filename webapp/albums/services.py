"""Use cases of applying a stack to an album: start, retry what failed, stop.

Leaving the page stops nothing: the pictures are jobs of the batch lane, one each, so other
people's work goes on between them, and a picture that fails harms no other.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from webapp.accounts import policies as accounts
from webapp.accounts.models import Team, User
from webapp.albums import policies
from webapp.albums.models import Run, RunPicture
from webapp.common.errors import ConflictError, RefusedInputError
from webapp.images.models import Image, Revision
from webapp.jobs import services as jobs
from webapp.jobs.contract import Drawing, RenderEdit, Stack, VectorUse
from webapp.jobs.models import Job, Lane, Status
from webapp.library import selectors as library


class UnfitPicturesError(RefusedInputError):
    """Some pictures cannot take part, and which is said."""

    code = "albums.unfit"


class NothingToRetryError(ConflictError):
    """No picture of the run failed."""

    code = "albums.nothing_to_retry"


@transaction.atomic
def start(
    *, actor: User, team: Team, image_ids: Sequence[UUID], stack: Stack, now: datetime
) -> Run:
    """Return a run that applies `stack` to the head of every picture, each as a revision.

    Raises:
        ReadOnlyError: the actor may only look in this team.
        UnfitPicturesError: a picture is unknown, not ready, or of another family.
        DomainError: a vector of the stack is unknown or of another family.
    """
    accounts.require_editor(actor, team.pk)
    wanted = list(dict.fromkeys(image_ids))
    found = {
        image.pk: image
        for image in Image.objects.visible_to(actor)
        .live()
        .filter(pk__in=wanted, team=team)
        .select_related("head")
    }
    unknown = [pk for pk in wanted if pk not in found]
    if unknown:
        raise UnfitPicturesError(
            f"{len(unknown)} of these pictures cannot be found in your team."
        )
    images = [found[pk] for pk in wanted]
    waiting = [image.name for image in images if image.head is None]
    if waiting:
        raise UnfitPicturesError(
            f"Not ready yet: {', '.join(waiting[:5])}. Leave them out, or wait."
        )
    bundles = {image.bundle for image in images}
    if len(bundles) > 1:
        raise UnfitPicturesError(
            "These pictures are of several models. Choose pictures of one, a stack fits one."
        )
    library.check_stack(actor, bundle=images[0].bundle, stack=stack)
    run = Run.objects.create(
        team=team, owner=actor, stack=[use.model_dump(mode="json") for use in stack],
        created_at=now,
    )  # fmt: skip
    pictures = []
    for position, image in enumerate(images):
        assert image.head is not None
        job = _job(run, image, image.head, owner=actor, stack=stack, now=now)
        pictures.append(
            RunPicture(
                run=run, position=position, image=image, base_revision=image.head, job=job
            )
        )
    RunPicture.objects.bulk_create(pictures)
    return run


def _job(
    run: Run, image: Image, base: Revision, *, owner: User, stack: Stack, now: datetime
) -> Job:
    request = RenderEdit(
        image_id=image.pk,
        bundle=image.bundle,
        base_revision_id=base.pk,
        w_plus=base.w_plus_id,
        stack=stack,
        base=Drawing(picture=base.picture_id, label_map=base.label_map_id),
    )
    return jobs.enqueue(
        owner=owner, team=run.team, request=request, now=now, image_id=image.pk,
        lane=Lane.BATCH,
    )  # fmt: skip


@transaction.atomic
def retry(*, actor: User, run_id: UUID, now: datetime) -> int:
    """Try what failed or was canceled once more, from the same pictures; return how many.

    Raises:
        UnknownRunError, ReadOnlyError: see `policies.editable_run`.
        NothingToRetryError: every picture is done or still waiting.
        DomainError: the actor may not apply a vector of the stack.
    """
    run = policies.editable_run(actor, run_id)
    pictures = list(
        run.pictures.select_for_update(of=("self",))
        .select_related("image", "base_revision", "job")
        .filter(job__status__in=(Status.FAILED, Status.CANCELED))
        .order_by("position")
    )
    if not pictures:
        raise NothingToRetryError("Nothing failed, so there is nothing to try again.")
    stack = tuple(VectorUse.model_validate(use, strict=False) for use in run.stack)
    library.check_stack(actor, bundle=pictures[0].image.bundle, stack=stack)
    for picture in pictures:  # for who asks now: who began the run may have left
        picture.job = _job(
            run, picture.image, picture.base_revision, owner=actor, stack=stack, now=now
        )
        picture.save(update_fields=["job"])
    return len(pictures)


def cancel(*, actor: User, run_id: UUID, now: datetime) -> None:
    """Stop what has not begun; pictures that are done keep their revision.

    Raises:
        UnknownRunError, ReadOnlyError: see `policies.editable_run`.
    """
    run = policies.editable_run(actor, run_id)
    open_jobs = run.pictures.filter(job__status__in=(Status.QUEUED, Status.LEASED))
    for job_id in open_jobs.values_list("job_id", flat=True):
        with transaction.atomic():
            job = Job.objects.select_for_update(of=("self",)).select_related("owner")
            jobs.stop(job.get(pk=job_id), now=now)
