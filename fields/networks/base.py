"""What a network is: the trained map from features to values."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn

from ..spec import Spec


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec, ABC):
    """Describes a network; `build` makes one for given numbers of features and values."""

    @abstractmethod
    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        """A module [n, in_dim] -> [n, out_dim], initialised from `rng` alone."""
