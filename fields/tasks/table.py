"""Fit values that are known at given points, in any number of dimensions."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from ..field import Field
from ..kernels.draws import Rows, in_order
from ..metrics import decibels
from ..samplers import strided
from .base import Task, Term

MOST_WHOLE = 2**20  # points that are taken at once where a solver wants all
MOST_ORDERED = 6  # coordinates of points that are drawn in the order of a curve
TILE = 2**15  # points that are evaluated at once


@dataclass(frozen=True)
class TableTask(Task):
    """Regress the values of a table's rows.

    Attributes:
        x: float64 [n, d], in [-1, 1].
        values: float64 [n, c].
        heldout_x, heldout_values: rows [m, d] and [m, c] that are not fitted, to measure on; none
            when None.

    Raises:
        ValueError: the shapes do not agree, there are no rows, or a number is not finite.
    """

    x: Tensor
    values: Tensor
    heldout_x: Tensor | None = None
    heldout_values: Tensor | None = None

    def __post_init__(self) -> None:
        for name, x, values in (("", self.x, self.values), ("heldout_", *self._heldout)):
            if x is None or values is None:
                continue
            if x.ndim != 2 or values.ndim != 2 or len(x) != len(values) or 0 in x.shape:
                raise ValueError(
                    f"{name}x must be [n, d] and {name}values [n, c] with n, d at least 1, got "
                    f"{tuple(x.shape)} and {tuple(values.shape)}."
                )
            if not bool(x.isfinite().all() and values.isfinite().all()):
                raise ValueError(f"{name}x and {name}values must be finite, got NaN or infinity.")

    @property
    def _heldout(self) -> tuple[Tensor | None, Tensor | None]:
        return self.heldout_x, self.heldout_values

    @property
    def in_dim(self) -> int:
        return self.x.shape[1]

    @property
    def out_dim(self) -> int:
        return self.values.shape[1]

    @property
    def span(self) -> float:
        """From the least to the largest value: what PSNR is measured against."""
        return float(self.values.max() - self.values.min()) or 1.0

    def to(self, device: torch.device) -> Self:
        if device == self.x.device:
            return self
        given = {n: getattr(self, n) for n in ("x", "values", "heldout_x", "heldout_values")}
        return replace(self, **{n: t if t is None else t.to(device) for n, t in given.items()})

    def prepare(self, field: Field) -> None:
        """Centre the field on the values' mean, scaled to their spread."""
        mean = self.values.mean(0)
        field.shift.copy_(mean)
        spread = (self.values - mean).square().mean().sqrt()
        field.scale.copy_(spread if spread > 0 else torch.ones(()))

    def batches(self, n: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Points [n, d] and values [n, c]: all of them, always, where there are no more."""
        while n >= len(self.x):
            yield self.x, self.values
        for index in strided(n, len(self.x), rng):
            yield self.x[index], self.values[index]

    def source(self) -> Rows | None:
        x, values = self.x.float()[:, None], self.values.float()[:, None]
        if self.in_dim > MOST_ORDERED:
            return Rows(x, values)
        order = in_order(self.x)
        return Rows(x[order], values[order])

    def loss(self, field: Field, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mean squared error over the points and values of the batch."""
        return field.squared_error(*batch)

    def whole(self, frequency: float) -> Any:
        if len(self.x) > MOST_WHOLE:
            raise ValueError(
                f"there are {len(self.x):,} points, and more than {MOST_WHOLE:,} cannot be taken "
                "at once; use Descent."
            )
        return self.x, self.values

    def terms(self, field: Field, batch: tuple[Tensor, Tensor]) -> list[Term]:
        """One term a value: the errors of `field.own` against what the earlier stages left."""
        x, values = batch
        if field.earlier is not None:
            with torch.no_grad():
                values = values - field.earlier(x)
        channels = [
            Term("data", 1 / self.out_dim, (x, column), _error_of(number))
            for number, column in enumerate(values.unbind(1))
        ]
        return channels

    def evaluate(self, field: Field) -> dict[str, float]:
        """`psnr` in dB against the span of the values, `rel_l2` = |f - y|_2 / |y|_2, `max_error`,
        and the same of the rows held out."""
        found = self._measured(field, self.x, self.values, "")
        if self.heldout_x is not None and self.heldout_values is not None:
            found |= self._measured(field, self.heldout_x, self.heldout_values, "heldout_")
        return found

    def _measured(self, field: Field, x: Tensor, values: Tensor, name: str) -> dict[str, float]:
        error = evaluated(field, x) - values
        return {
            f"{name}psnr": decibels(float(error.square().mean()) / self.span**2),
            f"{name}rel_l2": relative(error, values),
            f"{name}max_error": float(error.abs().max()),
        }

    def psnr(self, loss: float) -> float | None:
        return decibels(loss / self.span**2)

    def sample(self, heldout: bool, most: int) -> tuple[Tensor, Tensor] | None:
        x, values = self._heldout if heldout else (self.x, self.values)
        if x is None or values is None:
            return None
        step = math.ceil(len(x) / most)
        return x[::step], values[::step]


def _error_of(channel: int) -> Any:
    def error(field: Field, x: Tensor, value: Tensor) -> Tensor:
        return field.own(x)[..., channel] - value

    return error


def evaluated(field: Field, x: Tensor) -> Tensor:
    """The field's values at points [n, d] as float64 [n, c], computed as precisely as it can."""
    training = field.training
    field.eval()
    try:
        with torch.no_grad():
            return torch.cat([field(part).double() for part in x.split(TILE)])
    finally:
        field.train(training)


def relative(error: Tensor, values: Tensor) -> float:
    """|error|_2 / |values|_2; of values that are all zero, |error|_2."""
    size = float(values.norm())
    return float(error.norm()) / (size if size > 0 else 1.0)
