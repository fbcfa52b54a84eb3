"""Which stacks were applied to which albums of pictures, and how far are they?

A run names pictures and a stack; every picture of it is one ordinary job that ends with a
revision. What is known of a picture's part in the run is what its job says.
"""

from typing import Any, ClassVar

from django.db import models

from webapp.accounts.models import Team, User
from webapp.common.models import BaseModel
from webapp.images.models import Image, Revision
from webapp.jobs.models import Job

MAX_PICTURES = 500


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: User) -> "RunQuerySet":
        """Return the runs of the teams that `user` belongs to."""
        return self.filter(team__in=Team.objects.visible_to(user))


class Run(BaseModel):
    """One stack on many pictures."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="album_runs")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="album_runs")
    stack = models.JSONField[Any, Any]()

    objects = RunQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-created_at"])]


class RunPicture(models.Model):
    """One picture of a run, with the newest job that applies the stack to it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="pictures")
    position = models.PositiveSmallIntegerField()
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    base_revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "position"], name="one_picture_per_place"),
            models.UniqueConstraint(fields=["run", "image"], name="picture_once_per_run"),
        ]
