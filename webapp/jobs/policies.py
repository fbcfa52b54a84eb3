"""Who may do what to a job?"""

from uuid import UUID

from webapp.accounts import policies as accounts
from webapp.accounts.models import User
from webapp.common.errors import ForbiddenError, NotFoundError
from webapp.jobs import guests
from webapp.jobs.models import QUESTIONS, Job


class UnknownJobError(NotFoundError):
    """There is no such job, or the asker may not know of it."""

    code = "jobs.unknown"


class NotYourJobError(ForbiddenError):
    """Only who started a job, or an owner of the team, may stop it."""

    code = "jobs.not_yours"


def visible_job(actor: User, job_id: UUID) -> Job:
    """Return a job that `actor` may see.

    Raises:
        UnknownJobError: there is none.
    """
    found = Job.objects.visible_to(actor).select_related("owner").filter(pk=job_id).first()
    if found is None:
        raise UnknownJobError("We cannot find this job.")
    return found


def cancelable_job(actor: User, job_id: UUID) -> Job:
    """Return a job that `actor` may stop, its row locked.

    Raises:
        UnknownJobError: the actor can see no such job.
        NotYourJobError: the actor can see it but neither started it nor owns the team.
    """
    job = visible_job(actor, job_id)
    if job.owner_id != actor.pk and not accounts.is_owner(actor, job.team_id):
        raise NotYourJobError(f"Only {job.owner.display_name} or a team owner can cancel this.")
    return Job.objects.select_for_update(of=("self",)).select_related("owner").get(pk=job_id)


def may_still_run(job: Job) -> bool:
    """Return whether the owner may still have this work done in this team.

    A question changes nothing: who may see its image may ask it.
    """
    if job.kind in QUESTIONS:
        return accounts.is_member(job.owner, job.team_id) or (
            job.owner.is_active
            and guests.may_see(job.owner, UUID(str(job.request.get("image_id"))))
        )
    if accounts.may_edit_in(job.owner, job.team_id):
        return True
    return job.image_id is not None and guests.may_edit(job.owner, job.image_id, job.team_id)
