"""Where does everything about one family of one's own live, and how far is it?

    family.json   name, title, seed, schema
    generator/    a `generator/1` folder           training/   if it was trained here
    samples/      codes, pictures, the proposal    labels/     NNN.png, a map a sample
    branch/       checkpoint, weights, figures     predictions/ maps and doubt, worst first
    encoder/      checkpoint, weights, uploads     bundle/     what was published
    former/       schemas and label maps before each change of the schema

Files are written beside their place and moved there, so a kill leaves the old or the new.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from editing.errors import EditingError
from editing.importers.folder import GeneratorManifest, read_generator_manifest
from editing.own_family import schema as schemas
from editing.own_family.schema import OwnSchema

FORMAT = "own-family/1"
MAX_LABEL_SIZE = 512
_NAME = re.compile(r"[a-z][a-z0-9-]{0,47}")

Step = Literal["bring", "sample", "schema", "label", "branch", "encoder", "publish"]
STEPS: tuple[Step, ...] = (
    "bring",
    "sample",
    "schema",
    "label",
    "branch",
    "encoder",
    "publish",
)


class FamilyNameError(EditingError):
    """A name that no folder and no bundle can have."""

    code = "family.name"


class FamilySeedError(EditingError):
    """A seed that no sample can be drawn with."""

    code = "family.seed"


class FamilyExistsError(EditingError):
    """There is a family in the folder already."""

    code = "family.exists"


class FamilyMissingError(EditingError):
    """There is no family in the folder."""

    code = "family.missing"


class FamilyBrokenError(EditingError):
    """The file that describes a family cannot be understood."""

    code = "family.broken"


class StepMissingError(EditingError):
    """A step needs what an earlier one makes."""

    code = "family.step_missing"


@dataclass(frozen=True, slots=True)
class Project:
    """One family in the making: what `family.json` says, and where the rest is."""

    folder: Path
    name: str
    title: str
    seed: int
    schema: OwnSchema | None

    @property
    def generator(self) -> Path:
        """Return the folder of the generator."""
        return self.folder / "generator"

    @property
    def training(self) -> Path:
        """Return the working folder of a training from pictures."""
        return self.folder / "training"

    @property
    def samples(self) -> Path:
        """Return the folder of the samples."""
        return self.folder / "samples"

    @property
    def labels(self) -> Path:
        """Return the folder of the label maps."""
        return self.folder / "labels"

    @property
    def branch(self) -> Path:
        """Return the folder of the segmentation branch."""
        return self.folder / "branch"

    @property
    def predictions(self) -> Path:
        """Return the folder of the predicted label maps."""
        return self.folder / "predictions"

    @property
    def encoder(self) -> Path:
        """Return the folder of the encoder."""
        return self.folder / "encoder"

    @property
    def bundle(self) -> Path:
        """Return the folder of the published bundle."""
        return self.folder / "bundle"

    def manifest(self) -> GeneratorManifest:
        """Return what the generator's manifest says.

        Raises:
            StepMissingError: no generator was brought yet.
        """
        if not (self.generator / "manifest.json").exists():
            raise StepMissingError(
                f"{self.title} has no generator yet: bring one first, a StyleGAN2 checkpoint "
                "or pictures to train on."
            )
        return read_generator_manifest(self.generator)

    @property
    def label_size(self) -> int:
        """Return the side of label maps: that of the pictures, at most 512.

        Raises:
            StepMissingError: no generator was brought yet.
        """
        return min(self.manifest().resolution, MAX_LABEL_SIZE)

    def parts(self) -> OwnSchema:
        """Return the schema.

        Raises:
            StepMissingError: no parts were named yet.
        """
        if self.schema is None:
            raise StepMissingError(
                f"{self.title} has no parts yet: choose a template or name the parts first."
            )
        return self.schema


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Whether a step is done, and in a sentence what it has made or still needs."""

    step: Step
    is_done: bool
    sentence: str


def create(
    folder: Path, *, name: str, title: str, seed: int = 0, template: str | None = None
) -> Project:
    """Return a new project in `folder`, which is made; its schema is a copy of `template`.

    Raises:
        FamilyNameError: the name cannot be that of a bundle.
        FamilySeedError: the seed is negative or 2**31 or more.
        FamilyExistsError: the folder holds a family already.
        UnknownTemplateError: there is no such template.
    """
    if not _NAME.fullmatch(name):
        raise FamilyNameError(
            f"The name {name!r} cannot be used: take up to 48 small letters, digits and "
            "hyphens, a letter first, such as old-maps."
        )
    if not 0 <= seed < 1 << 31:
        raise FamilySeedError(f"The seed {seed} cannot be used: take 0 to {(1 << 31) - 1}.")
    if (folder / "family.json").exists():
        raise FamilyExistsError(f"{folder} holds a family already: open it, or choose another.")
    schema = schemas.template(template) if template is not None else None
    project = Project(folder, name, title.strip() or name, seed, schema)
    folder.mkdir(parents=True, exist_ok=True)
    _write(project)
    return project


def open_project(folder: Path) -> Project:
    """Return the project in `folder`.

    Raises:
        FamilyMissingError: there is none.
        FamilyBrokenError: its description cannot be understood.
    """
    path = folder / "family.json"
    if not path.exists():
        raise FamilyMissingError(
            f"There is no family in {folder}: make one with 'python -m editing family new'."
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}")
        schema = None if data["schema"] is None else OwnSchema.from_json(data["schema"])
        return Project(folder, data["name"], data["title"], int(data["seed"]), schema)
    except (OSError, ValueError, KeyError, TypeError, EditingError) as error:
        raise FamilyBrokenError(f"{path} cannot be understood: {error!r}") from error


def set_schema(
    folder: Path, schema: OwnSchema, *, into: Mapping[int, int | None] | None = None
) -> OwnSchema:
    """Give the family these parts and return them with their version; labels follow.

    Label maps and predictions are rewritten: pixels of a removed part become what `into`
    says. The former schema and label maps stay in `former/`, under the former version.

    Raises:
        FamilyMissingError, FamilyBrokenError: there is no such project.
        SchemaError: the schema cannot be used; nothing was changed.
        RemovedPartError: a removed part is not in `into`; nothing was changed.
    """
    from editing.own_family import labels

    project = open_project(folder)
    old = project.schema
    if old is None:
        schemas.check(schema)
        fresh = OwnSchema(1, schema.parts)
    else:
        used = labels.parts_in_use(project)
        needless = {part.id: None for part in old.parts if part.id not in used}
        table = schemas.change(old, schema, into={**needless, **(into or {})})
        if old.parts == schema.parts:
            return old
        fresh = OwnSchema(old.version + 1, schema.parts)
        _keep_former(project, old.version)
        labels.rewrite(project, table, fresh)
    _write(Project(folder, project.name, project.title, project.seed, fresh))
    return fresh


def status(folder: Path) -> tuple[StepStatus, ...]:
    """Return the seven steps in order, what each has made or still needs.

    Raises:
        FamilyMissingError, FamilyBrokenError: there is no such project.
    """
    from editing.own_family import labels

    project = open_project(folder)
    found: list[StepStatus] = []

    def say(step: Step, is_done: bool, done: str, wanted: str) -> None:
        found.append(StepStatus(step, is_done, done if is_done else wanted))

    has_generator = (project.generator / "manifest.json").exists()
    about = project.manifest() if has_generator else None
    say(
        "bring",
        about is not None,
        f"{about.title}, {about.resolution} px" if about else "",
        "Bring a StyleGAN2 checkpoint, or pictures to train on.",
    )
    proposal = project.samples / "proposal.json"
    drawn = read_json(proposal) if proposal.exists() else {}
    proposed = [entry["sample"] for entry in drawn.get("proposed", [])]
    say(
        "sample",
        bool(drawn),
        f"{drawn.get('num', 0)} samples, {len(proposed)} of them proposed",
        "Draw samples, to choose those worth labelling.",
    )
    say(
        "schema",
        project.schema is not None,
        f"{len(project.schema.parts)} parts" if project.schema else "",
        "Name the parts, or start from a template.",
    )
    done = set(labels.labelled(project.folder))
    missing = [sample for sample in proposed if sample not in done]
    say(
        "label",
        # Others may have been labelled in place of proposed ones.
        len(done) >= max(1, len(proposed)),
        f"{len(done)} pictures labelled",
        f"{len(done)} labelled, {len(missing)} of {len(proposed)} proposed are missing.",
    )
    branch = read_json(project.branch / "figures.json")
    say(
        "branch",
        bool(branch),
        f"mIoU {branch.get('left_out_miou') or 0:.2f} on pictures left out",
        "Train the branch on the labelled pictures.",
    )
    encoder = read_json(project.encoder / "figures.json")
    say(
        "encoder",
        bool(encoder),
        f"{encoder.get('psnr_samples_db', 0.0):.1f} dB on samples",
        "Train the encoder, which finds the codes of uploads.",
    )
    card = read_json(project.bundle / "card.json")
    say(
        "publish",
        bool(card),
        f"version {card.get('version', 1)}",
        "Publish, and the family can be edited.",
    )
    return tuple(found)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, an empty one if there is no file."""
    if not path.exists():
        return {}
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write an object as JSON in one move."""
    write_bytes(path, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one move, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def clear_drafts(folder: Path) -> None:
    """Remove what a killed process left half-written; for who is alone in the folder.

    Checkpoints and finished parts stay: they are what the next process goes on from.
    """
    drafts = folder.rglob(".*.partial*"), folder.glob(".*.former"), folder.glob(".import-*")
    for draft in [path for found in drafts for path in found]:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def _write(project: Project) -> None:
    write_json(
        project.folder / "family.json",
        {
            "format": FORMAT,
            "name": project.name,
            "title": project.title,
            "seed": project.seed,
            "schema": None if project.schema is None else project.schema.to_json(),
        },
    )


def _keep_former(project: Project, version: int) -> None:
    """Copy schema and label maps aside, once per version."""
    target = project.folder / "former" / str(version)
    if target.exists():
        return
    fresh = target.with_name(f".{version}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shutil.copy2(project.folder / "family.json", fresh / "family.json")
    if project.labels.exists():
        shutil.copytree(project.labels, fresh / "labels")
    fresh.replace(target)
