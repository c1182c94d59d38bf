"""What an activation is: a nonlinearity, and the layers and initialisation that go with it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn

from ..spec import Spec


@dataclass(frozen=True, kw_only=True)
class Activation(Spec, ABC):
    """Describes a nonlinearity. It makes its own layers, for their weights must fit it."""

    @abstractmethod
    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        """One hidden layer, [n, in_dim] -> [n, width]: a linear map and the nonlinearity.

        `first` layers see the coordinates or their encoding, which some schemes weight differently.
        """

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        """The last, linear layer, [n, in_dim] -> [n, out_dim]."""
        return linear(in_dim, out_dim, rng, bound=in_dim**-0.5)


def linear(
    in_dim: int, out_dim: int, rng: torch.Generator, *, bound: float, bias: float | None = None
) -> nn.Linear:
    """A linear layer with weights from U(-bound, bound), biases from U(-bias, bias).

    Biases default to U(+-1/sqrt(in_dim)). Drawn from `rng` alone, never from torch's global state.
    """
    spread = in_dim**-0.5 if bias is None else bias
    layer = nn.Linear(in_dim, out_dim, device="meta")  # draws nothing from the global state
    layer.weight = nn.Parameter(torch.empty(out_dim, in_dim))
    layer.bias = nn.Parameter(torch.empty(out_dim))
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=rng)
        layer.bias.uniform_(-spread, spread, generator=rng)
    return layer
