"""Who outside the team may open an image? Whoever holds a link to it, as long as it lasts.

Opening a link signed in leaves a row, so that from then on `visible_to` answers for API,
sockets and search alike; taking the link back ends it for everybody at once.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from webapp.accounts import audit
from webapp.accounts.models import User
from webapp.common import events, links
from webapp.common.messages import TeamEvent
from webapp.images import policies
from webapp.images.models import Access, Image, ShareGuest, ShareLink

SHARE = "share"


def secret_of(link: ShareLink) -> str:
    """Return the secret part of a link's address, for the members of its team."""
    return links.seal(SHARE, link.pk)


def links_of(actor: User, image_id: UUID) -> list[ShareLink]:
    """Return the open links to an image, newest first, with the number of their guests.

    Raises:
        UnknownImageError, ReadOnlyError: see `policies.shareable_image`.
    """
    image = policies.shareable_image(actor, image_id)
    mine = ShareLink.objects.visible_to(actor).open().filter(image=image)
    found = mine.select_related("made_by", "image").annotate(num_guests=Count("guests"))  # type: ignore[no-redef]  # the model names it for readers
    return list(found.order_by("-created_at", "-pk"))


def links_of_team(actor: User, team_id: UUID) -> list[ShareLink]:
    """Return the open links to all images of a team, newest first."""
    mine = ShareLink.objects.visible_to(actor).open().filter(image__team=team_id)
    found = mine.select_related("made_by", "image").annotate(num_guests=Count("guests"))  # type: ignore[no-redef]  # the model names it for readers
    return list(found.order_by("-created_at", "-pk")[:200])


@transaction.atomic
def share(
    *, actor: User, image_id: UUID, access: Access, days: int | None, now: datetime
) -> ShareLink:
    """Return a new link to an image.

    Raises:
        UnknownImageError, ReadOnlyError: see `policies.shareable_image`.
    """
    image = policies.shareable_image(actor, image_id)
    link = ShareLink.objects.create(
        image=image, access=access, made_by=actor, created_at=now,
        expires_at=None if days is None else now + timedelta(days=days),
    )  # fmt: skip
    link.num_guests = 0
    audit.record(
        team=image.team_id, actor=actor, action="image.shared", target=image.pk,
        title=image.name, after=str(access),
    )  # fmt: skip
    _announce(image)
    return link


@transaction.atomic
def unshare(*, actor: User, share_id: UUID, now: datetime) -> None:
    """Take a link back; what its guests have open is closed within a second.

    Raises:
        UnknownShareError, ReadOnlyError: see `policies.revocable_share`.
    """
    link = policies.revocable_share(actor, share_id)
    if link.revoked_at is not None:
        return
    link.revoked_at = now
    link.save(update_fields=["revoked_at"])
    audit.record(
        team=link.image.team_id, actor=actor, action="image.unshared", target=link.image_id,
        title=link.image.name, before=str(link.access),
    )  # fmt: skip
    events.announce_room_access(link.image_id)
    _announce(link.image)


@transaction.atomic
def open_link(*, actor: User, secret: str) -> Image:
    """Let the holder of a link see, and perhaps edit, its image; returns the image.

    Raises:
        BadLinkError, UnknownShareError: the link is not, or no longer, good.
    """
    share_id = links.unseal(SHARE, secret)
    link = ShareLink.objects.open().select_related("image").filter(pk=share_id).first()
    if link is None:
        raise policies.UnknownShareError
    _, is_new = ShareGuest.objects.get_or_create(link=link, user=actor)
    if is_new:
        audit.record(
            team=link.image.team_id, actor=actor, action="image.share_opened",
            target=link.image_id, title=link.image.name, after=str(link.access),
        )  # fmt: skip
        events.announce_access(actor.pk)
    return link.image


def _announce(image: Image) -> None:
    events.announce_team(image.team_id, TeamEvent(topic="images", object_id=image.pk))
