"""Which families are teams making, and how far are they?

A project is a team's family in the making. Rows hold what people decide: the parts, which
samples are labelled and by whom, the label maps. The networks, checkpoints and uploads lie in
the project's folder below `WORKSHOP_DIR`, which jobs work in. What a step made is written
here by its job's end, so that row and result become true together.
"""

from typing import Any, ClassVar

from django.db import models

from webapp.accounts.models import Team, User
from webapp.common.models import Artifact, BaseModel
from webapp.jobs.models import Job

MAX_TITLE = 80


def _artifact(**options: Any) -> Any:
    return models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+", **options)


class FamilyProjectQuerySet(models.QuerySet["FamilyProject"]):
    def visible_to(self, user: User) -> "FamilyProjectQuerySet":
        """Return the projects of the teams that `user` belongs to; removed ones included."""
        return self.filter(team__in=Team.objects.visible_to(user))

    def live(self) -> "FamilyProjectQuerySet":
        """Leave out what was removed."""
        return self.filter(deleted_at__isnull=True)


class FamilyProject(BaseModel):
    """A family that a team makes. `schema_version` and `labels_version` rise with changes."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="family_projects")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="family_projects")
    title = models.CharField(max_length=MAX_TITLE)
    description = models.TextField(blank=True)
    license = models.CharField(max_length=200, blank=True)
    parts = models.JSONField[Any, Any](default=list)
    next_part_id = models.PositiveSmallIntegerField(default=0)  # ids are never given twice
    schema_version = models.PositiveIntegerField(default=0)
    labels_version = models.PositiveIntegerField(default=0)
    # What the steps made, as their jobs reported it; None until then.
    generator = models.JSONField[Any, Any](null=True, blank=True)
    branch = models.JSONField[Any, Any](null=True, blank=True)
    encoder = models.JSONField[Any, Any](null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = FamilyProjectQuerySet.as_manager()

    # What `selectors` counts in the same query; absent on rows read in another way.
    num_samples: int
    num_proposed: int
    num_chosen: int
    num_labeled: int

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-created_at"])]


class Kind(models.TextChoices):
    """What an upload is to become a generator from."""

    CHECKPOINT = "checkpoint"
    PICTURES = "pictures"


class FamilyUploadQuerySet(models.QuerySet["FamilyUpload"]):
    def visible_to(self, user: User) -> "FamilyUploadQuerySet":
        """Return the uploads to projects that `user` may see and nobody has removed."""
        return self.filter(project__in=FamilyProject.objects.visible_to(user).live())


class FamilyUpload(BaseModel):
    """A file that arrives in chunks; its first `received` bytes are in the project's folder."""

    project = models.ForeignKey(FamilyProject, on_delete=models.CASCADE, related_name="uploads")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    file_name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(default=0)

    objects = FamilyUploadQuerySet.as_manager()

    @property
    def is_whole(self) -> bool:
        """Return whether every byte has arrived."""
        return self.received == self.size


class FamilySampleQuerySet(models.QuerySet["FamilySample"]):
    def visible_to(self, user: User) -> "FamilySampleQuerySet":
        """Return the samples of projects that `user` may see and nobody has removed."""
        return self.filter(project__in=FamilyProject.objects.visible_to(user).live())


class FamilySample(BaseModel):
    """A picture of a project's generator, with its label map once somebody labels it."""

    project = models.ForeignKey(FamilyProject, on_delete=models.CASCADE, related_name="samples")
    number = models.PositiveSmallIntegerField()
    picture = _artifact()
    thumbnail = _artifact()
    place = models.PositiveSmallIntegerField(null=True, blank=True)  # among those proposed
    reason = models.CharField(max_length=300, blank=True)
    is_chosen = models.BooleanField(default=False)  # one of those to label
    assignee = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    label_map = _artifact(null=True, blank=True)
    label_version = models.PositiveIntegerField(default=0)
    is_done = models.BooleanField(default=False)
    parts_share = models.JSONField[Any, Any](default=dict)
    saved_at = models.DateTimeField(null=True, blank=True)
    saved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    prediction = _artifact(null=True, blank=True)
    doubt = _artifact(null=True, blank=True)
    uncertainty = models.FloatField(null=True, blank=True)
    rank = models.PositiveSmallIntegerField(null=True, blank=True)  # 1 is the most uncertain
    remark = models.CharField(max_length=300, blank=True)  # on the prediction

    objects = FamilySampleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="one_sample_per_number")
        ]


class FamilyTryQuerySet(models.QuerySet["FamilyTry"]):
    def visible_to(self, user: User) -> "FamilyTryQuerySet":
        """Return the tries of projects that `user` may see and nobody has removed."""
        return self.filter(project__in=FamilyProject.objects.visible_to(user).live())


class FamilyTry(BaseModel):
    """A person's own picture, and what the project's networks make of it."""

    project = models.ForeignKey(FamilyProject, on_delete=models.CASCADE, related_name="tries")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, null=True, related_name="+")
    original = _artifact()
    reconstruction = _artifact(null=True, blank=True)
    label_map = _artifact(null=True, blank=True)
    error = models.FloatField(null=True, blank=True)
    psnr_db = models.FloatField(null=True, blank=True)
    remark = models.CharField(max_length=300, blank=True)

    objects = FamilyTryQuerySet.as_manager()
