"""How does a generator start from an older one, of another renderer or a smaller size?

Blocks of shared resolutions are copied. Columns of the factor code are matched by the
name of their factor and option: a new factor starts without effect, a new option as the
mean of the options known before. A resolution that the old generator lacked starts with
a silent toRGB, so the first picture is the old one upsampled.

The old generator is a stage's checkpoint, whose training folder says which columns its
code had (`columns.json`), or a bundle folder with that file in it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from editing.errors import EditingError
from editing.families.factor_space import Categorical, FactorSpace
from editing.generator import Generator

COLUMNS_FILE = "columns.json"


class WarmStartError(EditingError):
    """The older generator cannot start this one."""

    code = "training.warm_start"


@dataclass(frozen=True)
class OldGenerator:
    """An older generator: its weights by name, and the names of its code's columns."""

    weights: Mapping[str, Tensor]
    columns: tuple[str, ...]


def column_names(space: FactorSpace) -> tuple[str, ...]:
    """Return a name per code column: a factor's, or `factor=option`."""
    names: list[str] = []
    for factor in space.factors:
        if isinstance(factor, Categorical):
            names += [f"{factor.name}={option}" for option in factor.options]
        else:
            names.append(factor.name)
    return tuple(names)


def write_columns(folder: Path, space: FactorSpace) -> None:
    """Note the columns of the code beside what is trained on it."""
    (folder / COLUMNS_FILE).write_text(json.dumps(column_names(space), indent=0) + "\n")


def read_old(path: Path) -> OldGenerator:
    """Return the generator of a checkpoint file or a bundle folder.

    Raises:
        WarmStartError: there is none, or nothing says what its code columns are.
    """
    if path.is_dir():
        weights_path, folder = path / "generator.safetensors", path
    else:
        weights_path, folder = path, path.parent.parent
    if not weights_path.exists():
        raise WarmStartError(f"{path} is neither a checkpoint nor a bundle folder")
    columns_path = folder / COLUMNS_FILE
    if not columns_path.exists():
        raise WarmStartError(f"{columns_path} is missing: it names the old code's columns")
    weights: Mapping[str, Tensor]
    if path.is_dir():
        weights = {name: t.float() for name, t in load_file(weights_path).items()}
    else:
        state = torch.load(weights_path, weights_only=True, map_location="cpu")
        if "ema" not in state:
            raise WarmStartError(f"{path} holds no generator; name the stage distil or sharpen")
        weights = state["ema"]
    return OldGenerator(weights, tuple(json.loads(columns_path.read_text())))


@torch.no_grad()
def start_from(generator: Generator, old: OldGenerator, columns: Sequence[str]) -> None:
    """Give `generator`, whose code has `columns`, what `old` knows.

    Raises:
        WarmStartError: a block that both have differs in width.
    """
    code = _matched(old.columns, columns)
    for name, ours in generator.state_dict().items():
        if name.endswith("w_avg"):
            continue
        theirs = old.weights.get(name)
        if theirs is None:
            if ".torgb." in name and ".affine." not in name:
                ours.zero_()
        elif name.endswith("mapping.fc0.weight"):
            ours.copy_(_widened(theirs @ code, theirs.shape[1], ours.shape[1], name, ours))
        elif name.endswith("affine.weight"):
            hidden = theirs.shape[1] - len(old.columns)
            wide = torch.cat([theirs[:, :hidden], theirs[:, hidden:] @ code], dim=1)
            ours.copy_(_widened(wide, theirs.shape[1], ours.shape[1], name, ours))
        elif theirs.shape == ours.shape:
            ours.copy_(theirs)
        else:
            raise WarmStartError(_mismatch(name, theirs, ours))


def _matched(old: Sequence[str], new: Sequence[str]) -> Tensor:
    """Return the matrix (old, new) that turns weights of old columns into those of new."""
    matrix = torch.zeros(len(old), len(new))
    for j, name in enumerate(new):
        if name in old:
            matrix[old.index(name), j] = 1.0
        elif "=" in name:
            factor = name.partition("=")[0] + "="
            siblings = [i for i, known in enumerate(old) if known.startswith(factor)]
            for i in siblings:
                matrix[i, j] = 1 / len(siblings)
    return matrix


def _widened(wide: Tensor, num_old: int, num_new: int, name: str, ours: Tensor) -> Tensor:
    """Return weights that act as before in a layer of another width (equalized rate)."""
    if wide.shape != ours.shape:
        raise WarmStartError(_mismatch(name, wide, ours))
    return wide * math.sqrt(num_new / num_old)


def _mismatch(name: str, theirs: Tensor, ours: Tensor) -> str:
    return (
        f"{name} is {tuple(theirs.shape)} in the old generator and {tuple(ours.shape)} in "
        "this one: start from a generator with the same channels"
    )
