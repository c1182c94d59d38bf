"""Draws of samples on the GPU, in one launch each: the same as `draws` finds in torch."""

# pyright: reportGeneralTypeIssues=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportReturnType=false
# Triton's language reads like Python, but its loops are no iterators and its constants no numbers.

import torch
import triton
import triton.language as tl
from torch import Tensor

from .draws import GOLDEN, Batch, Pixels, Source, seed_word
from .triton_tools import tiles

TILE = 256
WARPS = 4
_GOLDEN = tl.constexpr(GOLDEN)


@triton.jit
def _share(i, step, seed):
    """`draws.share`, uint64."""
    h = (i ^ seed).to(tl.uint32)
    h = (h ^ (h >> 16)) * 0x85EBCA6B
    h = (h ^ (h >> 13)) * 0xC2B2AE35
    h = h ^ (h >> 16)
    return (h + step.to(tl.uint32) * _GOLDEN).to(tl.uint64)


@triton.jit
def _stratum_place(i, step, n, total, seed):
    """`draws.stratum_place`."""
    i = i.to(tl.int64)
    first = i * total // n
    length = tl.maximum((i + 1) * total // n - first, 1)
    return first + ((_share(i, step, seed) * length.to(tl.uint64)) >> 32).to(tl.int64)


@triton.jit
def _every_second(bits):
    bits = bits & 0x5555555555555555
    bits = (bits | (bits >> 1)) & 0x3333333333333333
    bits = (bits | (bits >> 2)) & 0x0F0F0F0F0F0F0F0F
    bits = (bits | (bits >> 4)) & 0x00FF00FF00FF00FF
    bits = (bits | (bits >> 8)) & 0x0000FFFF0000FFFF
    return (bits | (bits >> 16)) & 0x00000000FFFFFFFF


@triton.jit
def _pixels(
    values_ptr, among_ptr, step_ptr, x_ptr, y_ptr, samples, total, height, width, seed, length,
    CHANNELS: tl.constexpr, OUT: tl.constexpr, AMONG: tl.constexpr, FULL: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """FULL is the number that stands for 1."""
    i = tl.program_id(0) * TILE + tl.arange(0, TILE)
    ok = i < samples
    step = tl.load(step_ptr)
    if AMONG:
        place = _stratum_place(i, step, samples, total, seed)
        index = tl.load(among_ptr + place, mask=ok, other=0).to(tl.int64)
        column, row = index % width, index // width
    else:
        place = i.to(tl.int64) * length + (length >> 32) * _share(i, step, seed).to(tl.int64)
        column = ((_every_second(place) << 1) * width) >> 32
        row = ((_every_second(place >> 1) << 1) * height) >> 32
        index = row * width + column
    longest = tl.maximum(height, width).to(tl.float32)
    x = tl.div_rn((2 * column + 1 - width).to(tl.float32), longest)
    y = tl.div_rn((2 * row + 1 - height).to(tl.float32), longest)
    tl.store(x_ptr + 2 * i, x, mask=ok)
    tl.store(x_ptr + 2 * i + 1, y, mask=ok)
    channel = tl.arange(0, OUT)
    inside = ok[:, None] & (channel[None, :] < CHANNELS)
    value = tl.load(values_ptr + index[:, None] * CHANNELS + channel[None, :], inside, 0)
    if FULL == 65535:
        value = value.to(tl.int32) & 0xFFFF
    value = value.to(tl.float32)
    if FULL > 1:
        value = tl.div_rn(value, tl.full((TILE, OUT), FULL, tl.float32))
    tl.store(y_ptr + i[:, None] * CHANNELS + channel[None, :], value, mask=inside)


@triton.jit
def _rows(
    from_x_ptr, from_y_ptr, from_weight_ptr, step_ptr, x_ptr, y_ptr, weight_ptr,
    samples, total, seed,
    ROW_X: tl.constexpr, ROW_Y: tl.constexpr, ROW: tl.constexpr, PADDED_X: tl.constexpr,
    PADDED_Y: tl.constexpr, PADDED: tl.constexpr, WEIGHTED: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """ROW points a row make ROW_X coordinates and ROW_Y values."""
    i = tl.program_id(0) * TILE + tl.arange(0, TILE)
    ok = i < samples
    place = _stratum_place(i, tl.load(step_ptr), samples, total, seed)
    _copy(from_x_ptr, x_ptr, place, i, ok, ROW_X, PADDED_X)
    _copy(from_y_ptr, y_ptr, place, i, ok, ROW_Y, PADDED_Y)
    if WEIGHTED:
        _copy(from_weight_ptr, weight_ptr, place, i, ok, ROW, PADDED)


@triton.jit
def _copy(from_ptr, to_ptr, place, i, ok, LENGTH: tl.constexpr, PADDED: tl.constexpr):
    j = tl.arange(0, PADDED)
    inside = ok[:, None] & (j[None, :] < LENGTH)
    value = tl.load(from_ptr + place[:, None] * LENGTH + j[None, :], inside, 0.0)
    tl.store(to_ptr + i.to(tl.int64)[:, None] * LENGTH + j[None, :], value, inside)


def space_for(source: Source, n: int, device: torch.device) -> Batch:
    """Memory for draws of n pixels, or rows."""
    if isinstance(source, Pixels):
        y = torch.empty(n, source.values.shape[1], device=device)
        return Batch(torch.empty(n, 2, device=device), y, None)
    many = n * source.x.shape[1]
    weight = None if source.weight is None else torch.empty(many, device=device)
    x = torch.empty(many, source.x.shape[2], device=device)
    return Batch(x, torch.empty(many, source.y.shape[2], device=device), weight)


def draw(source: Source, step: Tensor, n: int, seed: int, into: Batch) -> None:
    """As `source.draw`, into memory made by `space_for`; `step` is int32 [1]."""
    word = seed_word(seed)
    if isinstance(source, Pixels):
        values, among = source.values, source.among
        full = {torch.uint8: 255, torch.int16: 65535}.get(values.dtype, 1)
        channels = values.shape[1]
        _pixels[(tiles(n, TILE),)](
            values, values if among is None else among, step, into.x, into.y, n,
            len(values) if among is None else len(among), *source.size, word, 2**62 // n,
            CHANNELS=channels, OUT=triton.next_power_of_2(channels), AMONG=among is not None,
            FULL=full, TILE=TILE, num_warps=WARPS,
        )  # fmt: skip
        return
    rows, points, dims = source.x.shape
    row_y, weight = points * source.y.shape[2], source.weight
    _rows[(tiles(n, TILE),)](
        source.x, source.y, source.x if weight is None else weight, step, into.x, into.y,
        into.x if into.weight is None else into.weight, n, rows, word,
        ROW_X=points * dims, ROW_Y=row_y, ROW=points,
        PADDED_X=triton.next_power_of_2(points * dims), PADDED_Y=triton.next_power_of_2(row_y),
        PADDED=triton.next_power_of_2(points), WEIGHTED=weight is not None, TILE=TILE,
        num_warps=WARPS,
    )  # fmt: skip
