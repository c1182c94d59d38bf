"""Activations that are local in space: a Gaussian bump, and WIRE's Gabor wavelet."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..chain import (
    Carrier,
    Orders,
    affine,
    carry,
    compose,
    cosine,
    exponential,
    product,
    scaled,
    sine,
    total,
)
from ..spec import knob
from .base import Activation, Nonlinearity, linear


class Bump(Nonlinearity):
    """exp(-(scale z)^2)."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, z: Tensor) -> Tensor:
        return torch.exp(-((self.scale * z) ** 2))

    def jet(self, z: Tensor) -> Iterator[Tensor]:
        bump = self(z)
        yield bump
        steep = 2 * self.scale**2
        yield -steep * z * bump
        yield (steep * z * z - 1) * steep * bump


@dataclass(frozen=True, kw_only=True)
class Gaussian(Activation):
    """exp(-(scale z)^2) [Ramasinghe & Lucey 2022, arXiv:2111.15135], in the form of WIRE's code."""

    scale: float = knob(30.0, "inverse width of the bump", low=0.1, high=1000)

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        return Bump(self.scale)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        return nn.Sequential(linear(in_dim, width, rng, bound=in_dim**-0.5), Bump(self.scale))


class Wavelet(nn.Module, Carrier):
    """exp(i omega z - |scale z|^2) of complex z, held as [n, 2 units]: real parts, then imaginary.

    Real arithmetic throughout, since complex linear layers do not export to ONNX. A complex product
    is a real one with the matrix [[A, -B], [B, A]].
    """

    def __init__(
        self, in_dim: int, units: int, rng: torch.Generator, *, first: bool, omega: float,
        scale: float,
    ) -> None:
        super().__init__()
        self.first, self.omega, self.scale = first, omega, scale
        fan_in = in_dim if first else in_dim // 2  # the first layer's input and weights are real
        self.real = linear(fan_in, units, rng, bound=fan_in**-0.5)
        self.imag = None if first else linear(fan_in, units, rng, bound=fan_in**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        if self.imag is None:
            re = self.real(x)
            envelope = torch.exp(-((self.scale * re) ** 2))
        else:
            re, im = nn.functional.linear(x, *_real(self.real, self.imag)).chunk(2, dim=-1)
            envelope = torch.exp(-self.omega * im - self.scale**2 * (re * re + im * im))
        phase = self.omega * re
        return torch.cat([envelope * phase.cos(), envelope * phase.sin()], dim=-1)

    def carry(self, h: Orders) -> Orders:
        if self.imag is None:
            re = carry(self.real, h)
            exponent = scaled(-(self.scale**2), product(re, re))
        else:
            re, im = _halves(affine(h, *_real(self.real, self.imag)))
            square = total(product(re, re), product(im, im))
            exponent = total(scaled(-self.omega, im), scaled(-(self.scale**2), square))
        envelope = compose(exponential(exponent[0]), exponent)
        phase = scaled(self.omega, re)
        even = product(envelope, compose(cosine(phase[0]), phase))
        odd = product(envelope, compose(sine(phase[0]), phase))
        return tuple(torch.cat(pair, dim=-1) for pair in zip(even, odd, strict=True))


def _real(real: nn.Linear, imag: nn.Linear) -> tuple[Tensor, Tensor]:
    """The weight [2 units, 2 in] and bias [2 units] that are a complex linear layer's."""
    a, b = real.weight, imag.weight
    weight = torch.cat([torch.cat([a, -b], 1), torch.cat([b, a], 1)])
    return weight, torch.cat([real.bias, imag.bias])


def _halves(h: Orders) -> tuple[Orders, Orders]:
    """The real and the imaginary parts."""
    parts = [z.chunk(2, dim=-1) for z in h]
    return tuple(re for re, _ in parts), tuple(im for _, im in parts)


class RealPart(nn.Module, Carrier):
    """The real part of a complex linear layer: what WIRE's last layer keeps."""

    def __init__(self, in_dim: int, out_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        units = in_dim // 2
        self.real = linear(units, out_dim, rng, bound=units**-0.5)
        self.imag = linear(units, out_dim, rng, bound=units**-0.5, bias=0.0)
        del self.imag.bias  # the real part has one bias
        self.imag.register_buffer("bias", torch.zeros(out_dim))

    def forward(self, x: Tensor) -> Tensor:
        re, im = x.chunk(2, dim=-1)
        return self.real(re) - self.imag(im)

    def carry(self, h: Orders) -> Orders:
        re, im = _halves(h)
        return total(carry(self.real, re), scaled(-1.0, carry(self.imag, im)))


@dataclass(frozen=True, kw_only=True)
class Gabor(Activation):
    """Complex Gabor wavelets: WIRE [Saragadam et al. 2023, arXiv:2301.05187, eq. 2].

    A layer of `width` holds width/2 complex units (the paper narrows its layers by sqrt(2), so that
    the parameters stay as many). Diverges at learning rates of 2e-2 and above.
    """

    omega: float = knob(20.0, "frequency of the wave", low=0.1, high=200)
    scale: float = knob(10.0, "inverse width of the envelope", low=0.1, high=200)

    def nonlinearity(self, *, first: bool) -> Nonlinearity:
        raise ValueError("Gabor's units are complex, and none of single numbers; choose Sine.")

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        if width % 2:
            raise ValueError(f"MLP.width must be even with Gabor, got {width}.")
        return Wavelet(
            in_dim, width // 2, rng, first=first, omega=self.omega, scale=self.scale
        )

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return RealPart(in_dim, out_dim, rng)
