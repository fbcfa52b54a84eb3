"""Bundle: the networks of one family, loaded and checked together.

A bundle is a folder. `manifest.json` describes it in plain types, so that programs without
torch can read it too, and holds the SHA-256 of every other file; each network is one
safetensors file. Probes are codes of a few varied pictures on which edit vectors are
measured; samples are pictures to start from; `vectors/` holds edit vectors, each with its
own hash, and may grow without touching the manifest.

Letters: N pictures, L layers, R image side, H label-map side.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from editing import images
from editing.errors import EditingError
from editing.families.schema import PartSchema
from editing.generator import Generator, GeneratorConfig
from editing.losses import Perceptual, calibrated
from editing.segmentation.branch import SegmentationBranch
from editing.vectors import EditVector
from editing.vectors import load as load_vector

if TYPE_CHECKING:
    from editing.inversion.encoder import Encoder
    from editing.inversion.picture_encoder import PictureEncoder
    from editing.regressor import Regressor

FORMAT: Literal["bundle/1"] = "bundle/1"
MANIFEST = "manifest.json"


class BundleError(EditingError):
    """A folder is no bundle that can be used."""

    code = "bundle.invalid"


class BundleMissingError(BundleError):
    """There is no bundle at this place, or a file of it is gone."""

    code = "bundle.missing"


class BundleTamperedError(BundleError):
    """A file is not the one that the manifest describes."""

    code = "bundle.hash_mismatch"


class Extractor(BaseModel):
    """Which features the appearance term compares, and their calibration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    scale: float = Field(gt=0)


class Manifest(BaseModel):
    """What `manifest.json` says."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    format: Literal["bundle/1"]
    name: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    title: str
    family: str
    version: int
    resolution: int
    label_size: int
    num_layers: int
    w_dim: int
    part_schema: dict[str, Any] = Field(alias="schema")
    fingerprint: str
    extractor: Extractor
    usual_error: tuple[float, float, float]
    figures: dict[str, float]
    networks: dict[str, dict[str, Any]]
    samples: tuple[str, ...]
    files: dict[str, str]


@dataclass(frozen=True)
class Bundle:
    """The networks of one family on one device, frozen and in eval mode.

    `encoder`, `regressor` and `judge` are None in bundles made without them. `judge` reads
    factors off pictures and takes part in no loss: it is for measuring. `probes` is
    (n, L, w_dim). `usual_error` holds the 5th, 50th and 95th percentile of the mean
    absolute inversion error over held-out pictures, as a share of the range.
    """

    path: Path | None
    manifest: Manifest
    schema: PartSchema
    generator: Generator
    branch: SegmentationBranch
    encoder: "Encoder | PictureEncoder | None"
    regressor: "Regressor | None"
    judge: "Regressor | None"
    probes: Tensor
    perceptual: Perceptual
    embed: Callable[[Tensor], Tensor] | None = field(repr=False)

    @property
    def name(self) -> str:
        """Return the bundle's name, also that of its folder."""
        return self.manifest.name

    @property
    def family(self) -> str:
        """Return the family's name."""
        return self.manifest.family

    @property
    def version(self) -> int:
        """Return the bundle's version."""
        return self.manifest.version

    @property
    def fingerprint(self) -> str:
        """Return the hash of the generator, which edit vectors are tied to."""
        return self.manifest.fingerprint

    @property
    def resolution(self) -> int:
        """Return R, the side of pictures."""
        return self.manifest.resolution

    @property
    def label_size(self) -> int:
        """Return H, the side of label maps."""
        return self.manifest.label_size

    @property
    def num_layers(self) -> int:
        """Return L, the rows of a `w_plus`."""
        return self.manifest.num_layers

    @property
    def w_dim(self) -> int:
        """Return the width of a row of `w_plus`."""
        return self.manifest.w_dim

    @property
    def num_parts(self) -> int:
        """Return how many parts the schema names."""
        return len(self.schema.parts)

    @property
    def background(self) -> frozenset[int]:
        """Return the ids of background parts."""
        return self.schema.background

    @property
    def choices(self) -> tuple[tuple[int, int], ...]:
        """Return the factor code's columns of each choice; () if the mapping reads noise."""
        if self.regressor is None or self.generator.config.mapping != "code":
            return ()
        return self.regressor.config.categorical

    @property
    def usual_error(self) -> tuple[float, float, float]:
        """Return the 5th, 50th and 95th percentile of usual inversion errors."""
        return self.manifest.usual_error

    @property
    def device(self) -> torch.device:
        """Return where the networks are."""
        return self.generator.w_avg.device

    @property
    def w_spread(self) -> float:
        """Return the RMS distance of a value of `w` to the mean style, over the probes."""
        return float((self.probes - self.generator.w_avg).square().mean().sqrt())

    @torch.no_grad()
    def render(self, w_plus: Tensor) -> Tensor:
        """Return the pictures (N, 3, R, R) of codes (N, L, w_dim)."""
        return self.generator.synthesis(w_plus).image

    @torch.no_grad()
    def segment(self, w_plus: Tensor) -> Tensor:
        """Return the predicted label maps uint8 (N, H, H) of codes (N, L, w_dim)."""
        return self.render_and_segment(w_plus)[1]

    @torch.no_grad()
    def render_and_segment(self, w_plus: Tensor) -> tuple[Tensor, Tensor]:
        """Return pictures and predicted label maps of codes in one pass."""
        rendering = self.generator.synthesis(w_plus, with_taps=True)
        assert rendering.taps is not None
        return rendering.image, self.branch.predict(rendering.taps, size=self.label_size)

    def samples(self) -> dict[str, Tensor]:
        """Return the codes (L, w_dim) of the sample pictures by name.

        Raises:
            BundleMissingError: the bundle was not read from a folder with samples.
            BundleTamperedError: the file is not the one that the manifest describes.
        """
        if self.path is None:
            raise BundleMissingError("this bundle has no folder and no samples")
        found = read_tensors(self.path, self.manifest.files, "samples.safetensors")
        return {name: found[name].to(self.device) for name in self.manifest.samples}

    def vectors(self) -> dict[str, EditVector]:
        """Return the edit vectors that came with the bundle, by file name, in order."""
        folder = self.path / "vectors" if self.path else None
        if folder is None or not folder.is_dir():
            return {}
        return {path.stem: load_vector(path) for path in sorted(folder.glob("*.safetensors"))}


def fingerprint(generator: Generator) -> str:
    """Return the SHA-256 of a generator: name, type, shape and bytes of every tensor.

    Tensors count in the order of their names; noise maps and the mean style are included.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(generator.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
        digest.update(plain.view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def assemble(
    *,
    name: str,
    title: str,
    version: int,
    schema: PartSchema,
    label_size: int,
    generator: Generator,
    branch: SegmentationBranch,
    probes: Tensor,
    encoder: "Encoder | PictureEncoder | None" = None,
    regressor: "Regressor | None" = None,
    judge: "Regressor | None" = None,
    extractor_scale: float | None = None,
    usual_error: tuple[float, float, float] = (0.0, 0.0, 0.0),
    figures: Mapping[str, float] | None = None,
) -> Bundle:
    """Return a bundle in memory, its networks frozen, its appearance term calibrated.

    `extractor_scale` is found on the probes unless given.
    """
    _freeze(generator, branch, encoder, regressor, judge)
    perceptual = _perceptual(regressor, extractor_scale or 1.0)
    if extractor_scale is None:
        with torch.no_grad():
            pictures = generator.synthesis(probes).image
        perceptual = _perceptual(regressor, calibrated(perceptual, pictures))
    networks = {"generator": generator.config.to_json(), "branch": branch.to_config()}
    others = {"encoder": encoder, "regressor": regressor, "judge": judge}
    for key, network in others.items():
        if network is not None:
            networks[key] = network.config.to_json()
    manifest = Manifest(  # type: ignore[call-arg]  # the plugin knows no alias here
        format=FORMAT,
        name=name,
        title=title,
        family=schema.family,
        version=version,
        resolution=generator.config.resolution,
        label_size=label_size,
        num_layers=generator.config.num_layers,
        w_dim=generator.config.w_dim,
        schema=json.loads(schema.to_json()),
        fingerprint=fingerprint(generator),
        extractor=Extractor(name=perceptual.name, scale=perceptual.scale),
        usual_error=usual_error,
        figures=dict(figures or {}),
        networks=networks,
        samples=(),
        files={},
    )
    return Bundle(
        path=None,
        manifest=manifest,
        schema=schema,
        generator=generator,
        branch=branch,
        encoder=encoder,
        regressor=regressor,
        judge=judge,
        probes=probes.detach(),
        perceptual=perceptual,
        embed=_identity(regressor),
    )


@torch.no_grad()
def round_to_half(network: nn.Module) -> None:
    """Round the weights of a network to what half precision holds, in place.

    `save_bundle` then writes them in half the bytes and loses nothing. Biases, buffers and
    weights beyond half precision's range stay as they are.
    """
    for tensor in network.parameters():
        if tensor.ndim >= 2 and tensor.abs().max() < torch.finfo(torch.float16).max:
            tensor.copy_(tensor.half())


def save_bundle(
    bundle: Bundle,
    path: Path,
    *,
    samples: Mapping[str, Tensor] | None = None,
    usual_error: tuple[float, float, float] | None = None,
    figures: Mapping[str, float] | None = None,
) -> Manifest:
    """Write the bundle into folder `path` and return its manifest, which is written last.

    `samples` are codes (L, w_dim) by name; their pictures and label maps are drawn here.
    `usual_error` and `figures` replace what the bundle says.
    """
    path.mkdir(parents=True, exist_ok=True)
    content = {
        f"{key}.safetensors": save_tensors(_state(network))
        for key, network in _networks(bundle).items()
    }
    content["probes.safetensors"] = save_tensors({"w_plus": _plain(bundle.probes)})
    codes = {key: _plain(code) for key, code in (samples or {}).items()}
    if codes:
        content["samples.safetensors"] = save_tensors(codes)
    for key, code in codes.items():
        image, labels = bundle.render_and_segment(code[None].to(bundle.device))
        content[f"samples/{key}.png"] = images.to_png_bytes(image)
        content[f"samples/{key}.labels.png"] = images.labels_to_png(
            labels, bundle.schema.palette()
        )
    for relative, data in content.items():
        target = path / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    update: dict[str, Any] = {
        "samples": tuple(codes),
        "files": {key: hashlib.sha256(data).hexdigest() for key, data in content.items()},
    }
    if usual_error is not None:
        update["usual_error"] = usual_error
    if figures is not None:
        update["figures"] = dict(figures)
    manifest = bundle.manifest.model_copy(update=update)
    text = json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=1)
    (path / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of the bundle in folder `path`.

    Raises:
        BundleMissingError: there is none.
        BundleError: it cannot be understood.
    """
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
    except OSError as error:
        raise BundleMissingError(f"no bundle in {path}: {error}") from error
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(key) for key in first["loc"])
        raise BundleError(f"{path / MANIFEST}: {place}: {first['msg']}") from error


def load_bundle(path: Path | str, *, device: torch.device | str = "cpu") -> Bundle:
    """Return the bundle in folder `path`, every file checked against the manifest.

    Raises:
        BundleMissingError: no manifest, or a file is gone.
        BundleTamperedError: a file or the generator differs from the manifest.
        BundleError: the manifest or a network cannot be understood.
    """
    path = Path(path)
    manifest = read_manifest(path)
    try:
        schema = PartSchema.from_json(json.dumps(manifest.part_schema))
        generator = Generator(GeneratorConfig.from_json(manifest.networks["generator"]))
        networks: dict[str, nn.Module] = {"generator": generator}
        for key in ("branch", "encoder", "regressor", "judge"):
            if key in manifest.networks:
                networks[key] = _build(key, manifest.networks[key])
    except (KeyError, TypeError, ValueError, EditingError) as error:
        raise BundleError(f"{path / MANIFEST} describes no networks: {error!r}") from error
    if "branch" not in networks:
        raise BundleError(f"{path / MANIFEST} has no segmentation branch")
    for key, network in networks.items():
        tensors = read_tensors(path, manifest.files, f"{key}.safetensors")
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            raise BundleError(f"{key} does not fit its description: {error}") from error
        network.to(device)
    if fingerprint(generator) != manifest.fingerprint:
        raise BundleTamperedError(f"the generator in {path} has another fingerprint")
    probes = read_tensors(path, manifest.files, "probes.safetensors")
    if "w_plus" not in probes:
        raise BundleError(f"{path / 'probes.safetensors'} has no tensor w_plus")
    _freeze(*networks.values())
    branch: Any = networks["branch"]
    regressor: Any = networks.get("regressor")
    return Bundle(
        path=path,
        manifest=manifest,
        schema=schema,
        generator=generator,
        branch=branch,
        encoder=networks.get("encoder"),  # type: ignore[arg-type]  # by name an Encoder
        regressor=regressor,
        judge=networks.get("judge"),  # type: ignore[arg-type]  # by name a Regressor
        probes=probes["w_plus"].to(device),
        perceptual=_perceptual(regressor, manifest.extractor.scale),
        embed=_identity(regressor),
    )


def _build(key: str, config: dict[str, Any]) -> nn.Module:
    """Return the untrained network of one entry of the manifest."""
    if key == "branch":
        return SegmentationBranch.from_config(config)
    # Here, because training them reads bundles too.
    from editing.inversion import picture_encoder
    from editing.inversion.encoder import Encoder, EncoderConfig
    from editing.inversion.picture_encoder import PictureEncoder, PictureEncoderConfig
    from editing.regressor import Regressor, RegressorConfig

    if key == "encoder" and config.get("kind") == picture_encoder.KIND:
        return PictureEncoder(PictureEncoderConfig.from_json(config))
    if key == "encoder":
        return Encoder(EncoderConfig.from_json(config))
    return Regressor(RegressorConfig.from_json(config))


def _networks(bundle: Bundle) -> dict[str, nn.Module]:
    found: dict[str, nn.Module | None] = {
        "generator": bundle.generator,
        "branch": bundle.branch,
        "encoder": bundle.encoder,
        "regressor": bundle.regressor,
        "judge": bundle.judge,
    }
    return {key: network for key, network in found.items() if network is not None}


def _perceptual(regressor: "Regressor | None", scale: float) -> Perceptual:
    if regressor is None:
        return Perceptual(lambda image: (), scale, "multi-scale-l1/1")
    return Perceptual(
        regressor.features, scale, "family-regressor/1", max_side=regressor.config.resolution
    )


def _identity(regressor: "Regressor | None") -> Callable[[Tensor], Tensor] | None:
    if regressor is None or not regressor.config.identity_columns:
        return None
    return regressor.identity


def _freeze(*networks: nn.Module | None) -> None:
    for network in networks:
        if network is not None:
            network.eval().requires_grad_(False)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: _shortest(_plain(t)) for name, t in network.state_dict().items()}


def _shortest(tensor: Tensor) -> Tensor:
    """Return a tensor in half precision if that loses nothing; see `round_to_half`."""
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if torch.equal(half.float(), tensor) else tensor


def read_tensors(path: Path, files: Mapping[str, str], relative: str) -> dict[str, Tensor]:
    """Return the tensors of one file of a folder whose manifest lists `files` with hashes.

    Raises:
        BundleMissingError: the manifest does not list it, or it is gone.
        BundleTamperedError: it is not the file that the manifest describes.
        BundleError: it holds no tensors.
    """
    if relative not in files:
        raise BundleMissingError(f"the manifest of {path} does not list {relative}")
    try:
        data = (path / relative).read_bytes()
    except OSError as error:
        raise BundleMissingError(f"{path / relative} cannot be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != files[relative]:
        raise BundleTamperedError(f"{path / relative} is not the file of the manifest")
    try:
        return load_tensors(data)
    except SafetensorError as error:
        raise BundleError(f"{path / relative}: {error}") from error
