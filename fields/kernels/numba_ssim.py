"""SSIM on the CPU: `metrics.ssim_map` in tiles that stay in the cache."""

import numpy as np
import torch
from torch import Tensor

from . import threads
from .numba_tools import kernel, take

ROWS, COLUMNS = 16, 256  # of a tile; its moments, with their halo, take 150 KB
MOMENTS = 5  # of a and b: mean, mean, mean square, mean square, mean product


@kernel
def _ssim(ticket, a, b, taps, out):
    """out [h, w] from a and b [c, h + 2 halo, w + 2 halo], padded; taps [2 halo + 1]."""
    channels, halo = a.shape[0], len(taps) // 2
    high, wide = out.shape
    product = np.zeros((MOMENTS, COLUMNS + 2 * halo), np.float32)
    across = np.zeros((ROWS + 2 * halo, MOMENTS, COLUMNS), np.float32)
    both = np.zeros((MOMENTS, COLUMNS), np.float32)
    per_row = (wide + COLUMNS - 1) // COLUMNS
    parts = per_row * ((high + ROWS - 1) // ROWS)
    c1, c2 = np.float32(0.01**2), np.float32(0.03**2)
    share, two = np.float32(1 / channels), np.float32(2)
    part = take(ticket)
    while part < parts:
        top, left = part // per_row * ROWS, part % per_row * COLUMNS
        rows, columns = min(ROWS, high - top), min(COLUMNS, wide - left)
        for channel in range(channels):
            for y in range(rows + 2 * halo):
                for x in range(columns + 2 * halo):
                    p, q = a[channel, top + y, left + x], b[channel, top + y, left + x]
                    product[0, x] = p
                    product[1, x] = q
                    product[2, x] = p * p
                    product[3, x] = q * q
                    product[4, x] = p * q
                for moment in range(MOMENTS):
                    for x in range(columns):
                        across[y, moment, x] = taps[0] * product[moment, x]
                    for i in range(1, len(taps)):
                        for x in range(columns):
                            across[y, moment, x] += taps[i] * product[moment, x + i]
            for y in range(rows):
                for moment in range(MOMENTS):
                    for x in range(columns):
                        both[moment, x] = taps[0] * across[y, moment, x]
                    for i in range(1, len(taps)):
                        for x in range(columns):
                            both[moment, x] += taps[i] * across[y + i, moment, x]
                for x in range(columns):
                    mean_a, mean_b = both[0, x], both[1, x]
                    product_ab, square = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
                    likeness = (two * product_ab + c1) * (two * (both[4, x] - product_ab) + c2)
                    spread = both[2, x] + both[3, x] - square
                    value = share * likeness / ((square + c1) * (spread + c2))
                    if channel == 0:
                        out[top + y, left + x] = value
                    else:
                        out[top + y, left + x] += value
        part = take(ticket)


def ssim_map(a: Tensor, b: Tensor, taps: Tensor) -> Tensor:
    """SSIM around each pixel, the channels' mean.

    Args:
        a, b: float32 [c, h + 2 halo, w + 2 halo], padded.
        taps: float32 [2 halo + 1], the window along one axis.

    Returns:
        float32 [h, w].
    """
    halo = len(taps) // 2
    out = torch.empty(a.shape[1] - 2 * halo, a.shape[2] - 2 * halo)
    arrays = (v.contiguous().numpy() for v in (a, b, taps, out))
    parts = -(-out.shape[0] // ROWS) * -(-out.shape[1] // COLUMNS)
    threads.share(_ssim, *arrays, parts=parts)
    return out
