"""Which pictures are there, and what is their history?

An image is what people open; its head is the revision that the studio shows. A revision
never changes, except that it may be named and starred; restoring makes a new one.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models.functions import Now

from webapp.accounts.models import Team, User
from webapp.common.models import Artifact, BaseModel
from webapp.jobs.models import Job


class ImageStatus(models.TextChoices):
    INVERTING = "inverting"
    READY = "ready"
    FAILED = "failed"


class ImageQuerySet(models.QuerySet["Image"]):
    def visible_to(self, user: User) -> "ImageQuerySet":
        """Return the images of the teams of `user`, and those shared with them by link.

        Removed ones are included.
        """
        shared = ShareGuest.objects.of(user).values("link__image")
        return self.filter(
            models.Q(team__in=Team.objects.visible_to(user)) | models.Q(pk__in=shared)
        )

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
    # Of the generator that the code is for; empty where it was not noted.
    fingerprint = models.CharField(max_length=64, blank=True, default="")
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


# ---- sharing with people outside the team ----------------------------------------------------


class Access(models.TextChoices):
    """What a share link permits."""

    VIEW = "view"
    EDIT = "edit"


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def visible_to(self, user: User) -> "ShareLinkQuerySet":
        """Return the links to images of the teams that `user` belongs to."""
        return self.filter(image__team__in=Team.objects.visible_to(user))

    def open(self) -> "ShareLinkQuerySet":
        """Leave out what was taken back or has expired, and links to removed images."""
        lasting = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=Now())
        return self.filter(lasting, revoked_at__isnull=True, image__deleted_at__isnull=True)


class ShareLink(BaseModel):
    """Lets people outside the team open one image. Its address is signed from the row's id."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="share_links")
    access = models.CharField(max_length=4, choices=Access.choices, default=Access.VIEW)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ShareLinkQuerySet.as_manager()

    # What `sharing` finds out in the same query; absent on rows read in another way.
    num_guests: int

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["image", "-created_at"], name="link_of_image")
        ]


class ShareGuestQuerySet(models.QuerySet["ShareGuest"]):
    def of(self, user: User) -> "ShareGuestQuerySet":
        """Return the visits of `user` whose links are still open."""
        return self.filter(user=user, link__in=ShareLink.objects.open())


class ShareGuest(BaseModel):
    """A person who opened a share link: as long as the link is open, they may see the image."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="guests")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    objects = ShareGuestQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["link", "user"], name="guest_once_per_link")
        ]
