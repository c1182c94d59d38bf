"""Activations that are local in space: a Gaussian bump, and WIRE's Gabor wavelet."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..spec import knob
from .base import Activation, linear


class Bump(nn.Module):
    """exp(-(scale z)^2)."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, z: Tensor) -> Tensor:
        return torch.exp(-((self.scale * z) ** 2))


@dataclass(frozen=True, kw_only=True)
class Gaussian(Activation):
    """exp(-(scale z)^2) [Ramasinghe & Lucey 2022, arXiv:2111.15135], in the form of WIRE's code."""

    scale: float = knob(30.0, "inverse width of the bump", low=0.1, high=1000)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        return nn.Sequential(linear(in_dim, width, rng, bound=in_dim**-0.5), Bump(self.scale))


class Wavelet(nn.Module):
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
            a, b = self.real.weight, self.imag.weight
            weight = torch.cat([torch.cat([a, -b], 1), torch.cat([b, a], 1)])
            bias = torch.cat([self.real.bias, self.imag.bias])
            re, im = nn.functional.linear(x, weight, bias).chunk(2, dim=-1)
            envelope = torch.exp(-self.omega * im - self.scale**2 * (re * re + im * im))
        phase = self.omega * re
        return torch.cat([envelope * phase.cos(), envelope * phase.sin()], dim=-1)


class RealPart(nn.Module):
    """The real part of a complex linear layer: what WIRE's last layer keeps."""

    def __init__(self, in_dim: int, out_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        units = in_dim // 2
        self.real = linear(units, out_dim, rng, bound=units**-0.5)
        self.imag = linear(units, out_dim, rng, bound=units**-0.5, bias=0.0)
        self.imag.bias.requires_grad_(False)  # the real part has one bias

    def forward(self, x: Tensor) -> Tensor:
        re, im = x.chunk(2, dim=-1)
        return self.real(re) - self.imag(im)


@dataclass(frozen=True, kw_only=True)
class Gabor(Activation):
    """Complex Gabor wavelets: WIRE [Saragadam et al. 2023, arXiv:2301.05187, eq. 2].

    A layer of `width` holds width/2 complex units (the paper narrows its layers by sqrt(2), so that
    the parameters stay as many). Diverges at learning rates of 2e-2 and above.
    """

    omega: float = knob(20.0, "frequency of the wave", low=0.1, high=200)
    scale: float = knob(10.0, "inverse width of the envelope", low=0.1, high=200)

    def layer(self, in_dim: int, width: int, rng: torch.Generator, *, first: bool) -> nn.Module:
        if width % 2:
            raise ValueError(f"MLP.width must be even with Gabor, got {width}.")
        return Wavelet(
            in_dim, width // 2, rng, first=first, omega=self.omega, scale=self.scale
        )

    def head(self, in_dim: int, out_dim: int, rng: torch.Generator) -> nn.Module:
        return RealPart(in_dim, out_dim, rng)
