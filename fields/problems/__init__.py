"""Differential equations. To add one: write it in `catalogue.py`, then list it here."""

from collections.abc import Callable

from .catalogue import growth, heat, helmholtz, poisson, poisson_boltzmann, two_scales, wave
from .problem import Condition, Problem

PROBLEMS: dict[str, Callable[[], Problem]] = {
    made.__name__: made
    for made in (poisson, two_scales, poisson_boltzmann, helmholtz, growth, heat, wave)
}

__all__ = [
    "PROBLEMS",
    "Condition",
    "Problem",
    "growth",
    "heat",
    "helmholtz",
    "poisson",
    "poisson_boltzmann",
    "two_scales",
    "wave",
]
