"""A field of a grid and a ReLU network, evaluated on the GPU in one launch.

A program encodes a tile of points, all levels at once, and takes it through the network: features
never reach memory.
"""

# pyright: reportGeneralTypeIssues=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportReturnType=false
# Triton's language reads like Python, but its loops are no iterators and its constants no numbers.

import torch
import triton
import triton.language as tl
from torch import Tensor

from .grid import GridLayout, check_grid
from .triton_grid import FACTOR, HASHED, MAGIC, OFFSET, ROWS, SCALE, along, plan_of, row_of, split
from .triton_grid import weight_of as corner_weight
from .triton_mlp import forward, weights_of
from .triton_net import Chip, Net, padded, precision_of
from .triton_tools import DEVICE, check_tensor, programs

TILE = 64  # points that go through the network together
WIDEST = 64  # features or units that float32 operands may have
ROOM, ROOM_PER_INPUT, ROOM_PER_LAYER = 65_536, 512, 32_768  # as of `triton_net`, in float32
MOST = 2**26  # points of a launch, whose places are counted in 32 bits


@triton.jit
def _numbers(plan_ptr, what: tl.constexpr, LEVELS: tl.constexpr, PADDED: tl.constexpr):
    """An entry of the plan, uint32 [1, PADDED]: 1 beyond the levels."""
    level = tl.arange(0, PADDED)
    found = tl.load(plan_ptr + what * LEVELS + level, level < LEVELS, 1)
    return found.to(tl.uint32, bitcast=True)[None, :]


@triton.jit
def _encoded(
    x_ptr, table_ptr, plan_ptr, n, ok,
    DIM: tl.constexpr, LEVELS: tl.constexpr, FEATURES: tl.constexpr, PADDED: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """The features of a tile, float32 [TILE, PADDED * FEATURES]."""
    scale = _numbers(plan_ptr, SCALE, LEVELS, PADDED).to(tl.float32, bitcast=True)
    hashed = _numbers(plan_ptr, HASHED, LEVELS, PADDED)
    rows = _numbers(plan_ptr, ROWS, LEVELS, PADDED)
    magic = _numbers(plan_ptr, MAGIC, LEVELS, PADDED)
    offset = _numbers(plan_ptr, OFFSET, LEVELS, PADDED)
    cells = ()
    parts = ()
    factors = ()
    for axis in tl.static_range(DIM):
        cell, part = split(along(x_ptr, n, ok, axis, DIM, True)[:, None], scale)
        cells = cells + (cell,)
        parts = parts + (part,)
        factors = factors + (_numbers(plan_ptr, FACTOR + axis, LEVELS, PADDED),)
    feature = tl.arange(0, FEATURES)
    there = (tl.arange(0, PADDED) < LEVELS)[None, :, None]
    total = tl.zeros((TILE, PADDED, FEATURES), tl.float32)
    for corner in tl.static_range(2**DIM):
        row = offset + row_of(corner, cells, factors, hashed, rows, magic, DIM)
        at = row[:, :, None] * FEATURES + feature[None, None, :]
        values = tl.load(table_ptr + at, mask=there, other=0.0)
        total += corner_weight(corner, parts, DIM, False)[:, :, None] * values
    return tl.reshape(total, (TILE, PADDED * FEATURES))


@triton.jit
def _infer(
    x_ptr, table_ptr, plan_ptr, theta_ptr, shift_ptr, scale_ptr, out_ptr, samples,
    DIM: tl.constexpr, LEVELS: tl.constexpr, FEATURES: tl.constexpr, PADDED: tl.constexpr,
    INPUTS: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, DEPTH: tl.constexpr,
    H: tl.constexpr, OUT: tl.constexpr, TILE: tl.constexpr, TYPE: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    E: tl.constexpr = PADDED * FEATURES
    weights = weights_of(theta_ptr, INPUTS, WIDTH, CHANNELS, DEPTH, E, H, OUT, TYPE)
    channel = tl.arange(0, OUT)
    for tile in tl.range(
        tl.program_id(0), tl.cdiv(samples, TILE), tl.num_programs(0), num_stages=1
    ):
        n = tile * TILE + tl.arange(0, TILE)
        ok = n < samples
        features = _encoded(
            x_ptr, table_ptr, plan_ptr, n, ok, DIM, LEVELS, FEATURES, PADDED, TILE
        ).to(TYPE)
        _, out = forward(
            features, weights, theta_ptr, INPUTS, WIDTH, CHANNELS, DEPTH, H, OUT, TYPE, PRECISION
        )
        shift = tl.load(shift_ptr + channel, channel < CHANNELS, 0.0)
        out = shift[None, :] + tl.load(scale_ptr) * out
        inside = ok[:, None] & (channel[None, :] < CHANNELS)
        tl.store(out_ptr + n[:, None] * CHANNELS + channel[None, :], out, mask=inside)


def fits(net: Net, chip: Chip) -> bool:
    """Whether a GPU has room on the chip for a network in float32."""
    inputs = padded(net.inputs)
    room = ROOM + ROOM_PER_INPUT * (inputs - 32) + ROOM_PER_LAYER * (net.depth - 2)
    return max(inputs, net.width) <= WIDEST and room <= chip.room


TYPES = {torch.float16: tl.float16, torch.bfloat16: tl.bfloat16, torch.float32: tl.float32}


def infer(
    net: Net,
    x: Tensor,
    table: Tensor,
    layout: GridLayout,
    theta: Tensor,
    shift: Tensor,
    scale: Tensor,
    operands: torch.dtype,
) -> Tensor:
    """shift + scale * network(grid(x)), without gradients.

    Args:
        x: float32 [n, d] in [-1, 1].
        table: float32 [rows, features], as `layout` says.
        theta: float32 [net.size].
        shift: float32 [channels].
        scale: float32, one number.
        operands: what the network multiplies: float16, bfloat16 or float32.

    Returns:
        float32 [n, channels].
    """
    check_grid(x, table, layout, DEVICE)
    check_tensor("theta", theta, (net.size,))
    out = torch.empty(len(x), net.channels, device=x.device)
    if not len(x):
        return out
    if len(x) > MOST:
        knobs = table, layout, theta, shift, scale, operands
        return torch.cat([infer(net, part, *knobs) for part in x.split(MOST)])
    levels = max(triton.next_power_of_2(layout.levels), padded(1) // layout.features)
    tiles = triton.cdiv(len(x), TILE)
    _infer[(min(tiles, 2 * programs(x.device)),)](
        x.contiguous(), table, plan_of(layout, x.device), theta, shift, scale, out, len(x),
        DIM=layout.dim, LEVELS=layout.levels, FEATURES=layout.features, PADDED=levels,
        **net.constants, TILE=TILE, TYPE=TYPES[operands], PRECISION=precision_of(operands),
        num_warps=4 if net.width <= 64 else 8, num_stages=1,
    )  # fmt: skip
    return out
