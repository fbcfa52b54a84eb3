"""Which edit vectors does a team have, and what was measured of them?

An edit vector is the asset that people name and find; a version is one immutable offset in
W+, with its card once a worker has measured it. Uses are insert-only events.
"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from webapp.accounts.models import Team, User
from webapp.common.models import BaseModel

MAX_TITLE = 120
MAX_DESCRIPTION = 2000
MAX_TAG = 40
MAX_TAGS = 12


class Tag(models.Model):
    """A word that a team files its edit vectors under, in lower case."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=MAX_TAG)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "name"], name="tag_once_per_team")
        ]


class EditVectorQuerySet(models.QuerySet["EditVector"]):
    def visible_to(self, user: User) -> "EditVectorQuerySet":
        """Return the edit vectors of the teams of `user`, removed ones included."""
        return self.filter(team__in=Team.objects.visible_to(user))

    def live(self) -> "EditVectorQuerySet":
        """Leave out what was removed."""
        return self.filter(deleted_at__isnull=True)


class EditVector(BaseModel):
    """An edit that a team can find and apply."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="edit_vectors")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="edit_vectors")
    title = models.CharField(max_length=MAX_TITLE)
    description = models.TextField(max_length=MAX_DESCRIPTION, blank=True)
    tags = models.ManyToManyField(Tag, related_name="edit_vectors", blank=True)
    current_version = models.ForeignKey(
        "EditVectorVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    search = SearchVectorField(null=True, editable=False)

    objects = EditVectorQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["team", "-created_at", "-id"]),
            GinIndex(fields=["search"], name="edit_vector_search"),
        ]


class EditVectorVersionQuerySet(models.QuerySet["EditVectorVersion"]):
    def visible_to(self, user: User) -> "EditVectorVersionQuerySet":
        """Return the versions of edit vectors that `user` may see, removed ones included."""
        return self.filter(edit_vector__in=EditVector.objects.visible_to(user))


class EditVectorVersion(BaseModel):
    """One immutable offset: float32, little-endian, row-major (num_layers, w_dim)."""

    edit_vector = models.ForeignKey(
        EditVector, on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField()
    offset = models.BinaryField()
    num_layers = models.PositiveSmallIntegerField()
    w_dim = models.PositiveSmallIntegerField()
    norm = models.FloatField()
    fingerprint = models.CharField(max_length=64)  # of the generator it was made with
    bundle = models.CharField(max_length=64)
    family = models.CharField(max_length=64)
    parts = ArrayField(models.PositiveSmallIntegerField())
    part_names = ArrayField(models.CharField(max_length=64))
    margin = models.PositiveSmallIntegerField()
    content_hash = models.CharField(max_length=64, db_index=True)  # SHA-256 of `offset`
    learned_from = models.JSONField[Any, Any](default=dict)
    card = models.JSONField[Any, Any](null=True)  # a `Measured`, once it is measured

    objects = EditVectorVersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["edit_vector", "number"], name="version_number_once"
            )
        ]
        indexes: ClassVar = [GinIndex(fields=["part_names"], name="version_part_names")]


class UseEvent(BaseModel):
    """Somebody kept a revision that this edit vector went into."""

    edit_vector = models.ForeignKey(EditVector, on_delete=models.CASCADE, related_name="uses")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
