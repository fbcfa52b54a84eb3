"""What may the card of an `editvector/1` file say? Its fields, checked whenever one is read.

Every field may be absent, because a bare offset is a vector too; a field that is there must
have its type. Unknown fields are kept, so that newer files stay readable. The same schema
is published as `docs/formats/editvector-1.schema.json`, for programs in other languages.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from editing.effect_signature import LAYOUT, LENGTH
from editing.errors import EditingError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# An SPDX expression: identifiers, joined by AND, OR or WITH.
License = Annotated[str, Field(pattern=r"^[A-Za-z0-9.+() -]{1,200}$")]
Range = tuple[FiniteFloat, FiniteFloat]


class VectorCardError(EditingError):
    """A card has a field of the wrong type or out of its range."""

    code = "vector.card"


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Model(_Card):
    """Which generator the vector was made with."""

    fingerprint: Sha256 | None = Field(None, description="SHA-256 over all generator tensors")
    w_avg_hash: Sha256 | None = None
    family: str | None = None
    bundle: str | None = None
    bundle_version: int | None = None
    resolution: int | None = Field(None, ge=4)
    w_dim: int | None = Field(None, ge=1)
    num_layers: int | None = Field(None, ge=1)
    parent_fingerprint: Sha256 | None = Field(None, description="if it was fine-tuned")


class NamedPart(_Card):
    """A part the vector is for."""

    id: int = Field(ge=0)
    name: str


class AtStrength(_Card):
    """What was measured at one strength."""

    strength: FiniteFloat
    outside_change: FiniteFloat | None = Field(None, ge=0)
    locality: FiniteFloat | None = Field(None, ge=0, le=1)
    identity: FiniteFloat | None = None
    success: FiniteFloat | None = Field(None, ge=0, le=1)


class Calibration(_Card):
    """What strength 1 did on the probe pictures of the model."""

    num_probes: int | None = Field(None, ge=0)
    num_asked: int | None = Field(
        None, ge=0, description="probes that show what the vector takes away, if anything"
    )
    locality: FiniteFloat | None = Field(
        None, ge=0, le=1, description="share of the energy of visible change inside the region"
    )
    outside_change: FiniteFloat | None = Field(
        None, ge=0, description="mean absolute change outside the region, share of the range"
    )
    visible_outside: FiniteFloat | None = Field(
        None, ge=0, le=1, description="share of the pixels outside that change visibly"
    )
    identity: FiniteFloat | None = None
    success: FiniteFloat | None = Field(None, ge=0, le=1)
    additivity: FiniteFloat | None = Field(
        None, description="effect at strength 2 against twice that at 1; 1 adds up exactly"
    )
    distance_to_w: FiniteFloat | None = Field(None, ge=0)
    valid_range: Range | None = None
    by_strength: list[AtStrength] | None = None


class Signature(_Card):
    """What changes where, for searches; see `editing.effect_signature` for the layout."""

    layout: str
    values: list[FiniteFloat] = Field(max_length=4096)

    @model_validator(mode="after")
    def _has_the_length_of_its_layout(self) -> "Signature":
        if self.layout == LAYOUT and len(self.values) != LENGTH:
            raise ValueError(f"a signature of layout {LAYOUT} has {LENGTH} values")
        return self


class Parent(_Card):
    """A vector that this one was made of."""

    content_hash: Sha256
    strength: FiniteFloat | None = None
    title: str | None = None


class Lineage(_Card):
    """Where the vector comes from."""

    operation: str | None = None
    parents: list[Parent] = Field(default_factory=list, max_length=1000)


class VectorCard(_Card):
    """The card of an edit vector. `part_ids` and `content_hash` are in files alone."""

    title: str | None = Field(None, max_length=1000)
    model: Model | None = None
    space: Literal["w_plus"] | None = None
    layers: tuple[int, int] | None = Field(None, description="first and last touched layer")
    layer_mask: list[bool] | None = Field(None, max_length=64)
    noise: str | None = None
    truncation: FiniteFloat | None = None
    dtype: Literal["float32"] | None = None
    unit: str | None = Field(None, description="what strength 1 means")
    unit_norm: FiniteFloat | None = Field(None, ge=0)
    default_strength: FiniteFloat | None = None
    valid_range: Range | None = None
    parts: list[NamedPart] | None = None
    part_schema_version: int | None = None
    margin: int | None = Field(None, ge=0)
    learned_effect: dict[str, tuple[FiniteFloat, FiniteFloat, FiniteFloat]] | None = Field(
        None, description="per part: area, dx, dy on the picture it was learned from"
    )
    calibration: Calibration | None = None
    signature: Signature | None = None
    learned_from: dict[str, Any] | None = None
    lineage: Lineage | None = None
    author: str | None = None
    license: License | None = Field(None, description="SPDX expression")
    attribution: str | None = None
    side_effects: list[str] | None = Field(
        None, description="parts that change though the vector is not for them, most first"
    )


def check_card(card: dict[str, Any]) -> None:
    """Refuse a card that the schema does not allow.

    Raises:
        VectorCardError: names the field and what was expected.
    """
    try:
        VectorCard.model_validate(card)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(key) for key in first["loc"])
        if place == "license":
            raise VectorCardError(
                f"the card's license is {card['license']!r}, expected an SPDX expression such "
                "as CC-BY-4.0, up to 200 characters"
            ) from error
        raise VectorCardError(f"the card's {place}: {first['msg']}") from error


def published_schema() -> str:
    """Return the JSON Schema of cards, as the file under `docs/formats` holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **VectorCard.model_json_schema(),
    }
    return json.dumps(schema, indent=1) + "\n"
