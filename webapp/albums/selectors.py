"""What can be read about runs over albums?"""

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from webapp.accounts.models import User
from webapp.albums import policies
from webapp.albums.models import Run
from webapp.albums.schemas import RunOut, RunPageOut, RunPictureOut
from webapp.images.models import Revision
from webapp.jobs.models import Status

PAGE = 50


def _counted(runs: QuerySet[Run]) -> QuerySet[Run]:
    def number(*statuses: Status) -> Count:
        return Count("pictures", filter=Q(pictures__job__status__in=statuses))

    return runs.select_related("owner").annotate(
        num_pictures=Count("pictures"),
        num_done=number(Status.SUCCEEDED),
        num_failed=number(Status.FAILED),
        num_canceled=number(Status.CANCELED, Status.CANCELING),
    )


def runs(user: User) -> list[RunOut]:
    """Return the newest runs that `user` may see; one query."""
    found = _counted(Run.objects.visible_to(user)).order_by("-created_at", "-pk")
    return [RunOut.of(run) for run in found[:PAGE]]


def run(user: User, run_id: UUID) -> RunPageOut:
    """Return a run with how it stands with every picture; three queries.

    Raises:
        UnknownRunError: `user` can see no such run.
    """
    found = _counted(Run.objects.visible_to(user)).filter(pk=run_id).first()
    if found is None:
        raise policies.UnknownRunError("We cannot find this album run.")
    pictures = list(
        found.pictures.select_related("image", "job", "base_revision").order_by("position")
    )
    made = Revision.objects.filter(
        pk__in=[one.job.revision_id for one in pictures if one.job.revision_id]
    )
    after = dict(made.values_list("pk", "thumbnail_id"))
    return RunPageOut(
        run=RunOut.of(found),
        pictures=[
            RunPictureOut.of(
                one, after=after.get(one.job.revision_id) if one.job.revision_id else None
            )
            for one in pictures
        ],
    )
