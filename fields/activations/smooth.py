"""The everyday activations: ReLU, tanh and SiLU."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from ..spec import knob
from .base import Activation, linear


@dataclass(frozen=True, kw_only=True)
class ReLU(Activation):
    """max(0, z), its weights from He's or Glorot's uniform distribution.

    He et al. 2015 (arXiv:1502.01852, eq. 10) keeps the spread of the units through depth; Glorot &
    Bengio 2010 (AISTATS, eq. 16), here with biases near 0, lets it shrink, and so bears a larger
    learning rate.
    """

    init: Literal["he", "glorot"] = knob("he", "how the weights are drawn")

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        if self.init == "he":
            made = linear(in_dim, width, rng, bound=(6 / in_dim) ** 0.5)
        else:
            made = linear(in_dim, width, rng, bound=(6 / (in_dim + width)) ** 0.5, bias=0.01)
        return nn.Sequential(made, nn.ReLU())


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
