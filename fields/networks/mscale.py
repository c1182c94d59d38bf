"""Multi-scale networks: units that see the coordinates at several scales, one for each band.

What is of high frequency is of a low one once the coordinates are stretched, and then learned as
soon [MscaleDNN: Liu, Cai & Xu 2020, arXiv:2007.11207].
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..activations import Activation, Sine
from ..chain import Carrier, Orders, affine, scaled
from ..spec import knob
from .bank import Bank
from .base import Network, NetworkSpec
from .perceptron import Perceptron

MAX_NETWORKS = 256
OCTAVES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
PLAIN_SINE = Sine(first_omega=1.0, omega=1.0, init="glorot")


@dataclass(frozen=True, kw_only=True)
class Mscale1(NetworkSpec):
    """Fully connected layers, of which the first is f(K (W x) + b): MscaleDNN-1.

    K holds `scales`, each for an equal share of the units. [arXiv:2007.11207, sec. 3.2; in print
    the scales stand at x, where they do not fit.]
    """

    scales: tuple[float, ...] = knob(
        OCTAVES, "factors on the coordinates, each for a share of the units", low=1e-3, high=65536
    )
    width: int = knob(180, "units per hidden layer, all scales", low=1, high=8192)
    depth: int = knob(3, "hidden layers", low=1, high=64)
    activation: Activation = PLAIN_SINE

    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> Network:
        _check_scales("Mscale1", self.scales, self.width)
        sizes = (in_dim, *[self.width] * self.depth)
        first, *later = (
            self.activation.layer(fan_in, self.width, rng, first=i == 0)
            for i, fan_in in enumerate(sizes[:-1])
        )
        if not isinstance(first, nn.Sequential):
            raise ValueError("Mscale1.activation must have real units, and Gabor's are complex.")
        linear, nonlinearity = first
        assert isinstance(linear, nn.Linear)
        head = self.activation.head(self.width, out_dim, rng)
        stretched = nn.Sequential(Stretched(linear, self.scales), nonlinearity)
        return Perceptron(stretched, *later, head)


class Stretched(nn.Module, Carrier):
    """K (W x) + b, with fixed scales K for shares of the units: [n, in_dim] -> [n, width]."""

    scales: Tensor

    def __init__(self, linear: nn.Linear, scales: tuple[float, ...]) -> None:
        super().__init__()
        self.linear = linear
        shares = torch.arange(linear.out_features).tensor_split(len(scales))
        parts = [torch.full((len(s), 1), a) for s, a in zip(shares, scales, strict=True)]
        self.register_buffer("scales", torch.cat(parts))

    def forward(self, x: Tensor) -> Tensor:
        return self.carry((x,))[0]

    def carry(self, h: Orders) -> Orders:
        return affine(h, self.scales * self.linear.weight, self.linear.bias)


@dataclass(frozen=True, kw_only=True)
class Mscale2(NetworkSpec):
    """The sum over `scales` a of networks f_a(a x), each with layers of its own: MscaleDNN-2."""

    scales: tuple[float, ...] = knob(
        OCTAVES, "factors on the coordinates, each with its network", low=1e-3, high=65536
    )
    width: int = knob(30, "units per hidden layer of each network", low=1, high=8192)
    depth: int = knob(3, "hidden layers", low=0, high=64)
    activation: Activation = PLAIN_SINE

    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> Network:
        _check_scales("Mscale2", self.scales, MAX_NETWORKS)
        sizes = (in_dim, *[self.width] * self.depth, out_dim)
        return ScaleSum(Bank(len(self.scales), sizes, self.activation, rng), self.scales)


class ScaleSum(Network):
    """The sum of a bank's networks, each at its scale."""

    scales: Tensor

    def __init__(self, bank: Bank, scales: tuple[float, ...]) -> None:
        super().__init__()
        self.bank = bank
        self.register_buffer("scales", torch.tensor(scales).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.bank(self.scales * x).sum(0)

    def carry(self, h: Orders) -> Orders:
        return tuple(part.sum(0) for part in self.bank.carry(scaled(self.scales, h)))

    @property
    def first_weights(self) -> tuple[Tensor, ...]:
        return (self.bank.weights[0],)


def _check_scales(name: str, scales: tuple[float, ...], most: int) -> None:
    if not 1 <= len(scales) <= most:
        raise ValueError(f"{name}.scales must hold 1 to {most} scales, got {len(scales)}.")
