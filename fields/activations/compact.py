"""Activations that are 0 outside an interval: those of multi-scale networks."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .base import Activation, Nonlinearity, glorot


class Arch(Nonlinearity):
    """z (1 - z) on [0, 1], 0 elsewhere."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.relu(z) * torch.relu(1 - z)

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        yield self(z)
        inside = ((z > 0) & (z < 1)).to(z.dtype)
        yield inside * (1 - 2 * z)
        yield -2 * inside


@dataclass(frozen=True, kw_only=True)
class SReLU(Activation):
    """z_+ (1 - z)_+: sReLU [Liu, Cai & Xu 2020, arXiv:2007.11207].

    Weights from Glorot's normal distribution, the first layer's biases from U(-1, 1), others 0.
    """

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Arch()

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        return nn.Sequential(glorot(in_dim, width, rng, bias=float(first)), Arch())

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return glorot(in_dim, out_dim, rng)


class Hump(Nonlinearity):
    """z_+^2 - 3 (z - 1)_+^2 + 3 (z - 2)_+^2 - (z - 3)_+^2: twice a quadratic B-spline on [0, 3].

    Computed as (3/2 - t)_+^2 - 3 (1/2 - t)_+^2 with t = |z - 3/2|, which is the same in half the
    work, and leaves no rounding errors where the squares are large and cancel.
    """

    def forward(self, z: Tensor) -> Tensor:
        t = (z - 1.5).abs()
        return torch.relu(1.5 - t).square() - 3 * torch.relu(0.5 - t).square()

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        offset = z - 1.5
        t = offset.abs()
        outer, inner = torch.relu(1.5 - t), torch.relu(0.5 - t)
        yield outer.square() - 3 * inner.square()
        yield (6 * inner - 2 * outer) * offset.sign()
        yield 2 * (outer > 0).to(z.dtype) - 6 * (inner > 0).to(z.dtype)


@dataclass(frozen=True, kw_only=True)
class Phi(Activation):
    """A quadratic B-spline on [0, 3]: phi [Liu, Cai & Xu 2020, arXiv:2007.11207].

    Initialised as for sReLU.
    """

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Hump()

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        return nn.Sequential(glorot(in_dim, width, rng, bias=float(first)), Hump())

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return glorot(in_dim, out_dim, rng)
