"""A ReLU network with its squared error, forward and back in one pass over the samples, on the GPU.

Each program takes tile after tile of samples. What passes between the layers stays on the chip,
and so do the sums of the weights' gradients, as long as they find room; a wider or deeper network
leaves in memory what enters each layer and what comes back to it, and a second kernel multiplies
the two.

Operands are float16, bfloat16 or float32; sums are float32. In float16, small gradients are kept
from vanishing: what goes back through the network is `UP` times the gradient of the sum of the
errors, and the factor that makes it the mean's comes last.
"""

# pyright: reportGeneralTypeIssues=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportReturnType=false
# Triton's language reads like Python, but its loops are no iterators and its constants no numbers.

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from .triton_net import NARROW as _NARROW
from .triton_net import Net, padded, precision_of
from .triton_tools import check_tensor, programs

NARROW = tl.constexpr(_NARROW)
UP = 64.0  # in float16: tells 1e-6 of the values' spread, and overflows at 500 times it


@triton.jit
def turned_weight(
    theta_ptr, start, rows, columns, DOWN: tl.constexpr, ACROSS: tl.constexpr, TYPE: tl.constexpr
):
    """A weight [rows, columns] as [DOWN, ACROSS], turned and filled up with zeros."""
    i, j = tl.arange(0, DOWN), tl.arange(0, ACROSS)
    inside = (i[:, None] < columns) & (j[None, :] < rows)
    return tl.load(theta_ptr + start + j[None, :] * columns + i[:, None], inside, 0.0).to(TYPE)


@triton.jit
def bias_of(theta_ptr, start, rows, ACROSS: tl.constexpr):
    j = tl.arange(0, ACROSS)
    return tl.load(theta_ptr + start + j, j < rows, 0.0)


@triton.jit
def starts(INPUTS: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, DEPTH: tl.constexpr):
    """Where each layer's weight begins, and where its bias does."""
    weight = (0,)
    bias = (WIDTH * INPUTS,)
    for layer in tl.static_range(1, DEPTH):
        weight = weight + (bias[layer - 1] + WIDTH,)
        bias = bias + (weight[layer] + WIDTH * WIDTH,)
    weight = weight + (bias[DEPTH - 1] + WIDTH,)
    return weight, bias + (weight[DEPTH] + CHANNELS * WIDTH,)


@triton.jit
def weights_of(
    theta_ptr, INPUTS: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    DEPTH: tl.constexpr, E: tl.constexpr, H: tl.constexpr, OUT: tl.constexpr, TYPE: tl.constexpr,
):  # fmt: skip
    """The weights, turned, layer by layer."""
    start, _ = starts(INPUTS, WIDTH, CHANNELS, DEPTH)
    weights = (turned_weight(theta_ptr, 0, WIDTH, INPUTS, E, H, TYPE),)
    for layer in tl.static_range(1, DEPTH):
        weights = weights + (turned_weight(theta_ptr, start[layer], WIDTH, WIDTH, H, H, TYPE),)
    return weights + (turned_weight(theta_ptr, start[DEPTH], CHANNELS, WIDTH, H, OUT, TYPE),)


@triton.jit
def forward(
    values, weights, theta_ptr, INPUTS: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    DEPTH: tl.constexpr, H: tl.constexpr, OUT: tl.constexpr,
    TYPE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """What enters each layer, the first one's too, and what comes out at the end, float32.

    Biases are read again for each tile: they would fill registers, and are in the cache.
    """
    _, start = starts(INPUTS, WIDTH, CHANNELS, DEPTH)
    entered = (values,)
    for layer in tl.static_range(DEPTH):
        z = tl.dot(entered[layer], weights[layer], input_precision=PRECISION)
        z += bias_of(theta_ptr, start[layer], WIDTH, H)[None, :]
        entered = entered + (tl.maximum(z, 0.0).to(TYPE),)
    out = tl.dot(entered[DEPTH], weights[DEPTH], input_precision=PRECISION)
    return entered, out + bias_of(theta_ptr, start[DEPTH], CHANNELS, OUT)[None, :]


@triton.jit
def error(
    out, n, ok, target_ptr, weight_ptr, shift_ptr, scale_ptr, paired,
    CHANNELS: tl.constexpr, OUT: tl.constexpr, TILE: tl.constexpr,
    WEIGHTED: tl.constexpr, PAIRED: tl.constexpr,
):  # fmt: skip
    """The samples' losses, before the mean is taken, and half their gradients to `out`."""
    channel = tl.arange(0, OUT)
    inside = ok[:, None] & (channel[None, :] < CHANNELS)
    shift = tl.load(shift_ptr + channel, channel < CHANNELS, 0.0)
    target = tl.load(target_ptr + n[:, None] * CHANNELS + channel[None, :], inside, 0.0)
    aim = (target - shift[None, :]) / tl.load(scale_ptr)
    off = tl.where(inside, out - aim, 0.0)
    weight = ok.to(tl.float32)
    if WEIGHTED:
        weight = tl.load(weight_ptr + n, ok, 0.0)
    loss = weight[:, None] * off * off
    gradient = weight[:, None] * off
    if PAIRED:  # a tile holds whole pairs
        pair = tl.reshape(off, (TILE // 2, 2, OUT))
        both = tl.reshape(weight, (TILE // 2, 2))
        apart = 2 * pair - tl.sum(pair, axis=1, keep_dims=True)
        loss += 0.5 * paired * weight[:, None] * tl.reshape(apart * apart, (TILE, OUT))
        apart *= (0.5 * paired) * tl.sum(both, axis=1, keep_dims=True)[:, :, None]
        gradient += tl.reshape(apart, (TILE, OUT))
    return tl.sum(loss, axis=1), gradient


@triton.jit
def add_weight(gradient_ptr, start, rows, columns, total, factor, DOWN: tl.constexpr,
               ACROSS: tl.constexpr):
    """Add a sum [DOWN, ACROSS] to a weight's gradient [rows, columns]."""
    i, j = tl.arange(0, DOWN), tl.arange(0, ACROSS)
    inside = (i[:, None] < rows) & (j[None, :] < columns)
    where = gradient_ptr + start + i[:, None] * columns + j[None, :]
    tl.atomic_add(where, total * factor, mask=inside, sem="relaxed")


@triton.jit
def add_bias(gradient_ptr, start, rows, total, factor, DOWN: tl.constexpr):
    i = tl.arange(0, DOWN)
    tl.atomic_add(gradient_ptr + start + i, total * factor, mask=i < rows, sem="relaxed")


@triton.jit
def _step(
    features_ptr, target_ptr, weight_ptr, shift_ptr, scale_ptr, theta_ptr, change_ptr, between_ptr,
    gradient_ptr, loss_ptr, samples, paired, mean,
    INPUTS: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, DEPTH: tl.constexpr,
    E: tl.constexpr, H: tl.constexpr, OUT: tl.constexpr, TILE: tl.constexpr,
    FEATURES: tl.constexpr, WEIGHTED: tl.constexpr, PAIRED: tl.constexpr, KEPT: tl.constexpr,
    UP: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The loss, and the gradients to the weights and to the features: `change`.

    These and the features are [INPUTS / FEATURES, n, FEATURES], level by level.

    Unless KEPT, `between` [2 DEPTH, n, H] takes what enters the layers behind the first and what
    comes back to those before the last, and then [n, OUT] what comes back to the last.
    """
    TYPE: tl.constexpr = features_ptr.dtype.element_ty
    weights = weights_of(theta_ptr, INPUTS, WIDTH, CHANNELS, DEPTH, E, H, OUT, TYPE)
    e, h, o = tl.arange(0, E), tl.arange(0, H), tl.arange(0, OUT)
    ones = tl.full((TILE, NARROW), 1.0, TYPE)
    sums = ()
    bias_sums = ()
    if KEPT:
        sums = (tl.zeros((H, E), tl.float32),)
        bias_sums = (tl.zeros((H, NARROW), tl.float32),)
        for _ in tl.static_range(1, DEPTH):
            sums = sums + (tl.zeros((H, H), tl.float32),)
            bias_sums = bias_sums + (tl.zeros((H, NARROW), tl.float32),)
        sums = sums + (tl.zeros((H, OUT), tl.float32),)
        bias_sums = bias_sums + (tl.zeros((TILE, OUT), tl.float32),)
    losses = tl.zeros((TILE,), tl.float32)
    for tile in tl.range(
        tl.program_id(0), tl.cdiv(samples, TILE), tl.num_programs(0), num_stages=1
    ):
        n = tile * TILE + tl.arange(0, TILE)
        ok = n < samples
        at = (e // FEATURES)[None, :] * (samples * FEATURES)
        at += n[:, None] * FEATURES + (e % FEATURES)[None, :]
        inside = ok[:, None] & (e[None, :] < INPUTS) if INPUTS < E else ok[:, None]
        values = tl.load(features_ptr + at, inside, 0.0)
        entered, out = forward(
            values, weights, theta_ptr, INPUTS, WIDTH, CHANNELS, DEPTH, H, OUT, TYPE, PRECISION
        )
        loss, gradient = error(
            out, n, ok, target_ptr, weight_ptr, shift_ptr, scale_ptr, paired,
            CHANNELS, OUT, TILE, WEIGHTED, PAIRED,
        )  # fmt: skip
        losses += loss
        change = (gradient * UP).to(TYPE)
        new_sums = ()
        new_bias_sums = ()
        for layer in tl.static_range(DEPTH, -1, -1):
            if KEPT:
                if layer == DEPTH:
                    turned = tl.trans(entered[layer])
                    total = tl.dot(turned, change, sums[layer], input_precision=PRECISION)
                    bias_total = bias_sums[layer] + change.to(tl.float32)
                else:
                    turned = tl.trans(change)
                    total = tl.dot(turned, entered[layer], sums[layer], input_precision=PRECISION)
                    bias_total = tl.dot(turned, ones, bias_sums[layer], input_precision=PRECISION)
                new_sums = (total,) + new_sums
                new_bias_sums = (bias_total,) + new_bias_sums
            else:
                if layer == DEPTH:
                    last = between_ptr + 2 * DEPTH * samples.to(tl.int64) * H
                    tl.store(last + n[:, None] * OUT + o[None, :], change, mask=ok[:, None])
                else:
                    place = n[:, None] * H + h[None, :]
                    size = samples.to(tl.int64) * H
                    tl.store(between_ptr + layer * size + place, entered[layer + 1], ok[:, None])
                    tl.store(between_ptr + (DEPTH + layer) * size + place, change, ok[:, None])
            below = tl.dot(change, tl.trans(weights[layer]), input_precision=PRECISION)
            if layer > 0:
                change = tl.where(entered[layer] > 0, below, 0.0).to(TYPE)
            else:
                tl.store(change_ptr + at, below.to(TYPE), mask=inside)
        sums = new_sums
        bias_sums = new_bias_sums
    scale = tl.load(scale_ptr)
    factor = scale * scale * mean
    tl.atomic_add(loss_ptr, tl.sum(losses, axis=0) * factor, sem="relaxed")
    if KEPT:
        factor *= 2 / UP
        start, bias = starts(INPUTS, WIDTH, CHANNELS, DEPTH)
        add_weight(gradient_ptr, 0, WIDTH, INPUTS, sums[0], factor, H, E)
        for layer in tl.static_range(1, DEPTH):
            add_weight(gradient_ptr, start[layer], WIDTH, WIDTH, sums[layer], factor, H, H)
        for layer in tl.static_range(DEPTH):
            # Every column holds the sum.
            add_bias(gradient_ptr, bias[layer], WIDTH, tl.max(bias_sums[layer], 1), factor, H)
        head = tl.trans(sums[DEPTH])
        add_weight(gradient_ptr, start[DEPTH], CHANNELS, WIDTH, head, factor, OUT, H)
        add_bias(gradient_ptr, bias[DEPTH], CHANNELS, tl.sum(bias_sums[DEPTH], 0), factor, OUT)


@triton.jit
def _weight_gradient(
    change_ptr, entered_ptr, scale_ptr, gradient_ptr, start, samples, mean,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, STRIDE: tl.constexpr, FEATURES: tl.constexpr,
    DOWN: tl.constexpr, ACROSS: tl.constexpr, TILE: tl.constexpr, UP: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """A layer's gradients, from what came back to it [n, DOWN] and what entered it [n, STRIDE].

    With FEATURES what entered is [COLUMNS / FEATURES, n, FEATURES].
    """
    i, j = tl.arange(0, DOWN), tl.arange(0, ACROSS)
    total = tl.zeros((DOWN, ACROSS), tl.float32)
    ones = tl.full((TILE, NARROW), 1.0, change_ptr.dtype.element_ty)
    bias_total = tl.zeros((DOWN, NARROW), tl.float32)
    for tile in tl.range(
        tl.program_id(0), tl.cdiv(samples, TILE), tl.num_programs(0), num_stages=2
    ):
        n = tile * TILE + tl.arange(0, TILE)
        ok = n < samples
        change = tl.load(change_ptr + n[:, None] * DOWN + i[None, :], ok[:, None], 0.0)
        inside = ok[:, None] & (j[None, :] < COLUMNS)
        if FEATURES:
            at = (j // FEATURES)[None, :] * (samples * FEATURES)
            at += n[:, None] * FEATURES + (j % FEATURES)[None, :]
        else:
            at = n[:, None] * STRIDE + j[None, :]
        entered = tl.load(entered_ptr + at, inside, 0.0)
        turned = tl.trans(change)
        total = tl.dot(turned, entered, total, input_precision=PRECISION)
        bias_total = tl.dot(turned, ones, bias_total, input_precision=PRECISION)
    scale = tl.load(scale_ptr)
    factor = scale * scale * mean * (2 / UP)
    add_weight(gradient_ptr, start, ROWS, COLUMNS, total, factor, DOWN, ACROSS)
    add_bias(gradient_ptr, start + ROWS * COLUMNS, ROWS, tl.max(bias_total, 1), factor, DOWN)


@dataclass(frozen=True)
class Space:
    """Memory that a pass writes to; made once for passes of one size.

    Attributes:
        gradient: float32 [net.size], to which is added.
        loss: float32 [1], likewise.
        change: in the operands' type: the gradient to the features, as they lie, but for a factor.
        between: for networks whose gradients are not summed on the chip.
    """

    gradient: Tensor
    loss: Tensor
    change: Tensor
    between: Tensor

    @classmethod
    def of(cls, net: Net, samples: int, operands: torch.dtype, device: torch.device) -> "Space":
        """Zeros where is added to."""
        width, out = padded(net.width), padded(net.channels)
        between = 1 if net.kept else samples * (2 * net.depth * width + out)
        return cls(
            torch.zeros(net.size, device=device),
            torch.zeros(1, device=device),
            torch.empty(net.planes(samples), dtype=operands, device=device),
            torch.empty(between, dtype=operands, device=device),
        )


def learn(
    net: Net,
    features: Tensor,
    target: Tensor,
    theta: Tensor,
    shift: Tensor,
    scale: Tensor,
    space: Space,
    *,
    sample_weight: Tensor | None = None,
    paired: float = 0.0,
) -> float:
    """Add the loss and the network's gradients to those of `space`, and write its `change`.

    The loss is scale^2 times the mean over samples and values of weight (network - aim)^2 with aim
    = (target - shift) / scale; `paired` as in `numba_mlp.grid_mlp_loss`.

    Args:
        features: float16, bfloat16 or float32, the type of the operands: n inputs level by level,
            [levels, n, features of a level].
        target: float32 [n, channels].
        theta: float32 [net.size].
        shift: float32 [channels].
        scale: float32, one number.
        sample_weight: float32 [n].

    Returns:
        What `change` must be multiplied with, besides scale^2, to be the gradient to the features.
    """
    n = len(target)
    check_tensor("features", features, net.planes(n), features.dtype)
    check_tensor("target", target, (n, net.channels))
    check_tensor("theta", theta, (net.size,))
    check_tensor("shift", shift, (net.channels,))
    up = UP if features.dtype == torch.float16 else 1.0
    mean = 1 / (n * net.channels) if n else 0.0
    if not n:
        return 0.0
    weighted = sample_weight is not None
    if weighted:
        check_tensor("sample_weight", sample_weight, (n,))
    many = programs(features.device)
    knobs: dict[str, Any] = {"UP": up, "PRECISION": precision_of(features.dtype)}
    _step[(min(many, triton.cdiv(n, net.tile)),)](
        features, target, sample_weight if weighted else target, shift, scale, theta, space.change,
        space.between, space.gradient, space.loss, n, paired, mean,
        **net.constants, E=padded(net.inputs), FEATURES=net.features, TILE=net.tile,
        WEIGHTED=weighted, PAIRED=bool(paired), KEPT=net.kept, num_warps=net.warps, num_stages=1,
        **knobs,
    )  # fmt: skip
    if not net.kept:
        _weight_gradients(net, features, scale, space, n, mean, many, knobs)
    return 2 * mean / up


def _weight_gradients(
    net: Net,
    features: Tensor,
    scale: Tensor,
    space: Space,
    n: int,
    mean: float,
    many: int,
    knobs: dict[str, Any],
) -> None:
    """The gradients of a network that left in memory what they are made of."""
    width, tile, start = padded(net.width), 64, 0
    size = n * width
    for layer, (columns, rows) in enumerate(net.layers):
        last = layer == net.depth
        change = space.between[(2 * net.depth if last else net.depth + layer) * size :]
        entered = space.between[(layer - 1) * size :] if layer else features
        _weight_gradient[(min(many, triton.cdiv(n, tile)),)](
            change, entered, scale, space.gradient, start, n, mean,
            ROWS=rows, COLUMNS=columns, STRIDE=width, FEATURES=0 if layer else net.features,
            DOWN=padded(rows), ACROSS=padded(columns), TILE=tile, num_warps=8, num_stages=2,
            **knobs,
        )  # fmt: skip
        start += rows * (columns + 1)
