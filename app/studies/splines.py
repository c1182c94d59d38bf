"""The two curves that a wide ReLU network tends to: a natural cubic spline, and straight lines."""

import torch
from torch import Tensor


def natural_cubic(x: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """The natural cubic spline through the points (x, y), at `at` within them.

    Its second derivatives M solve h_i M_i + 2 (h_i + h_i+1) M_i+1 + h_i+1 M_i+2 = 6 (slope_i+1 -
    slope_i), and are 0 at both ends.

    Args:
        x, y: float64 [n], x ascending, n at least 2.
        at: float64 [m].
    """
    h, slope = x.diff(), y.diff() / x.diff()
    second = torch.zeros_like(y)
    second[1:-1] = _tridiagonal(h[1:-1], 2 * (h[:-1] + h[1:]), 6 * slope.diff())
    i = (torch.searchsorted(x, at, right=True) - 1).clamp(0, len(x) - 2)
    left, right = (x[i + 1] - at) / h[i], (at - x[i]) / h[i]
    bend = (left**3 - left) * second[i] + (right**3 - right) * second[i + 1]
    return left * y[i] + right * y[i + 1] + bend * h[i] ** 2 / 6


def _tridiagonal(beside: Tensor, middle: Tensor, right: Tensor) -> Tensor:
    """The solution of a symmetric tridiagonal system by elimination, without pivots.

    Args:
        beside: float64 [n - 1], the diagonals above and below the middle one, [n].
    """
    d, r = middle.clone(), right.clone()
    for i in range(1, len(d)):
        factor = beside[i - 1] / d[i - 1]
        d[i] -= factor * beside[i - 1]
        r[i] -= factor * r[i - 1]
    for i in range(len(d) - 1, -1, -1):
        r[i] = (r[i] - (beside[i] * r[i + 1] if i + 1 < len(d) else 0)) / d[i]
    return r


def piecewise_linear(x: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """Straight lines from point to point, at `at` within them."""
    i = (torch.searchsorted(x, at, right=True) - 1).clamp(0, len(x) - 2)
    return y[i] + (y[i + 1] - y[i]) * (at - x[i]) / (x[i + 1] - x[i])


def interpolant(kernel: Tensor, across: Tensor, y: Tensor) -> Tensor:
    """The curve of least norm through y that a kernel gives, a constant being free.

    Args:
        kernel: float64 [n, n] between the data.
        across: float64 [m, n] from the points that are wanted to the data.
    """
    n = len(y)
    system = torch.ones(n + 1, n + 1, dtype=torch.float64)
    system[:n, :n], system[n, n] = kernel, 0
    found = torch.linalg.solve(system, torch.cat([y, y.new_zeros(1)]))
    return across @ found[:n] + found[n]
