"""Phase-shifted networks: slow networks that modulate fixed fast waves."""

import itertools
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn

from ..activations import Activation, Tanh
from ..chain import Orders, affine, compose, cosine, product, scaled, sine
from ..spec import knob
from .bank import Bank
from .base import Network, NetworkSpec

MAX_CARRIERS = 1024


@dataclass(frozen=True, kw_only=True)
class Phase(NetworkSpec):
    """T(x) = sum over m of A_m(x) cos(pi w_m x) + B_m(x) sin(pi w_m x): the coupled PhaseDNN.

    Every A_m and B_m is a small network of its own that has to learn only what is within half a
    spacing of its carrier w_m, which is of low frequency [Cai, Li & Liu 2020, arXiv:1909.11759]. In
    more than one dimension the carriers are wave vectors, of which one of each pair w, -w will do;
    their number grows with the power of the dimension. Takes the coordinates themselves.
    """

    frequencies: tuple[float, ...] = knob(
        (),
        "carriers in cycles a side, in one dimension; none given, they are evenly spaced",
        low=0,
        high=65536,
    )
    bands: int = knob(3, "spacings from 0 to the highest carrier, per axis", low=0, high=4096)
    highest: float = knob(24.0, "the highest carrier, in cycles a side", low=0, high=65536)
    trainable: bool = knob(False, "whether the carriers are trained too")
    width: int = knob(16, "units per hidden layer of each network", low=1, high=1024)
    depth: int = knob(2, "hidden layers of each network", low=0, high=16)
    stretch: float = knob(
        3.0, "factor on the coordinates that the networks see", low=1e-3, high=1e4
    )
    activation: Activation = Tanh()

    def build(self, in_dim: int, out_dim: int, rng: torch.Generator) -> Network:
        carriers = self._carriers(in_dim)
        sizes = (in_dim, *[self.width] * self.depth, out_dim)
        bank = Bank(2 * len(carriers), sizes, self.activation, rng)
        return Modulated(
            bank, torch.tensor(carriers), stretch=self.stretch, trainable=self.trainable
        )

    def _carriers(self, dim: int) -> list[tuple[float, ...]]:
        """Wave vectors in cycles a side."""
        if self.frequencies:
            if dim != 1:
                raise ValueError(
                    f"Phase.frequencies are for one coordinate, got {dim}; leave them out, and set "
                    "Phase.bands and Phase.highest."
                )
            return [(f,) for f in self.frequencies]
        count = ((2 * self.bands + 1) ** dim + 1) // 2
        if count > MAX_CARRIERS:
            raise ValueError(
                f"Phase.bands of {self.bands} in {dim} dimensions make {count:,} carriers, more "
                f"than {MAX_CARRIERS:,}; lower it."
            )
        spacing = self.highest / max(self.bands, 1)
        lattice = itertools.product(range(-self.bands, self.bands + 1), repeat=dim)
        # Of w and -w, which make the same waves, the one whose first entry that is not 0 is
        # positive: the later half of the lattice, in the order of its points.
        return [tuple(spacing * k for k in point) for point in lattice if point >= (0,) * dim]


class Modulated(Network):
    """Carriers times the networks of a bank, the cosines' first, then the sines'.

    Divided by the root of their number, so that the sum starts at order 1.
    """

    carriers: Tensor

    def __init__(
        self, bank: Bank, carriers: Tensor, *, stretch: float, trainable: bool
    ) -> None:
        """`carriers` [count, in_dim] in cycles a side."""
        super().__init__()
        self.bank, self.stretch = bank, stretch
        if trainable:
            self.carriers = nn.Parameter(carriers)
        else:
            self.register_buffer("carriers", carriers)
        self.share = len(carriers) ** -0.5

    def forward(self, x: Tensor) -> Tensor:
        phase = pi * nn.functional.linear(x, self.carriers)  # [n, count]
        waves = torch.cat([phase.cos(), phase.sin()], dim=-1)
        return self.share * torch.einsum("nk,knc->nc", waves, self.bank(self.stretch * x))

    def carry(self, h: Orders) -> Orders:
        phase = scaled(pi, affine(h, self.carriers, None))
        both = compose(cosine(phase[0]), phase), compose(sine(phase[0]), phase)
        waves = tuple(torch.cat(pair, dim=-1).T[..., None] for pair in zip(*both, strict=True))
        modulated = product(waves, self.bank.carry(scaled(self.stretch, h)))
        return tuple(self.share * part.sum(0) for part in modulated)

    @property
    def first_weights(self) -> tuple[Tensor, ...]:
        return (self.bank.weights[0],)
