"""Grid encoding, ReLU network and squared error in one pass over the samples, on the CPU.

A thread takes a chunk of samples, encodes it level by level, and then, tile by tile, goes forward
through the network and back: what passes between the layers never leaves its cache. The gradients
to the weights are summed for each chunk apart and the chunks then in order, so that they do not
depend on the number of threads; those to the features wait, level by level, to be scattered into
the table's gradient when autograd asks for it.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from . import threads
from .grid import GridLayout, check_grid, grid_layout
from .numba_adam import sparse_adam_
from .numba_gemm import COLUMNS, Matrix, multiply, transposed
from .numba_grid import flat, table_gradient
from .numba_tiles import TILE, by_axis, gather, new_tile, place, plan_of, weigh
from .numba_tools import helper, kernel, load, store, take

BATCH = 64  # samples that go through the network together; more, and the cache's sets collide
NO_FLOOR = np.float32(-np.inf)


class Net(NamedTuple):
    """Where a network's numbers lie in flat arrays, layer by layer; the encoding is layer 0.

    Weights and biases come from the caller end to end (`theta`: each layer's weight, then its
    bias), and are copied with every row padded to whole blocks of `multiply`.
    """

    width: np.ndarray  # int64 [layers + 1]
    padded: np.ndarray  # int64 [layers + 1], `width` in whole blocks: from a row to the next
    column: np.ndarray  # int64 [layers + 2], sum of `padded` before a layer; the last is the total
    theta: np.ndarray  # int64 [layers + 1], where a layer's weight begins; the last is the total
    packed: np.ndarray  # int64 [layers + 1], the same for the padded copies


@functools.lru_cache(maxsize=64)
def net_of(widths: tuple[int, ...]) -> Net:
    width = np.array(widths, np.int64)
    padded = -(-width // COLUMNS) * COLUMNS
    padded += COLUMNS * (padded % 128 == 0)  # rows 512 bytes apart fall on few of a cache's sets
    return Net(
        width,
        padded,
        column=np.cumsum([0, *padded]),
        theta=np.cumsum([0, *(width[:-1] * width[1:] + width[1:])]),
        packed=np.cumsum([0, *(padded[:-1] * padded[1:] + padded[1:])]),
    )


def chunk_of(samples: int) -> int:
    """Samples a thread takes at a time: some 32 chunks, each worth starting and kept in a cache.

    A function of nothing else, as the gradients to the weights are rounded chunk by chunk.
    """
    tiles = -(-samples // (32 * TILE))
    return min(max(tiles, 2), 16) * TILE


@helper
def _pack(net, theta, weight, turned):
    """Copy `theta` with padding: as it is (the gradient flows this way), and each weight turned."""
    for layer in range(len(net.width) - 1):
        rows, columns = net.width[layer + 1], net.width[layer]
        down, across = net.padded[layer], net.padded[layer + 1]
        at, source = net.packed[layer], net.theta[layer]
        for i in range(rows):
            for j in range(columns):
                value = theta[source + i * columns + j]
                weight[at + i * down + j] = value
                turned[at + j * across + i] = value
            weight[at + down * across + i] = theta[source + rows * columns + i]


@helper
def _matrices(net, layer, weight, turned):
    """A layer's weight [out, in], the same turned [in, out], and its bias as every row."""
    at, down, across = net.packed[layer], net.padded[layer], net.padded[layer + 1]
    bias = Matrix(weight, at + down * across, 0, 1)
    return Matrix(weight, at, down, 1), Matrix(turned, at, across, 1), bias


@helper
def _values(net, layer, encoded, first, hidden):
    """What enters a layer [BATCH, width]: a tile of the encoding, or the layer before's result."""
    if layer == 0:
        return Matrix(encoded, first * net.padded[0], net.padded[0], 1)
    return Matrix(hidden, net.column[layer] * BATCH, net.padded[layer], 1)


@helper
def _forward_tile(net, encoded, first, hidden, weight, turned, ones):
    layers = len(net.width) - 1
    for layer in range(layers):
        _, by_input, bias = _matrices(net, layer, weight, turned)
        floor = np.float32(0) if layer + 1 < layers else NO_FLOOR
        values = _values(net, layer, encoded, first, hidden)
        out = _values(net, layer + 1, encoded, first, hidden)
        width, inputs = net.width[layer + 1], net.width[layer]
        multiply(values, by_input, bias, ones, out, BATCH, width, inputs, floor)
    return _values(net, layers, encoded, first, hidden)


@helper
def _backward_tile(net, encoded, first, hidden, change, weight, none, ones, gradient):
    """Add the tile's part to the weights' gradients; `change` ends with the encoding's."""
    for layer in range(len(net.width) - 2, -1, -1):
        rows, columns = net.width[layer + 1], net.width[layer]
        values = _values(net, layer, encoded, first, hidden)
        outer = Matrix(change, net.column[layer + 1] * BATCH, net.padded[layer + 1], 1)
        inner = Matrix(change, net.column[layer] * BATCH, net.padded[layer], 1)
        by_output, _, _ = _matrices(net, layer, weight, weight)
        sums, _, bias_sums = _matrices(net, layer, gradient, gradient)
        multiply(transposed(outer), values, sums, ones, sums, rows, columns, BATCH, NO_FLOOR)
        multiply(ones, outer, bias_sums, ones, bias_sums, 1, rows, BATCH, NO_FLOOR)
        gate = values if layer > 0 else ones
        multiply(outer, by_output, none, gate, inner, BATCH, columns, rows, NO_FLOOR)


@helper
def _loss_tile(out, target, sample_weight, paired, start, count, scale, change):
    """The tile's part of the loss, before `scale`; `change` becomes the loss's gradient to `out`.

    Samples beyond `count` only fill the tile, and get none. Partners are side by side, and a tile
    holds whole pairs.
    """
    total = 0.0
    for i in range(BATCH * change.down):
        change.data[np.uint64(change.start) + np.uint64(i)] = np.float32(0)
    for s in range(count):
        weight = sample_weight[start + s] if len(sample_weight) else np.float32(1)
        p = s ^ 1 if paired else s
        both = weight + (sample_weight[start + p] if len(sample_weight) else np.float32(1))
        for channel in range(target.shape[1]):
            at = s * out.down + channel
            error = out.data[out.start + at] - target[start + s, channel]
            gradient = np.float32(2) * weight * error
            total += np.float64(weight * error * error)
            if paired:
                other = out.data[out.start + p * out.down + channel] - target[start + p, channel]
                apart = error - other
                gradient += paired * both * apart
                total += np.float64(np.float32(0.5) * paired * weight * apart * apart)
            change.data[change.start + at] = scale * gradient
    return total


@helper
def _encode_chunk(tile, x, start, stop, table, levels, corners, zeros, encoded, width):
    """Encode whole tiles of samples, level by level: a level's rows then stay in the cache."""
    for level in range(len(levels.rows)):
        for at in range(start, stop, TILE):
            place(tile, x, at, levels, level)
            weigh(tile, False)
            column = (at - start) * width + level * len(zeros)
            gather(
                tile,
                tile.weight,
                TILE,
                table,
                levels,
                level,
                corners,
                zeros,
                encoded,
                column,
                width,
            )


@helper
def _keep(change, down, start, count, samples, zeros, levels, waiting):
    """Copy a tile's gradients to the features, [BATCH, padded], into `waiting` [L, n, F]."""
    for level in range(len(levels.rows)):
        for s in range(count):
            row = load(change, np.uint64(s * down + level * len(zeros)), zeros)
            store(waiting, np.uint64((level * samples + start + s) * len(zeros)), row)


@kernel
def _fused(
    ticket,
    x,
    samples,
    chunk,
    table,
    levels,
    corners,
    zeros,
    net,
    theta,
    target,
    sample_weight,
    paired,
    learn,
    out,
    waiting,
    gradients,
    losses,
):
    """Every chunk's results: `out` [n, c], or what `learn` asks for, which is all the rest."""
    tile = new_tile(x.shape[0])
    encoded = np.zeros(chunk * net.padded[0], np.float32)
    hidden = np.zeros(net.column[-1] * BATCH, np.float32)
    change = np.zeros(net.column[-1] * BATCH if learn else 0, np.float32)
    none = Matrix(np.zeros(net.column[-1], np.float32), 0, 0, 1)
    ones = Matrix(np.ones(net.column[-1], np.float32), 0, 0, 0)
    weight = np.zeros(net.packed[-1], np.float32)
    turned = np.zeros(net.packed[-1], np.float32)
    _pack(net, theta, weight, turned)
    layers, channels = len(net.width) - 1, net.width[-1]
    scale = np.float32(1 / (samples * channels)) if samples else np.float32(0)
    part = take(ticket)
    while part * chunk < samples:
        begin, end = part * chunk, min((part + 1) * chunk, samples)
        _encode_chunk(tile, x, begin, end, table, levels, corners, zeros, encoded, net.padded[0])
        for start in range(begin, end, BATCH):
            count = min(BATCH, end - start)
            result = _forward_tile(net, encoded, start - begin, hidden, weight, turned, ones)
            if learn:
                error = Matrix(change, net.column[layers] * BATCH, net.padded[layers], 1)
                losses[part] += _loss_tile(
                    result, target, sample_weight, paired, start, count, scale, error
                )
                _backward_tile(
                    net, encoded, start - begin, hidden, change, weight, none, ones, gradients[part]
                )
                _keep(change, net.padded[0], start, count, samples, zeros, levels, waiting)
            else:
                for s in range(count):
                    for channel in range(channels):
                        out[start + s, channel] = result.data[
                            result.start + s * result.down + channel
                        ]
        part = take(ticket)


def _unpack(net: Net, packed: np.ndarray) -> Iterator[Tensor]:
    """The weight [out, in] and the bias [out] of each layer, as views into their padded copies."""
    for layer in range(len(net.width) - 1):
        rows, columns = net.width[layer + 1], net.width[layer]
        bias = net.packed[layer + 1] - net.padded[layer + 1]
        weight = packed[net.packed[layer] : bias].reshape(-1, net.padded[layer])
        yield torch.from_numpy(weight[:rows, :columns])
        yield torch.from_numpy(packed[bias : bias + rows])


class _Loss(torch.autograd.Function):
    """`grid_mlp_loss` for autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        target: Tensor,
        sample_weight: Tensor | None,
        paired: float,
        table: Tensor,
        table_grad: Tensor | None,
        layout: GridLayout,
        *parameters: Tensor,
    ) -> Tensor:
        ctx.net, theta = _network(parameters)
        ctx.layout, ctx.samples, ctx.x, ctx.table_grad = layout, len(x), by_axis(x), table_grad
        chunk = chunk_of(len(x))
        parts = -(-len(x) // chunk)
        ctx.waiting = np.empty(len(x) * layout.levels * layout.features, np.float32)
        ctx.gradients = np.zeros((parts, ctx.net.packed[-1]), np.float32)
        losses = np.zeros(parts)
        weight = np.empty(0, np.float32) if sample_weight is None else flat(sample_weight)
        args = ctx.x, len(x), chunk, flat(table), *plan_of(layout), ctx.net, theta
        aim = target.detach().contiguous().numpy()
        results = np.empty((0, 0), np.float32), ctx.waiting, ctx.gradients, losses
        threads.share(_fused, *args, aim, weight, np.float32(paired), True, *results, parts=parts)
        mean = losses.sum() / target.numel() if target.numel() else math.nan
        return torch.tensor(mean, dtype=torch.float32)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor | None, ...]:
        layout, factor, into = ctx.layout, gradients[0].item(), ctx.table_grad
        to_table = None
        if into is not None or ctx.needs_input_grad[4]:
            steps = layout.features, ctx.samples * layout.features
            to_table = table_gradient(
                ctx.x, ctx.samples, ctx.waiting, steps, layout, factor=factor, into=into
            )
        # Chunk after chunk, whatever the number of threads.
        packed = np.add.reduce(ctx.gradients, axis=0) * np.float32(factor)
        to_table = to_table if into is None else None
        return None, None, None, None, to_table, None, None, *_unpack(ctx.net, packed)


def _network(parameters: Sequence[Tensor]) -> tuple[Net, np.ndarray]:
    """Layout and values of a network: weight, bias, weight, bias, ... of its layers."""
    widths = parameters[0].shape[1], *(weight.shape[0] for weight in parameters[::2])
    return net_of(widths), torch.cat([p.detach().reshape(-1) for p in parameters]).numpy()


def grid_mlp_loss(
    x: Tensor,
    target: Tensor,
    table: Tensor,
    layout: GridLayout,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    sample_weight: Tensor | None = None,
    paired: float = 0.0,
    table_grad: Tensor | None = None,
) -> Tensor:
    """mean(sample_weight * (mlp(encode(x)) - target)^2), differentiable in table and network.

    With `paired` the errors e of samples 2i and 2i + 1 are also to be alike: for each of them
    sample_weight * paired / 2 * (e - e')^2 is added before the mean is taken.

    The network is linear layers with ReLU between them. The gradients are computed along with
    the loss; `backward` only hands them out. There are no second derivatives, and none to `x`.

    Args:
        x: float32 [n, d] in [0, 1].
        target: float32 [n, c].
        table: float32 [rows, features].
        weights: float32 [out, in] of each layer.
        biases: float32 [out] of each layer.
        sample_weight: float32 [n].
        paired: if not 0, n must be even.
        table_grad: where given, `backward` adds the table's gradient to it, and autograd gets
            none. A fit gives `table.grad`, which `sparse_adam_` leaves as zeros: the same result,
            without a new array of the table's size in every step.

    Returns:
        float32 [].
    """
    parameters = _check(x, table, layout, weights, biases)
    _check_target(x, target, weights, sample_weight)
    if paired and len(x) % 2:
        raise ValueError(f"paired samples must be even in number, got {len(x)}.")
    if table_grad is not None:
        check_grid(x, table_grad, layout)
        if not table_grad.is_contiguous():
            raise ValueError(f"table_grad must be contiguous, got strides {table_grad.stride()}.")
    return _Loss.apply(
        x, target, sample_weight, paired, table, table_grad, layout, *parameters
    )


@torch.no_grad()
def grid_mlp(
    x: Tensor,
    table: Tensor,
    layout: GridLayout,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
) -> Tensor:
    """mlp(encode(x)) as in `grid_mlp_loss`, without gradients. float32 [n, c]"""
    net, theta = _network(_check(x, table, layout, weights, biases))
    chunk = chunk_of(len(x))
    out = torch.empty(len(x), len(biases[-1]))
    args = by_axis(x), len(x), chunk, flat(table), *plan_of(layout), net, theta
    none = np.empty(0, np.float32)
    unused = none, np.empty((0, 0), np.float32), np.empty(0)
    inputs = np.empty((0, 0), np.float32), none, np.float32(0), False
    threads.share(_fused, *args, *inputs, out.numpy(), *unused, parts=-(-len(x) // chunk))
    return out


def _check(
    x: Tensor,
    table: Tensor,
    layout: GridLayout,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
) -> list[Tensor]:
    """The network's parameters in the order of the layers, if all shapes fit together."""
    check_grid(x, table, layout)
    inputs = layout.levels * layout.features
    for weight, bias in zip(weights, biases, strict=True):
        if weight.dtype != torch.float32 or bias.dtype != torch.float32:
            raise TypeError(f"the network must be float32, got {weight.dtype}, {bias.dtype}.")
        if weight.shape != (len(bias), inputs):
            expected = [len(bias), inputs]
            raise ValueError(f"weight must have shape {expected}, got {list(weight.shape)}.")
        inputs = len(bias)
    return [p for pair in zip(weights, biases, strict=True) for p in pair]


def _check_target(
    x: Tensor, target: Tensor, weights: Sequence[Tensor], sample_weight: Tensor | None
) -> None:
    named = {"x": x, "target": target, "sample_weight": sample_weight}
    shapes = {"target": (len(x), weights[-1].shape[0]), "sample_weight": (len(x),)}
    for name, tensor in named.items():
        if tensor is None:
            continue
        if tensor.dtype != torch.float32 or tensor.shape != shapes.get(name, tensor.shape):
            got = f"{tensor.dtype} {list(tensor.shape)}"
            raise ValueError(f"{name} must be float32 {list(shapes[name])}, got {got}.")
        if tensor.requires_grad:
            raise ValueError(f"{name} must not require a gradient: the fused loss has none to it.")


def warm_up(dim: int, features: int, *, channels: int = 3) -> None:
    """Compile, or load from the cache, what a fit of a field with this grid needs.

    Some seconds the first time on a machine, some tenths of one later.
    """
    layout = grid_layout(dim, levels=1, features=features, log2_size=3, coarsest=2, growth=1.0)
    table = torch.zeros(layout.offsets[-1], features)
    weight, bias = torch.zeros(channels, features, requires_grad=True), torch.zeros(channels)
    x, target = torch.zeros(1, dim), torch.zeros(1, channels)
    args = x, target, table, layout, [weight], [bias]
    grid_mlp_loss(*args, table_grad=torch.zeros_like(table)).backward()
    param, grad, m, v = (torch.zeros(1) for _ in range(4))
    steps = torch.zeros(1, dtype=torch.int32)
    sparse_adam_(param, grad, m, v, steps, lr=0.0, beta1=0.9, beta2=0.99, eps=1e-15)
