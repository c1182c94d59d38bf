"""Multiresolution grid encoding: its layout, and the reference implementation in torch.

Müller et al. 2022, "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding"
(arXiv:2201.05989), with the formulas of the authors' published code: level l has
`scale_l = base * growth^l - 1` and `ceil(scale_l) + 1` vertices an axis, a point lies at
`x * scale_l + 0.5`, and a level that would need more entries than the table has is hashed.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

PRIMES = (1, 2654435761, 805459861, 3674653429)


@dataclass(frozen=True)
class GridLayout:
    """Where each level's vertices lie in one flat table of `offsets[-1]` rows.

    Attributes:
        dim: number of coordinates, 1 to 4.
        features: values stored at a vertex.
        scales: cells along an axis, minus one, per level; float32 values.
        resolutions: vertices along an axis, per level.
        offsets: first row of each level, then the number of rows in all.
        hashed: whether a level's vertices share rows through the hash.
    """

    dim: int
    features: int
    scales: tuple[float, ...]
    resolutions: tuple[int, ...]
    offsets: tuple[int, ...]
    hashed: tuple[bool, ...]

    @property
    def levels(self) -> int:
        return len(self.scales)


def grid_layout(
    dim: int, *, levels: int, features: int, log2_size: int | None, coarsest: int, growth: float
) -> GridLayout:
    """The published layout; `log2_size=None` means that no level is ever hashed."""
    # float32 throughout, as in the published code: a scale one ulp off can move a vertex.
    step = np.exp2(np.arange(levels, dtype=np.float32) * np.float32(np.log2(growth)))
    scales = step * np.float32(coarsest) - np.float32(1)
    resolutions = [int(np.ceil(s)) + 1 for s in scales]
    offsets, hashed = [0], []
    for resolution in resolutions:
        rows = -(-(resolution**dim) // 8) * 8
        limit = rows if log2_size is None else 2**log2_size
        hashed.append(resolution**dim > limit)
        offsets.append(offsets[-1] + min(rows, limit))
    return GridLayout(
        dim=dim,
        features=features,
        scales=tuple(float(s) for s in scales),
        resolutions=tuple(resolutions),
        offsets=tuple(offsets),
        hashed=tuple(hashed),
    )


def level_rows(cell: Tensor, layout: GridLayout, level: int) -> Tensor:
    """Rows of the table that hold the vertices `cell` of a level.

    Args:
        cell: int64 [n, d], vertex numbers along each axis.

    Returns:
        int64 [n], counted from the start of the table.
    """
    rows = layout.offsets[level + 1] - layout.offsets[level]
    cell = cell & 0xFFFFFFFF  # the published code counts in uint32, which wraps
    if layout.hashed[level]:
        index = cell[:, 0]
        for axis in range(1, layout.dim):
            index = index ^ (cell[:, axis] * PRIMES[axis] & 0xFFFFFFFF)
    else:
        index, stride = cell[:, 0], 1
        for axis in range(1, layout.dim):
            stride *= layout.resolutions[level]
            index = index + cell[:, axis] * stride
    return layout.offsets[level] + (index & 0xFFFFFFFF) % rows


def level_positions(x: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """The vertex below each point, int64 [n, d], and the fraction of the cell beyond it [n, d].

    `fma(x, scale, 0.5)` rounds once: in float32 the product and the sum would round apart, so that
    both are formed in float64, where the product of two float32 is exact.
    """
    position = (x.double() * scale + 0.5).to(x.dtype)
    cell = position.detach().floor()
    return cell.long(), position - cell


def encode(x: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool = False) -> Tensor:
    """Multilinear interpolation of the vertices' features, level by level.

    Differentiable any number of times in `x` and `table`. With `smooth`, the fraction w of a cell
    is replaced by w^2 (3 - 2 w), so that the first derivative is continuous.

    Args:
        x: float [n, d] in [0, 1].
        table: float [rows, features].

    Returns:
        float [n, levels * features], level by level.
    """
    levels = []
    for level, scale in enumerate(layout.scales):
        cell, w = level_positions(x, scale)
        w = w * w * (3 - 2 * w) if smooth else w
        total = table.new_zeros(())
        for corner in product((0, 1), repeat=layout.dim):
            weight = table.new_ones(())
            for axis, upper in enumerate(corner):
                weight = weight * (w[:, axis, None] if upper else 1 - w[:, axis, None])  # [n, 1]
            rows = level_rows(cell + torch.tensor(corner, device=x.device), layout, level)
            # index_select, not table[rows]: indexing's backward sorts, and is 20 times slower.
            total = total + weight * table.index_select(0, rows)
        levels.append(total)
    return torch.cat(levels, dim=-1)


def check_grid(x: Tensor, table: Tensor, layout: GridLayout, device: str = "cpu") -> None:
    """Kernels read memory as they are told: a wrong shape must not reach them.

    Raises:
        TypeError: one is not float32, or not on a device of this type.
        ValueError: one has the wrong shape.
    """
    for name, tensor, columns in (("x", x, layout.dim), ("table", table, layout.features)):
        if tensor.dtype != torch.float32 or tensor.device.type != device:
            got = f"{tensor.dtype} on {tensor.device}"
            raise TypeError(f"{name} must be float32 on {device} for these kernels, got {got}.")
        if tensor.ndim != 2 or tensor.shape[1] != columns:
            raise ValueError(f"{name} must have shape [n, {columns}], got {list(tensor.shape)}.")
    if len(table) != layout.offsets[-1]:
        raise ValueError(f"table must have {layout.offsets[-1]} rows, got {len(table)}.")
