"""Cubic B-splines on several lattices: their layout, and the reference implementation in torch.

Level 0 is the coarsest; each next one has half the spacing. The lattices are centred, and what lies
beyond their ends is mirrored, as `lattice` says. Splines on many lattices: Lee, Wolberg & Shin
1997, "Scattered data interpolation with multilevel B-splines", IEEE TVCG 3(3).
"""

from dataclasses import dataclass
from math import ceil, prod
from typing import Literal

import torch
from torch import Tensor

from .lattice import taps

Merge = Literal["sum", "concat"]


@dataclass(frozen=True)
class SplineLayout:
    """Where each level's coefficients lie in one flat table of `offsets[-1]` rows.

    Attributes:
        dim: number of coordinates, 1 to 4.
        features: values stored at a point of a lattice.
        sizes: points of each level's lattice along x, y, ...; x runs fastest in the table.
        spacings: between them, in coordinates, per level.
        offsets: first row of each level, then the number of rows in all.
        merge: whether the levels' values are added up, or laid side by side.
    """

    dim: int
    features: int
    sizes: tuple[tuple[int, ...], ...]
    spacings: tuple[float, ...]
    offsets: tuple[int, ...]
    merge: Merge

    @property
    def levels(self) -> int:
        return len(self.sizes)

    @property
    def out_dim(self) -> int:
        return self.features * (1 if self.merge == "sum" else self.levels)


def spline_layout(
    cells: tuple[int, ...], *, levels: int, features: int, merge: Merge
) -> SplineLayout:
    """The layout whose finest lattice has `cells` points along x, y, ..., the longest on [-1, 1].

    Its points are the centres of the pixels of a picture with as many.
    """
    parts = [2 ** (levels - 1 - level) for level in range(levels)]
    sizes = tuple(tuple(max(1, ceil(n / part)) for n in cells) for part in parts)
    offsets = [0]
    for size in sizes:
        offsets.append(offsets[-1] + prod(size))
    return SplineLayout(
        dim=len(cells),
        features=features,
        sizes=sizes,
        spacings=tuple(2 / max(cells) * part for part in parts),
        offsets=tuple(offsets),
        merge=merge,
    )


def spline_encode(x: Tensor, table: Tensor, layout: SplineLayout, backend: str) -> Tensor:
    """`encode` on the named backend: [n, d] in [-1, 1] -> [n, out_dim]."""
    if backend == "numba":
        from . import numba_spline

        return numba_spline.encode(x, table, layout)
    return encode(x, table, layout)


def positions(x: Tensor, size: int, spacing: float) -> Tensor:
    """Coordinates along one axis in units of a lattice: 0 is its first point. float64.

    In float64, since float32 would leave little of the fraction on a lattice of thousands.
    """
    return x.double() / spacing + (size - 1) / 2


def encode(x: Tensor, table: Tensor, layout: SplineLayout) -> Tensor:
    """The splines' values at points, added up or level by level.

    Differentiable any number of times in `x` and `table`; any finite x is safe.

    Args:
        x: float [n, d] in [-1, 1].
        table: float [rows, features].

    Returns:
        float [n, out_dim].
    """
    values = []
    for sizes, spacing, offset in zip(layout.sizes, layout.spacings, layout.offsets, strict=False):
        row = torch.full((len(x), 1), offset, device=x.device)
        weight = table.new_ones(len(x), 1)
        stride = 1
        for axis, size in enumerate(sizes):
            near, part = taps(positions(x[:, axis], size, spacing), size)
            row = (stride * near[:, :, None] + row[:, None]).flatten(1)  # [n, 4^axes]
            weight = (part.to(weight.dtype)[:, :, None] * weight[:, None]).flatten(1)
            stride *= size
        chosen = table.index_select(0, row.flatten()).view(*row.shape, layout.features)
        values.append(torch.einsum("nk,nkf->nf", weight, chosen))
    return torch.stack(values).sum(0) if layout.merge == "sum" else torch.cat(values, dim=-1)
