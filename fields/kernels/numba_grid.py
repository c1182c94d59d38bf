"""The grid encoding on the CPU: `grid.encode` compiled by numba, with first and second derivatives.

Nothing depends on the number of threads: what belongs to a sample is computed sample by sample, and
the gradient to the table level by level, each by one thread, in order.
"""

import numpy as np
import torch
from torch import Tensor

from . import threads
from .grid import GridLayout, check_grid
from .grid_autograd import Query, encode_with
from .numba_tiles import (
    TILE,
    by_axis,
    clear,
    find_slopes,
    gather,
    new_tile,
    place,
    plan_of,
    project,
    scatter,
    weigh,
    weigh_along,
)
from .numba_tools import kernel, take

CHUNK = 2048  # samples a thread takes at a time: enough to keep one level's rows in its cache

# Where a kernel takes a `direction` [d, n], it may be None; numba then compiles it without.


@kernel
def _features(ticket, x, samples, table, direction, levels, corners, zeros, smooth, out):
    """The features, or how they change along `direction`."""
    width = len(levels.rows) * len(zeros)
    tile = new_tile(x.shape[0])
    chunk = take(ticket) * CHUNK
    while chunk < samples:
        for level in range(len(levels.rows)):
            for start in range(chunk, min(chunk + CHUNK, samples), TILE):
                place(tile, x, start, levels, level)
                if direction is None:
                    weigh(tile, smooth)
                    weight = tile.weight
                else:
                    find_slopes(tile, levels.scale[level], smooth)
                    weigh_along(tile, direction, start, -1)
                    weight = tile.change
                at, count = start * width + level * len(zeros), min(TILE, samples - start)
                gather(tile, weight, count, table, levels, level, corners, zeros, out, at, width)
        chunk = take(ticket) * CHUNK


@kernel
def _table_gradient(
    ticket,
    x,
    samples,
    gradient,
    steps,
    factor,
    direction,
    levels,
    corners,
    zeros,
    smooth,
    fresh,
    out,
):
    """The gradient to the table of the features, or of how they change along `direction`."""
    tile = new_tile(x.shape[0])
    level = take(ticket)
    while level < len(levels.rows):
        if fresh:
            clear(levels, level, zeros, out)
        for start in range(0, samples, TILE):
            place(tile, x, start, levels, level)
            if direction is None:
                weigh(tile, smooth)
                weight = tile.weight
            else:
                find_slopes(tile, levels.scale[level], smooth)
                weigh_along(tile, direction, start, -1)
                weight = tile.change
            at, count = start * steps[0] + level * steps[1], min(TILE, samples - start)
            scatter(
                tile,
                weight,
                count,
                gradient,
                at,
                steps[0],
                factor,
                levels,
                level,
                corners,
                zeros,
                out,
            )
        level = take(ticket)


@kernel
def _position_gradient(
    ticket, x, samples, table, gradient, direction, levels, corners, zeros, smooth, out
):
    """The gradient to x, or how it changes along `direction`: out [d, n in whole tiles]."""
    width = len(levels.rows) * len(zeros)
    tile = new_tile(x.shape[0])
    product = np.zeros((len(corners), TILE), np.float32)
    still = np.zeros((x.shape[0], TILE), np.float32)
    chunk = take(ticket) * CHUNK
    while chunk < samples:
        for level in range(len(levels.rows)):
            for start in range(chunk, min(chunk + CHUNK, samples), TILE):
                place(tile, x, start, levels, level)
                find_slopes(tile, levels.scale[level], smooth)
                at, count = start * width + level * len(zeros), min(TILE, samples - start)
                project(
                    tile,
                    count,
                    table,
                    gradient,
                    at,
                    width,
                    levels,
                    level,
                    corners,
                    zeros,
                    product,
                )
                for axis in range(x.shape[0]):
                    if direction is None:
                        weigh_along(tile, still, 0, axis)
                        weight = tile.weight
                    else:
                        weigh_along(tile, direction, start, axis)
                        weight = tile.change
                    for corner in range(len(corners)):
                        for s in range(TILE):
                            change = weight[corner, s] * product[corner, s]
                            out[axis, np.uint64(start) + np.uint64(s)] += change
        chunk = take(ticket) * CHUNK


def _parts(samples: int) -> int:
    return -(-samples // CHUNK)


def flat(tensor: Tensor) -> np.ndarray:
    """A tensor's values as a one-dimensional array that shares its memory where it can."""
    return tensor.detach().reshape(-1).contiguous().numpy()


def features(
    x: np.ndarray,
    samples: int,
    table: Tensor,
    layout: GridLayout,
    *,
    smooth: bool,
    direction: np.ndarray | None = None,
) -> Tensor:
    """The encoding of `samples` points x, or its derivative along a direction at each point.

    Args:
        x: the points, `by_axis`.
        direction: likewise.

    Returns:
        float32 [n, levels * features].
    """
    out = torch.empty(samples, layout.levels * layout.features)
    args = x, samples, flat(table), direction, *plan_of(layout), smooth, flat(out)
    threads.share(_features, *args, parts=_parts(samples))
    return out


def table_gradient(
    x: np.ndarray,
    samples: int,
    gradient: np.ndarray,
    steps: tuple[int, int],
    layout: GridLayout,
    *,
    factor: float = 1.0,
    smooth: bool = False,
    direction: np.ndarray | None = None,
    into: Tensor | None = None,
) -> Tensor:
    """The gradient to the table, given `factor` times that to `features`.

    Args:
        gradient: float32, flat; sample s has that of level l at `s * steps[0] + l * steps[1]`.
        into: float32 [rows, features] to which the result is added; a new one without.

    Returns:
        float32 [rows, features].
    """
    out = torch.empty(layout.offsets[-1], layout.features) if into is None else into
    args = x, samples, gradient, steps, np.float32(factor), direction, *plan_of(layout), smooth
    threads.share(_table_gradient, *args, into is None, flat(out), parts=layout.levels)
    return out


def position_gradient(
    x: np.ndarray,
    samples: int,
    table: Tensor,
    gradient: Tensor,
    layout: GridLayout,
    *,
    smooth: bool,
    direction: np.ndarray | None = None,
) -> Tensor:
    """The gradient to x, given that to `features`, or its derivative along a direction. [n, d]"""
    out = np.zeros_like(x)
    args = x, samples, flat(table), flat(gradient), direction, *plan_of(layout), smooth, out
    threads.share(_position_gradient, *args, parts=_parts(samples))
    return torch.from_numpy(out[:, :samples].T)


class _Kernels:
    """The kernels as `grid_autograd` calls them."""

    def prepare(self, x: Tensor) -> np.ndarray:
        return by_axis(x)

    def features(self, query: Query, direction: Tensor | None = None) -> Tensor:
        return features(
            query.at,
            len(query.x),
            query.table,
            query.layout,
            smooth=query.smooth,
            direction=None if direction is None else by_axis(direction),
        )

    def table_gradient(
        self, query: Query, gradient: Tensor, direction: Tensor | None = None
    ) -> Tensor:
        layout = query.layout
        return table_gradient(
            query.at,
            len(query.x),
            flat(gradient),
            (layout.levels * layout.features, layout.features),
            layout,
            smooth=query.smooth,
            direction=None if direction is None else by_axis(direction),
        )

    def position_gradient(
        self, query: Query, gradient: Tensor, direction: Tensor | None = None
    ) -> Tensor:
        return position_gradient(
            query.at,
            len(query.x),
            query.table,
            gradient,
            query.layout,
            smooth=query.smooth,
            direction=None if direction is None else by_axis(direction),
        )


KERNELS = _Kernels()


def encode(x: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool = False) -> Tensor:
    """`grid.encode`, for float32 on the CPU: the same values and derivatives.

    Args:
        x: float32 [n, d] in [0, 1].
        table: float32 [rows, features].

    Returns:
        float32 [n, levels * features], level by level.
    """
    check_grid(x, table, layout)
    return encode_with(KERNELS, x, table, layout, smooth=smooth)
