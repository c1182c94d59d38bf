"""What an activation is: a nonlinearity, and the layers and initialisation that go with it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..chain import Carrier, Orders, compose
from ..spec import Spec


class Nonlinearity(nn.Module, Carrier, ABC):
    """A function applied entry by entry, without parameters."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """f(z), of the shape of z."""

    @abstractmethod
    def jet(self, z: Tensor) -> Iterator[Tensor]:
        """f(z), f'(z) and f''(z) in turn, each computed once it is asked for."""

    def carry(self, h: Orders) -> Orders:
        return compose(self.jet(h[0]), h)


@dataclass(frozen=True, kw_only=True)
class Activation(Spec, ABC):
    """Describes a nonlinearity. It makes its own layers, for their weights must fit it."""

    @abstractmethod
    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        """The function alone, as a `first` or a later layer has it.

        Raises:
            ValueError: it is no function of single entries.
        """

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
    layer = _empty(in_dim, out_dim)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=rng)
        layer.bias.uniform_(-spread, spread, generator=rng)
    return layer


def glorot(in_dim: int, out_dim: int, rng: torch.Generator, *, bias: float = 0.0) -> nn.Linear:
    """A linear layer with weights from N(0, 2 / (in_dim + out_dim)), biases from U(-bias, bias).

    Glorot's normal distribution [Glorot & Bengio 2010, AISTATS, eq. 12].
    """
    layer = _empty(in_dim, out_dim)
    with torch.no_grad():
        layer.weight.normal_(0, (2 / (in_dim + out_dim)) ** 0.5, generator=rng)
        layer.bias.uniform_(-bias, bias, generator=rng)
    return layer


def _empty(in_dim: int, out_dim: int) -> nn.Linear:
    layer = nn.Linear(in_dim, out_dim, device="meta")  # draws nothing from the global state
    layer.weight = nn.Parameter(torch.empty(out_dim, in_dim))
    layer.bias = nn.Parameter(torch.empty(out_dim))
    return layer
