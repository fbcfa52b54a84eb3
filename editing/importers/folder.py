"""A generator without a schema, a branch or an encoder yet: the folder that imports write.

`generator/1` is to a family what a bundle without its other networks would be. Its
`manifest.json` is plain JSON for programs without torch, `generator.safetensors` the
weights. `load_generator` gives the network that `bundle.assemble` wants, once a family has
been labelled; the fingerprint stays the same, so vectors imported now fit the bundle later.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import save as save_tensors

from editing.bundle import (
    MANIFEST,
    BundleError,
    BundleMissingError,
    BundleTamperedError,
    fingerprint,
    read_tensors,
)
from editing.errors import EditingError
from editing.generator import Generator, GeneratorConfig

FORMAT: Literal["generator/1"] = "generator/1"
WEIGHTS = "generator.safetensors"


class Original(BaseModel):
    """The foreign file that a generator was read from, and what of it was not read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    num_bytes: int = Field(ge=1)
    format: str
    layout: str
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    classes: dict[str, str] = Field(
        description="classes in the file by the SHA-256 of their source, which never ran"
    )


class GeneratorManifest(BaseModel):
    """What `manifest.json` of a `generator/1` folder says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["generator/1"]
    title: str
    license: str
    fingerprint: str
    resolution: int
    num_layers: int
    w_dim: int
    networks: dict[Literal["generator"], dict[str, Any]]
    original: Original
    files: dict[str, str]


def save_generator(
    generator: Generator, path: Path, *, title: str, license: str, original: Original
) -> GeneratorManifest:
    """Write a generator into the new folder `path`; its manifest is written last."""
    path.mkdir(parents=True)
    state = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in generator.state_dict().items()
    }
    data = save_tensors(state)
    (path / WEIGHTS).write_bytes(data)
    manifest = GeneratorManifest(
        format=FORMAT,
        title=title,
        license=license,
        fingerprint=fingerprint(generator),
        resolution=generator.config.resolution,
        num_layers=generator.config.num_layers,
        w_dim=generator.config.w_dim,
        networks={"generator": generator.config.to_json()},
        original=original,
        files={WEIGHTS: hashlib.sha256(data).hexdigest()},
    )
    text = json.dumps(manifest.model_dump(mode="json"), indent=1)
    (path / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def read_generator_manifest(path: Path) -> GeneratorManifest:
    """Return the manifest of the `generator/1` folder `path`.

    Raises:
        BundleMissingError: there is none. BundleError: it cannot be understood.
    """
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
    except OSError as error:
        raise BundleMissingError(f"no generator in {path}: {error}") from error
    try:
        return GeneratorManifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(key) for key in first["loc"])
        raise BundleError(f"{path / MANIFEST}: {place}: {first['msg']}") from error


def load_generator(path: Path) -> Generator:
    """Return the generator in folder `path`, frozen and in eval mode, its hashes checked.

    Raises:
        BundleMissingError, BundleTamperedError, BundleError: as `bundle.load_bundle`.
    """
    manifest = read_generator_manifest(path)
    tensors = read_tensors(path, manifest.files, WEIGHTS)
    try:
        generator = Generator(GeneratorConfig.from_json(manifest.networks["generator"]))
        generator.load_state_dict(tensors)
    except (KeyError, RuntimeError, EditingError) as error:
        raise BundleError(f"the generator in {path} does not fit its description") from error
    if fingerprint(generator) != manifest.fingerprint:
        raise BundleTamperedError(f"the generator in {path} has another fingerprint")
    return generator.eval().requires_grad_(False)
