"""Trained features at the vertices of grids: multiresolution hash grid and dense grid."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..kernels import grid_encode
from ..kernels.grid import GridLayout, grid_layout
from ..spec import knob
from .base import Encoding, EncodingSpec

MAX_VALUES = 2**29  # 2 GB of float32; a table beyond it is a mistake or an attack

Interpolation = Literal["linear", "smooth"]


def growth(levels: int, coarsest: int, finest: int) -> float:
    """The factor between levels that leads from `coarsest` to `finest` [2201.05989, eq. 3]."""
    return 1.0 if levels == 1 else (finest / coarsest) ** (1 / (levels - 1))


@dataclass(frozen=True, kw_only=True)
class HashGrid(EncodingSpec):
    """Trained features on grids of growing resolution; fine grids share entries through a hash.

    Multiresolution hash encoding [Müller et al. 2022, arXiv:2201.05989], exactly as published.
    """

    levels: int = knob(16, "number of grids", low=1, high=32)
    features: int = knob(2, "trained features per vertex", low=1, high=32)
    log2_size: int = knob(19, "log2 of the entries a grid may have before it is hashed", low=3,
                          high=28)
    coarsest: int = knob(16, "cells per axis of the coarsest grid", low=1, high=65536)
    finest: int = knob(512, "cells per axis of the finest grid", low=1, high=2**20)
    interpolation: Interpolation = knob(
        "linear", "between vertices: linear, or smooth for continuous first derivatives"
    )

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        smooth = self.interpolation == "smooth"
        return GridEncoding(self.layout(in_dim), rng, smooth=smooth, backend=backend)

    def layout(self, in_dim: int) -> GridLayout:
        """Where its levels lie in one table."""
        return grid_layout(
            in_dim,
            levels=self.levels,
            features=self.features,
            log2_size=self.log2_size,
            coarsest=self.coarsest,
            growth=growth(self.levels, self.coarsest, self.finest),
        )


@dataclass(frozen=True, kw_only=True)
class DenseGrid(EncodingSpec):
    """Trained features on grids of growing resolution, every vertex with its own."""

    levels: int = knob(5, "number of grids", low=1, high=32)
    features: int = knob(2, "trained features per vertex", low=1, high=32)
    coarsest: int = knob(16, "cells per axis of the coarsest grid", low=1, high=65536)
    finest: int = knob(256, "cells per axis of the finest grid", low=1, high=65536)
    interpolation: Interpolation = knob(
        "linear", "between vertices: linear, or smooth for continuous first derivatives"
    )

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        smooth = self.interpolation == "smooth"
        return GridEncoding(self.layout(in_dim), rng, smooth=smooth, backend=backend)

    def layout(self, in_dim: int) -> GridLayout:
        """Where its levels lie in one table."""
        return grid_layout(
            in_dim,
            levels=self.levels,
            features=self.features,
            log2_size=None,
            coarsest=self.coarsest,
            growth=growth(self.levels, self.coarsest, self.finest),
        )


class GridEncoding(Encoding):
    """Interpolated features of a flat table, [n, levels * features], level by level."""

    def __init__(
        self, layout: GridLayout, rng: torch.Generator, *, smooth: bool, backend: str
    ) -> None:
        super().__init__()
        if not 1 <= layout.dim <= 4:
            raise ValueError(f"a grid encoding takes 1 to 4 coordinates, got {layout.dim}.")
        rows = layout.offsets[-1]
        if rows * layout.features > MAX_VALUES:
            raise ValueError(
                f"the grid would hold {rows * layout.features:,} values, more than "
                f"{MAX_VALUES:,}; lower its finest resolution, features or log2_size."
            )
        self.layout, self.smooth, self.backend = layout, smooth, backend
        self.in_dim, self.out_dim = layout.dim, layout.levels * layout.features
        self.table = nn.Parameter(torch.empty(rows, layout.features))
        with torch.no_grad():
            self.table.uniform_(-1e-4, 1e-4, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        return grid_encode((x + 1) / 2, self.table, self.layout, self.smooth, self.backend)

    @property
    def tables(self) -> tuple[nn.Parameter, ...]:
        return (self.table,)

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(self.layout.offsets[1:])
