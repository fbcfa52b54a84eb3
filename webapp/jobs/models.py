"""Which GPU work is waiting, running or done? The row is the truth.

A row is inserted in the transaction that wants the work, so it is its own outbox. It moves
`queued -> leased -> running -> succeeded | failed | canceled`, with `canceling` until the
worker confirms. A lease says until when a worker may be silent; the fencing token rises
with each claim, and whoever holds an older one can change nothing any more.
"""

from typing import Any, ClassVar

from django.db import models

from webapp.accounts.models import Team, User
from webapp.common.models import BaseModel
from webapp.jobs import guests

MAX_ATTEMPTS = 3


class Lane(models.TextChoices):
    INTERACTIVE = "interactive"
    BATCH = "batch"
    WORKSHOP = "workshop"  # minutes to hours; worked by processes of its own


LANES: dict[str, Lane] = {
    "invert": Lane.INTERACTIVE,
    "optimize": Lane.INTERACTIVE,
    "refine": Lane.INTERACTIVE,
    "render": Lane.INTERACTIVE,
    "match": Lane.INTERACTIVE,
    "uncertainty": Lane.INTERACTIVE,
    "measure": Lane.BATCH,
    "try_upload": Lane.BATCH,
    "bring": Lane.WORKSHOP,
    "sample_family": Lane.WORKSHOP,
    "train_branch": Lane.WORKSHOP,
    "train_encoder": Lane.WORKSHOP,
    "publish_family": Lane.WORKSHOP,
}


QUESTIONS = frozenset({"match", "uncertainty"})  # change nothing; who asked reads the answer


class Status(models.TextChoices):
    QUEUED = "queued"
    LEASED = "leased"
    RUNNING = "running"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


HELD = (Status.LEASED, Status.RUNNING, Status.CANCELING)
ACTIVE = (Status.QUEUED, *HELD)
TERMINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: User) -> "JobQuerySet":
        """Return the jobs of the teams of `user`, and of images that are shared with them."""
        mine = models.Q(team__in=Team.objects.visible_to(user))
        for images in guests.shared_images(user):
            mine |= models.Q(image_id__in=images)
        return self.filter(mine)

    def active(self) -> "JobQuerySet":
        return self.filter(status__in=ACTIVE)


class Job(BaseModel):
    """One unit of GPU work."""

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="jobs")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=16)
    lane = models.CharField(max_length=16, choices=Lane.choices)
    priority = models.SmallIntegerField(default=0)
    cost_estimate = models.FloatField(default=1.0)
    request = models.JSONField[Any, Any]()
    image_id = models.UUIDField(null=True, blank=True)
    project_id = models.UUIDField(null=True, blank=True)  # of the family it helps to make
    parent_revision_id = models.UUIDField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001 - unique only where given

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    num_attempts = models.SmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    fencing_token = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    progress = models.JSONField[Any, Any](null=True, blank=True)
    result = models.JSONField[Any, Any](null=True, blank=True)
    revision_id = models.UUIDField(null=True, blank=True)  # what a success made, if anything
    error_code = models.CharField(max_length=64, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="one_job_per_idempotency_key",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lane", "created_at"],
                condition=models.Q(status__in=["queued", "leased", "running", "canceling"]),
                name="job_waiting",
            ),
            models.Index(fields=["team", "-created_at"], name="job_of_team"),
            models.Index(fields=["image_id", "-created_at"], name="job_of_image"),
            models.Index(
                fields=["project_id", "kind", "-created_at"],
                condition=models.Q(project_id__isnull=False),
                name="job_of_project",
            ),
        ]


class Turn(models.Model):
    """When an owner was last served in a lane; fairness is "least recently served first"."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE)
    lane = models.CharField(max_length=16, choices=Lane.choices)
    served_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "lane"], name="one_turn_per_owner_lane")
        ]
