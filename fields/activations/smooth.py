"""The everyday activations: ReLU, tanh and SiLU."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..spec import knob
from .base import Activation, Nonlinearity, glorot, linear


class Ramp(Nonlinearity):
    """max(0, z)."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.relu(z)

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        yield torch.relu(z)
        yield (z > 0).to(z.dtype)
        yield torch.zeros_like(z)


@dataclass(frozen=True, kw_only=True)
class ReLU(Activation):
    """max(0, z), its weights from He's or Glorot's uniform distribution.

    He et al. 2015 (arXiv:1502.01852, eq. 10) keeps the spread of the units through depth; Glorot &
    Bengio 2010 (AISTATS, eq. 16), here with biases near 0, lets it shrink, and so bears a larger
    learning rate.
    """

    init: Literal["he", "glorot"] = knob("he", "how the weights are drawn")

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Ramp()

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        if self.init == "he":
            made = linear(in_dim, width, rng, bound=(6 / in_dim) ** 0.5)
        else:
            made = linear(in_dim, width, rng, bound=(6 / (in_dim + width)) ** 0.5, bias=0.01)
        return nn.Sequential(made, Ramp())


class Swish(Nonlinearity):
    """z s(z), with the logistic function s."""

    def forward(self, z: Tensor) -> Tensor:
        return nn.functional.silu(z)

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        s = torch.sigmoid(z)
        yield z * s
        yield s * (1 + z * (1 - s))
        yield s * (1 - s) * (2 + z * (1 - 2 * s))


@dataclass(frozen=True, kw_only=True)
class SiLU(Activation):
    """z sigmoid(z), initialised as for ReLU."""

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Swish()

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        return nn.Sequential(linear(in_dim, width, rng, bound=(6 / in_dim) ** 0.5), Swish())


class Squash(Nonlinearity):
    """tanh(z)."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(z)

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        t = torch.tanh(z)
        yield t
        slope = 1 - t * t
        yield slope
        yield -2 * t * slope


@dataclass(frozen=True, kw_only=True)
class Tanh(Activation):
    """tanh(z), its weights from Glorot's uniform or normal distribution [AISTATS 2010].

    With the normal one the first layer's biases are from U(-1, 1), others 0: trained slopes gain
    more from it, and it is what the papers on multi-stage and phase-shifted networks start from.
    """

    init: Literal["uniform", "normal"] = knob("uniform", "how the weights are drawn")

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Squash()

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        if self.init == "normal":
            return nn.Sequential(glorot(in_dim, width, rng, bias=float(first)), Squash())
        bound = (6 / (in_dim + width)) ** 0.5
        return nn.Sequential(linear(in_dim, width, rng, bound=bound), Squash())

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        if self.init == "normal":
            return glorot(in_dim, out_dim, rng)
        return linear(in_dim, out_dim, rng, bound=in_dim**-0.5)
