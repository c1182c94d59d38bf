"""An activation with a frequency band of its own: Ricker's wavelet."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..spec import knob
from .base import Activation, Nonlinearity, glorot


class MexicanHat(Nonlinearity):
    """pi^(1/4) / (15 a) (1 - u^2) exp(-u^2 / 2) with u = z / a."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.height = math.pi**0.25 / (15 * scale)

    def forward(self, z: Tensor) -> Tensor:
        return next(self.jet(z))

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        u = z / self.scale
        square = u * u
        bell = self.height * torch.exp(-square / 2)
        yield (1 - square) * bell
        yield (square - 3) * u * bell / self.scale
        yield (square * (6 - square) - 3) * bell / self.scale**2


@dataclass(frozen=True, kw_only=True)
class Ricker(Activation):
    """The second derivative of a Gaussian, with the spectrum's peak at sqrt(2) / scale radians.

    In the form of Z.-Q. J. Xu's course on the frequency principle. A network of narrow ones learns
    high frequencies as soon as low ones. Weights from Glorot's normal distribution, the first
    layer's biases from U(-1, 1), others 0.
    """

    scale: float = knob(0.3, "width of the wavelet", low=0.001, high=100)

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return MexicanHat(self.scale)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        made = glorot(in_dim, width, rng, bias=float(first))
        return nn.Sequential(made, MexicanHat(self.scale))

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return glorot(in_dim, out_dim, rng)
