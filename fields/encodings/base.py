"""What an encoding is: the map from coordinates to the features that a network sees."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..spec import Spec


class Encoding(nn.Module, ABC):
    """Maps coordinates in [-1, 1]^d to features.

    Attributes:
        in_dim: number of coordinates d.
        out_dim: number of features.
    """

    in_dim: int
    out_dim: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """float [n, in_dim] -> float [n, out_dim]."""

    @property
    def tables(self) -> tuple[nn.Parameter, ...]:
        """Parameters of which one step touches only a few rows: they want a sparse optimiser."""
        return ()

    @property
    def levels(self) -> tuple[int, ...]:
        """Where in each table a level ends, coarse to fine: numbers of rows; () without tables."""
        return ()


@dataclass(frozen=True, kw_only=True)
class EncodingSpec(Spec, ABC):
    """Describes an encoding; `build` makes one for a given number of coordinates."""

    @abstractmethod
    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        """The module, initialised from `rng` alone.

        Raises:
            ValueError: the spec cannot be built for this number of coordinates.
        """
