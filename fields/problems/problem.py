"""Linear differential equations of second order on a box, with what must hold on its faces."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]  # of places [n, d] in the problem's units: [n]


@dataclass(frozen=True)
class Condition:
    """What must hold on one face of the box.

    Attributes:
        name: conditions of one name make one term of the loss.
        axis: the one that the face is perpendicular to.
        upper: whether it is the face at the axis's upper end.
        target: the value there; or with `slope`, the first derivative along the axis.
        slope: whether it is.
    """

    name: str
    axis: int
    upper: bool
    target: Function
    slope: bool = False


@dataclass(frozen=True)
class Problem:
    """L u = source, with L u = zeroth u + sum_a first[a] u_a + second[a] u_aa.

    Attributes:
        name: as in `PROBLEMS`.
        lower, upper: ends of the box along each axis, d of both.
        zeroth, first, second: the coefficients, which are constant.
        source: right-hand side.
        conditions: on the faces.
        solution: the exact one, to measure against.
        waves: highest frequency of the solution, in cycles a side.
    """

    name: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    zeroth: float
    first: tuple[float, ...]
    second: tuple[float, ...]
    source: Function
    conditions: tuple[Condition, ...]
    solution: Function
    waves: float

    def __post_init__(self) -> None:
        lengths = {len(v) for v in (self.lower, self.upper, self.first, self.second)}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(f"{self.name}: lower, upper, first and second must agree in length.")
        if not all(low < high for low, high in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f"{self.name}: the box must have upper ends above its lower ones.")

    @property
    def dim(self) -> int:
        return len(self.lower)

    def stretch(self, axis: int) -> float:
        """Coordinates of the field a unit of the problem, along an axis."""
        return 2 / (self.upper[axis] - self.lower[axis])

    def places(self, x: Tensor) -> Tensor:
        """Coordinates in [-1, 1]^d as places in the box: [n, d]."""
        low = x.new_tensor(self.lower)
        return low + (x + 1) * (x.new_tensor(self.upper) - low) / 2

    @property
    def has_energy(self) -> bool:
        """Whether the solution is the minimum of an energy, as Ritz's form wants."""
        level = all(c == 0 for c in self.first)
        return level and self.zeroth >= 0 and all(c <= 0 for c in self.second)

    def symbol(self, frequency: float) -> float:
        """How much larger L makes a wave of so many cycles a side: its largest part."""
        found = abs(self.zeroth)
        for axis in range(self.dim):
            turn = math.pi * frequency * self.stretch(axis)
            found = max(found, abs(self.first[axis]) * turn, abs(self.second[axis]) * turn**2)
        return found


def ends(name: str, target: Function, axis: int = 0) -> tuple[Condition, Condition]:
    """The value on both faces of an axis."""
    return Condition(name, axis, False, target), Condition(name, axis, True, target)


def zero(x: Tensor) -> Tensor:
    return torch.zeros_like(x[:, 0])
