"""Smooth splines: trained coefficients on lattices of growing resolution."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..kernels.spline import Merge, SplineLayout, spline_encode, spline_layout
from ..spec import knob
from .base import Encoding, EncodingSpec
from .grids import MAX_VALUES


@dataclass(frozen=True, kw_only=True)
class Spline(EncodingSpec):
    """Uniform cubic B-splines on lattices, each twice as fine as the one before.

    Multilevel B-splines [Lee, Wolberg & Shin 1997, IEEE TVCG 3(3)]: twice continuously
    differentiable, and without a network behind them linear in what is trained. The points of the
    finest lattice are the centres of the pixels of a picture with as many.
    """

    cells: tuple[int, ...] = knob(
        (256,),
        "points of the finest lattice along x, y, ...; one number stands for every axis",
        low=1,
        high=2**20,
    )
    levels: int = knob(7, "number of lattices", low=1, high=32)
    features: int = knob(3, "trained values per point", low=1, high=32)
    merge: Merge = knob("sum", "how the levels meet: added up, or side by side")

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        if not 1 <= in_dim <= 4:
            raise ValueError(f"a spline encoding takes 1 to 4 coordinates, got {in_dim}.")
        if len(self.cells) not in (1, in_dim):
            raise ValueError(
                f"Spline.cells must hold one number, or one for each of the {in_dim} coordinates, "
                f"got {len(self.cells)}."
            )
        layout = spline_layout(
            self.cells * in_dim if len(self.cells) == 1 else self.cells,
            levels=self.levels,
            features=self.features,
            merge=self.merge,
        )
        return SplineEncoding(layout, rng, backend=backend)


class SplineEncoding(Encoding):
    """The splines of a flat table: [n, features] added up, [n, levels * features] side by side."""

    def __init__(self, layout: SplineLayout, rng: torch.Generator, *, backend: str) -> None:
        super().__init__()
        rows = layout.offsets[-1]
        if rows * layout.features > MAX_VALUES:
            raise ValueError(
                f"the spline would hold {rows * layout.features:,} values, more than "
                f"{MAX_VALUES:,}; lower its cells or features."
            )
        self.layout, self.backend = layout, backend
        self.in_dim, self.out_dim = layout.dim, layout.out_dim
        self.table = nn.Parameter(torch.empty(rows, layout.features))
        with torch.no_grad():
            self.table.uniform_(-1e-4, 1e-4, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        return spline_encode(x, self.table, self.layout, self.backend)

    def lattice(self, level: int) -> Tensor:
        """A level's part of the table, e.g. [h, w, features]; 0 is the coarsest."""
        first, end = self.layout.offsets[level : level + 2]
        return self.table[first:end].view(*reversed(self.layout.sizes[level]), -1)

    @property
    def tables(self) -> tuple[nn.Parameter, ...]:
        return (self.table,)

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(self.layout.offsets[1:])
