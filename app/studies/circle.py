"""The neural tangent kernel of a two-layer network on the circle, where its modes are waves.

With inputs (cos t, sin t), neurons c sigma(w.x + b) and w, b, c ~ N(0, 1), turning the circle turns
the neurons into others that are as likely. So the kernel depends on t - t' alone, its eigenvectors
are the waves e^{ikt}, and its eigenvalue at k is, with F the Fourier coefficient over t,

    lambda_k = E[ |F sigma|^2 + |F c sigma'|^2 + |F c sigma' x|^2 ]

from the outer weight, the bias, and the two inner weights.
"""

import math
from collections.abc import Callable, Generator

import torch
from torch import Tensor

from fields.spectrum import power_slope

Function = Callable[[Tensor], Tensor]

BATCH = 1000  # neurons at a time
ROUNDING = 1e-31  # of the largest eigenvalue, below which the others are noise


def _power(p: int) -> tuple[Function, Function]:
    return lambda z: z.clamp(min=0) ** p, lambda z: p * (z > 0) * z.clamp(min=0) ** (p - 1)


def _gauss_slope(z: Tensor) -> Tensor:
    return -2 * z * torch.exp(-(z**2))


# sigma and its derivative.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "relu": _power(1),
    "relu2": _power(2),
    "relu3": _power(3),
    "tanh": (torch.tanh, lambda z: 1 - torch.tanh(z) ** 2),
    "sine": (torch.sin, torch.cos),
    "gauss": (lambda z: torch.exp(-(z**2)), _gauss_slope),
}
POWERS = {"relu": 1, "relu2": 2, "relu3": 3}  # p, where sigma is the p-th power of the ReLU
NAMES = {
    "relu": "ReLU", "relu2": "ReLU²", "relu3": "ReLU³", "tanh": "tanh", "sine": "sine",
    "gauss": "Gaussian",
}  # fmt: skip


def angles(points: int) -> Tensor:
    """Evenly spaced angles from 0 to 2 pi, without the end: float64 [points]."""
    return 2 * math.pi * torch.arange(points, dtype=torch.float64) / points


def spectra(
    activation: str, neurons: int, points: int, rng: torch.Generator
) -> Generator[Tensor, None, None]:
    """The eigenvalues lambda_k, k = 0 ... points / 2, better and better known.

    Yields the mean over the neurons drawn so far, after each batch: float64 [points // 2 + 1].
    """
    sigma, slope = ACTIVATIONS[activation]
    t = angles(points)
    x = torch.stack([t.cos(), t.sin()])  # [2, points]
    total, drawn = torch.zeros(points // 2 + 1, dtype=torch.float64), 0
    while drawn < neurons:
        m = min(BATCH, neurons - drawn)
        w, b, c = torch.randn(4, m, generator=rng, dtype=torch.float64).split([2, 1, 1])
        z = w.T @ x + b.T  # [m, points]
        inner = c.T * slope(z)
        for part in (sigma(z), inner, inner * x[0], inner * x[1]):
            total += torch.view_as_real(torch.fft.rfft(part) / points).square().sum((0, 2))
        drawn += m
        yield total / drawn


def power_law(values: Tensor, low: int, high: int) -> tuple[float, float]:
    """The exponent a and the factor C of C k^a, fitted to values[k] for k from low to high.

    Least squares in logarithms, over the values that are no rounding error.
    """
    k = torch.arange(len(values), dtype=torch.float64)
    kept = (k >= low) & (k <= high) & (values > ROUNDING * values.max())
    k, values = k[kept], values[kept]
    slope = power_slope(k, values, low, high)
    return slope, math.exp(float((values.log() - slope * k.log()).mean()))
