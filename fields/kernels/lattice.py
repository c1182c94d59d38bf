"""Uniform cubic B-splines on one lattice: interpolation, and evaluation at a grid of positions.

A spline's value at position t, in lattice units, is sum_j c_j B(t - j), with the cubic B-spline B.
Beyond its ends a lattice is mirrored at its first and last coefficient, neither of them repeated.
M. Unser 1999, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing
Magazine 16(6); the filters are those of Unser, Aldroubi & Eden 1993, "B-spline signal processing",
IEEE Trans. Signal Processing 41(2).
"""

import math

import torch
from torch import Tensor

from . import backends

POLE = math.sqrt(3) - 2  # of the filter that leads from samples to coefficients
REACH = 30  # POLE**30 is below what float64 resolves


def taps(position: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The four coefficients that a spline's value at each position depends on, and their weights.

    Differentiable any number of times in `position`; any position is safe, finite or not.

    Args:
        position: float64 [n], in lattice units.
        size: coefficients of the lattice.

    Returns:
        int64 [n, 4], each in [0, size), and float64 [n, 4].
    """
    cell = position.detach().floor()
    w = position - cell
    v = 1 - w
    weight = torch.stack(
        [v**3 / 6, 2 / 3 - w * w * (1 - w / 2), 2 / 3 - v * v * (1 - v / 2), w**3 / 6], dim=-1
    )
    period = max(1, 2 * size - 2)
    cell = (cell - period * (cell / period).floor()).nan_to_num(0, 0, 0).clamp(0, period)
    near = cell.long()[:, None] + torch.arange(-1, 3, device=cell.device)
    return mirrored(near, size), weight


def mirrored(index: Tensor, size: int) -> Tensor:
    """The coefficient that stands for any index, int64: [0, 1, 2, 1, 0, 1, ...] for a size of 3."""
    reach = size - 1
    return reach - (reach - index % max(1, 2 * reach)).abs()


def coefficients(values: Tensor, *, backend: str = "auto") -> Tensor:
    """The coefficients of the spline that takes given values at the points of its lattice.

    Args:
        values: float32 [h, w, c].

    Returns:
        float32 [h, w, c].
    """
    if _on(backend, values) == "numba":
        from . import numba_lattice

        return numba_lattice.coefficients(values)
    return _inverse(_inverse(values.double(), 1), 0).to(values.dtype)


def _inverse(values: Tensor, axis: int) -> Tensor:
    """The filter 6 / (z + 4 + 1/z) along one axis: -6 p / (1 - p^2) p^|k| with its pole p."""
    size = values.shape[axis]
    total = torch.zeros_like(values)
    places = torch.arange(size, device=values.device)
    for k in range(-REACH, REACH + 1):
        tap = -6 * POLE / (1 - POLE**2) * POLE ** abs(k)
        total += tap * values.index_select(axis, mirrored(places + k, size))
    return total


def samples(coefficients: Tensor, *, backend: str = "auto") -> Tensor:
    """The spline's values at the points of its lattice, which undoes `coefficients`.

    Args:
        coefficients: float32 [h, w, c].

    Returns:
        float32 [h, w, c].
    """
    ys, xs = (torch.arange(n, device=coefficients.device) for n in coefficients.shape[:2])
    return resample(coefficients, ys, xs, backend=backend)


def resample(coefficients: Tensor, ys: Tensor, xs: Tensor, *, backend: str = "auto") -> Tensor:
    """The spline's values at a rectangular grid of positions.

    Args:
        coefficients: float32 [h, w, c].
        ys: rows' positions [n], in lattice units: 0 is the first coefficient, 1 the second.
        xs: columns' positions [m], likewise.

    Returns:
        float32 [n, m, c].
    """
    h, w, _ = coefficients.shape
    y, x = taps(ys.double(), h), taps(xs.double(), w)
    if _on(backend, coefficients) == "numba":
        from . import numba_lattice

        return numba_lattice.resample(coefficients, y, x)
    return _weighted(_weighted(coefficients, 0, *y), 1, *x)


def _weighted(values: Tensor, axis: int, index: Tensor, weight: Tensor) -> Tensor:
    """Sums of four entries along an axis each, [n, 4] of them."""
    shape = [1] * values.ndim
    shape[axis] = -1
    parts = zip(index.T, weight.to(values.dtype).T, strict=True)
    return torch.stack([w.view(shape) * values.index_select(axis, i) for i, w in parts]).sum(0)


def _on(backend: str, values: Tensor) -> str:
    """The backend to use; numba's kernels take float32 alone.

    Raises:
        ValueError: the values are no picture.
    """
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"a lattice must be [h, w, c] and not empty, got {list(values.shape)}.")
    if values.dtype != torch.float32:
        return "torch"
    return backends.choose(backend, values.device)[0]
