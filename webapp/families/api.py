"""The families of pictures over HTTP."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema

from webapp.accounts import auth
from webapp.accounts.schemas import PersonOut
from webapp.common import artifacts
from webapp.families import selectors
from webapp.families.selectors import Offer

router = Router(tags=["families"])


class PartOut(Schema):
    id: int
    name: str
    title: str
    color: str
    group: str
    is_background: bool


class FamilyOut(Schema):
    """A bundle that pictures can be made with, and the parts of its pictures.

    One without team is shipped with the installation. For new pictures is the newest version
    of a team's own family, and of a shipped family the bundle with the largest pictures; the
    others stay for the pictures made with them.
    """

    name: str
    family: str
    title: str
    resolution: int
    label_size: int
    version: int
    fingerprint: str
    num_layers: int
    w_dim: int
    parts: list[PartOut]
    usual_error: tuple[float, float, float]
    team_id: UUID | None
    project_id: UUID | None
    is_newest: bool
    published_at: datetime | None

    @classmethod
    def facts(cls, offer: Offer) -> dict[str, Any]:
        """Return the fields of an offer."""
        own = offer.own
        return {
            **offer.info.model_dump(include=set(FamilyOut.model_fields)),
            "title": own.title if own else offer.info.title,
            "team_id": own.team_id if own else None,
            "project_id": own.project_id if own else None,
            "is_newest": offer.is_newest,
            "published_at": own.created_at if own else None,
        }


class FamilyReconstructionOut(Schema):
    original_url: str
    reconstruction_url: str
    error: float | None


class FamilyPageOut(FamilyOut):
    """A family with its card: where it comes from, how good it is, how its pictures look."""

    description: str
    license: str
    made_by: PersonOut | None
    source: Literal["shipped", "checkpoint", "pictures"]
    figures: dict[str, float]
    num_labels: int | None
    sentences: list[str]
    sample_urls: list[str]
    reconstructions: list[FamilyReconstructionOut]


@router.get("/families", response=list[FamilyOut])
def list_families(request: HttpRequest) -> list[FamilyOut]:
    """Every family that the person may use: shipped ones, and those of their teams."""
    return [FamilyOut(**FamilyOut.facts(offer)) for offer in _offers(request)]


def _offers(request: HttpRequest) -> list[Offer]:
    return selectors.offers(auth.person(request))


@router.get("/families/{name}", response=FamilyPageOut)
def get_family(request: HttpRequest, name: str) -> FamilyPageOut:
    """One family, with its card."""
    offer = selectors.offer(auth.person(request), name)
    card = offer.own.card if offer.own else {}
    # What a team published is stored already; what was shipped lies in the bundle's folder.
    samples = card.get("samples") or artifacts.put_all(
        [(png, "image/png") for png in offer.info.pictures()]
    )
    return FamilyPageOut(
        **FamilyOut.facts(offer),
        description=card.get("description", ""),
        license=card.get("license", ""),
        made_by=PersonOut.of(offer.own.made_by) if offer.own else None,
        source=card.get("source", "shipped"),
        figures=card.get("figures", offer.info.figures),
        num_labels=card.get("num_labels"),
        sentences=card.get("sentences", []),
        sample_urls=[artifacts.url(digest) for digest in samples],
        reconstructions=[
            FamilyReconstructionOut(
                original_url=artifacts.url(each["original"]),
                reconstruction_url=artifacts.url(each["reconstruction"]),
                error=each["error"],
            )
            for each in card.get("reconstructions", [])
        ],
    )
