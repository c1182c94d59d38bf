"""Fit a function of one variable, from its samples or from its formula."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..field import Field
from ..kernels.draws import Rows
from ..samplers import strided
from .base import Term
from .table import MOST_WHOLE, TableTask

PER_WAVE = 45  # points that a wave wants, so that a fit is right between them too
FEWEST = 401  # points of a formula, however smooth
BEYOND = 1.02  # how far the points of a formula go past its domain
EDGE = 0.7  # share of the points' law that crowds them at the ends


@dataclass(frozen=True)
class SignalTask(TableTask):
    """Regress a signal of one variable.

    Attributes:
        x: float64 [n, 1], ascending in [-1, 1].
        function: values [m, c] at any x [m, 1], float64 both, where the signal is a formula.
        sobolev: weight of the squared error of the first derivative (by differences of neighbours)
            beside the squared error of the values. A derivative weighs a frequency k by k^2, and so
            moves the order in which frequencies are learned.
    """

    function: Callable[[Tensor], Tensor] | None = None
    sobolev: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.x.shape[1] != 1:
            raise ValueError(f"a signal has one coordinate, got {self.x.shape[1]}.")
        if not bool((self.x.diff(dim=0) > 0).all()):
            raise ValueError("the signal's x must ascend, each larger than the one before.")
        if not math.isfinite(self.sobolev) or self.sobolev < 0:
            raise ValueError(f"sobolev must be 0 or more, got {self.sobolev!r}.")
        if self.sobolev and len(self.x) < 2:
            raise ValueError("a derivative wants two samples at least, got one.")

    def batches(self, n: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """As `TableTask`'s; with a derivative, neighbours side by side: [m, 2, 1] and [m, 2, c]."""
        if not self.sobolev:
            yield from super().batches(n, rng)
        x, values = self._pairs
        while n >= len(self.x):
            yield x, values
        for index in strided(max(1, n // 2), len(x), rng):
            yield x[index], values[index]

    def source(self) -> Rows | None:
        return None if self.sobolev else super().source()

    @property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        pairs = [torch.stack([t[:-1], t[1:]], dim=1) for t in (self.x, self.values)]
        return pairs[0], pairs[1]

    def loss(self, field: Field, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mean squared error, of the derivative too where it counts."""
        x, values = batch
        if not self.sobolev:
            return field.squared_error(x, values)
        error = field(x) - values
        slope = error.diff(dim=1) / x.diff(dim=1).to(error.dtype)
        return error.square().mean() + self.sobolev * slope.square().mean()

    def whole(self, frequency: float) -> Any:
        """All samples; of a formula, as many points as its frequency wants, more at the ends.

        A fit is worst at the ends, where points have neighbours on one side only: they go a little
        beyond, if the formula has values there.
        """
        if self.function is None or self.sobolev:
            samples = super().whole(frequency)
            return self._pairs if self.sobolev else samples
        n = max(FEWEST, len(self.x), math.ceil(PER_WAVE * frequency))
        u = torch.linspace(-1, 1, min(n, MOST_WHOLE), dtype=torch.float64, device=self.x.device)
        x = (EDGE * torch.sin(math.pi / 2 * u) + (1 - EDGE) * u)[:, None]
        try:
            return self._valued(BEYOND * x)
        except ValueError:
            return self._valued(x)

    def _valued(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Points with the formula's values; ValueError where it has none."""
        assert self.function is not None
        values = self.function(x)
        if not bool(values.isfinite().all()):
            raise ValueError("the formula has no finite value at every point.")
        return x, values

    def terms(self, field: Field, batch: tuple[Tensor, Tensor]) -> list[Term]:
        if not self.sobolev:
            return super().terms(field, batch)
        raise ValueError("a loss of derivatives is fitted by Descent alone.")
