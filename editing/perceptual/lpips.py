"""How is VGG-LPIPS used in place of the bundle's own features, when its weights are at hand?

No pretrained network is shipped: its weights come from photographs, with terms of their
own. An operator who has them names two local files, and every edit of the bundle then
measures appearance with them:

- the VGG16 classifier as torchvision saves it (`features.0.weight`, ...); its dense layers
  are not needed and not read,
- the linear weights of LPIPS for VGG16 (`lin0.model.1.weight` to `lin4...`), (1, C, 1, 1)
  each; without them all channels weigh alike, which is the paper's "baseline" variant.

Both may be safetensors or PyTorch files; the latter are read with `weights_only`, which
refuses anything but tensors. Safetensors are the better choice for a server.

Shapes: N images, C_k x H_k x W_k features of stage k.
Source: Simonyan and Zisserman 2015 (VGG), table 1, column D; Zhang et al. 2018 (LPIPS),
section 3 and figure 3: features after the last ReLU before each pooling.
"""

import math
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from editing.bundle import Bundle, Extractor
from editing.errors import EditingError
from editing.losses import Perceptual, calibrated

NAME = "lpips-vgg16/1"
NAME_WITHOUT_LINEAR = "vgg16-alike/1"
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
SMALLEST_SIDE = 16
# What ImageNet's pictures, in [0, 1], average to per channel, and how they spread.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class PerceptualWeightsError(EditingError):
    """A file does not hold the weights that the extractor needs."""

    code = "perceptual.weights"


class Vgg16(nn.Module):
    """The convolutions of VGG16; parameters are named as torchvision names them."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.ends: list[int] = []
        num_in = 3
        for stage in STAGES:
            for num_out in stage:
                layers += [nn.Conv2d(num_in, num_out, 3, padding=1), nn.ReLU(inplace=True)]
                num_in = num_out
            self.ends.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        # The last pooling feeds the classifier, which is left out.
        self.features = nn.Sequential(*layers[:-1])
        shape = (1, 3, 1, 1)
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        # Of pictures in [-1, 1].
        self.register_buffer("mean", (2 * mean - 1).view(shape), persistent=False)
        self.register_buffer("std", (2 * std).view(shape), persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return five feature maps of pictures (N, 3, H, W) in [-1, 1], finest first.

        Raises:
            EditingError: the pictures are smaller than 16 px, which the poolings use up.
        """
        if min(image.shape[-2:]) < SMALLEST_SIDE:
            raise EditingError(f"VGG16 needs pictures from {SMALLEST_SIDE} px")
        x = (image - self.mean) / self.std
        x = x.contiguous(memory_format=torch.channels_last)
        maps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.ends:
                maps.append(x)
        return maps


def load_lpips(vgg: Path, linear: Path | None = None) -> Perceptual:
    """Return the distance of these weights, frozen, on the CPU, not calibrated yet.

    Raises:
        PerceptualWeightsError: a file cannot be read, lacks a tensor, or holds one of
            another shape or with values that no trained weight has.
    """
    network = Vgg16()
    found = _read(vgg)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    network.load_state_dict({name: _take(found, name, wanted[name], vgg) for name in wanted})
    network.eval().requires_grad_(False)
    if linear is None:
        return Perceptual(network, name=NAME_WITHOUT_LINEAR)
    found = _read(linear)
    weights = []
    for index, stage in enumerate(STAGES):
        name = f"lin{index}.model.1.weight"
        weight = _take(found, name, (1, stage[-1], 1, 1), linear).flatten()
        if bool((weight < 0).any()):
            raise PerceptualWeightsError(
                f"{linear}: {name} has negative values, LPIPS has none"
            )
        weights.append(weight)
    return Perceptual(network, name=NAME, channel_weights=tuple(weights))


def with_lpips(bundle: Bundle, perceptual: Perceptual) -> Bundle:
    """Return the bundle with this distance, calibrated on the bundle's own probes.

    Results then name it. Weights of losses keep their meaning, because unrelated pictures
    of the family stay 0.6 apart.
    """
    if isinstance(perceptual.extractor, nn.Module):
        perceptual.extractor.to(bundle.device)
    weights = perceptual.channel_weights
    placed = replace(
        perceptual,
        channel_weights=weights and tuple(weight.to(bundle.device) for weight in weights),
    )
    scaled = replace(placed, scale=calibrated(placed, bundle.render(bundle.probes)))
    extractor = Extractor(name=scaled.name, scale=scaled.scale)
    manifest = bundle.manifest.model_copy(update={"extractor": extractor})
    return replace(bundle, perceptual=scaled, manifest=manifest)


def _read(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a file by name."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise PerceptualWeightsError(
            f"{path} is no file of tensors (safetensors, or saved by torch): {error}"
        ) from error
    if not isinstance(found, dict):
        raise PerceptualWeightsError(f"{path} holds a {type(found).__name__}, not a state dict")
    return found


def _take(found: Mapping[str, Tensor], name: str, shape: tuple[int, ...], path: Path) -> Tensor:
    """Return one float32 tensor, checked."""
    value = found.get(name)
    if not isinstance(value, Tensor):
        known = ", ".join(sorted(found)[:3]) or "nothing"
        raise PerceptualWeightsError(f"{path} has no tensor {name}; it has {known}, ...")
    if tuple(value.shape) != shape:
        raise PerceptualWeightsError(
            f"{path}: {name} is {tuple(value.shape)}, expected {shape}"
        )
    value = value.float()
    if not math.isfinite(float(value.square().sum())):
        raise PerceptualWeightsError(f"{path}: {name} holds NaN or infinity")
    return value
