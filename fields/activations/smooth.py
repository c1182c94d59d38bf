"""The everyday activations: ReLU, tanh and SiLU."""

from dataclasses import dataclass

import torch
from torch import nn

from ..spec import knob
from .base import Activation, linear


@dataclass(frozen=True, kw_only=True)
class ReLU(Activation):
    """max(0, z), weights from He's uniform distribution [arXiv:1502.01852, eq. 10]."""

    bias: bool = knob(True, "whether biases start away from zero")

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        bias = None if self.bias else 0.0
        bound = (6 / in_dim) ** 0.5
        return nn.Sequential(linear(in_dim, width, rng, bound=bound, bias=bias), nn.ReLU())


@dataclass(frozen=True, kw_only=True)
class SiLU(Activation):
    """z sigmoid(z), initialised as for ReLU."""

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        return nn.Sequential(linear(in_dim, width, rng, bound=(6 / in_dim) ** 0.5), nn.SiLU())


@dataclass(frozen=True, kw_only=True)
class Tanh(Activation):
    """tanh(z), weights from Glorot's uniform distribution [AISTATS 2010, eq. 16] times `gain`."""

    gain: float = knob(1.0, "factor on the initial weights: larger learns high frequencies sooner",
                       low=0.01, high=100)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        bound = self.gain * (6 / (in_dim + width)) ** 0.5
        return nn.Sequential(linear(in_dim, width, rng, bound=bound), nn.Tanh())
