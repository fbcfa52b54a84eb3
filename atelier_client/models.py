"""What the platform answers, as far as programs use it.

Each class is a part of the schema of the same name with `Out` in the published OpenAPI
document; a test holds them together. Fields that the platform adds are ignored.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base of all answers: frozen, and patient with fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Problem(Answer):
    """Why the platform refused."""

    code: str
    detail: str


class Person(Answer):
    id: int
    name: str


class Version(Answer):
    id: UUID
    number: int
    parts: list[str]
    content_hash: str


class Publication(Answer):
    state: Literal["draft", "measuring", "listed", "unlisted", "withdrawn", "removed"]
    reasons: list[str]


class EditVector(Answer):
    """An edit that can be applied."""

    id: UUID
    title: str
    description: str
    tags: list[str]
    author: Person
    team: str
    bundle: str
    version: Version
    publication: Publication
    num_uses: int
    num_likes: int


class EditVectorPage(Answer):
    items: list[EditVector]
    next: str | None


class Image(Answer):
    """A picture on the platform."""

    id: UUID
    name: str
    bundle: str
    status: Literal["inverting", "ready", "failed"]
    head_revision_id: UUID | None


class Revision(Answer):
    id: UUID
    picture_url: str


class ImportedFile(Answer):
    name: str
    edit_vector_id: UUID | None
    title: str | None
    refusal: str | None


class Imported(Answer):
    """What became of each file of an import."""

    items: list[ImportedFile]
    collection_id: UUID | None


class Run(Answer):
    id: UUID
    num_pictures: int
    num_done: int
    num_failed: int
    num_canceled: int
    is_over: bool


class RunPicture(Answer):
    image_id: UUID
    name: str
    state: Literal["waiting", "running", "done", "failed", "canceled"]
    revision_id: UUID | None
    refusal: str | None


class Album(Answer):
    """A stack on many pictures, and how far it is."""

    run: Run
    pictures: list[RunPicture]


class FamilyStep(Answer):
    """One of the seven steps of making a family, how it stands and why."""

    key: Literal["bring", "sample", "schema", "label", "branch", "encoder", "publish"]
    state: Literal["locked", "ready", "running", "failed", "stale", "done"]
    why: str


class PublishedFamily(Answer):
    """A version of a family that pictures can be made with; `name` is that of its bundle."""

    name: str
    title: str
    version: int


class FamilyProject(Answer):
    """A family in the making."""

    id: UUID
    title: str
    owner: Person
    steps: list[FamilyStep]
    num_proposed: int
    num_labeled: int
    published: list[PublishedFamily]

    def step(self, key: str) -> FamilyStep:
        """Return the step of that key."""
        return next(step for step in self.steps if step.key == key)


class SkippedLabels(Answer):
    name: str
    reason: str


class ImportedLabels(Answer):
    """How many label maps came in; `skipped` says what did not, and why."""

    imported: int
    skipped: list[SkippedLabels]


# The schema that each class is a part of, where it is not `<class>Out`.
SCHEMAS = {
    Problem: "Problem",
    EditVectorPage: "EditVectorPage",
    Album: "RunPageOut",
    ImportedFile: "ImportedOut",
    Imported: "ImportOut",
    PublishedFamily: "PublishedOut",
    SkippedLabels: "SkippedOut",
}
ANSWERS = (
    Problem, Person, Version, Publication, EditVector, EditVectorPage, Image, Revision,
    ImportedFile, Imported, Run, RunPicture, Album, FamilyStep, PublishedFamily,
    FamilyProject, SkippedLabels, ImportedLabels,
)  # fmt: skip
