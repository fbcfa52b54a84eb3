"""What is kept of people editing one picture together? Strokes in order, and the stack.

`seq` rises by one with every op of a picture and never starts again, so an op keeps its
place when it is carried into a new epoch. Ops refer to the room, never to the image's row:
who adds an op must not wait for who moves the head.
"""

from typing import Any, ClassVar

from django.db import models

from webapp.accounts.models import User
from webapp.common.models import BaseModel
from webapp.images.models import Image


class RoomQuerySet(models.QuerySet["Room"]):
    def visible_to(self, user: User) -> "RoomQuerySet":
        """Return the rooms of images that `user` may see and nobody has removed."""
        return self.filter(image__in=Image.objects.visible_to(user).live())


class Room(BaseModel):
    """The painting on top of an image's head, and the stack that lies at rest there."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="room")
    last_seq = models.PositiveIntegerField(default=0)
    stack = models.JSONField[Any, Any](default=list)
    stack_version = models.PositiveIntegerField(default=0)  # rises when the stack changes

    objects = RoomQuerySet.as_manager()


class RoomOp(BaseModel):
    """A stroke or an undo, as the message that brought it, at its place in the order."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="ops")
    epoch = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    op_id = models.UUIDField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    target = models.UUIDField(null=True)  # the op id that an undo is about; None for strokes
    payload = models.JSONField[Any, Any]()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "seq"], name="op_place_once"),
            models.UniqueConstraint(fields=["room", "op_id"], name="op_once_per_room"),
        ]
        indexes: ClassVar = [models.Index(fields=["room", "epoch", "seq"])]
