"""The families of pictures over HTTP."""

from django.http import HttpRequest
from ninja import Router, Schema

from webapp.families import selectors

router = Router(tags=["families"])


class PartOut(Schema):
    id: int
    name: str
    title: str
    color: str
    group: str
    is_background: bool


class FamilyOut(Schema):
    """A bundle that pictures can be made with, and the parts of its pictures."""

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


@router.get("/families", response=list[FamilyOut])
def list_families(request: HttpRequest) -> list[FamilyOut]:
    """Every family that this installation offers."""
    return [
        FamilyOut.model_validate(info.model_dump(include=set(FamilyOut.model_fields)))
        for info in selectors.all_bundles()
    ]
