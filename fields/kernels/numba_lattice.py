"""One lattice's splines on the CPU: `lattice.coefficients` and `lattice.resample` by numba.

Each row, and in the filter each column, is computed by one thread: nothing depends on their number.
"""

import numpy as np
import torch
from torch import Tensor

from . import threads
from .lattice import POLE, REACH
from .numba_tools import kernel, load, multiply_add, store, take

ROWS = 8  # a thread takes at a time
COLUMNS = 64  # a thread takes at a time: with float64 sums, 512 bytes of each row


@kernel
def _filter_rows(ticket, values, reach, out):
    """The filter along x: values and out [h, w, c]."""
    high, wide, channels = values.shape
    pole = POLE
    line = np.empty(wide, np.float64)
    end = np.float64(pole / (pole * pole - 1))
    part = take(ticket)
    while part * ROWS < high:
        for y in range(part * ROWS, min(high, part * ROWS + ROWS)):
            for channel in range(channels):
                if wide == 1:
                    out[y, 0, channel] = values[y, 0, channel]
                    continue
                total, power, at, way = 0.0, 1.0, 0, 1
                for _ in range(reach):  # to and fro between the ends
                    total += power * values[y, at, channel]
                    power *= pole
                    if at + way < 0 or at + way >= wide:
                        way = -way
                    at += way
                line[0] = total
                for x in range(1, wide):
                    total = values[y, x, channel] + pole * total
                    line[x] = total
                total = end * (line[wide - 1] + pole * line[wide - 2])
                out[y, wide - 1, channel] = np.float32(6 * total)
                for x in range(wide - 2, -1, -1):
                    total = pole * (total - line[x])
                    out[y, x, channel] = np.float32(6 * total)
        part = take(ticket)


@kernel
def _filter_columns(ticket, values, reach):
    """The filter along y, in place: values [h, w c]."""
    high, wide = values.shape
    pole = POLE
    end = np.float64(pole / (pole * pole - 1))
    total = np.empty(COLUMNS, np.float64)
    part = take(ticket)
    while part * COLUMNS < wide:
        left = part * COLUMNS
        count = min(COLUMNS, wide - left)
        power, at, way = 1.0, 0, 1
        total[:] = 0
        for _ in range(reach):
            for i in range(count):
                total[i] += power * values[at, left + i]
            power *= pole
            if at + way < 0 or at + way >= high:
                way = -way
            at += way
        for i in range(count):
            values[0, left + i] = total[i]
        for y in range(1, high):
            for i in range(count):
                total[i] = values[y, left + i] + pole * total[i]
                values[y, left + i] = total[i]
        for i in range(count):
            total[i] = end * (total[i] + pole * values[high - 2, left + i])
            values[high - 1, left + i] = 6 * total[i]
        for y in range(high - 2, -1, -1):
            for i in range(count):
                total[i] = pole * (total[i] - values[y, left + i])
                values[y, left + i] = 6 * total[i]
        part = take(ticket)


@kernel
def _resample(ticket, table, stride, y_index, y_weight, x_index, x_weight, zeros, first, last, out):
    """Rows are mixed into one, of which the values are then mixed.

    Args:
        table: flat, rows of `stride` values.
        x_index: where in a row a column's values begin; all lie in [first, last).
        out: flat.
    """
    high, wide = len(y_index), len(x_index)
    line = np.empty(last - first, np.float32)
    part = take(ticket)
    while part * ROWS < high:
        for y in range(part * ROWS, min(high, part * ROWS + ROWS)):
            a, b, c, d = y_weight[y, 0], y_weight[y, 1], y_weight[y, 2], y_weight[y, 3]
            p = np.uint64(y_index[y, 0] * stride + first)
            q = np.uint64(y_index[y, 1] * stride + first)
            r = np.uint64(y_index[y, 2] * stride + first)
            s = np.uint64(y_index[y, 3] * stride + first)
            for i in range(last - first):
                u = np.uint64(i)
                line[u] = a * table[p + u] + b * table[q + u] + c * table[r + u] + d * table[s + u]
            for x in range(wide):
                total = zeros
                for k in range(4):
                    at = np.uint64(x_index[x, k] - first)
                    total = multiply_add(x_weight[x, k], load(line, at, zeros), total)
                store(out, np.uint64(y * wide + x) * np.uint64(len(zeros)), total)
        part = take(ticket)


def coefficients(values: Tensor) -> Tensor:
    """`lattice.coefficients`, for float32 on the CPU."""
    values = values.detach().contiguous()
    h, w, c = values.shape
    out = torch.empty_like(values)
    threads.share(_filter_rows, values.numpy(), REACH, out.numpy(), parts=-(-h // ROWS))
    if h > 1:
        columns = out.numpy().reshape(h, w * c)
        threads.share(_filter_columns, columns, REACH, parts=-(-w * c // COLUMNS))
    return out


def resample(coefficients: Tensor, y: tuple[Tensor, Tensor], x: tuple[Tensor, Tensor]) -> Tensor:
    """`lattice.resample`, for float32 on the CPU, at given `lattice.taps`."""
    _, w, c = coefficients.shape
    table = coefficients.detach().contiguous().view(-1).numpy()
    (y_index, y_weight), (x_index, x_weight) = (
        (i.cpu().numpy(), weight.detach().float().cpu().numpy()) for i, weight in (y, x)
    )
    out = torch.empty(len(y_index), len(x_index), c)
    if not out.numel():
        return out
    x_index = x_index * c
    first, last = int(x_index.min()), int(x_index.max()) + c
    zeros = (np.float32(0),) * c
    args = table, w * c, y_index, y_weight, x_index, x_weight, zeros, first, last
    threads.share(_resample, *args, out.view(-1).numpy(), parts=-(-len(y_index) // ROWS))
    return out
