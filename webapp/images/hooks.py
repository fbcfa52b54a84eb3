"""Who else acts when an image gets a new head? Higher apps that registered here.

A hook runs inside the transaction that moves the head, with the image's row locked.
"""

from datetime import datetime
from typing import Protocol

from webapp.images.models import Image


class OnHeadChanged(Protocol):
    def __call__(
        self, *, image: Image, old_epoch: int, new_epoch: int, frozen_seq: int, now: datetime
    ) -> None:
        """Follow the image into its new epoch; ops after `frozen_seq` are not in the head."""


_on_head_changed: list[OnHeadChanged] = []


def register_head_changed(hook: OnHeadChanged) -> None:
    """Have `hook` called for every new head; registered once at start-up."""
    _on_head_changed.append(hook)


def head_changed(
    *, image: Image, old_epoch: int, new_epoch: int, frozen_seq: int, now: datetime
) -> None:
    """Call every hook."""
    for hook in _on_head_changed:
        hook(
            image=image, old_epoch=old_epoch, new_epoch=new_epoch, frozen_seq=frozen_seq,
            now=now,
        )  # fmt: skip
