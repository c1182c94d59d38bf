"""The chain rule, forwards: derivatives along one direction, carried through maps with the values.

A pass costs as much as an evaluation for each order, is differentiable in all that goes in, and
keeps no graph of its own: the derivatives of a network in its input come without backpropagation
[forward accumulation; Griewank & Walther 2008, Evaluating Derivatives, ch. 13].
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn

Orders = tuple[Tensor, ...]  # values, their first derivatives and, in three, the second; one shape


class Carrier(ABC):
    """A map that carries derivatives along."""

    @abstractmethod
    def carry(self, h: Orders) -> Orders:
        """Its values at h[0], and their derivatives along the direction of those of h."""


def carry(module: nn.Module, h: Orders) -> Orders:
    """A module's values and derivatives: of a carrier, a linear layer, or several in sequence."""
    if isinstance(module, Carrier):
        return module.carry(h)
    if isinstance(module, nn.Linear):
        return affine(h, module.weight, module.bias)
    assert isinstance(module, nn.Sequential), f"{type(module).__name__} carries no derivatives"
    for part in module:
        h = carry(part, h)
    return h


def affine(h: Orders, weight: Tensor, bias: Tensor | None) -> Orders:
    """h W^T + b, of which derivatives see W alone."""
    value, *rest = h
    return nn.functional.linear(value, weight, bias), *(
        nn.functional.linear(part, weight) for part in rest
    )


def compose(outer: Iterator[Tensor], h: Orders) -> Orders:
    """f(h) for an entrywise f, given as f, f', f'' at h[0]: f' h' and f' h'' + f'' h'^2."""
    value, slope = next(outer), next(outer)
    first = slope * h[1]
    if len(h) == 2:
        return value, first
    return value, first, slope * h[2] + next(outer) * h[1] * h[1]


def product(a: Orders, b: Orders) -> Orders:
    """a b, entry by entry: a' b + a b' and a'' b + 2 a' b' + a b''."""
    value, first = a[0] * b[0], a[1] * b[0] + a[0] * b[1]
    if len(a) == 2:
        return value, first
    return value, first, a[2] * b[0] + 2 * a[1] * b[1] + a[0] * b[2]


def total(a: Orders, b: Orders) -> Orders:
    """a + b."""
    return tuple(one + other for one, other in zip(a, b, strict=True))


def scaled(factor: Tensor | float, h: Orders) -> Orders:
    """A constant times h."""
    return tuple(factor * part for part in h)


def exponential(z: Tensor) -> Iterator[Tensor]:
    """exp and its derivatives, for `compose`."""
    grown = torch.exp(z)
    while True:
        yield grown


def cosine(z: Tensor) -> Iterator[Tensor]:
    """cos and its derivatives, for `compose`."""
    wave = torch.cos(z)
    yield wave
    yield -torch.sin(z)
    yield -wave


def sine(z: Tensor) -> Iterator[Tensor]:
    """sin and its derivatives, for `compose`."""
    wave = torch.sin(z)
    yield wave
    yield torch.cos(z)
    yield -wave


def logistic(z: Tensor) -> Iterator[Tensor]:
    """1 / (1 + exp(-z)) and its derivatives, for `compose`."""
    s = torch.sigmoid(z)
    yield s
    slope = s * (1 - s)
    yield slope
    yield slope * (1 - 2 * s)
