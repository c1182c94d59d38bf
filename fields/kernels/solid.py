"""The bending of a function on a lattice in space: sum of its squared second derivatives."""

import torch
from torch import Tensor

PAIRS = ((0, 1), (0, 2), (1, 2))


def _second(f: Tensor, axis: int) -> Tensor:
    n = f.shape[axis]
    return f.narrow(axis, 0, n - 2) + f.narrow(axis, 2, n - 2) - 2 * f.narrow(axis, 1, n - 2)


def _mixed(f: Tensor, a: int, b: int) -> Tensor:
    return f.diff(dim=a).diff(dim=b)


def bent(f: Tensor) -> Tensor:
    """|H f|^2 at each lattice point, H the matrix of second derivatives."""
    size = len(f)
    scale = ((size - 1) / 2) ** 4
    found = torch.zeros_like(f)
    for axis in range(3):
        found.narrow(axis, 1, size - 2).add_(_second(f, axis).square())
    for a, b in PAIRS:
        found.narrow(a, 0, size - 1).narrow(b, 0, size - 1).add_(2 * _mixed(f, a, b).square())
    return found.mul_(scale)


def bend(f: Tensor, weight: Tensor | None) -> Tensor:
    """The gradient of half the sum of weight |H f|^2: H^T weight H f."""
    size = len(f)
    out = torch.zeros_like(f)
    for axis in range(3):
        g = _second(f, axis)
        if weight is not None:
            g = g * weight.narrow(axis, 1, size - 2)
        out.narrow(axis, 0, size - 2).add_(g)
        out.narrow(axis, 2, size - 2).add_(g)
        out.narrow(axis, 1, size - 2).sub_(g, alpha=2)
    for a, b in PAIRS:
        g = 2 * _mixed(f, a, b)
        if weight is not None:
            g = g * weight.narrow(a, 0, size - 1).narrow(b, 0, size - 1)
        for i in (0, 1):
            for j in (0, 1):
                part = out.narrow(a, i, size - 1).narrow(b, j, size - 1)
                part.add_(g, alpha=1 if i == j else -1)
    return out.mul_(((size - 1) / 2) ** 4)
