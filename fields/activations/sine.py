"""Sine activations: SIREN, and FINER's sine of variable period."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..spec import knob
from .base import Activation, Nonlinearity, glorot, linear


class Wave(Nonlinearity):
    """sin(omega z)."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(self.omega * z)

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        phase = self.omega * z
        wave = torch.sin(phase)
        yield wave
        yield self.omega * torch.cos(phase)
        yield -(self.omega**2) * wave


class Chirp(Nonlinearity):
    """sin(omega (|z| + 1) z)."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        # Differentiated whole. The authors' code holds |z| + 1 constant, but then the gradient is
        # not that of the field, and normals and eikonal losses come out wrong.
        return torch.sin(self.omega * (z * (z.abs() + 1)))

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        phase = self.omega * (z * (z.abs() + 1))
        pace = self.omega * (2 * z.abs() + 1)  # the phase's derivative
        wave, turned = torch.sin(phase), torch.cos(phase)
        yield wave
        yield pace * turned
        yield 2 * self.omega * z.sign() * turned - pace * pace * wave


@dataclass(frozen=True, kw_only=True)
class Sine(Activation):
    """sin(omega (W x + b)): SIREN [Sitzmann et al. 2020, arXiv:2006.09661, sec. 3.2].

    First layer W ~ U(+-1/n), later layers and the head W ~ U(+-sqrt(6/n)/omega). Or Glorot's normal
    distribution, the first layer's biases from U(-1, 1), others 0: with frequencies of 1 the plain
    sine of multi-scale networks.
    """

    first_omega: float = knob(30.0, "frequency of the first layer", low=0.1, high=1000)
    omega: float = knob(30.0, "frequency of the later layers", low=0.1, high=1000)
    init: Literal["siren", "glorot"] = knob("siren", "how the weights are drawn")

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Wave(self.first_omega if first else self.omega)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        if self.init == "glorot":
            made = glorot(in_dim, width, rng, bias=float(first))
        else:
            bound = 1 / in_dim if first else (6 / in_dim) ** 0.5 / self.omega
            made = linear(in_dim, width, rng, bound=bound)
        return nn.Sequential(made, self.nonlinearity(first=first))

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        if self.init == "glorot":
            return glorot(in_dim, out_dim, rng)
        return linear(in_dim, out_dim, rng, bound=(6 / in_dim) ** 0.5 / self.omega)


@dataclass(frozen=True, kw_only=True)
class Finer(Activation):
    """sin(omega (|z| + 1) z) with z = W x + b: FINER [Liu et al. 2024, arXiv:2312.02434, eq. 4].

    Weights as SIREN's; the first layer's biases are drawn from U(+-first_bias), which decides how
    far into the faster part of the chirp the units reach.
    """

    first_omega: float = knob(30.0, "frequency of the first layer", low=0.1, high=1000)
    omega: float = knob(30.0, "frequency of the later layers", low=0.1, high=1000)
    first_bias: float = knob(1.0, "range of the first layer's biases", low=0, high=100)

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Chirp(self.first_omega if first else self.omega)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        bound = 1 / in_dim if first else (6 / in_dim) ** 0.5 / self.omega
        bias = self.first_bias if first else None
        made = linear(in_dim, width, rng, bound=bound, bias=bias)
        return nn.Sequential(made, self.nonlinearity(first=first))

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return linear(in_dim, out_dim, rng, bound=(6 / in_dim) ** 0.5 / self.omega)
