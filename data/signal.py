"""A one-dimensional signal and a table in memory, in the user's units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from .formula import Formula

_UNEVEN = 1e-3  # of a step: rounding in a file's decimals is less


@dataclass(frozen=True, eq=False)
class Signal:
    """Samples of functions of one variable.

    `x` is float64 [n], ascending without ties, in the file's unit (seconds for sound); `values`
    float64 [n, c]; `names` the c columns' or channels' names. `rate` is the samples a second of a
    sound, None for what is none. `note` is a sentence on what was changed, if anything.
    ValueError for tensors of another type or size.
    """

    x: Tensor
    values: Tensor
    names: tuple[str, ...] = ("value",)
    rate: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _check("Signal.x", self.x, 1)
        _check("Signal.values", self.values, 2)
        if len(self.x) != len(self.values):
            raise ValueError(
                f"Signal.values must be one row for each of {len(self.x)} x, "
                f"got {len(self.values)}."
            )
        if not (self.x.diff() > 0).all():
            raise ValueError("Signal.x must ascend without ties; sort and join them first.")
        if len(self.names) != self.values.shape[1]:
            raise ValueError(
                f"Signal.names must be {self.values.shape[1]} names, got {len(self.names)}."
            )

    @classmethod
    def from_formula(cls, formula: Formula, low: float, high: float, samples: int) -> Signal:
        """`formula` in the middles of `samples` equal parts of [low, high].

        So the samples of a function whose period is the domain have its exact frequencies.
        ValueError if there are none, or where the formula has no finite value.
        """
        import torch

        if samples < 1 or not low < high:
            raise ValueError(
                f"samples must be at least 1 and low below high, got {samples}, {low}, {high}."
            )
        share = (torch.arange(samples, dtype=torch.float64) + 0.5) / samples
        x = low + (high - low) * share
        return cls(x, formula(x)[:, None].contiguous())

    @property
    def step(self) -> float:
        """The mean distance between neighbours; 1 for a single sample."""
        count = len(self.x)
        return float(self.x[-1] - self.x[0]) / (count - 1) if count > 1 else 1.0

    @property
    def even(self) -> bool:
        """Whether the samples are equally spaced, but for rounding."""
        import torch

        places = self.x[0] + self.step * torch.arange(len(self.x), dtype=torch.float64)
        return bool((self.x - places).abs().max() <= _UNEVEN * self.step)

    def describe(self) -> str:
        """One line: samples, range, columns, and how they are spaced."""
        parts = [f"{len(self.x):,} samples", f"x from {self.x[0]:.6g} to {self.x[-1]:.6g}"]
        if len(self.names) > 1:
            parts.append(f"{len(self.names)} columns ({', '.join(self.names)})")
        if self.rate is not None:
            parts.append(f"{self.rate:,} samples a second")
        else:
            parts.append("equally spaced" if self.even else "not equally spaced")
        return "; ".join(parts) + (f"; {self.note}" if self.note else "")


@dataclass(frozen=True, eq=False)
class Table:
    """Values of an unknown function at scattered points of a space of any dimension.

    `x` is float64 [n, d], `y` float64 [n, c], `names` the d + c columns' names. ValueError for
    tensors of another type or size.
    """

    x: Tensor
    y: Tensor
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        _check("Table.x", self.x, 2)
        _check("Table.y", self.y, 2)
        if len(self.x) != len(self.y):
            raise ValueError(
                f"Table.y must be one row for each of {len(self.x)} x, got {len(self.y)}."
            )
        columns = self.x.shape[1] + self.y.shape[1]
        if len(self.names) != columns:
            raise ValueError(f"Table.names must be {columns} names, got {len(self.names)}.")

    def describe(self) -> str:
        """One line: rows, dimensions and outputs."""
        return f"{len(self.x):,} rows; {self.x.shape[1]} inputs, {self.y.shape[1]} outputs"


def _check(name: str, values: Tensor, dimensions: int) -> None:
    import torch

    if values.dtype != torch.float64 or values.ndim != dimensions or not values.numel():
        shape = ", ".join("nc"[:dimensions])
        raise ValueError(
            f"{name} must be float64 [{shape}], got {values.dtype} {list(values.shape)}."
        )
    if not values.isfinite().all():
        raise ValueError(f"{name} must be finite numbers; leave out the rows that are not.")
