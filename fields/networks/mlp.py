"""The multilayer perceptron."""

from dataclasses import dataclass

import torch
from torch import nn

from ..activations import Activation, ReLU
from ..spec import knob
from .base import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class MLP(NetworkSpec):
    """`depth` hidden layers of `width` units, then a linear head; `depth=0` is linear."""

    width: int = knob(64, "units per hidden layer", low=1, high=8192)
    depth: int = knob(2, "hidden layers", low=0, high=64)
    activation: Activation = ReLU()

    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        sizes = [in_dim] + [self.width] * self.depth
        hidden = [
            self.activation.layer(size, self.width, rng, first=i == 0)
            for i, size in enumerate(sizes[: self.depth])
        ]
        head = self.activation if self.depth else ReLU()  # a head alone has no hidden units to suit
        return nn.Sequential(*hidden, head.head(sizes[-1], out_dim, rng))
