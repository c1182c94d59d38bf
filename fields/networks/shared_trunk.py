"""Waves of several spreads, each through the same layers: multi-scale Fourier feature networks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn

from ..activations import Activation, Tanh
from ..activations.base import glorot
from ..chain import Orders, carry, compose, cosine, product, scaled, sine
from ..spec import knob
from .base import Network, NetworkSpec

MAX_PARTS = 64


@dataclass(frozen=True, kw_only=True)
class SharedTrunk(NetworkSpec):
    """Random waves of each spread go through the same layers, which meet in a linear head.

    Other than behind `MultiFourier`, no layer mixes the spreads. With `time_sigmas` the last
    coordinate has waves of its own, and every pair of one spread of each kind is multiplied, unit
    by unit, before the head [Wang, Wang & Perdikaris 2021, arXiv:2012.10047, sec. 3.2 and 3.3].
    Takes the coordinates themselves.
    """

    frequencies: int = knob(50, "random frequencies of each spread", low=1, high=8192)
    sigmas: tuple[float, ...] = knob(
        (0.5, 5.0), "spreads of the frequencies, in cycles a side", low=0, high=65536
    )
    time_sigmas: tuple[float, ...] = knob(
        (), "spreads of the last coordinate by itself; none: with the others", low=0, high=65536
    )
    width: int = knob(100, "units per hidden layer", low=1, high=8192)
    depth: int = knob(1, "hidden layers", low=1, high=64)
    activation: Activation = Tanh()

    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> Network:
        groups = [len(found) for found in (self.sigmas, self.time_sigmas) if found]
        if not self.sigmas or sum(groups) > MAX_PARTS:
            raise ValueError(
                f"SharedTrunk.sigmas must hold 1 to {MAX_PARTS} spreads, SharedTrunk.time_sigmas "
                f"counted in, got {sum(groups)}."
            )
        if self.time_sigmas and in_dim < 2:
            raise ValueError("SharedTrunk.time_sigmas want two coordinates; leave them out.")
        waves = torch.randn(sum(groups), in_dim, self.frequencies, generator=rng)
        waves *= torch.tensor([*self.sigmas, *self.time_sigmas])[:, None, None]
        if self.time_sigmas:
            waves[: groups[0], -1] = 0
            waves[groups[0] :, :-1] = 0
        sizes = (2 * self.frequencies, *[self.width] * self.depth)
        layers = [
            nn.Sequential(
                glorot(fan_in, self.width, rng, bias=1.0), self.activation.nonlinearity(first=False)
            )
            for fan_in in sizes[:-1]
        ]
        pairs = math.prod(groups)
        return Trunk(waves, layers, glorot(pairs * self.width, out_dim, rng), groups)


class Trunk(Network):
    """[n, in_dim] -> [n, out_dim] by waves [parts, in_dim, frequencies], layers and a head."""

    waves: Tensor

    def __init__(
        self, waves: Tensor, layers: Sequence[nn.Module], head: nn.Module, groups: Sequence[int]
    ) -> None:
        """`groups` are the numbers of parts of each kind, of which pairs are multiplied."""
        super().__init__()
        self.register_buffer("waves", waves)
        self.layers, self.head = nn.ModuleList(layers), head
        self.groups = tuple(groups)

    def forward(self, x: Tensor) -> Tensor:
        phase = pi * x @ self.waves  # [parts, n, frequencies]
        h = torch.cat([phase.cos(), phase.sin()], dim=-1)
        for layer in self.layers:
            h = layer(h)
        if len(self.groups) > 1:
            space, time = h.split(self.groups)
            h = (space[:, None] * time).flatten(0, 1)
        return self.head(_beside(h))

    def carry(self, h: Orders) -> Orders:
        phase = scaled(pi, tuple(part @ self.waves for part in h))
        both = compose(cosine(phase[0]), phase), compose(sine(phase[0]), phase)
        found = tuple(torch.cat(pair, dim=-1) for pair in zip(*both, strict=True))
        for layer in self.layers:
            found = carry(layer, found)
        if len(self.groups) > 1:
            kinds = [part.split(self.groups) for part in found]
            pairs = product(tuple(k[0][:, None] for k in kinds), tuple(k[1] for k in kinds))
            found = tuple(part.flatten(0, 1) for part in pairs)
        return carry(self.head, tuple(_beside(part) for part in found))

    @property
    def first_weights(self) -> tuple[Tensor, ...]:
        return (self.waves,)


def _beside(parts: Tensor) -> Tensor:
    """[parts, n, width] as [n, parts width]."""
    return parts.transpose(0, 1).flatten(1)
