"""Whose layout do these weights have, and do they make one StyleGAN2 generator?

Every layout is renamed to the official one, which is also ours; then one check holds the
whole set of names and shapes against what a generator of these sizes must have. Sizes are
read off shapes, because constructor arguments differ between code bases.

Letters: R resolution, r one block's, C channels, w and z widths.
Source: the engine's reference on checkpoint formats; Karras et al. 2020 (StyleGAN2),
figure 2 and section 4.1.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import RandomState

from editing.importers.errors import (
    ArchitectureError,
    ConditionalError,
    LimitError,
    MalformedError,
    NotFiniteWeightsError,
    ShapesError,
    StyleGan3Error,
)
from editing.importers.limits import Budget
from editing.importers.pickles import Record, TensorView

RESOLUTIONS = (32, 64, 128, 256, 512, 1024)
MAX_WIDTH = 2048
MAX_NAME = 200
MAX_SETTING = 1e6
FLAT_CLAMP = 256.0
USUAL_LR_MUL = 0.01


@dataclass
class Found:
    """A generator's tensors under official names, and what the file says beside them."""

    layout: str
    tensors: dict[str, TensorView]
    reshaped: dict[str, tuple[int, ...]] = field(default_factory=dict)
    w_avg: TensorView | None = None
    clamp: float | None = None
    lr_mul: float = USUAL_LR_MUL
    notes: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape that a tensor has officially."""
        return self.reshaped.get(name, self.tensors[name].shape)


def find_generator(root: Any, budget: Budget) -> Found:
    """Return the generator in a file's object.

    Raises:
        ArchitectureError: there is none, or it is no StyleGAN2 generator.
        StyleGan3Error, ConditionalError: it is one of those.
    """
    if isinstance(root, Record):
        return _official(root, budget, ignored=[])
    if not isinstance(root, dict):
        raise ArchitectureError(
            f"expected networks by name, found a {type(root).__name__}; codes and directions "
            "are imported as such"
        )
    others = sorted(str(key) for key in root)
    if isinstance(root.get("G_ema"), Record):
        return _official(root["G_ema"], budget, _without(others, "G_ema"))
    if isinstance(root.get("g_ema"), dict):
        rest = _without(others, "g_ema", "latent_avg")
        return _rosinality("rosinality", root["g_ema"], root.get("latent_avg"), rest)
    if isinstance(root.get("state_dict"), dict):
        state = root["state_dict"]
        decoder = {
            key[len("decoder.") :]: value
            for key, value in state.items()
            if isinstance(key, str) and key.startswith("decoder.")
        }
        if not decoder:
            raise ArchitectureError("expected decoder.* in state_dict, found none")
        rest = _without(others, "state_dict", "latent_avg")
        rest += sorted({str(key).split(".")[0] + ".*" for key in state} - {"decoder.*"})
        return _rosinality("psp", decoder, root.get("latent_avg"), rest)
    if "synthesis.b4.const" in root or "synthesis.input.weight" in root:
        found = Found("official names", _views(root))
        _refuse_others(found.tensors)
        return found
    if "input.input" in root:
        return _rosinality("rosinality", root, None, [])
    raise ArchitectureError(
        "expected a generator under G_ema (NVIDIA), g_ema (rosinality) or state_dict (pSp), "
        f"found {', '.join(name[:50] for name in others[:8]) or 'nothing'}; codes and "
        "directions are imported as such"
    )


# -- NVIDIA --------------------------------------------------------------------------------


def _official(network: Record, budget: Budget, ignored: list[str]) -> Found:
    tensors: dict[str, TensorView] = {}
    clamps: set[float | None] = set()
    rates: set[float] = set()
    classes: dict[str, str] = {}
    waiting: list[tuple[str, Record]] = [("", network)]
    while waiting:
        prefix, record = waiting.pop()
        budget.spend("modules")
        if record.source_sha256:
            classes[record.class_name] = record.source_sha256
        state = record.state
        for group in ("_parameters", "_buffers"):
            for name, value in _dict_of(state, group).items():
                if isinstance(value, TensorView):
                    tensors[_named(f"{prefix}{name}")] = value
            if len(tensors) > budget.limits.storages:
                raise LimitError(f"expected at most {budget.limits.storages:,} tensors")
        for name, child in _dict_of(state, "_modules").items():
            if isinstance(child, Record):
                if prefix.count(".") > 8:
                    raise MalformedError("the network contains itself")
                waiting.append((f"{prefix}{name}.", child))
        _gather(state, clamps, rates)
    _refuse_others(tensors, network.class_name)
    found = Found("nvidia", tensors, ignored=ignored, classes=classes)
    if len(clamps) == 1:
        found.clamp = clamps.pop()
    elif len(clamps) > 1:
        raise ArchitectureError(f"layers clamp differently: {sorted(map(str, clamps))}")
    elif _has_flat_arguments(network):
        found.clamp = FLAT_CLAMP
        found.notes.append("no clamp is stated; 256, the default of that code base, is used")
    if len(rates) > 1:
        raise ArchitectureError(f"mapping layers learn at different rates: {sorted(rates)[:4]}")
    found.lr_mul = rates.pop() if rates else USUAL_LR_MUL
    return found


def _gather(state: Mapping[Any, Any], clamps: set[float | None], rates: set[float]) -> None:
    """Collect what a module's constructor was told about clamping and learning rates."""
    told = _dict_of(state, "_init_kwargs")
    for arguments in (
        told,
        _dict_of(told, "synthesis_kwargs"),
        _dict_of(told, "mapping_kwargs"),
    ):
        if "conv_clamp" in arguments:
            value = arguments["conv_clamp"]
            if value is not None and not _is_positive(value):
                raise MalformedError("expected a clamp above 0 or none, found neither")
            clamps.add(None if value is None else float(value))
        if "lr_multiplier" in arguments:
            value = arguments["lr_multiplier"]
            if not _is_positive(value):
                raise MalformedError("expected a learning rate above 0, found none")
            # Dense layers outside the mapping are told 1.
            if value != 1:
                rates.add(float(value))


def _has_flat_arguments(network: Record) -> bool:
    """Return whether the constructor took synthesis arguments directly, as newer code does."""
    told = _dict_of(network.state, "_init_kwargs")
    return "synthesis_kwargs" not in told and any(
        key in told for key in ("channel_base", "channel_max", "num_fp16_res")
    )


def _refuse_others(tensors: Mapping[str, TensorView], class_name: str = "the network") -> None:
    """Refuse by name what is known not to be a StyleGAN2 skip generator."""
    if any(re.match(r"synthesis\.(input\.|L\d+_)", name) for name in tensors):
        raise StyleGan3Error(
            f"{class_name} is a StyleGAN3 generator (synthesis.input); expected StyleGAN2 "
            "(synthesis.b4.const)"
        )
    if "mapping.embed.weight" in tensors:
        shape = tensors["mapping.embed.weight"].shape
        raise ConditionalError(
            f"the generator is conditional on {shape[-1] if shape else 0} classes "
            "(mapping.embed); expected one without class labels"
        )
    skips = [name for name in tensors if re.match(r"synthesis\.b\d+\.skip\.", name)]
    if skips:
        raise ArchitectureError(f"found {skips[0]}: the resnet architecture; expected skip")


# -- rosinality, pSp, e4e, ReStyle ---------------------------------------------------------

_RULES: tuple[tuple[str, str], ...] = (
    (r"style\.(\d+)\.(weight|bias)", "mapping.fc{fc}.{part}"),
    (r"input\.input", "synthesis.b4.const"),
    (r"(conv1|convs\.\d+)\.conv\.weight", "{layer}.weight"),
    (r"(conv1|convs\.\d+)\.conv\.modulation\.(weight|bias)", "{layer}.affine.{part}"),
    (r"(conv1|convs\.\d+)\.noise\.weight", "{layer}.noise_strength"),
    (r"(conv1|convs\.\d+)\.activate\.bias", "{layer}.bias"),
    (r"(conv1|convs\.\d+)\.conv\.blur\.kernel", "{layer}.resample_filter"),
    (r"(to_rgb1|to_rgbs\.\d+)\.conv\.weight", "{layer}.weight"),
    (r"(to_rgb1|to_rgbs\.\d+)\.conv\.modulation\.(weight|bias)", "{layer}.affine.{part}"),
    (r"(to_rgb1|to_rgbs\.\d+)\.bias", "{layer}.bias"),
    (r"(to_rgb1|to_rgbs\.\d+)\.upsample\.kernel", "{layer}.resample_filter"),
    (r"noises\.noise_(\d+)", "{noise}.noise_const"),
)


def _rosinality(
    layout: str, state: Mapping[Any, Any], latent_avg: Any, ignored: list[str]
) -> Found:
    views = _views(state)
    found = Found(layout, {}, ignored=ignored)
    for name, view in views.items():
        official = _official_name(name)
        if official is None:
            raise ArchitectureError(
                f"found {name!r:.80}, which a StyleGAN2 generator of this layout has not"
            )
        found.tensors[official] = view
        found.reshaped[official] = _without_ones(official, view.shape)
    if latent_avg is not None:
        if not isinstance(latent_avg, TensorView):
            raise ShapesError(
                f"expected a tensor as latent_avg, found {type(latent_avg)!r:.60}"
            )
        found.w_avg = latent_avg
    return found


def _official_name(name: str) -> str | None:
    for pattern, template in _RULES:
        match = re.fullmatch(pattern, name)
        if not match:
            continue
        first, last = match.group(1) if match.groups() else "", match.groups()[-1:]
        return template.format(
            fc=int(first) - 1 if first.isdigit() else "",
            part=last[0] if last else "",
            layer=_layer(first),
            noise=_noise_layer(first),
        )
    return None


def _layer(name: str) -> str:
    """Return the official place of conv1, convs.i, to_rgb1 or to_rgbs.j."""
    group, _, number = name.partition(".")
    if group == "conv1":
        return "synthesis.b4.conv1"
    if group == "to_rgb1":
        return "synthesis.b4.torgb"
    if group == "convs":
        index = min(int(number), 99)
        return f"synthesis.b{8 << (index // 2)}.conv{index % 2}"
    if group == "to_rgbs":
        return f"synthesis.b{8 << min(int(number), 99)}.torgb"
    return ""


def _noise_layer(number: str) -> str:
    """Return the official place of noise map 0, 1, 2, ..."""
    if not number.isdigit():
        return ""
    return _layer("conv1") if number == "0" else _layer(f"convs.{int(number) - 1}")


def _without_ones(official: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without the axes of length one that the official layout has not."""
    wanted = {
        "const": 3,
        "weight": 2 if ".affine." in official or official.startswith("mapping") else 4,
        "noise_strength": 0,
        "noise_const": 2,
    }.get(official.rpartition(".")[2], len(shape))
    if official.endswith("torgb.bias") and len(shape) == 4 and shape[0] == 1:
        return shape[1:2] if shape[2:] == (1, 1) else shape
    extra = len(shape) - wanted
    return shape[extra:] if extra > 0 and all(n == 1 for n in shape[:extra]) else shape


# -- one generator -------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """A whole generator: sizes for its configuration and its tensors, float32."""

    config: dict[str, Any]
    tensors: dict[str, np.ndarray]
    has_w_avg: bool
    widths: str
    notes: tuple[str, ...]


def check(found: Found, on_tensor: Any = None) -> Checked:
    """Return the generator if every name and shape is explained by one set of sizes.

    `on_tensor` is called with (tensors read, tensors in all).

    Raises:
        ArchitectureError: a layer is missing, or one is there that should not be.
        ShapesError: a tensor does not fit the others.
        NotFiniteWeightsError: a tensor holds NaN or infinity.
    """
    sizes = sizes_of(found)
    notes = list(found.notes)
    expected = sizes.shapes()
    noise, noise_notes = _noise(found, sizes)
    notes += noise_notes
    optional = {
        name: shape
        for name, shape in expected.items()
        if name.endswith((".noise_strength", ".noise_const"))
    }
    names = set(found.tensors)
    filters = {name for name in names if name.endswith("resample_filter")}
    missing = sorted(set(expected) - names - set(optional) - {"mapping.w_avg"})
    if missing:
        raise ArchitectureError(_some("expected", missing, "found no such tensor"))
    unknown = sorted(names - set(expected) - filters)
    if unknown:
        raise ArchitectureError(_some("found", unknown, "which a skip generator has not"))
    wrong = [
        f"{name} {list(shape)}, found {list(found.shape(name))}"
        for name, shape in expected.items()
        if name in names and found.shape(name) != shape
    ]
    if wrong:
        raise ShapesError(_some("expected", wrong, ""))
    for name in sorted(filters):
        _check_filter(name, found.tensors[name])
    tensors: dict[str, np.ndarray] = {}
    wanted = [name for name in expected if name in names]
    for done, name in enumerate(wanted, start=1):
        array = finite(name, found.tensors[name].array())
        tensors[name] = np.ascontiguousarray(array.reshape(expected[name]), dtype=np.float32)
        if on_tensor is not None:
            on_tensor(done, len(wanted))
    for name in optional:
        if not noise:
            tensors.pop(name, None)
        elif name not in tensors:
            tensors[name] = _missing_noise(name, optional[name])
    if found.w_avg is not None:
        tensors["mapping.w_avg"] = _mean_style(found.w_avg, sizes.w_dim, notes)
    has_w_avg = "mapping.w_avg" in tensors
    tensors.setdefault("mapping.w_avg", np.zeros(sizes.w_dim, np.float32))
    config = {
        "resolution": sizes.resolution,
        "w_dim": sizes.w_dim,
        "z_dim": sizes.z_dim,
        "channels": list(sizes.channels),
        "mapping": "mlp",
        "mapping_layers": sizes.mapping_layers,
        "mapping_lr_mul": found.lr_mul,
        "clamp": found.clamp,
        "noise": noise,
    }
    return Checked(config, tensors, has_w_avg, sizes.widths, tuple(notes))


def finite(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array.

    Raises:
        NotFiniteWeightsError: it holds NaN or infinity, or will as float32.
    """
    with np.errstate(over="ignore"):
        bad = array.size - int(np.isfinite(array.astype(np.float32, copy=False)).sum())
    if bad:
        raise NotFiniteWeightsError(
            f"expected finite numbers in {name}, found {bad:,} of {array.size:,} that are NaN "
            "or infinite"
        )
    return array


@dataclass(frozen=True)
class Sizes:
    """What explains all shapes of one generator; `channels` are those at 4, 8, ... R."""

    resolution: int
    w_dim: int
    z_dim: int
    channels: tuple[int, ...]
    mapping_layers: int

    @property
    def widths(self) -> str:
        """Return the channel rule, such as "base 32768, at most 512"."""
        base, most = self.channels[-1] * self.resolution, max(self.channels)
        rule = tuple(min(base // (4 << i), most) for i in range(len(self.channels)))
        return f"base {base}, at most {most}" if rule == self.channels else "of their own"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor that a generator of these sizes has."""
        w = self.w_dim
        shapes: dict[str, tuple[int, ...]] = {"mapping.w_avg": (w,)}
        for i in range(self.mapping_layers):
            shapes[f"mapping.fc{i}.weight"] = (w, self.z_dim if i == 0 else w)
            shapes[f"mapping.fc{i}.bias"] = (w,)
        before = self.channels[0]
        shapes["synthesis.b4.const"] = (before, 4, 4)
        for i, channels in enumerate(self.channels):
            r = 4 << i
            convs = {"conv1": channels} if i == 0 else {"conv0": before, "conv1": channels}
            for conv, num_in in convs.items():
                layer = f"synthesis.b{r}.{conv}"
                shapes[f"{layer}.weight"] = (channels, num_in, 3, 3)
                shapes[f"{layer}.bias"] = (channels,)
                shapes[f"{layer}.affine.weight"] = (num_in, w)
                shapes[f"{layer}.affine.bias"] = (num_in,)
                shapes[f"{layer}.noise_strength"] = ()
                shapes[f"{layer}.noise_const"] = (r, r)
            layer = f"synthesis.b{r}.torgb"
            shapes[f"{layer}.weight"] = (3, channels, 1, 1)
            shapes[f"{layer}.bias"] = (3,)
            shapes[f"{layer}.affine.weight"] = (channels, w)
            shapes[f"{layer}.affine.bias"] = (channels,)
            before = channels
        return shapes


def sizes_of(found: Found) -> Sizes:
    """Return the sizes that the shapes tell, each read from one tensor.

    Raises:
        ArchitectureError, ShapesError: a tensor that tells one is missing or odd.
    """
    names = found.tensors
    if "synthesis.b4.const" not in names:
        some = ", ".join(sorted(names)[:4]) or "no tensors"
        raise ArchitectureError(
            f"expected a StyleGAN2 generator with synthesis.b4.const, found {some}"
        )
    blocks = {int(m.group(1)) for n in names if (m := re.match(r"synthesis\.b(\d+)\.", n))}
    resolution = max(blocks)
    if resolution not in RESOLUTIONS or blocks != {
        4 << i for i in range(resolution.bit_length() - 2)
    }:
        raise ShapesError(
            "expected blocks 4, 8, ... up to a resolution of 32 to 1024, found "
            + ", ".join(str(r) for r in sorted(blocks)[:12])
        )
    const = found.shape("synthesis.b4.const")
    if len(const) != 3 or const[1:] != (4, 4):
        raise ShapesError(f"expected a square constant [C, 4, 4], found {list(const)}")
    channels = [const[0]]
    for r in sorted(blocks)[1:]:
        shape = _shape_of(found, f"synthesis.b{r}.torgb.weight", "the skip architecture", 4)
        channels.append(shape[1])
    colours = _shape_of(found, "synthesis.b4.torgb.weight", "the skip architecture", 4)[0]
    if colours != 3:
        raise ShapesError(f"expected pictures of 3 channels, found {colours}")
    numbers = sorted(
        int(m.group(1)) for n in names if (m := re.fullmatch(r"mapping\.fc(\d+)\.weight", n))
    )
    if not numbers or numbers != list(range(len(numbers))) or len(numbers) > 16:
        raise ArchitectureError(
            f"expected mapping layers fc0, fc1, ... (at most 16), found {numbers[:20]}"
        )
    w_dim = _shape_of(found, "synthesis.b4.conv1.affine.weight", "styled convolutions", 2)[1]
    z_dim = _shape_of(found, "mapping.fc0.weight", "a mapping", 2)[1]
    for what, width in (("w", w_dim), ("z", z_dim), *(("channels", c) for c in channels)):
        if not 1 <= width <= MAX_WIDTH:
            raise ShapesError(
                f"expected 1 to {MAX_WIDTH} for the width of {what}, found {width}"
            )
    return Sizes(resolution, w_dim, z_dim, tuple(channels), len(numbers))


def _shape_of(found: Found, name: str, what: str, axes: int) -> tuple[int, ...]:
    if name not in found.tensors:
        raise ArchitectureError(f"expected {what} with {name}, found no such tensor")
    shape = found.shape(name)
    if len(shape) != axes:
        raise ShapesError(f"expected {axes} axes of {name}, found {list(shape)}")
    return shape


def _noise(found: Found, sizes: Sizes) -> tuple[bool, list[str]]:
    """Return whether the generator has noise, and what to say about missing parts of it."""
    layers = 2 * len(sizes.channels) - 1
    strengths = sum(name.endswith(".noise_strength") for name in found.tensors)
    maps = sum(name.endswith(".noise_const") for name in found.tensors)
    if not strengths:
        return False, ["the model was trained without noise"]
    notes = []
    if strengths < layers:
        notes.append(f"{layers - strengths} layers have no noise; their strength is 0")
    if maps < layers:
        notes.append(f"{layers - maps} noise maps are not in the file; fixed ones were drawn")
    return True, notes


def _missing_noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith(".noise_strength"):
        return np.zeros(shape, np.float32)
    return RandomState(zlib.crc32(name.encode())).randn(*shape).astype(np.float32)


def _check_filter(name: str, view: TensorView) -> None:
    """Refuse a resampling filter other than [1, 3, 3, 1], whose sum may be 1 or 4."""
    row = np.array([1.0, 3.0, 3.0, 1.0])
    wanted = np.outer(row, row) / 64
    kernel = finite(name, view.array()).astype(np.float64)
    total = float(kernel.sum()) if view.shape == (4, 4) else 0.0
    if not total or not np.allclose(kernel / total, wanted, atol=1e-4):
        raise ArchitectureError(
            f"expected the filter [1, 3, 3, 1] as {name}, found another of shape "
            f"{list(view.shape)}"
        )


def _mean_style(view: TensorView, w_dim: int, notes: list[str]) -> np.ndarray:
    array = finite("latent_avg", view.array()).astype(np.float32)
    if array.ndim == 0 or array.shape[-1] != w_dim or array.size > 64 * w_dim:
        raise ShapesError(
            f"expected latent_avg [{w_dim}] or one row per layer, found {list(array.shape)}"
        )
    rows = array.reshape(-1, w_dim)
    if not np.allclose(rows, rows[:1], atol=1e-6):
        notes.append("latent_avg differs between layers; w_avg is the mean of its rows")
    return np.ascontiguousarray(rows.mean(axis=0) if len(rows) > 1 else rows[0])


def _views(state: Mapping[Any, Any]) -> dict[str, TensorView]:
    return {
        _named(key): value
        for key, value in state.items()
        if isinstance(key, str) and isinstance(value, TensorView)
    }


def _named(name: str) -> str:
    if len(name) > MAX_NAME:
        raise MalformedError(f"a tensor's name of {len(name):,} letters: {name[:50]!r}")
    return name


def _dict_of(state: Mapping[Any, Any], key: str) -> Mapping[Any, Any]:
    value = state.get(key)
    return value if isinstance(value, dict) else {}


def _without(names: list[str], *read: str) -> list[str]:
    return [name for name in names if name not in read]


def _is_positive(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < MAX_SETTING


def _some(verb: str, names: list[str], then: str) -> str:
    shown = ", ".join(name[:120] for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{verb} {shown}{more}" + (f", {then}" if then else "")
