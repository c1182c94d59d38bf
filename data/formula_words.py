"""The words of a formula: constants and functions of tensors, all of them differentiable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CONSTANTS = {"pi": math.pi, "e": math.e}
LAZY = "where"  # `formula` computes each of its branches only where that counts


def _sawtooth(x: Tensor) -> Tensor:
    """From -1 up to 1 in each period of 2 pi."""
    return 2 * _turns(x) - 1


def _triangle(x: Tensor) -> Tensor:
    """A sine made of straight lines."""
    return 1 - 4 * (_turns(x + math.pi / 2) - 0.5).abs()


def _square(x: Tensor) -> Tensor:
    """1 in the first half of each period of 2 pi, -1 in the second."""
    return 1 - 2 * (_turns(x) >= 0.5).to(x.dtype)


def _gauss(x: Tensor) -> Tensor:
    """exp(-x^2 / 2), the bell curve of deviation 1."""
    return (-x * x / 2).exp()


def _sinc(x: Tensor) -> Tensor:
    """sin(x) / x, and 1 at 0."""
    return (x / math.pi).sinc()


def _step(x: Tensor) -> Tensor:
    """0 below 0, from there on 1."""
    return (x >= 0).to(x.dtype)


def _turns(x: Tensor) -> Tensor:
    """The share of a period of 2 pi that has passed, in [0, 1)."""
    return (x / (2 * math.pi)).remainder(1)


# Each takes float64 tensors and gives one; the number is how many it takes.
FUNCTIONS: dict[str, tuple[int, Callable[..., Tensor]]] = {
    "sin": (1, lambda x: x.sin()),
    "cos": (1, lambda x: x.cos()),
    "tan": (1, lambda x: x.tan()),
    "asin": (1, lambda x: x.asin()),
    "acos": (1, lambda x: x.acos()),
    "atan": (1, lambda x: x.atan()),
    "sinh": (1, lambda x: x.sinh()),
    "cosh": (1, lambda x: x.cosh()),
    "tanh": (1, lambda x: x.tanh()),
    "exp": (1, lambda x: x.exp()),
    "log": (1, lambda x: x.log()),
    "sqrt": (1, lambda x: x.sqrt()),
    "abs": (1, lambda x: x.abs()),
    "sign": (1, lambda x: x.sign()),
    "floor": (1, lambda x: x.floor()),
    "ceil": (1, lambda x: x.ceil()),
    "round": (1, lambda x: x.round()),
    "minimum": (2, lambda a, b: a.minimum(b)),
    "maximum": (2, lambda a, b: a.maximum(b)),
    "square": (1, _square),
    "sawtooth": (1, _sawtooth),
    "triangle": (1, _triangle),
    "gauss": (1, _gauss),
    "sinc": (1, _sinc),
    "step": (1, _step),
}

ALLOWED = ", ".join(["x", *CONSTANTS, LAZY, *FUNCTIONS])

# What other languages call the same.
_SYNONYMS = {
    "ln": "log",
    "min": "minimum",
    "max": "maximum",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "heaviside": "step",
}
FUNCTIONS.update({other: FUNCTIONS[name] for other, name in _SYNONYMS.items()})
