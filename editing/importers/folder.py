"""A generator without a schema or a branch yet: what imports, and training on pictures, write.

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
from torch import nn

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
from editing.inversion.picture_encoder import PictureEncoder, PictureEncoderConfig

FORMAT: Literal["generator/1"] = "generator/1"
WEIGHTS = "generator.safetensors"
ENCODER_WEIGHTS = "encoder.safetensors"


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


class Trained(BaseModel):
    """The pictures that a generator was trained on here, for how long, and how well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_pictures: int = Field(ge=1)
    seconds: dict[str, float] = Field(description="training time by stage")
    steps: dict[str, int] = Field(description="steps by stage")
    figures: dict[str, float]


class GeneratorManifest(BaseModel):
    """What `manifest.json` of a `generator/1` folder says.

    A generator is either read from a foreign file, its `original`, or `trained` here, and
    then brings an encoder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["generator/1"]
    title: str
    license: str
    fingerprint: str
    resolution: int
    num_layers: int
    w_dim: int
    networks: dict[Literal["generator", "encoder"], dict[str, Any]]
    original: Original | None = None
    trained: Trained | None = None
    files: dict[str, str]


def save_generator(
    generator: Generator,
    path: Path,
    *,
    title: str,
    license: str,
    original: Original | None = None,
    trained: Trained | None = None,
    encoder: PictureEncoder | None = None,
) -> GeneratorManifest:
    """Write a generator into the new folder `path`; its manifest is written last."""
    path.mkdir(parents=True)
    networks: dict[Any, dict[str, Any]] = {"generator": generator.config.to_json()}
    files = {WEIGHTS: _write(generator, path / WEIGHTS)}
    if encoder is not None:
        networks["encoder"] = encoder.config.to_json()
        files[ENCODER_WEIGHTS] = _write(encoder, path / ENCODER_WEIGHTS)
    manifest = GeneratorManifest(
        format=FORMAT,
        title=title,
        license=license,
        fingerprint=fingerprint(generator),
        resolution=generator.config.resolution,
        num_layers=generator.config.num_layers,
        w_dim=generator.config.w_dim,
        networks=networks,
        original=original,
        trained=trained,
        files=files,
    )
    text = json.dumps(manifest.model_dump(mode="json"), indent=1)
    (path / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def _write(network: nn.Module, path: Path) -> str:
    """Write a network's tensors and return the file's SHA-256."""
    state = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    data = save_tensors(state)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


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


def load_encoder(path: Path) -> PictureEncoder | None:
    """Return the encoder in folder `path`, frozen and in eval mode, None if there is none.

    Raises:
        BundleMissingError, BundleTamperedError, BundleError: as `bundle.load_bundle`.
    """
    manifest = read_generator_manifest(path)
    if "encoder" not in manifest.networks:
        return None
    tensors = read_tensors(path, manifest.files, ENCODER_WEIGHTS)
    try:
        encoder = PictureEncoder(PictureEncoderConfig.from_json(manifest.networks["encoder"]))
        encoder.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise BundleError(f"the encoder in {path} does not fit its description") from error
    return encoder.eval().requires_grad_(False)
