"""The grid encoding on the CPU: `grid.encode` compiled by numba, with first and second derivatives.

Nothing depends on the number of threads: what belongs to a sample is computed sample by sample, and
the gradient to the table level by level, each by one thread, in order.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import grid, threads
from .grid import GridLayout
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


# --- autograd ------------------------------------------------------------------------------------
#
# A Function cannot tell which of its inputs' gradients are wanted now, only which might ever be,
# and an eikonal loss wants them one at a time. So each has a Function of its own, which sees no
# other input as a tensor. The Functions for x add a zero to what they differentiate. Derivatives
# beyond the second take the reference's graph.


class _Query(NamedTuple):
    """What is encoded, hidden from autograd."""

    x: Tensor
    table: Tensor
    layout: GridLayout
    smooth: bool
    by_axis: np.ndarray

    def reference(self, x: Tensor, table: Tensor) -> Tensor:
        """The features, differentiable any number of times."""
        return grid.encode(x, table, self.layout, smooth=self.smooth)

    def reference_gradient(self, gradient: Tensor, x: Tensor, table: Tensor) -> Tensor:
        """The gradient to x, differentiable any number of times."""
        out = self.reference(x, table)
        return torch.autograd.grad(out, x, gradient, create_graph=True)[0]


def _alias(tensor: Tensor) -> Tensor:
    """The same tensor as a new node: what else depends on `tensor` does not depend on this."""
    return tensor.view_as(tensor)


class _Encode(torch.autograd.Function):
    """The features, differentiable in the table."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, query: _Query) -> Tensor:
        ctx.query = query
        return features(query.by_axis, len(query.x), table, query.layout, smooth=query.smooth)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        query, layout = ctx.query, ctx.query.layout
        if torch.is_grad_enabled():
            table = _alias(query.table)
            out = query.reference(query.x, table)
            return torch.autograd.grad(out, table, gradients[0], create_graph=True)[0], None
        return table_gradient(
            query.by_axis,
            len(query.x),
            flat(gradients[0]),
            (layout.levels * layout.features, layout.features),
            layout,
            smooth=query.smooth,
        ), None


class _Position(torch.autograd.Function):
    """Zeros, differentiable in x as the features are."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, query: _Query) -> Tensor:
        ctx.save_for_backward(query.table)
        ctx.query = query
        return torch.zeros(1, 1).expand(len(x), query.layout.levels * query.layout.features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (table,) = ctx.saved_tensors
        to_x = _PositionGradient.apply(gradients[0], table, ctx.query)
        if torch.is_grad_enabled():
            to_x = to_x + _Curvature.apply(ctx.query.x, (gradients[0],), ctx.query)
        return to_x, None


class _PositionGradient(torch.autograd.Function):
    """The gradient to x, differentiable in the gradient to the features and in the table."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, table: Tensor, query: _Query) -> Tensor:
        ctx.save_for_backward(gradient, table)
        ctx.query = query
        args = query.by_axis, len(query.x), table, gradient, query.layout
        return position_gradient(*args, smooth=query.smooth)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        gradient, table = ctx.saved_tensors
        query, layout, wanted = ctx.query, ctx.query.layout, ctx.needs_input_grad
        if torch.is_grad_enabled():
            gradient, table = _alias(gradient), _alias(table)
            to_x = query.reference_gradient(gradient, _alias(query.x), table)
            inputs = [i for i, want in zip((gradient, table), wanted, strict=False) if want]
            found = iter(torch.autograd.grad(to_x, inputs, gradients[0], create_graph=True))
            return next(found) if wanted[0] else None, next(found) if wanted[1] else None, None
        points = query.by_axis, len(query.x)
        knobs: dict[str, Any] = {"smooth": query.smooth, "direction": by_axis(gradients[0])}
        to_gradient = features(*points, table, layout, **knobs) if wanted[0] else None
        steps = layout.levels * layout.features, layout.features
        to_table = (
            table_gradient(*points, flat(gradient), steps, layout, **knobs) if wanted[1] else None
        )
        return to_gradient, to_table, None


class _Curvature(torch.autograd.Function):
    """Zeros, differentiable in x as the gradient to x is."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gradient: tuple[Tensor], query: _Query) -> Tensor:
        ctx.save_for_backward(*gradient, query.table)
        ctx.query = query
        return torch.zeros(1, 1).expand(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        gradient, table = ctx.saved_tensors
        query = ctx.query
        if torch.is_grad_enabled():
            x = _alias(query.x)
            to_x = query.reference_gradient(gradient, x, table)
            second = torch.autograd.grad(to_x, x, gradients[0], create_graph=True)[0]
            return second, None, None
        args = query.by_axis, len(query.x), table, gradient, query.layout
        direction = by_axis(gradients[0])
        return position_gradient(*args, smooth=query.smooth, direction=direction), None, None


def encode(x: Tensor, table: Tensor, layout: GridLayout, *, smooth: bool = False) -> Tensor:
    """`grid.encode`, for float32 on the CPU: the same values and derivatives.

    Args:
        x: float32 [n, d] in [0, 1].
        table: float32 [rows, features].

    Returns:
        float32 [n, levels * features], level by level.
    """
    check_grid(x, table, layout)
    query = _Query(x, table, layout, smooth, by_axis(x))
    out = _Encode.apply(table, query)
    if x.requires_grad and torch.is_grad_enabled():
        out = out + _Position.apply(x, query)
    return out


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
