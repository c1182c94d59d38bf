"""The problems of the frequency principle's papers, each with its exact solution."""

import math
from math import pi

import torch
from torch import Tensor

from .problem import Condition, Problem, ends, zero


def poisson(waves: int = 6) -> Problem:
    """-u'' = f on [-1, 1] with u = sin(waves pi x): MscaleDNN's own example of Ritz's form."""
    turn = waves * pi
    _at_least("waves", waves, 1)

    def solution(x: Tensor) -> Tensor:
        return torch.sin(turn * x[:, 0])

    return Problem(
        "poisson", (-1.0,), (1.0,), 0.0, (0.0,), (-1.0,),
        lambda x: turn**2 * solution(x), ends("boundary", solution), solution, float(waves),
    )  # fmt: skip


def two_scales(low: int = 2, high: int = 50) -> Problem:
    """u'' = f on [0, 1] with u = sin(low pi x) + 0.1 sin(high pi x).

    Wang, Wang & Perdikaris 2021 [arXiv:2012.10047, sec. 4.1].
    """
    _at_least("low", low, 1)
    _at_least("high", high, low)

    def solution(x: Tensor) -> Tensor:
        return torch.sin(low * pi * x[:, 0]) + 0.1 * torch.sin(high * pi * x[:, 0])

    def source(x: Tensor) -> Tensor:
        slow, fast = (n * pi * x[:, 0] for n in (low, high))
        return -((low * pi) ** 2) * torch.sin(slow) - 0.1 * (high * pi) ** 2 * torch.sin(fast)

    return Problem(
        "two_scales", (0.0,), (1.0,), 0.0, (0.0,), (1.0,),
        source, ends("boundary", solution), solution, high / 2,
    )  # fmt: skip


def poisson_boltzmann(screening: float = 20.0, turn: float = 50.0) -> Problem:
    """-u'' + screening^2 u = f on [-1, 1], whose solution has waves of wave number `turn`.

    Liu, Cai & Xu 2020 [arXiv:2007.11207, sec. 4.2].
    """
    _at_least("screening", screening, 1e-3)
    _at_least("turn", turn, 1e-3)
    decay = math.sin(turn) / math.sinh(screening)

    def solution(x: Tensor) -> Tensor:
        return -decay * torch.sinh(screening * x[:, 0]) + torch.sin(turn * x[:, 0])

    def source(x: Tensor) -> Tensor:
        return (screening**2 + turn**2) * torch.sin(turn * x[:, 0])

    return Problem(
        "poisson_boltzmann", (-1.0,), (1.0,), screening**2, (0.0,), (-1.0,),
        source, ends("boundary", solution), solution, turn / pi,
    )  # fmt: skip


def helmholtz(wave_number: float = 205.0, turn: float = 3.0) -> Problem:
    """v'' / k^2 + v = sin(turn x) on [-1, 1], v = 0 at the ends; u = v / k^2 solves u'' + k^2 u.

    Cai, Li & Liu 2020 [arXiv:1909.11759, sec. 4.2].
    """
    k, m = wave_number, turn
    _at_least("wave_number", k, 1e-3)
    if abs(math.sin(k)) < 1e-6 or abs(k - m) < 1e-6:
        raise ValueError(f"wave_number {k:g} is resonant: the problem has no one solution.")

    def solution(x: Tensor) -> Tensor:
        waves = torch.sin(m * x[:, 0]) - math.sin(m) / math.sin(k) * torch.sin(k * x[:, 0])
        return k**2 / (k**2 - m**2) * waves

    return Problem(
        "helmholtz", (-1.0,), (1.0,), 1.0, (0.0,), (1 / k**2,),
        lambda x: torch.sin(m * x[:, 0]), ends("boundary", zero), solution, max(k, m) / pi,
    )  # fmt: skip


def growth() -> Problem:
    """u' - u = x on [-1, 1] with u(-1) given; u = e^x - x - 1, as in Wang & Lai's code."""

    def solution(x: Tensor) -> Tensor:
        return torch.exp(x[:, 0]) - x[:, 0] - 1

    return Problem(
        "growth", (-1.0,), (1.0,), -1.0, (1.0,), (0.0,),
        lambda x: x[:, 0], (Condition("start", 0, False, solution),), solution, 1.0,
    )  # fmt: skip


def heat(waves: int = 500) -> Problem:
    """u_t = u_xx / (waves pi)^2 on x in [0, 1], t in [0, 1]; u = e^-t sin(waves pi x).

    Wang, Wang & Perdikaris 2021 [arXiv:2012.10047, sec. 4.2].
    """
    _at_least("waves", waves, 1)

    def solution(x: Tensor) -> Tensor:
        return torch.exp(-x[:, 1]) * torch.sin(waves * pi * x[:, 0])

    return Problem(
        "heat", (0.0, 0.0), (1.0, 1.0), 0.0, (0.0, 1.0), (-1 / (waves * pi) ** 2, 0.0), zero,
        (*ends("boundary", solution), Condition("start", 1, False, solution)), solution, waves / 2,
    )  # fmt: skip


def wave(speed: float = 10.0) -> Problem:
    """u_tt = speed^2 u_xx on x in [0, 1], t in [0, 1], at rest at first.

    u = sin(pi x) cos(c pi t) + sin(2 pi x) cos(2 c pi t), c = speed [Wang, Wang & Perdikaris 2021,
    arXiv:2012.10047, sec. 4.3].
    """
    _at_least("speed", speed, 1e-3)

    def solution(x: Tensor) -> Tensor:
        modes = (
            torch.sin(n * pi * x[:, 0]) * torch.cos(n * speed * pi * x[:, 1]) for n in (1, 2)
        )
        return sum(modes, torch.zeros_like(x[:, 0]))

    start = (
        Condition("start", 1, False, solution),
        Condition("rest", 1, False, zero, slope=True),
    )
    return Problem(
        "wave", (0.0, 0.0), (1.0, 1.0), 0.0, (0.0, 0.0), (-(speed**2), 1.0), zero,
        (*ends("boundary", zero), *start), solution, max(1.0, speed),
    )  # fmt: skip


def _at_least(name: str, value: float, least: float) -> None:
    if not math.isfinite(value) or value < least:
        raise ValueError(f"{name} must be at least {least:g}, got {value!r}.")
