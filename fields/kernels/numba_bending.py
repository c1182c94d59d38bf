"""The energy of a bent sheet on the CPU, weighed pixel by pixel along and across the edges."""

import numpy as np

from . import threads
from .numba_tools import kernel, take

ROWS = 32  # of a picture that a thread takes at a time
FLUXES = 5  # along xx, yy and xy of the bending, along x and y of the slope


@kernel
def _apply(ticket, values, across_x, across_y, give, slope, out):
    """out = half the gradient of the energy in `values`, both [c, h, w]."""
    channels, high, wide = values.shape
    flux = np.zeros((FLUXES, ROWS + 2, wide + 2), np.float32)
    zero, two, quarter = np.float32(0), np.float32(2), np.float32(0.25)
    bands = (high + ROWS - 1) // ROWS
    parts = channels * bands
    part = take(ticket)
    while part < parts:
        channel, top = part // bands, part % bands * ROWS
        rows = min(ROWS, high - top)
        u = values[channel]
        for i in range(rows + 2):
            y = top + i - 1
            if y < 0 or y >= high:
                continue
            up, down = max(y - 1, 0), min(y + 1, high - 1)
            last = y == high - 1
            for x in range(wide):
                left, right = max(x - 1, 0), min(x + 1, wide - 1)
                here = u[y, x]
                xx = u[y, right] - two * here + u[y, left]
                yy = u[down, x] - two * here + u[up, x]
                xy = (u[down, right] - u[down, left] - u[up, right] + u[up, left]) * quarter
                nx, ny, g = across_x[y, x], across_y[y, x], give[y, x]
                nx2, ny2, nxy = nx * nx, ny * ny, nx * ny
                nn = g * g * (nx2 * xx + two * nxy * xy + ny2 * yy)
                tt = ny2 * xx - two * nxy * xy + nx2 * yy
                nt = two * g * (nxy * (yy - xx) + (nx2 - ny2) * xy)
                flux[0, i, x + 1] = nx2 * nn - nxy * nt + ny2 * tt
                flux[1, i, x + 1] = ny2 * nn + nxy * nt + nx2 * tt
                flux[2, i, x + 1] = two * nxy * (nn - tt) + (nx2 - ny2) * nt
                dx = u[y, right] - here
                dy = zero if last else u[y + 1, x] - here
                n, t = slope * g * (nx * dx + ny * dy), slope * (nx * dy - ny * dx)
                flux[3, i, x + 1] = nx * n - ny * t
                flux[4, i, x + 1] = zero if last else ny * n + nx * t
            flux[3, i, wide] = zero
            # The operators' transposes mirror at the borders, xy's with the sign turned.
            for f in range(2):
                flux[f, i, 0], flux[f, i, wide + 1] = flux[f, i, 1], flux[f, i, wide]
            flux[2, i, 0], flux[2, i, wide + 1] = -flux[2, i, 1], -flux[2, i, wide]
            flux[3, i, 0] = zero
        if top == 0:
            for x in range(wide + 2):
                flux[0, 0, x], flux[1, 0, x] = flux[0, 1, x], flux[1, 1, x]
                flux[2, 0, x], flux[4, 0, x] = -flux[2, 1, x], zero
        if top + rows == high:
            for x in range(wide + 2):
                flux[0, rows + 1, x] = flux[0, rows, x]
                flux[1, rows + 1, x] = flux[1, rows, x]
                flux[2, rows + 1, x] = -flux[2, rows, x]
        for i in range(1, rows + 1):
            for x in range(1, wide + 1):
                xx = flux[0, i, x + 1] - two * flux[0, i, x] + flux[0, i, x - 1]
                yy = flux[1, i + 1, x] - two * flux[1, i, x] + flux[1, i - 1, x]
                xy = (
                    flux[2, i + 1, x + 1]
                    - flux[2, i + 1, x - 1]
                    - flux[2, i - 1, x + 1]
                    + flux[2, i - 1, x - 1]
                ) * quarter
                dx = flux[3, i, x - 1] - flux[3, i, x]
                dy = flux[4, i - 1, x] - flux[4, i, x]
                out[channel, top + i - 1, x - 1] = xx + yy + xy + dx + dy
        part = take(ticket)


def apply(
    values: np.ndarray, across: np.ndarray, give: np.ndarray, slope: float
) -> np.ndarray:
    """Half the gradient of the energy that `fields.restore.bending` describes.

    Args:
        values: float32 [c, h, w].
        across: float32 [2, h, w], the unit vector (x, y) across the edge.
        give: float32 [h, w], how far the sheet gives way there, 0 to 1.

    Returns:
        float32 [c, h, w].
    """
    out = np.empty_like(values)
    bands = -(-values.shape[1] // ROWS)
    threads.share(
        _apply, values, across[0], across[1], give, np.float32(slope), out,
        parts=len(values) * bands,
    )  # fmt: skip
    return out
