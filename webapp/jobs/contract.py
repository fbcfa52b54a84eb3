"""What travels between web and worker: the parameters and results of every job kind.

A job row holds one `JobRequest` and, once it succeeded, one `JobResult`. Both are small
typed messages. Codes and pictures never travel in them; they are artifacts, named by the
SHA-256 of their bytes, and edit vectors are named by the id of their version. The worker
checks everything here a second time: validation at the door is not trusted.

A change in this module shows as a diff of `tests/contract/jobs.json`.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MAX_STRENGTH = 2.0
MAX_STACK = 8

ArtifactHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
BundleName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Strength = Annotated[FiniteFloat, Field(ge=-MAX_STRENGTH, le=MAX_STRENGTH)]
OptimizeSteps = Annotated[int, Field(ge=1, le=200)]
RefineSteps = Literal[10, 30, 60]
InvertSteps = Annotated[int, Field(ge=0, le=500)]


class Message(BaseModel):
    """Base of all messages: frozen, and strict about names it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class VectorUse(Message):
    """One edit vector of a stack, with its strength."""

    edit_vector_version_id: UUID
    strength: Strength


Stack = Annotated[tuple[VectorUse, ...], Field(max_length=MAX_STACK)]


class InvertImage(Message):
    """Find the code of an uploaded picture, showing it come into focus."""

    kind: Literal["invert"] = "invert"
    image_id: UUID
    bundle: BundleName
    source: ArtifactHash  # the square crop, PNG, RGB
    steps: InvertSteps = 100


class OptimizeEdit(Message):
    """Change a code until its label map follows a painting."""

    kind: Literal["optimize"] = "optimize"
    image_id: UUID
    bundle: BundleName
    base_revision_id: UUID
    w_plus: ArtifactHash
    label_map: ArtifactHash  # as painted, indexed PNG of label_size
    steps: OptimizeSteps = 30
    frozen_seq: int = 0  # strokes up to here are in the painting


class RefineEdit(Message):
    """Apply a stack, then repair the result toward the label map it already predicts."""

    kind: Literal["refine"] = "refine"
    image_id: UUID
    bundle: BundleName
    base_revision_id: UUID
    w_plus: ArtifactHash
    stack: Stack
    steps: RefineSteps = 10


class Drawing(Message):
    """What a kept revision looks like."""

    picture: ArtifactHash
    label_map: ArtifactHash


class RenderEdit(Message):
    """Apply a stack and keep the result, in full precision."""

    kind: Literal["render"] = "render"
    image_id: UUID
    bundle: BundleName
    base_revision_id: UUID
    w_plus: ArtifactHash
    stack: Stack
    base: Drawing | None = None  # of the base revision; without it, it is drawn again


class MeasureEditVector(Message):
    """Measure an edit vector on the probe pictures of its family: its card."""

    kind: Literal["measure"] = "measure"
    bundle: BundleName
    edit_vector_version_id: UUID


SearchScope = Literal["all", "team", "community"]


class MatchPainting(Message):
    """Find the edit vectors that would change a picture as it was painted."""

    kind: Literal["match"] = "match"
    image_id: UUID
    bundle: BundleName
    base_revision_id: UUID
    w_plus: ArtifactHash
    label_map: ArtifactHash  # as painted, indexed PNG of label_size
    scope: SearchScope = "all"
    num_candidates: Annotated[int, Field(ge=1, le=64)] = 12
    num_matches: Annotated[int, Field(ge=1, le=24)] = 6


class FindUncertainty(Message):
    """Find where the label map of a revision is uncertain."""

    kind: Literal["uncertainty"] = "uncertainty"
    image_id: UUID
    bundle: BundleName
    base_revision_id: UUID
    w_plus: ArtifactHash


# ---- the steps by which a team makes its own family ------------------------------------


class BringGenerator(Message):
    """Make an uploaded file the generator of a project: a checkpoint, or pictures to learn."""

    kind: Literal["bring"] = "bring"
    project_id: UUID
    file: str  # below the project's folder
    source: Literal["checkpoint", "pictures"]
    file_name: str
    title: str
    license: str
    resolution: int | None = None  # of what is learned from pictures
    minutes: float | None = None  # of learning from pictures


class SampleFamily(Message):
    """Draw pictures of a project's generator, and propose which to label."""

    kind: Literal["sample_family"] = "sample_family"
    project_id: UUID
    seed: int = 0


class PartSpec(Message):
    """One nameable region of a family that is being made."""

    id: Annotated[int, Field(ge=0, le=254)]
    name: str
    title: str
    color: str
    group: str
    is_background: bool = False


class LabeledSample(Message):
    """A labelled picture: its number among the samples, and its label map."""

    number: Annotated[int, Field(ge=0)]
    label_map: ArtifactHash  # indexed PNG of label_size; 255 is unlabelled


class TrainBranch(Message):
    """Learn to label from these label maps, then label all other samples."""

    kind: Literal["train_branch"] = "train_branch"
    project_id: UUID
    schema_version: int
    parts: tuple[PartSpec, ...]
    labels: tuple[LabeledSample, ...]
    labels_version: int  # of the project's labels as they are here


class TrainEncoder(Message):
    """Learn to find the codes of pictures."""

    kind: Literal["train_encoder"] = "train_encoder"
    project_id: UUID
    minutes: float


class TryUpload(Message):
    """Find one uploaded picture with a project's encoder, to see how well that goes."""

    kind: Literal["try_upload"] = "try_upload"
    project_id: UUID
    try_id: UUID
    source: ArtifactHash  # the square crop, PNG, RGB


class PublishFamily(Message):
    """Put a project's networks together as a bundle of this name."""

    kind: Literal["publish_family"] = "publish_family"
    project_id: UUID
    bundle: BundleName
    family: BundleName
    version: Annotated[int, Field(ge=1)]
    title: str
    description: str
    license: str


JobRequest = Annotated[
    InvertImage
    | OptimizeEdit
    | RefineEdit
    | RenderEdit
    | MeasureEditVector
    | MatchPainting
    | FindUncertainty
    | BringGenerator
    | SampleFamily
    | TrainBranch
    | TrainEncoder
    | TryUpload
    | PublishFamily,
    Field(discriminator="kind"),
]


class Figures(Message):
    """Losses of one step; those that a job kind does not have are None."""

    total: float | None = None
    painting: float | None = None  # cross-entropy inside the region
    rest: float | None = None  # appearance loss outside the region
    identity: float | None = None
    agreement: float | None = None  # share of region pixels that follow the painting, 0..1


class Progress(Message):
    """How far a running job is. Sent as event and kept on the row."""

    step: int
    num_steps: int
    figures: Figures = Figures()
    sentence: str | None = None  # what is being done, where steps alone do not say it
    seconds_left: float | None = None  # as the work itself estimates it
    numbers: dict[str, float] = {}  # what a training measures on its way, by name
    sheet: int | None = None  # rises with each new sheet of pictures to look at meanwhile


class Picture(Message):
    """The kept outcome of a job that makes a revision."""

    w_plus: ArtifactHash  # safetensors, tensor `w_plus` float32 (L, w_dim)
    picture: ArtifactHash  # PNG
    label_map: ArtifactHash  # indexed PNG
    thumbnail: ArtifactHash  # WebP, 256 px


class Inverted(Message):
    kind: Literal["invert"] = "invert"
    picture: Picture
    residual: ArtifactHash  # PNG heat map of |original - reconstruction|
    error: float  # mean absolute difference, share of the range 0..1
    psnr_db: float
    perceptual: float
    distance_to_w: float
    usual_error: tuple[float, float, float]  # 5th, 50th, 95th percentile of held-out pictures


class Edited(Message):
    """Outcome of optimize, refine and render."""

    kind: Literal["optimize", "refine", "render"]
    picture: Picture
    parts: tuple[int, ...]  # ids whose pixels changed
    steps_done: int
    best_step: int
    figures: Figures
    changed_share: float  # pixels that changed visibly, 0..1
    outside_change: float  # mean absolute change outside the region, share of the range


class ProbeStrip(Message):
    """One probe picture at rising strengths."""

    pictures: tuple[ArtifactHash, ...]  # PNG, one per strength


class Measured(Message):
    """The card of an edit vector, measured on the probe pictures."""

    kind: Literal["measure"] = "measure"
    strengths: tuple[float, ...]
    strips: tuple[ProbeStrip, ...]
    num_probes: int
    locality: float  # share of all change that lies inside the region, 0..1
    outside_change: float
    identity: float | None
    success: float  # share of the probes asked on which the effect has the learned direction
    num_asked: int | None = None  # probes that show what it takes away; None: all, of before
    effect_by_part: dict[str, float]  # change of area per part name, share of picture
    valid_range: tuple[float, float]
    norm: float
    additivity: float | None = None  # how nearly two half steps are one whole step, to 1
    signature: tuple[float, ...] = ()  # what search compares; empty if none was made
    heat: ArtifactHash | None = None  # PNG, mean change at strength 1 over the faces shown


class Match(Message):
    """One edit vector that does what was painted, as far as `match` says."""

    edit_vector_version_id: UUID
    strength: Strength
    match: float  # 0..1, likeness of its change of the label map to the painted one
    picture: ArtifactHash  # WebP, the picture with it


class Matched(Message):
    """The edit vectors that come nearest to a painting, best first."""

    kind: Literal["match"] = "match"
    matches: tuple[Match, ...]
    num_candidates: int
    seconds: float


class UncertaintyFound(Message):
    """Where the members of the segmentation branch disagree about a label map."""

    kind: Literal["uncertainty"] = "uncertainty"
    map: ArtifactHash  # PNG, one grey channel of label_size; 255 is `top` nats or more
    top: float
    overall: float  # nats, mean over the most uncertain tenth of the pixels
    num_members: int


class SkippedFile(Message):
    """A file that was left out, and why."""

    name: str
    reason: str


class Brought(Message):
    """A generator that a family can be made of."""

    kind: Literal["bring"] = "bring"
    source: Literal["checkpoint", "pictures"]
    resolution: int
    label_size: int
    num_layers: int
    w_dim: int
    fingerprint: str
    warnings: tuple[str, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    num_skipped: int = 0


class SampledPicture(Message):
    """A picture of the generator; `place` says where it stands among those to label."""

    number: int
    picture: ArtifactHash  # PNG
    thumbnail: ArtifactHash  # WebP
    place: int | None = None
    reason: str = ""


class Sampled(Message):
    kind: Literal["sample_family"] = "sample_family"
    pictures: tuple[SampledPicture, ...]


class Prediction(Message):
    """What the branch sees in a sample that nobody labelled."""

    number: int
    label_map: ArtifactHash  # indexed PNG
    doubt: ArtifactHash  # PNG, where the branch is unsure
    uncertainty: float
    sentence: str = ""


class BranchTrained(Message):
    """A branch with its figures, and its predictions, the most uncertain first."""

    kind: Literal["train_branch"] = "train_branch"
    figures: dict[str, float]
    explanation: str = ""
    predictions: tuple[Prediction, ...]


class Reconstruction(Message):
    """A picture beside what the encoder makes of it."""

    original: ArtifactHash
    reconstruction: ArtifactHash
    error: float | None = None


class EncoderTrained(Message):
    kind: Literal["train_encoder"] = "train_encoder"
    figures: dict[str, float]
    reconstructions: tuple[Reconstruction, ...] = ()
    sheet: ArtifactHash | None = None


class Tried(Message):
    kind: Literal["try_upload"] = "try_upload"
    reconstruction: ArtifactHash
    label_map: ArtifactHash | None = None
    error: float | None = None
    psnr_db: float | None = None
    sentence: str = ""


class PublishedFamily(Message):
    """A bundle in the folder of published families; `samples` are pictures to begin with."""

    kind: Literal["publish_family"] = "publish_family"
    bundle: BundleName
    samples: tuple[Picture, ...]
    figures: dict[str, float]
    card: dict[str, Any]


JobResult = Annotated[
    Inverted
    | Edited
    | Measured
    | Matched
    | UncertaintyFound
    | Brought
    | Sampled
    | BranchTrained
    | EncoderTrained
    | Tried
    | PublishedFamily,
    Field(discriminator="kind"),
]


class PreviewRequest(Message):
    """The newest wish of one stream: show this code with this stack. Latest wins."""

    stream: UUID
    epoch: int
    seq: int
    bundle: BundleName
    base_revision_id: UUID
    w_plus: ArtifactHash
    stack: Stack
