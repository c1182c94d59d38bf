"""A tile of samples on one level of a grid: the cells they lie in, their corners, and the weights.

Every loop here runs over the samples of a tile, so that the compiler makes vectors of it; features
are then read from the table, or gradients added to it, one vector instruction a corner.

A tile is computed whole, whatever it holds beyond its samples: loops of a fixed length are compiled
faster, and run faster.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import grid
from .grid import GridLayout
from .numba_tools import helper, load, multiply_add, store

TILE = 256  # samples; a tile's corners of a 4-D cell take 32 KB
PRIMES = np.array(grid.PRIMES, np.uint32)


class Levels(NamedTuple):
    """A layout as arrays, one element a level; the names are `GridLayout`'s."""

    scale: np.ndarray  # float64, though each is a float32 value
    resolution: np.ndarray  # uint32
    offset: np.ndarray  # uint64, first row
    rows: np.ndarray  # uint32
    hashed: np.ndarray  # bool


class Tile(NamedTuple):
    """Scratch memory for the samples of a tile on one level.

    A corner's weight is a product over the axes, of `upper` where the corner is the upper one and
    of 1 - `upper` where it is not; bit `axis` of the corner's number says which.
    """

    cell: np.ndarray  # uint32 [d, TILE], the vertex below
    upper: np.ndarray  # float32 [d, TILE], weight of the vertex above
    slope: np.ndarray  # float32 [d, TILE], derivative of `upper` by x
    curve: np.ndarray  # float32 [d, TILE], its second derivative
    row: np.ndarray  # uint32 [2^d, TILE], of each corner, counted within the level
    weight: np.ndarray  # float32 [2^d, TILE], of each corner
    change: np.ndarray  # float32 [2^d, TILE], derivative of `weight` in some direction


@functools.lru_cache(maxsize=64)
def plan_of(layout: GridLayout) -> tuple[Levels, tuple[int, ...], tuple[np.float32, ...]]:
    """What the kernels need to know of a layout.

    The second is the numbers of a cell's corners, the third a row of zeros: how long they are is
    known to the compiler.
    """
    offsets = np.array(layout.offsets, np.uint64)
    levels = Levels(
        scale=np.array(layout.scales, np.float64),
        resolution=np.array(layout.resolutions, np.uint32),
        offset=offsets[:-1],
        rows=np.diff(offsets).astype(np.uint32),
        hashed=np.array(layout.hashed, np.bool_),
    )
    return levels, tuple(range(2**layout.dim)), (np.float32(0),) * layout.features


def by_axis(x: Tensor) -> np.ndarray:
    """Samples as the kernels read them: axis by axis, in whole tiles.

    [n, d] -> [d, n rounded up to tiles]
    """
    whole = torch.zeros(x.shape[1], -(-len(x) // TILE) * TILE)
    whole[:, : len(x)] = x.detach().T
    return whole.numpy()


@helper
def new_tile(dim):
    corners = 1 << dim
    return Tile(
        np.empty((dim, TILE), np.uint32),
        np.empty((dim, TILE), np.float32),
        np.empty((dim, TILE), np.float32),
        np.empty((dim, TILE), np.float32),
        np.empty((corners, TILE), np.uint32),
        np.empty((corners, TILE), np.float32),
        np.empty((corners, TILE), np.float32),
    )


@helper
def place(tile, x, start, levels, level):
    """Where the samples of x [d, n] from `start` on lie: rows of the corners, and `upper`."""
    _find_cells(tile, x, np.uint64(start), levels.scale[level])
    if levels.hashed[level]:
        _hash_rows(tile, levels.rows[level] - np.uint32(1))
    else:
        _dense_rows(tile, levels.resolution[level], levels.rows[level])


@helper
def _find_cells(tile, x, start, scale):
    """The vertex below each sample, and how far beyond it the sample lies."""
    wrap, half = np.float32(2**32), np.float32(0.5)
    for axis in range(tile.cell.shape[0]):
        for s in range(TILE):
            # Rounded once, as in the reference: the product of two float32 is exact in float64.
            # Indices are unsigned, as signed ones are checked for being negative.
            position = np.float32(np.float64(x[axis, start + np.uint64(s)]) * scale + 0.5)
            cell = np.floor(position)
            tile.upper[axis, s] = position - cell
            # Modulo 2^32 first: a conversion is defined only for what int32 can hold.
            cell -= wrap * np.floor(cell / wrap + half)
            tile.cell[axis, s] = np.uint32(np.int32(cell))


@helper
def _hash_rows(tile, mask):
    """Rows of the corners where vertices share them through the hash."""
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
    # Modulo `rows`: at the border once around, far outside many times, which takes slow divisions.
    largest = np.uint32(0)
    for corner in range(tile.row.shape[0]):
        for s in range(TILE):
            row = tile.row[corner, s]
            row = min(row, np.uint32(row - rows))  # what is below 0 wraps, and is larger
            tile.row[corner, s] = row
            largest = max(largest, row)
    if largest >= rows:
        for corner in range(tile.row.shape[0]):
            for s in range(TILE):
                tile.row[corner, s] %= rows


@helper
def weigh(tile, smooth):
    """The corners' weights, once the tile is placed."""
    one = np.float32(1)
    if smooth:
        for axis in range(tile.cell.shape[0]):
            for s in range(TILE):
                w = tile.upper[axis, s]
                tile.upper[axis, s] = w * w * (np.float32(3) - np.float32(2) * w)
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
def find_slopes(tile, level_scale, smooth):
    """How `upper` changes with x, once the tile is placed; `upper` becomes smooth if asked."""
    scale = np.float32(level_scale)
    one, two, three, six = np.float32(1), np.float32(2), np.float32(3), np.float32(6)
    for axis in range(tile.cell.shape[0]):
        for s in range(TILE):
            w = tile.upper[axis, s]
            tile.slope[axis, s] = scale * six * w * (one - w) if smooth else scale
            tile.curve[axis, s] = scale * scale * six * (one - two * w) if smooth else np.float32(0)
            tile.upper[axis, s] = w * w * (three - two * w) if smooth else w


@helper
def weigh_along(tile, direction, start, by):
    """The weights and how they change along `direction` [d, n], both differentiated by axis `by`.

    With `by` = -1 they are not differentiated. `find_slopes` comes first.
    """
    for s in range(TILE):
        tile.weight[0, s] = np.float32(1)
        tile.change[0, s] = np.float32(0)
    for axis in range(tile.cell.shape[0]):
        for corner in range(1 << axis):
            for s in range(TILE):
                along = direction[axis, np.uint64(start) + np.uint64(s)]
                upper, slope = tile.upper[axis, s], tile.slope[axis, s]
                lower = np.float32(1) - upper
                if axis == by:
                    upper, lower, slope = slope, -slope, tile.curve[axis, s]
                weight, change = tile.weight[corner, s], tile.change[corner, s]
                above = corner + (1 << axis)
                tile.weight[above, s] = weight * upper
                tile.weight[corner, s] = weight * lower
                tile.change[above, s] = change * upper + weight * along * slope
                tile.change[corner, s] = change * lower - weight * along * slope


@helper
def element(levels, level, row, features):
    """Where a row of a level starts in the flat table."""
    return (levels.offset[level] + np.uint64(row)) * np.uint64(features)


@helper
def gather(tile, weight, count, table, levels, level, corners, zeros, out, start, stride):
    """Sum the corners' features by `weight`: sample s goes to `out[start + s * stride:]`."""
    for s in range(count):
        total = zeros
        for corner in range(len(corners)):
            at = element(levels, level, tile.row[corner, s], len(zeros))
            total = multiply_add(weight[corner, s], load(table, at, zeros), total)
        store(out, np.uint64(start) + np.uint64(s) * np.uint64(stride), total)


@helper
def scatter(
    tile, weight, count, gradient, start, stride, factor, levels, level, corners, zeros, out
):
    """Add the samples' gradients, times `factor`, to the table's: the transpose of `gather`."""
    for s in range(count):
        at = np.uint64(start) + np.uint64(s) * np.uint64(stride)
        change = multiply_add(factor, load(gradient, at, zeros), zeros)
        for corner in range(len(corners)):
            at = element(levels, level, tile.row[corner, s], len(zeros))
            store(out, at, multiply_add(weight[corner, s], change, load(out, at, zeros)))


@helper
def project(tile, count, table, gradient, start, stride, levels, level, corners, zeros, out):
    """The product of each corner's features with a sample's gradient, into out [2^d, TILE]."""
    for s in range(count):
        change = load(gradient, np.uint64(start) + np.uint64(s) * np.uint64(stride), zeros)
        for corner in range(len(corners)):
            at = element(levels, level, tile.row[corner, s], len(zeros))
            features = load(table, at, zeros)
            total = np.float32(0)
            for i in range(len(zeros)):
                total += change[i] * features[i]
            out[corner, s] = total


@helper
def clear(levels, level, zeros, out):
    """Set a level's rows to 0, just before they are needed: so they are in the cache."""
    first = element(levels, level, 0, len(zeros))
    for i in range(levels.rows[level] * len(zeros)):
        out[first + np.uint64(i)] = np.float32(0)
