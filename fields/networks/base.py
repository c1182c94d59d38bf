"""What a network is: the trained map from features to values."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..chain import Carrier
from ..spec import Spec


class Network(nn.Module, Carrier, ABC):
    """Maps features to values: float [n, in_dim] -> float [n, out_dim]."""

    @property
    @abstractmethod
    def first_weights(self) -> tuple[Tensor, ...]:
        """The weights that the features meet first."""

    @torch.no_grad()
    def amplify(self, factor: float) -> None:
        """Multiply the weights that the features meet first, and with them the frequencies."""
        for weight in self.first_weights:
            weight.mul_(factor)

    def penalty(self) -> Tensor | None:
        """What the network adds to the loss of its own, [], its weight included; None for 0."""
        return None


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec, ABC):
    """Describes a network; `build` makes one for given numbers of features and values."""

    @abstractmethod
    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        """A module [n, in_dim] -> [n, out_dim], initialised from `rng` alone.

        Raises:
            ValueError: the spec cannot be built for these numbers.
        """
