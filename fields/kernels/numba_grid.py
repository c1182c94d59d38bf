"""The grid encoding on the CPU: `grid.encode` compiled by numba, with its first derivatives.

Samples are taken in tiles that stay in the first-level cache. For each level of a tile, the
corners' rows and weights come from loops the compiler vectorises over samples; then the features
are read, or their gradients added, one vector instruction a corner.

Nothing depends on the number of threads: the forward pass and the gradient to `x` are computed
sample by sample, and the gradient to the table level by level, each by one thread, in order.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import grid, threads
from .grid import GridLayout
from .numba_tools import helper, kernel, load, multiply_add, store, take

TILE = 256  # samples; a tile's corners of a 4-D cell take 32 KB
PRIMES = np.array(grid.PRIMES, np.uint32)
CHUNK = 2048  # samples a thread takes at a time: enough to keep one level's rows in its cache


class Levels(NamedTuple):
    """A layout as arrays, one element a level; the names are `GridLayout`'s."""

    scale: np.ndarray  # float64, though each is a float32 value
    resolution: np.ndarray  # uint32
    offset: np.ndarray  # uint64, first row
    rows: np.ndarray  # uint32
    hashed: np.ndarray  # bool


class Tile(NamedTuple):
    """Scratch memory for the samples of a tile on one level."""

    cell: np.ndarray  # uint32 [d, TILE], the vertex below
    upper: np.ndarray  # float32 [d, TILE], weight of the vertex above
    row: np.ndarray  # uint32 [2^d, TILE], of each corner, counted within the level
    weight: np.ndarray  # float32 [2^d, TILE], of each corner


@functools.lru_cache(maxsize=64)
def levels_of(layout: GridLayout) -> Levels:
    offsets = np.array(layout.offsets, np.uint64)
    return Levels(
        scale=np.array(layout.scales, np.float64),
        resolution=np.array(layout.resolutions, np.uint32),
        offset=offsets[:-1],
        rows=np.diff(offsets).astype(np.uint32),
        hashed=np.array(layout.hashed, np.bool_),
    )


@functools.lru_cache(maxsize=64)
def corners_of(layout: GridLayout) -> tuple[int, ...]:
    """Numbers of a cell's corners; how many there are is known to the compiler."""
    return tuple(range(2**layout.dim))


@functools.lru_cache(maxsize=64)
def zeros_of(layout: GridLayout) -> tuple[np.float32, ...]:
    """A row of zeros: its length tells the compiler the number of features."""
    return (np.float32(0),) * layout.features


def plan_of(layout: GridLayout) -> tuple[Levels, tuple[int, ...], tuple[np.float32, ...]]:
    """What the kernels need to know of a layout."""
    return levels_of(layout), corners_of(layout), zeros_of(layout)


@helper
def new_tile(dim):
    return Tile(
        np.empty((dim, TILE), np.uint32),
        np.empty((dim, TILE), np.float32),
        np.empty((1 << dim, TILE), np.uint32),
        np.empty((1 << dim, TILE), np.float32),
    )


@helper
def place(tile, x, start, levels, level, smooth):
    """Fill a tile with the corners of the samples of x [d, n] from `start` on, on one level."""
    _find_cells(tile, x, np.uint64(start), levels.scale[level])
    if smooth:
        _smoothen(tile)
    if levels.hashed[level]:
        _hash_rows(tile, levels.rows[level] - np.uint32(1))
    else:
        _dense_rows(tile, levels.resolution[level], levels.rows[level])
    find_weights(tile)


# A tile is computed whole, whatever it holds beyond its samples: loops of a fixed length are
# compiled faster, and run faster.


@helper
def _find_cells(tile, x, start, scale):
    """The vertex below each sample, and how far beyond it the sample lies."""
    wrap, half = np.float32(2**32), np.float32(0.5)
    for axis in range(tile.cell.shape[0]):
        for s in range(TILE):
            # Rounded once, as in the reference: the product of two float32 is exact in float64.
            position = np.float32(np.float64(x[axis, start + np.uint64(s)]) * scale + 0.5)
            cell = np.floor(position)
            tile.upper[axis, s] = position - cell
            # Modulo 2^32 first: a conversion is defined only for what int32 can hold.
            cell -= wrap * np.floor(cell / wrap + half)
            tile.cell[axis, s] = np.uint32(np.int32(cell))


@helper
def _smoothen(tile):
    for axis in range(tile.cell.shape[0]):
        for s in range(TILE):
            w = tile.upper[axis, s]
            tile.upper[axis, s] = w * w * (np.float32(3) - np.float32(2) * w)


@helper
def _hash_rows(tile, mask):
    """Rows of the corners: bit `axis` of a corner's number says whether it is the upper one."""
    for s in range(TILE):
        tile.row[0, s] = tile.cell[0, s] & mask
        tile.row[1, s] = (tile.cell[0, s] + np.uint32(1)) & mask
    for axis in range(1, tile.cell.shape[0]):
        prime = PRIMES[axis]
        for corner in range(1 << axis):
            for s in range(TILE):
                term = np.uint32(tile.cell[axis, s] * prime)
                row = tile.row[corner, s]
                tile.row[corner + (1 << axis), s] = row ^ ((term + prime) & mask)
                tile.row[corner, s] = row ^ (term & mask)


@helper
def _dense_rows(tile, resolution, rows):
    """Rows of the corners where every vertex has its own."""
    for s in range(TILE):
        tile.row[0, s] = tile.cell[0, s]
        tile.row[1, s] = tile.cell[0, s] + np.uint32(1)
    stride = np.uint32(1)
    for axis in range(1, tile.cell.shape[0]):
        stride = np.uint32(stride * resolution)
        for corner in range(1 << axis):
            for s in range(TILE):
                row = np.uint32(tile.row[corner, s] + tile.cell[axis, s] * stride)
                tile.row[corner, s] = row
                tile.row[corner + (1 << axis), s] = row + stride
    # Division is slow, and only the border and what lies outside needs it.
    largest = np.uint32(0)
    for corner in range(tile.row.shape[0]):
        for s in range(TILE):
            largest = max(largest, tile.row[corner, s])
    if largest >= rows:
        for corner in range(tile.row.shape[0]):
            for s in range(TILE):
                tile.row[corner, s] %= rows


@helper
def find_weights(tile):
    """Weights of the corners, numbered as in `_hash_rows`."""
    one = np.float32(1)
    for s in range(TILE):
        tile.weight[0, s] = one - tile.upper[0, s]
        tile.weight[1, s] = tile.upper[0, s]
    for axis in range(1, tile.cell.shape[0]):
        for corner in range(1 << axis):
            for s in range(TILE):
                weight = tile.weight[corner, s]
                tile.weight[corner + (1 << axis), s] = weight * tile.upper[axis, s]
                tile.weight[corner, s] = weight * (one - tile.upper[axis, s])


@helper
def element(levels, level, row, features):
    """Where a row of a level starts in the flat table."""
    return (levels.offset[level] + np.uint64(row)) * np.uint64(features)


@helper
def gather(tile, count, table, levels, level, corners, zeros, out, start, stride):
    """Interpolate a tile's features: sample s goes to `out[start + s * stride:]`."""
    for s in range(count):
        total = zeros
        for corner in range(len(corners)):
            at = element(levels, level, tile.row[corner, s], len(zeros))
            total = multiply_add(tile.weight[corner, s], load(table, at, zeros), total)
        store(out, np.uint64(start) + np.uint64(s) * np.uint64(stride), total)


@helper
def scatter(tile, count, gradient, start, stride, factor, levels, level, corners, zeros, out):
    """Add a tile's gradients, times `factor`, to those of the table: the transpose of `gather`."""
    for s in range(count):
        at = np.uint64(start) + np.uint64(s) * np.uint64(stride)
        change = multiply_add(factor, load(gradient, at, zeros), zeros)
        for corner in range(len(corners)):
            at = element(levels, level, tile.row[corner, s], len(zeros))
            total = multiply_add(tile.weight[corner, s], change, load(out, at, zeros))
            store(out, at, total)


@helper
def _clear(levels, level, zeros, out):
    """Set a level's rows to 0, just before they are needed: so they are in the cache."""
    first = element(levels, level, 0, len(zeros))
    for i in range(levels.rows[level] * len(zeros)):
        out[first + np.uint64(i)] = np.float32(0)


@kernel
def _forward(ticket, x, table, levels, corners, zeros, smooth, out):
    width = len(levels.rows) * len(zeros)
    samples = len(out) // width
    tile = new_tile(x.shape[0])
    chunk = take(ticket) * CHUNK
    while chunk < samples:
        for level in range(len(levels.rows)):
            for start in range(chunk, min(chunk + CHUNK, samples), TILE):
                count = min(TILE, samples - start)
                place(tile, x, start, levels, level, smooth)
                column = start * width + level * len(zeros)
                gather(tile, count, table, levels, level, corners, zeros, out, column, width)
        chunk = take(ticket) * CHUNK


@kernel
def _backward_table(
    ticket, x, samples, gradient, steps, factor, levels, corners, zeros, smooth, fresh, out
):
    tile = new_tile(x.shape[0])
    level = take(ticket)
    while level < len(levels.rows):
        if fresh:
            _clear(levels, level, zeros, out)
        for start in range(0, samples, TILE):
            place(tile, x, start, levels, level, smooth)
            at, count = start * steps[0] + level * steps[1], min(TILE, samples - start)
            scatter(tile, count, gradient, at, steps[0], factor, levels, level, corners, zeros, out)
        level = take(ticket)


@kernel
def _backward_x(ticket, x, table, gradient, levels, corners, zeros, smooth, out):
    samples, features, dim = out.shape[0], len(zeros), x.shape[0]
    width = np.uint64(len(levels.rows) * features)
    tile = new_tile(x.shape[0])
    product = np.empty((len(corners), TILE), np.float32)
    slope = np.empty((dim, TILE), np.float32)
    chunk = take(ticket) * CHUNK
    while chunk < samples:
        out[chunk : min(chunk + CHUNK, samples)] = np.float32(0)
        for level in range(len(levels.rows)):
            for start in range(chunk, min(chunk + CHUNK, samples), TILE):
                count = min(TILE, samples - start)
                place(tile, x, start, levels, level, smooth)
                _find_slopes(tile, slope, x, start, levels.scale[level], smooth)
                for s in range(count):
                    at = np.uint64(start + s) * width + np.uint64(level * features)
                    change = load(gradient, at, zeros)
                    for corner in range(len(corners)):
                        at = element(levels, level, tile.row[corner, s], features)
                        product[corner, s] = _dot(change, load(table, at, zeros))
                for axis in range(dim):
                    _differentiate_weights(tile, axis)
                    for corner in range(1 << dim):
                        for s in range(count):
                            change = tile.weight[corner, s] * product[corner, s]
                            out[start + s, axis] += slope[axis, s] * change
        chunk = take(ticket) * CHUNK


@helper
def _dot(a, b):
    total = np.float32(0)
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@helper
def _find_slopes(tile, slope, x, start, scale, smooth):
    """Derivatives of `tile.upper` by x."""
    if smooth:
        _find_cells(tile, x, np.uint64(start), scale)
        for axis in range(slope.shape[0]):
            for s in range(TILE):
                w = tile.upper[axis, s]
                slope[axis, s] = np.float32(scale) * np.float32(6) * w * (np.float32(1) - w)
        _smoothen(tile)
    else:
        slope[:] = np.float32(scale)


@helper
def _differentiate_weights(tile, axis):
    """Derivatives of the corners' weights by `tile.upper` of one axis, in their place."""
    one = np.float32(1)
    for s in range(TILE):
        tile.weight[0, s] = one
    for other in range(tile.cell.shape[0]):
        for corner in range(1 << other):
            for s in range(TILE):
                weight = tile.weight[corner, s]
                upper = one if other == axis else tile.upper[other, s]
                lower = -one if other == axis else one - upper
                tile.weight[corner + (1 << other), s] = weight * upper
                tile.weight[corner, s] = weight * lower


def _parts(samples: int) -> int:
    return -(-samples // CHUNK)


def positions(x: Tensor) -> np.ndarray:
    """Samples as the kernels read them: axis by axis, in whole tiles.

    [n, d] -> [d, n rounded up to tiles]
    """
    whole = torch.zeros(x.shape[1], -(-len(x) // TILE) * TILE)
    whole[:, : len(x)] = x.detach().T
    return whole.numpy()


def flat(tensor: Tensor) -> np.ndarray:
    """A tensor's values as a one-dimensional array that shares its memory where it can."""
    return tensor.detach().reshape(-1).contiguous().numpy()


class _Encode(torch.autograd.Function):
    """`encode` for autograd; differentiating its gradients again takes the reference's graph."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, table: Tensor, layout: GridLayout, smooth: bool) -> Tensor:
        ctx.save_for_backward(x, table)
        ctx.layout, ctx.smooth, ctx.positions = layout, smooth, positions(x)
        out = torch.empty(len(x), layout.levels * layout.features)
        args = ctx.positions, flat(table), *plan_of(layout), smooth, flat(out)
        threads.share(_forward, *args, parts=_parts(len(x)))
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():
            return *_differentiable_backward(ctx, gradients[0], wanted), None, None
        x, table = ctx.saved_tensors
        layout, gradient = ctx.layout, flat(gradients[0])
        to_x = to_table = None
        if wanted[0]:
            to_x = torch.empty(x.shape)
            args = ctx.positions, flat(table), gradient, *plan_of(layout), ctx.smooth
            threads.share(_backward_x, *args, to_x.numpy(), parts=_parts(len(x)))
        if wanted[1]:
            steps = layout.levels * layout.features, layout.features
            to_table = table_gradient(
                ctx.positions, len(x), gradient, steps, layout, smooth=ctx.smooth
            )
        return to_x, to_table, None, None


def table_gradient(
    x: np.ndarray,
    samples: int,
    gradient: np.ndarray,
    steps: tuple[int, int],
    layout: GridLayout,
    *,
    factor: float = 1.0,
    smooth: bool = False,
    into: Tensor | None = None,
) -> Tensor:
    """The gradient to the table, given `factor` times that to the features.

    Args:
        x: the samples' `positions`.
        gradient: float32, flat; sample s has that of level l at `s * steps[0] + l * steps[1]`.
        into: float32 [rows, features] to which the result is added; a new one without.

    Returns:
        float32 [rows, features].
    """
    out = torch.empty(layout.offsets[-1], layout.features) if into is None else into
    args = x, samples, gradient, steps, np.float32(factor), *plan_of(layout), smooth
    threads.share(_backward_table, *args, into is None, flat(out), parts=layout.levels)
    return out


def _differentiable_backward(
    ctx: Any, gradient: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients as functions that can be differentiated again."""
    x, table = ctx.saved_tensors
    out = grid.encode(x, table, ctx.layout, smooth=ctx.smooth)
    chosen = [i for i, want in zip((x, table), wanted, strict=True) if want]
    found = iter(torch.autograd.grad(out, chosen, gradient, create_graph=True))
    return next(found) if wanted[0] else None, next(found) if wanted[1] else None


def encode(x: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool = False) -> Tensor:
    """`grid.encode`, for float32 on the CPU: the same values and gradients.

    Args:
        x: float32 [n, d] in [0, 1].
        table: float32 [rows, features].

    Returns:
        float32 [n, levels * features], level by level.
    """
    check_grid(x, table, layout)
    return _Encode.apply(x, table, layout, smooth)


def check_grid(x: Tensor, table: Tensor, layout: GridLayout) -> None:
    """Kernels read memory as they are told: a wrong shape must not reach them."""
    _check("x", x, layout.dim)
    _check("table", table, layout.features)
    if len(table) != layout.offsets[-1]:
        raise ValueError(f"table must have {layout.offsets[-1]} rows, got {len(table)}.")


def _check(name: str, tensor: Tensor, columns: int) -> None:
    if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        got = f"{tensor.dtype} on {tensor.device}"
        raise TypeError(f"{name} must be float32 on the CPU for the numba backend, got {got}.")
    if tensor.ndim != 2 or tensor.shape[1] != columns:
        raise ValueError(f"{name} must have shape [n, {columns}], got {list(tensor.shape)}.")
