"""What do all rows have, and which artifacts are stored?"""

from django.db import models
from django.utils import timezone

from webapp.common.ids import uuid7


class BaseModel(models.Model):
    """A row with a time-sorted id and the instant it was made."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True


class Artifact(models.Model):
    """Bytes in the artifact store, named by their SHA-256."""

    hash = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
