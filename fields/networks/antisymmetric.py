"""Two networks that cancel each other at the start."""

from copy import deepcopy

import torch
from torch import Tensor

from ..chain import Orders, total
from .adaptive import Adaptive
from .base import Network
from .perceptron import Perceptron


class Antisymmetric(Network):
    """The sum of a network and of a copy with a negated head: 0 everywhere until it is trained.

    Antisymmetrical initialisation [Zhang, Xu, Luo & Ma 2020, arXiv:1905.07777], without its factor
    of sqrt(1/2). Both are trained.
    """

    def __init__(self, network: Perceptron | Adaptive) -> None:
        super().__init__()
        self.one, self.other = network, deepcopy(network)
        with torch.no_grad():
            for parameter in self.other.head.parameters():
                parameter.neg_()

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) + self.other(x)

    def carry(self, h: Orders) -> Orders:
        return total(self.one.carry(h), self.other.carry(h))

    @property
    def first_weights(self) -> tuple[Tensor, ...]:
        return self.one.first_weights + self.other.first_weights

    def penalty(self) -> Tensor | None:
        """The mean of the two networks'."""
        one, other = self.one.penalty(), self.other.penalty()
        return None if one is None or other is None else (one + other) / 2
