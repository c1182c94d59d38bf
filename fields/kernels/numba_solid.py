"""`solid.bend`, compiled: planes of the lattice are shared out over the threads."""

import numpy as np
import torch
from torch import Tensor

from . import threads
from .numba_tools import kernel, take

PLANES = 6  # that a thread takes at a time, with one more on either side


@kernel
def _bend(ticket, f, weight, weighed, scale, out):
    """out = scale H^T weight H f, all [n, n, n]."""
    n = len(f)
    # Second derivatives along xx, yy, zz, xy, xz, yz; the mixed ones belong to cells.
    flux = np.zeros((6, PLANES + 2, n, n))
    parts = (n + PLANES - 1) // PLANES
    part = take(ticket)
    while part < parts:
        first = part * PLANES
        end = min(n, first + PLANES)
        for x in range(max(0, first - 1), min(n, end + 1)):
            p = x - first + 1
            for y in range(n):
                for z in range(n):
                    w = weight[x, y, z] if weighed else 1.0
                    here = 2 * f[x, y, z]
                    flux[0, p, y, z] = (
                        w * (f[x - 1, y, z] + f[x + 1, y, z] - here) if 0 < x < n - 1 else 0.0
                    )
                    flux[1, p, y, z] = (
                        w * (f[x, y - 1, z] + f[x, y + 1, z] - here) if 0 < y < n - 1 else 0.0
                    )
                    flux[2, p, y, z] = (
                        w * (f[x, y, z - 1] + f[x, y, z + 1] - here) if 0 < z < n - 1 else 0.0
                    )
                    w *= 2
                    flux[3, p, y, z] = (
                        w * (f[x + 1, y + 1, z] - f[x + 1, y, z] - f[x, y + 1, z] + f[x, y, z])
                        if x < n - 1 and y < n - 1
                        else 0.0
                    )
                    flux[4, p, y, z] = (
                        w * (f[x + 1, y, z + 1] - f[x + 1, y, z] - f[x, y, z + 1] + f[x, y, z])
                        if x < n - 1 and z < n - 1
                        else 0.0
                    )
                    flux[5, p, y, z] = (
                        w * (f[x, y + 1, z + 1] - f[x, y + 1, z] - f[x, y, z + 1] + f[x, y, z])
                        if y < n - 1 and z < n - 1
                        else 0.0
                    )
        for x in range(first, end):
            p = x - first + 1
            left, right = x > 0, x < n - 1
            for y in range(n):
                for z in range(n):
                    total = -2 * (flux[0, p, y, z] + flux[1, p, y, z] + flux[2, p, y, z])
                    total += flux[3, p, y, z] + flux[4, p, y, z] + flux[5, p, y, z]
                    if left:
                        total += flux[0, p - 1, y, z] - flux[3, p - 1, y, z] - flux[4, p - 1, y, z]
                    if right:
                        total += flux[0, p + 1, y, z]
                    if y > 0:
                        total += flux[1, p, y - 1, z] - flux[3, p, y - 1, z] - flux[5, p, y - 1, z]
                        if left:
                            total += flux[3, p - 1, y - 1, z]
                    if y < n - 1:
                        total += flux[1, p, y + 1, z]
                    if z > 0:
                        total += flux[2, p, y, z - 1] - flux[4, p, y, z - 1] - flux[5, p, y, z - 1]
                        if left:
                            total += flux[4, p - 1, y, z - 1]
                        if y > 0:
                            total += flux[5, p, y - 1, z - 1]
                    if z < n - 1:
                        total += flux[2, p, y, z + 1]
                    out[x, y, z] = scale * total
        part = take(ticket)


def bend(f: Tensor, weight: Tensor | None) -> Tensor:
    """As `solid.bend`."""
    n = len(f)
    out = torch.empty_like(f)
    w = f if weight is None else weight
    threads.share(
        _bend,
        f.numpy(),
        w.numpy(),
        weight is not None,
        ((n - 1) / 2) ** 4,
        out.numpy(),
        parts=-(-n // PLANES),
    )
    return out
