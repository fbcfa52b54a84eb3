"""Files as other programs write them, made here with random weights, and how they draw.

Nothing of those programs is used: modules with their names exist while a pickle is written
and hold nothing but what a pickle needs to refer to. The drawing functions read the raw
names of each layout straight from the formulas, so they know nothing of our networks.
"""

import argparse
import contextlib
import io
import math
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = dict[str, Tensor]


@dataclass(frozen=True)
class Sizes:
    """Sizes of a foreign generator; small widths keep the tests fast."""

    resolution: int = 32
    base: int = 512
    most: int = 24
    w_dim: int = 16
    z_dim: int = 16
    mapping_layers: int = 3
    noise: bool = True

    @property
    def resolutions(self) -> list[int]:
        return [4 << i for i in range(int(math.log2(self.resolution)) - 1)]

    def channels(self, r: int) -> int:
        return min(self.base // r, self.most)


SMALLEST = Sizes()


def fir() -> Tensor:
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) / 64


def official_state(
    sizes: Sizes = SMALLEST, seed: int = 0, *, draw: Callable[..., Tensor] | None = None
) -> State:
    """Return tensors under their official names, none of them trivial.

    `draw` makes a tensor of a shape, instead of a normal sample.
    """
    noise = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return draw(shape) if draw else torch.randn(shape, generator=noise)

    state: State = {"mapping.w_avg": 0.3 * random(sizes.w_dim)}
    for i in range(sizes.mapping_layers):
        num_in = sizes.z_dim if i == 0 else sizes.w_dim
        state[f"mapping.fc{i}.weight"] = random(sizes.w_dim, num_in) * 100
        state[f"mapping.fc{i}.bias"] = random(sizes.w_dim) * 10
    before = sizes.channels(4)
    state["synthesis.b4.const"] = random(before, 4, 4)
    for r in sizes.resolutions:
        channels, block = sizes.channels(r), f"synthesis.b{r}"
        state[f"{block}.resample_filter"] = fir()
        for conv, num_in in (("conv0", before), ("conv1", channels))[r == 4 :]:
            layer = f"{block}.{conv}"
            state[f"{layer}.weight"] = random(channels, num_in, 3, 3)
            state[f"{layer}.bias"] = 0.1 * random(channels)
            state[f"{layer}.affine.weight"] = random(num_in, sizes.w_dim)
            state[f"{layer}.affine.bias"] = 1 + 0.1 * random(num_in)
            state[f"{layer}.resample_filter"] = fir()
            if sizes.noise:
                state[f"{layer}.noise_strength"] = 0.2 * random()
                state[f"{layer}.noise_const"] = random(r, r)
        state[f"{block}.torgb.weight"] = random(3, channels, 1, 1)
        state[f"{block}.torgb.bias"] = 0.1 * random(3)
        state[f"{block}.torgb.affine.weight"] = random(channels, sizes.w_dim)
        state[f"{block}.torgb.affine.bias"] = 1 + 0.1 * random(channels)
        before = channels
    return state


# -- drawing from raw names ----------------------------------------------------------------


def map_official(state: State, z: Tensor, *, lr_mul: float = 0.01) -> Tensor:
    """Return w of z (N, z) by the formulas."""
    x = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    i = 0
    while f"mapping.fc{i}.weight" in state:
        weight, bias = state[f"mapping.fc{i}.weight"], state[f"mapping.fc{i}.bias"]
        x = x @ (weight * lr_mul / math.sqrt(weight.shape[1])).t() + bias * lr_mul
        x = F.leaky_relu(x, 0.2) * math.sqrt(2)
        i += 1
    return x


def draw_official(state: State, w_plus: Tensor, *, clamp: float | None = None) -> Tensor:
    """Return the picture (3, R, R) of one code (L, w) from official names."""
    x, rgb, row, r = state["synthesis.b4.const"][None], None, 0, 4
    while f"synthesis.b{r}.conv1.weight" in state:
        for conv in ("conv0", "conv1")[r == 4 :]:
            layer = f"synthesis.b{r}.{conv}"
            noise = None
            if f"{layer}.noise_strength" in state:
                noise = state[f"{layer}.noise_strength"] * state[f"{layer}.noise_const"]
            x = _styled(
                x,
                state[f"{layer}.weight"],
                _style(state, f"{layer}.affine", w_plus[row]),
                state[f"{layer}.bias"],
                noise,
                upsample=conv == "conv0",
                clamp=clamp,
            )
            row += 1
        layer = f"synthesis.b{r}.torgb"
        style = _style(state, f"{layer}.affine", w_plus[row])
        update = _rgb(x, state[f"{layer}.weight"], style, state[f"{layer}.bias"], clamp)
        rgb = update if rgb is None else _doubled(rgb) + update
        r *= 2
    return rgb[0]


def draw_rosinality(state: State, w_plus: Tensor) -> Tensor:
    """Return the picture (3, R, R) of one code (L, w) from rosinality's names."""

    def conv(name: str, x: Tensor, row: int, number: int, *, upsample: bool) -> Tensor:
        return _styled(
            x,
            state[f"{name}.conv.weight"][0],
            _style(state, f"{name}.conv.modulation", w_plus[row]),
            state[f"{name}.activate.bias"],
            state[f"{name}.noise.weight"] * state[f"noises.noise_{number}"][0, 0],
            upsample=upsample,
            clamp=None,
        )

    def rgb(name: str, x: Tensor, row: int) -> Tensor:
        style = _style(state, f"{name}.conv.modulation", w_plus[row])
        bias = state[f"{name}.bias"].flatten()
        return _rgb(x, state[f"{name}.conv.weight"][0], style, bias, None)

    x = conv("conv1", state["input.input"], 0, 0, upsample=False)
    picture, j = rgb("to_rgb1", x, 1), 0
    while f"to_rgbs.{j}.bias" in state:
        x = conv(f"convs.{2 * j}", x, 2 * j + 1, 2 * j + 1, upsample=True)
        x = conv(f"convs.{2 * j + 1}", x, 2 * j + 2, 2 * j + 2, upsample=False)
        picture = _doubled(picture) + rgb(f"to_rgbs.{j}", x, 2 * j + 3)
        j += 1
    return picture[0]


def _style(state: State, name: str, w: Tensor) -> Tensor:
    return state[f"{name}.weight"] @ w / math.sqrt(len(w)) + state[f"{name}.bias"]


def _styled(x, weight, style, bias, noise, *, upsample, clamp):
    weight = weight * style[None, :, None, None]
    weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
    if upsample:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        x = _filtered(F.pad(x, (1, 1, 1, 1)), fir() * 4)
    else:
        x = F.conv2d(x, weight, padding=1)
    x = x + (0 if noise is None else noise) + bias[None, :, None, None]
    x = F.leaky_relu(x, 0.2) * math.sqrt(2)
    return x if clamp is None else x.clamp(-clamp, clamp)


def _rgb(x, weight, style, bias, clamp):
    weight = weight * style[None, :, None, None] / math.sqrt(x.shape[1])
    rgb = F.conv2d(x, weight) + bias[None, :, None, None]
    return rgb if clamp is None else rgb.clamp(-clamp, clamp)


def _doubled(rgb: Tensor) -> Tensor:
    spread = rgb.new_zeros(1, 3, rgb.shape[2] * 2, rgb.shape[3] * 2)
    spread[:, :, ::2, ::2] = rgb
    return _filtered(F.pad(spread, (2, 1, 2, 1)), fir() * 4)


def _filtered(x: Tensor, kernel: Tensor) -> Tensor:
    return torch.cat([F.conv2d(one, kernel[None, None]) for one in x.split(1, dim=1)], dim=1)


# -- NVIDIA pickles ------------------------------------------------------------------------


def _reconstruct_persistent_obj(meta):
    raise AssertionError("a reader called what it read")


class EasyDict(dict):
    """A dict under another name."""


_reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
EasyDict.__module__ = "dnnlib.util"


@contextlib.contextmanager
def named_modules() -> Iterator[None]:
    """Let pickles refer to the names of modules that are not installed."""
    persistence = types.ModuleType("torch_utils.persistence")
    persistence._reconstruct_persistent_obj = _reconstruct_persistent_obj
    util = types.ModuleType("dnnlib.util")
    util.EasyDict = EasyDict
    fakes = {
        "torch_utils": types.ModuleType("torch_utils"),
        "torch_utils.persistence": persistence,
        "dnnlib": types.ModuleType("dnnlib"),
        "dnnlib.util": util,
    }
    before = {name: sys.modules.get(name) for name in fakes}
    sys.modules.update(fakes)
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


class Persistent(nn.Module):
    """A module that is pickled as a call with its state and the source of its class."""

    def __init__(self, class_name: str, source: str = "raise SystemExit", **told) -> None:
        super().__init__()
        self.pickled_as = (class_name, source)
        self._init_args = ()
        self._init_kwargs = EasyDict(told)
        self.weight_gain = np.float64(0.25)

    def __reduce__(self):
        class_name, source = self.pickled_as
        state = {key: value for key, value in self.__dict__.items() if key != "pickled_as"}
        meta = {
            "type": "class",
            "version": 6,
            "module_src": source,
            "class_name": class_name,
            "state": state,
        }
        return _reconstruct_persistent_obj, (meta,)


def nvidia_network(
    state: State, *, source: str = "raise SystemExit", class_name: str = "Generator", **told
) -> Persistent:
    """Return the tree of modules that holds `state`."""
    root = Persistent(class_name, source, **told)
    for name, tensor in state.items():
        *path, leaf = name.split(".")
        module = root
        for step in path:
            if step not in module._modules:
                module.add_module(step, Persistent("Layer", source))
            module = module._modules[step]
        if leaf in ("w_avg", "noise_const", "resample_filter", "freqs", "phases", "transform"):
            module.register_buffer(leaf, tensor)
        else:
            module.register_parameter(leaf, nn.Parameter(tensor, requires_grad=False))
    return root


def nvidia_pickle(network: object, *, protocol: int = 4, **others: object) -> bytes:
    """Return the bytes of a file whose `G_ema` is `network`."""
    with named_modules():
        content = {"training_set_kwargs": EasyDict(path="data"), "G_ema": network, **others}
        return pickle.dumps(content, protocol)


# -- rosinality and its children -----------------------------------------------------------


def rosinality_state(state: State) -> State:
    """Return the same numbers under the names and shapes of the other layout."""
    renamed: State = {"input.input": state["synthesis.b4.const"][None]}
    for name, tensor in state.items():
        group, _, leaf = name.partition(".")
        if group == "mapping":
            if leaf != "w_avg":
                layer, part = leaf.split(".")
                renamed[f"style.{int(layer[2:]) + 1}.{part}"] = tensor
            continue
        block, _, rest = leaf.partition(".")
        j = int(math.log2(int(block[1:]))) - 3
        layer, _, part = rest.partition(".")
        if layer == "torgb":
            new = "to_rgb1" if j < 0 else f"to_rgbs.{j}"
        elif layer in ("conv0", "conv1"):
            new = "conv1" if j < 0 else f"convs.{2 * j + int(layer[-1])}"
        else:
            continue
        if part == "weight":
            renamed[f"{new}.conv.weight"] = tensor[None]
        elif part.startswith("affine."):
            renamed[f"{new}.conv.modulation.{part[7:]}"] = tensor
        elif part == "bias" and layer == "torgb":
            renamed[f"{new}.bias"] = tensor.reshape(1, 3, 1, 1)
        elif part == "bias":
            renamed[f"{new}.activate.bias"] = tensor
        elif part == "noise_strength":
            renamed[f"{new}.noise.weight"] = tensor.reshape(1)
        elif part == "noise_const":
            number = 0 if j < 0 else 2 * j + int(layer[-1]) + 1
            renamed[f"noises.noise_{number}"] = tensor[None, None]
        elif part == "resample_filter" and layer == "conv0":
            renamed[f"{new}.conv.blur.kernel"] = tensor * 4
        if part == "weight" and layer == "torgb" and j >= 0:
            renamed[f"{new}.upsample.kernel"] = fir() * 4
    return renamed


def torch_file(content: object, *, legacy: bool = False) -> bytes:
    """Return what `torch.save` writes."""
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def rosinality_training_file(state: State, *, legacy: bool = False) -> bytes:
    """Return a file as training leaves it: every network, optimizers, and its arguments."""
    weights = nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.Adam([weights], lr=0.002)
    weights.sum().backward()
    optimizer.step()
    renamed = OrderedDict(rosinality_state(state))
    content = {
        "g": OrderedDict((name, torch.zeros(2)) for name in renamed),
        "d": OrderedDict(weight=torch.zeros(2)),
        "g_ema": renamed,
        "g_optim": optimizer.state_dict(),
        "d_optim": optimizer.state_dict(),
        "args": argparse.Namespace(path="data.lmdb", lr=0.002, size=64),
        "ada_aug_p": 0.0,
    }
    return torch_file(content, legacy=legacy)


# -- pickles that would do something -------------------------------------------------------


class Does:
    """Pickled as a call."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self):
        return self.call
