"""Sine activations: SIREN, and FINER's sine of variable period."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..spec import knob
from .base import Activation, linear


class Wave(nn.Module):
    """sin(omega z), or with `variable`, sin(omega (|z| + 1) z)."""

    def __init__(self, omega: float, *, variable: bool = False) -> None:
        super().__init__()
        self.omega, self.variable = omega, variable

    def forward(self, z: Tensor) -> Tensor:
        if self.variable:
            # Differentiated whole. The authors' code holds |z| + 1 constant, but then the gradient
            # is not that of the field, and normals and eikonal losses come out wrong.
            z = z * (z.abs() + 1)
        return torch.sin(self.omega * z)


@dataclass(frozen=True, kw_only=True)
class Sine(Activation):
    """sin(omega (W x + b)): SIREN [Sitzmann et al. 2020, arXiv:2006.09661, sec. 3.2].

    First layer W ~ U(+-1/n), later layers and the head W ~ U(+-sqrt(6/n)/omega).
    """

    first_omega: float = knob(30.0, "frequency of the first layer", low=0.1, high=1000)
    omega: float = knob(30.0, "frequency of the later layers", low=0.1, high=1000)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        omega = self.first_omega if first else self.omega
        bound = 1 / in_dim if first else (6 / in_dim) ** 0.5 / omega
        return nn.Sequential(linear(in_dim, width, rng, bound=bound), Wave(omega))

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
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

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        omega = self.first_omega if first else self.omega
        bound = 1 / in_dim if first else (6 / in_dim) ** 0.5 / omega
        bias = self.first_bias if first else None
        made = linear(in_dim, width, rng, bound=bound, bias=bias)
        return nn.Sequential(made, Wave(omega, variable=True))

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return linear(in_dim, out_dim, rng, bound=(6 / in_dim) ** 0.5 / self.omega)
