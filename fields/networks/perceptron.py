"""Layers one after the other."""

from torch import Tensor, nn

from ..chain import Orders, carry
from .base import Network


class Perceptron(nn.Sequential, Network):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Hidden layers and a head, in sequence."""

    @property
    def head(self) -> nn.Module:
        return self[-1]

    def carry(self, h: Orders) -> Orders:
        for layer in self:
            h = carry(layer, h)
        return h

    @property
    def first_weights(self) -> tuple[Tensor, ...]:
        return tuple(m.weight for m in self[0].modules() if isinstance(m, nn.Linear))
