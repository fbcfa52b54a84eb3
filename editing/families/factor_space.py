"""Factor space: the named numbers that a rendered family draws its pictures from.

A factor is continuous (a range and a distribution) or categorical (options with
probabilities). Three views of the same picture exist: noise `z`, standard normal; the
factors in natural units; and the code `c`, in which continuous factors have mean 0 and
standard deviation 1 and categorical ones are one-hots times 2, ready for a network.

Shapes: N pictures, F factors, C code columns, Z noise columns (one per factor).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

ONE_HOT_SCALE = 2.0


@dataclass(frozen=True, slots=True)
class Continuous:
    """A number in [low, high].

    `shape` says how it is spread: "uniform"; "normal" with `mean` and `spread`, clamped
    to the range; or "rare", low plus the range times a uniform number to the `power`,
    which leaves most pictures near `low`.
    """

    name: str
    low: float
    high: float
    shape: Literal["uniform", "normal", "rare"] = "uniform"
    mean: float = 0.0
    spread: float = 1.0
    power: float = 2.0

    @property
    def width(self) -> int:
        """Return the number of code columns."""
        return 1

    @property
    def center(self) -> float:
        """Return the mean that the code subtracts."""
        if self.shape == "normal":
            return self.mean
        if self.shape == "rare":
            return self.low + (self.high - self.low) / (self.power + 1)
        return (self.low + self.high) / 2

    @property
    def scale(self) -> float:
        """Return the standard deviation that the code divides by."""
        if self.shape == "normal":
            return self.spread
        power = self.power if self.shape == "rare" else 1.0
        variance = 1 / (2 * power + 1) - 1 / (power + 1) ** 2
        return (self.high - self.low) * math.sqrt(variance)

    def quantile(self, noise: Tensor) -> Tensor:
        """Return values whose distribution is this factor's, from standard normal noise."""
        if self.shape == "normal":
            return (self.mean + self.spread * noise).clamp(self.low, self.high)
        uniform = torch.special.ndtr(noise)
        if self.shape == "rare":
            uniform = uniform**self.power
        return self.low + (self.high - self.low) * uniform


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of `options`, drawn with `probabilities`; its value is the option's index."""

    name: str
    options: tuple[str, ...]
    probabilities: tuple[float, ...]

    @property
    def width(self) -> int:
        """Return the number of code columns."""
        return len(self.options)

    def quantile(self, noise: Tensor) -> Tensor:
        """Return option indices (as floats) with the given probabilities."""
        edges = torch.tensor(self.probabilities, dtype=noise.dtype, device=noise.device)
        edges = edges.cumsum(0)[:-1]
        uniform = torch.special.ndtr(noise).contiguous()
        return torch.searchsorted(edges, uniform, right=True).to(noise.dtype)


Factor = Continuous | Categorical


@dataclass(frozen=True, slots=True)
class Column:
    """Where one factor lives in the code: columns `start` to `stop`."""

    name: str
    start: int
    stop: int
    kind: Literal["continuous", "categorical"]

    @property
    def slice(self) -> slice:
        """Return the columns as a slice."""
        return slice(self.start, self.stop)


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of N pictures in natural units: `values` is float (N, F)."""

    values: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return self.values.shape[0]

    def __getitem__(self, rows: int | slice | Tensor) -> "Factors":
        """Return the factors of the chosen pictures, always as a batch."""
        if isinstance(rows, int):
            rows = slice(rows, rows + 1 or None)
        return Factors(values=self.values[rows], names=self.names)

    def get(self, name: str) -> Tensor:
        """Return one factor of every picture, (N,).

        Raises:
            KeyError: there is no such factor.
        """
        if name not in self.names:
            raise KeyError(name)
        return self.values[:, self.names.index(name)]

    def replace(self, **changes: float | Tensor) -> "Factors":
        """Return a copy in which the named factors have new values.

        Raises:
            KeyError: there is no such factor.
        """
        values = self.values.clone()
        for name, value in changes.items():
            if name not in self.names:
                raise KeyError(name)
            values[:, self.names.index(name)] = value
        return Factors(values=values, names=self.names)

    def to(self, device: torch.device | str) -> "Factors":
        """Return the factors on another device."""
        return Factors(values=self.values.to(device), names=self.names)


@dataclass(frozen=True)
class FactorSpace:
    """The factors of one family, in order, with the casting rule that ties some together.

    `casting` may pull drawn factors toward each other (no child wears a beard); it maps
    natural values to natural values and is applied by `sample` and `from_noise` only.
    """

    factors: tuple[Factor, ...]
    casting: Callable[[Factors], Factors] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the factor names, in the order of the values."""
        return tuple(factor.name for factor in self.factors)

    @property
    def z_dim(self) -> int:
        """Return the number of noise columns that `from_noise` needs."""
        return len(self.factors)

    @property
    def code_dim(self) -> int:
        """Return the number of code columns."""
        return sum(factor.width for factor in self.factors)

    @property
    def columns(self) -> dict[str, Column]:
        """Return where each factor lives in the code, by name."""
        columns: dict[str, Column] = {}
        start = 0
        for factor in self.factors:
            kind: Literal["continuous", "categorical"] = (
                "categorical" if isinstance(factor, Categorical) else "continuous"
            )
            columns[factor.name] = Column(factor.name, start, start + factor.width, kind)
            start += factor.width
        return columns

    def factor(self, name: str) -> Factor:
        """Return the factor called `name`.

        Raises:
            KeyError: there is no such factor.
        """
        for factor in self.factors:
            if factor.name == name:
                return factor
        raise KeyError(name)

    def options(self, name: str) -> tuple[str, ...]:
        """Return the options of the choice called `name`.

        Raises:
            KeyError: there is no such choice.
        """
        factor = self.factor(name)
        if not isinstance(factor, Categorical):
            raise KeyError(f"{name} is a number")
        return factor.options

    def is_option(self, code: Tensor, name: str, option: str) -> Tensor:
        """Return bool (N): in which codes (N, C) `option` of the choice `name` is the nearest.

        Raises:
            KeyError: there is no such choice.
            ValueError: it has no such option.
        """
        index = self.options(name).index(option)
        return code[:, self.columns[name].slice].argmax(dim=1) == index

    def sample(self, n: int, generator: torch.Generator) -> Factors:
        """Return the factors of `n` pictures drawn from the family."""
        return self.from_noise(torch.randn(n, self.z_dim, generator=generator))

    def from_noise(self, z: Tensor) -> Factors:
        """Return factors for standard normal noise (N, Z), by a fixed transform."""
        values = [factor.quantile(z[:, i]) for i, factor in enumerate(self.factors)]
        drawn = Factors(values=torch.stack(values, dim=1), names=self.names)
        return self.casting(drawn) if self.casting else drawn

    def encode(self, factors: Factors) -> Tensor:
        """Return the code (N, C) of the factors."""
        columns = []
        for i, factor in enumerate(self.factors):
            value = factors.values[:, i]
            if isinstance(factor, Categorical):
                one_hot = torch.nn.functional.one_hot(value.round().long(), factor.width)
                columns.append(ONE_HOT_SCALE * one_hot.to(value.dtype))
            else:
                columns.append(((value - factor.center) / factor.scale).unsqueeze(1))
        return torch.cat(columns, dim=1)

    def decode(self, code: Tensor) -> Factors:
        """Return the factors of a code (N, C): nearest option, number within its range."""
        values = []
        for factor, column in zip(self.factors, self.columns.values(), strict=True):
            part = code[:, column.slice]
            if isinstance(factor, Categorical):
                values.append(part.argmax(dim=1).to(code.dtype))
            else:
                number = factor.center + factor.scale * part[:, 0]
                values.append(number.clamp(factor.low, factor.high))
        return Factors(values=torch.stack(values, dim=1), names=self.names)
