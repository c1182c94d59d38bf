"""Splines on the CPU: `spline.encode` compiled by numba, with first derivatives.

Nothing depends on the number of threads: what belongs to a sample is computed sample by sample, and
the gradient to the table level by level, each by one thread, in order.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import spline, threads
from .numba_grid import flat
from .numba_tiles import by_axis, clear, element
from .numba_tools import helper, kernel, load, multiply_add, store, take
from .spline import SplineLayout

CHUNK = 2048  # samples a thread takes at a time
TILE = 64  # samples weighed at once; a tile's 4^4 points take 128 KB


class Levels(NamedTuple):
    """A layout as arrays, one element a level."""

    spacing: np.ndarray  # float64
    size: np.ndarray  # int64 [levels, d]
    offset: np.ndarray  # uint64, first row
    rows: np.ndarray  # uint32


class Tile(NamedTuple):
    """Scratch memory for the samples of a tile on one level.

    A sample depends on 4^d points: bits 2k and 2k + 1 of a point's number say which of the four
    along axis k.
    """

    beyond: np.ndarray  # float32 [d, TILE], how far beyond a point of the lattice a sample lies
    cell: np.ndarray  # int32 [TILE], that point along one axis
    step: np.ndarray  # uint32 [TILE], rows from the lattice's first point to another along one axis
    part: np.ndarray  # float32 [4, TILE], weights along one axis
    row: np.ndarray  # uint32 [4^d, TILE], of each point, counted within the level
    weight: np.ndarray  # float32 [4^d, TILE], of each point


@functools.lru_cache(maxsize=64)
def plan_of(layout: SplineLayout) -> tuple[Levels, tuple[int, ...], tuple[np.float32, ...]]:
    """What the kernels need to know of a layout.

    The second is the numbers of the axes, the third a row of zeros: how long they are is known to
    the compiler.
    """
    offsets = np.array(layout.offsets, np.uint64)
    levels = Levels(
        spacing=np.array(layout.spacings, np.float64),
        size=np.array(layout.sizes, np.int64),
        offset=offsets[:-1],
        rows=np.diff(offsets).astype(np.uint32),
    )
    return levels, tuple(range(layout.dim)), (np.float32(0),) * layout.features


@helper
def new_tile(axes):
    points = 1 << (2 * len(axes))
    return Tile(
        np.empty((len(axes), TILE), np.float32),
        np.empty(TILE, np.int32),
        np.empty(TILE, np.uint32),
        np.empty((4, TILE), np.float32),
        np.empty((points, TILE), np.uint32),
        np.empty((points, TILE), np.float32),
    )


@helper
def place(tile, x, start, levels, level, axes):
    """Where the samples of x [d, n] from `start` on lie: rows of the points, and `beyond`."""
    stride = np.uint32(1)
    tile.row[0, :] = 0
    for axis in range(len(axes)):
        size, inner = levels.size[level, axis], 1 << (2 * axis)
        _find_cells(tile, x, np.uint64(start), levels.spacing[level], size, axis)
        for k in range(3, -1, -1):  # the first last: it takes the place of what the others need
            _mirror(tile, np.int32(k - 1), np.int32(size - 1), stride)
            for point in range(inner):
                for s in range(TILE):
                    tile.row[k * inner + point, s] = tile.row[point, s] + tile.step[s]
        stride = np.uint32(stride * np.uint32(size))


@helper
def _find_cells(tile, x, start, spacing, size, axis):
    """The point below each sample along an axis, within one period, and how far it lies beyond."""
    middle, period = (size - 1) / 2, np.float64(max(1, 2 * size - 2))
    for s in range(TILE):
        # Indices are unsigned, as signed ones are checked for being negative.
        position = np.float64(x[axis, start + np.uint64(s)]) / spacing + middle
        cell = np.floor(position)
        tile.beyond[axis, s] = np.float32(position - cell)
        cell -= period * np.floor(cell / period)
        cell = cell if cell > 0 else 0.0  # NaN too
        tile.cell[s] = np.int32(min(cell, period))


@helper
def _mirror(tile, beside, reach, stride):
    """Steps to the points `beside` those below the samples, of which the last is number `reach`."""
    period = np.int32(2 * reach)
    for s in range(TILE):
        point = abs(tile.cell[s] + beside)
        point = point - period if point >= period else point
        point = point - period if point >= period else point
        tile.step[s] = np.uint32(max(np.int32(0), reach - abs(reach - point))) * stride


@helper
def weigh(tile, axes, levels, level, by):
    """The points' weights, or with `by` >= 0 how they change with x along that axis."""
    tile.weight[0, :] = 1
    for axis in range(len(axes)):
        inner = 1 << (2 * axis)
        if axis == by:
            _find_slopes(tile, axis, np.float32(1 / levels.spacing[level]))
        else:
            _find_parts(tile, axis)
        for k in range(3, -1, -1):
            for point in range(inner):
                for s in range(TILE):
                    tile.weight[k * inner + point, s] = tile.weight[point, s] * tile.part[k, s]


@helper
def _find_parts(tile, axis):
    """Cubic B-splines around each sample."""
    one, half = np.float32(1), np.float32(0.5)
    sixth, middle = np.float32(1 / 6), np.float32(2 / 3)
    for s in range(TILE):
        w = tile.beyond[axis, s]
        v = one - w
        tile.part[0, s] = v * v * v * sixth
        tile.part[1, s] = middle - w * w * (one - half * w)
        tile.part[2, s] = middle - v * v * (one - half * v)
        tile.part[3, s] = w * w * w * sixth


@helper
def _find_slopes(tile, axis, scale):
    """Their derivatives."""
    half, two = np.float32(0.5), np.float32(2)
    three_halves = np.float32(1.5)
    for s in range(TILE):
        w = tile.beyond[axis, s]
        v = np.float32(1) - w
        tile.part[0, s] = -half * scale * v * v
        tile.part[1, s] = -scale * w * (two - three_halves * w)
        tile.part[2, s] = scale * v * (two - three_halves * v)
        tile.part[3, s] = half * scale * w * w


@kernel
def _features(ticket, x, samples, table, levels, axes, zeros, width, step, out):
    """The features, added to `out`: sample s has those of level l at `s * width + l * step`."""
    tile = new_tile(axes)
    chunk = take(ticket) * CHUNK
    while chunk < samples:
        for level in range(len(levels.rows)):
            for start in range(chunk, min(chunk + CHUNK, samples), TILE):
                place(tile, x, start, levels, level, axes)
                weigh(tile, axes, levels, level, -1)
                for s in range(min(TILE, samples - start)):
                    to = np.uint64((start + s) * width + level * step)
                    total = load(out, to, zeros)
                    for point in range(1 << (2 * len(axes))):
                        at = element(levels, level, tile.row[point, s], len(zeros))
                        total = multiply_add(tile.weight[point, s], load(table, at, zeros), total)
                    store(out, to, total)
        chunk = take(ticket) * CHUNK


@kernel
def _table_gradient(ticket, x, samples, gradient, levels, axes, zeros, width, step, out):
    """The gradient to the table: the transpose of `_features`."""
    tile = new_tile(axes)
    level = take(ticket)
    while level < len(levels.rows):
        clear(levels, level, zeros, out)
        for start in range(0, samples, TILE):
            place(tile, x, start, levels, level, axes)
            weigh(tile, axes, levels, level, -1)
            for s in range(min(TILE, samples - start)):
                change = load(gradient, np.uint64((start + s) * width + level * step), zeros)
                for point in range(1 << (2 * len(axes))):
                    at = element(levels, level, tile.row[point, s], len(zeros))
                    total = load(out, at, zeros)
                    store(out, at, multiply_add(tile.weight[point, s], change, total))
        level = take(ticket)


@kernel
def _position_gradient(ticket, x, samples, table, gradient, levels, axes, zeros, width, step, out):
    """The gradient to x, added to out [d, n in whole tiles]."""
    tile = new_tile(axes)
    product = np.zeros((1 << (2 * len(axes)), TILE), np.float32)
    chunk = take(ticket) * CHUNK
    while chunk < samples:
        for level in range(len(levels.rows)):
            for start in range(chunk, min(chunk + CHUNK, samples), TILE):
                place(tile, x, start, levels, level, axes)
                for s in range(min(TILE, samples - start)):
                    change = load(gradient, np.uint64((start + s) * width + level * step), zeros)
                    for point in range(1 << (2 * len(axes))):
                        at = element(levels, level, tile.row[point, s], len(zeros))
                        values = load(table, at, zeros)
                        total = np.float32(0)
                        for i in range(len(zeros)):
                            total += change[i] * values[i]
                        product[point, s] = total
                for axis in range(len(axes)):
                    weigh(tile, axes, levels, level, axis)
                    for point in range(1 << (2 * len(axes))):
                        for s in range(TILE):
                            change = tile.weight[point, s] * product[point, s]
                            out[axis, np.uint64(start) + np.uint64(s)] += change
        chunk = take(ticket) * CHUNK


def _strides(layout: SplineLayout) -> tuple[int, int]:
    """How far apart samples and levels are in the features."""
    return layout.out_dim, layout.features if layout.merge == "concat" else 0


def features(x: np.ndarray, samples: int, table: Tensor, layout: SplineLayout) -> Tensor:
    """The encoding of `samples` points x, `by_axis`: float32 [n, out_dim]."""
    out = torch.zeros(samples, layout.out_dim)
    args = x, samples, flat(table), *plan_of(layout), *_strides(layout), flat(out)
    threads.share(_features, *args, parts=-(-samples // CHUNK))
    return out


def table_gradient(x: np.ndarray, samples: int, gradient: Tensor, layout: SplineLayout) -> Tensor:
    """The gradient to the table, given that to `features`: float32 [rows, features]."""
    out = torch.empty(layout.offsets[-1], layout.features)
    args = x, samples, flat(gradient), *plan_of(layout), *_strides(layout), flat(out)
    threads.share(_table_gradient, *args, parts=layout.levels)
    return out


def position_gradient(
    x: np.ndarray, samples: int, table: Tensor, gradient: Tensor, layout: SplineLayout
) -> Tensor:
    """The gradient to x, given that to `features`: float32 [n, d]."""
    out = np.zeros_like(x)
    args = x, samples, flat(table), flat(gradient), *plan_of(layout), *_strides(layout), out
    threads.share(_position_gradient, *args, parts=-(-samples // CHUNK))
    return torch.from_numpy(out[:, :samples].T)


# --- autograd ------------------------------------------------------------------------------------
#
# A Function for each input, as in `numba_grid`, so that no gradient is found that nobody wants.
# Derivatives beyond the first take the reference's graph.


class _Query(NamedTuple):
    """What is encoded, hidden from autograd."""

    x: Tensor
    table: Tensor
    layout: SplineLayout
    by_axis: np.ndarray


class _Encode(torch.autograd.Function):
    """The features, differentiable in the table."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, query: _Query) -> Tensor:
        ctx.query = query
        return features(query.by_axis, len(query.x), table, query.layout)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        query = ctx.query
        if torch.is_grad_enabled():
            table = query.table.view_as(query.table)  # what else depends on the table is not meant
            out = spline.encode(query.x, table, query.layout)
            return torch.autograd.grad(out, table, gradients[0], create_graph=True)[0], None
        return table_gradient(query.by_axis, len(query.x), gradients[0], query.layout), None


class _Position(torch.autograd.Function):
    """Zeros, differentiable in x as the features are."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, query: _Query) -> Tensor:
        ctx.save_for_backward(query.table)
        ctx.query = query
        return torch.zeros(1, 1).expand(len(x), query.layout.out_dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (table,) = ctx.saved_tensors
        query = ctx.query
        if torch.is_grad_enabled():
            x = query.x.view_as(query.x)
            out = spline.encode(x, table, query.layout)
            return torch.autograd.grad(out, x, gradients[0], create_graph=True)[0], None
        args = query.by_axis, len(query.x), table, gradients[0], query.layout
        return position_gradient(*args), None


def encode(x: Tensor, table: Tensor, layout: SplineLayout) -> Tensor:
    """`spline.encode`, for float32 on the CPU: the same values and derivatives.

    Args:
        x: float32 [n, d] in [-1, 1]; any other is safe.
        table: float32 [rows, features].

    Returns:
        float32 [n, out_dim].
    """
    _check("x", x, layout.dim)
    _check("table", table, layout.features)
    if len(table) != layout.offsets[-1]:
        raise ValueError(f"table must have {layout.offsets[-1]} rows, got {len(table)}.")
    query = _Query(x, table, layout, by_axis(x))
    out = _Encode.apply(table, query)
    if x.requires_grad and torch.is_grad_enabled():
        out = out + _Position.apply(x, query)
    return out


def _check(name: str, tensor: Tensor, columns: int) -> None:
    """Kernels read memory as they are told: a wrong shape must not reach them."""
    if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        got = f"{tensor.dtype} on {tensor.device}"
        raise TypeError(f"{name} must be float32 on the CPU for the numba backend, got {got}.")
    if tensor.ndim != 2 or tensor.shape[1] != columns:
        raise ValueError(f"{name} must have shape [n, {columns}], got {list(tensor.shape)}.")
