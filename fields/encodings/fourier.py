"""Sines and cosines of fixed frequencies: positional encoding and random Fourier features.

Frequencies are in cycles over the longest side of the domain: with x in [-1, 1], a frequency f is
cos(pi f x). A picture of n pixels a side holds frequencies up to n/2.
"""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from ..spec import knob
from .base import Encoding, EncodingSpec


@dataclass(frozen=True, kw_only=True)
class Positional(EncodingSpec):
    """x -> [x, cos pi f_k x, sin pi f_k x] for each axis, f_k = 2^0 ... 2^octaves in even steps.

    NeRF's positional encoding [Mildenhall et al. 2020, arXiv:2003.08934, eq. 4] has
    `octaves = frequencies - 1`.
    """

    frequencies: int = knob(10, "frequencies per axis", low=1, high=1024)
    octaves: float = knob(9.0, "log2 of the highest, in cycles per side", low=0, high=24)
    include_input: bool = knob(True, "whether x itself is among the features")

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        f = 2 ** torch.linspace(0, self.octaves, self.frequencies)
        B = torch.cat([torch.outer(unit, f) for unit in torch.eye(in_dim)], dim=1)
        return FourierEncoding(B, include_input=self.include_input)


@dataclass(frozen=True, kw_only=True)
class Fourier(EncodingSpec):
    """x -> [cos pi B x, sin pi B x] with the entries of B from N(0, sigma^2).

    Random Fourier features [Tancik et al. 2020, arXiv:2006.10739, eq. 5].
    """

    frequencies: int = knob(256, "number of random frequencies", low=1, high=65536)
    sigma: float = knob(10.0, "spread of the frequencies, in cycles per side", low=0, high=65536)

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        return FourierEncoding(self.sigma * torch.randn(in_dim, self.frequencies, generator=rng))


@dataclass(frozen=True, kw_only=True)
class MultiFourier(EncodingSpec):
    """Random Fourier features of several spreads side by side, one for each part of the spectrum.

    Multiscale Fourier features [Wang, Wang & Perdikaris 2021, arXiv:2012.10047, sec. 3.2], here
    concatenated before one network.
    """

    frequencies: int = knob(256, "number of random frequencies, all spreads", low=1, high=65536)
    sigmas: tuple[float, ...] = knob(
        (1.0, 10.0, 50.0), "the spreads, in cycles per side", low=0, high=65536
    )

    def build(self, in_dim: int, rng: torch.Generator, *, backend: str = "torch") -> Encoding:
        if not 1 <= len(self.sigmas) <= self.frequencies:
            raise ValueError(
                f"MultiFourier.sigmas must hold 1 to {self.frequencies} spreads (one frequency "
                f"each at least), got {len(self.sigmas)}."
            )
        B = torch.randn(in_dim, self.frequencies, generator=rng)
        parts = zip(self.sigmas, B.tensor_split(len(self.sigmas), dim=1), strict=True)
        return FourierEncoding(torch.cat([sigma * part for sigma, part in parts], dim=1))


class FourierEncoding(Encoding):
    """[x,] cos(pi x B), sin(pi x B) for a fixed B [in_dim, frequencies], which is saved with it."""

    B: Tensor

    def __init__(self, B: Tensor, *, include_input: bool = False) -> None:
        super().__init__()
        self.in_dim, self.include_input = B.shape[0], include_input
        self.out_dim = 2 * B.shape[1] + (self.in_dim if include_input else 0)
        self.register_buffer("B", B)

    def forward(self, x: Tensor) -> Tensor:
        phase = pi * x @ self.B  # [n, frequencies]
        waves = [phase.cos(), phase.sin()]
        return torch.cat([x, *waves] if self.include_input else waves, dim=-1)
