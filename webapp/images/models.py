"""Which pictures are there, and what is their history?

An image is what people open; its head is the revision that the studio shows. A revision
never changes, except that it may be named and starred; restoring makes a new one.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from webapp.accounts.models import Team, User
from webapp.common.models import Artifact, BaseModel
from webapp.jobs.models import Job


class ImageStatus(models.TextChoices):
    INVERTING = "inverting"
    READY = "ready"
    FAILED = "failed"


class ImageQuerySet(models.QuerySet["Image"]):
    def visible_to(self, user: User) -> "ImageQuerySet":
        """Return the images of the teams that `user` belongs to, removed ones included."""
        return self.filter(team__in=Team.objects.visible_to(user))

    def live(self) -> "ImageQuerySet":
        """Leave out what was removed."""
        return self.filter(deleted_at__isnull=True)


def _artifact(**options: Any) -> Any:
    return models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+", **options)


class Image(BaseModel):
    """A picture that a team edits."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="images")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="images")
    name = models.CharField(max_length=120)
    bundle = models.CharField(max_length=64)
    upload = _artifact(null=True, blank=True)  # upright and re-encoded, before the crop
    original = _artifact(null=True, blank=True)  # the square crop, PNG
    crop = models.JSONField[Any, Any](null=True, blank=True)
    head = models.ForeignKey(
        "Revision", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    epoch = models.PositiveIntegerField(default=0)  # rises with every new head
    status = models.CharField(
        max_length=10, choices=ImageStatus.choices, default=ImageStatus.INVERTING
    )
    inversion = models.JSONField[Any, Any](null=True, blank=True)  # figures of the last one
    residual = _artifact(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ImageQuerySet.as_manager()

    # What `selectors` finds out in the same query; absent on rows read in another way.
    num_revisions: int
    job_id: UUID | None

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-updated_at", "-id"])]


class RevisionKind(models.TextChoices):
    SAMPLE = "sample"
    INVERT = "invert"
    OPTIMIZE = "optimize"
    REFINE = "refine"
    RENDER = "render"
    RESTORE = "restore"


class RevisionQuerySet(models.QuerySet["Revision"]):
    def visible_to(self, user: User) -> "RevisionQuerySet":
        """Return the revisions of images that `user` may see and nobody has removed."""
        return self.filter(image__in=Image.objects.visible_to(user).live())


class Revision(BaseModel):
    """One immutable state of an image."""

    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="revisions")
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="revisions")
    kind = models.CharField(max_length=10, choices=RevisionKind.choices)
    title = models.CharField(max_length=120, blank=True)
    w_plus = _artifact()
    picture = _artifact()
    label_map = _artifact()
    thumbnail = _artifact()
    stack = models.JSONField[Any, Any](default=list)
    parameters = models.JSONField[Any, Any](default=dict)
    figures = models.JSONField[Any, Any](default=dict)
    job = models.OneToOneField(
        Job, on_delete=models.PROTECT, null=True, blank=True, related_name="revision"
    )
    is_starred = models.BooleanField(default=False)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["image", "-created_at", "-id"])]


class RevisionVector(models.Model):
    """An edit vector version that went into a revision; the id is the library's."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="vectors")
    edit_vector_version_id = models.UUIDField(db_index=True)
    strength = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["revision", "edit_vector_version_id"], name="vector_once_per_revision"
            )
        ]
