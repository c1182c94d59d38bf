"""What a field has learned, frequency by frequency: pure functions from tensors to arrays.

Frequencies are in cycles over the longest side of the picture, as everywhere in the project.
"""

from functools import lru_cache

import torch
from torch import Tensor


def radii(height: int, width: int) -> Tensor:
    """Radial frequency of each coefficient of `torch.fft.rfft2`: [height, width // 2 + 1]."""
    longest = max(height, width)
    fy = torch.fft.fftfreq(height, 1 / longest)
    fx = torch.fft.rfftfreq(width, 1 / longest)
    return torch.hypot(fy[:, None], fx)


def bands(height: int, width: int, *, per_octave: int = 1) -> Tensor:
    """Edges of frequency bands: 0, 1/2, 2, 4, 8 ... up to the corner of the spectrum.

    Band i holds the frequencies in [edge i, edge i+1): the first the mean of the picture alone, the
    last all that lies beyond the Nyquist frequency of the longest side, in the corners.

    Returns:
        float [bands + 1], ascending.
    """
    nyquist = max(height, width) / 2
    edges, edge = [0.0, 0.5], 2.0
    while edge < nyquist * 0.999:
        edges.append(edge)
        edge *= 2 ** (1 / per_octave)
    return torch.tensor([*edges, nyquist * 1.0001, nyquist * 1.5])


def band_power(values: Tensor, edges: Tensor) -> Tensor:
    """Power of a picture in each band; the sum over bands is the mean of values^2 [Parseval].

    With F the discrete Fourier transform and n the number of pixels, sum |F|^2 / n^2 over the
    band's coefficients, the mean over channels.

    Args:
        values: float [h, w, c].
        edges: float [bands + 1], as `bands` makes them.

    Returns:
        float64 [bands].
    """
    h, w, c = values.shape
    band, share = _band_of(h, w, tuple(edges.tolist()))
    coefficients = torch.view_as_real(torch.fft.rfft2(values.movedim(-1, 0).contiguous()))
    power = coefficients.square().sum((0, -1)).flatten() * share
    found = torch.bincount(band, power.double(), minlength=len(edges) - 1)
    return found / (c * (h * w) ** 2)


@lru_cache(maxsize=8)
def _band_of(height: int, width: int, edges: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """The band of each coefficient of `rfft2`, and how many of the full transform it stands for.

    rfft2 keeps one of each conjugate pair; only columns 0 and, for even widths, w/2 are whole.
    """
    band = torch.bucketize(radii(height, width), torch.tensor(edges), right=True) - 1
    share = torch.full((height, width // 2 + 1), 2.0)
    share[:, 0] = 1
    if width % 2 == 0:
        share[:, -1] = 1
    return band.flatten().clamp_(0, len(edges) - 2), share.flatten()


def band_error(
    prediction: Tensor, target: Tensor, edges: Tensor, power: Tensor | None = None
) -> Tensor:
    """Relative error of a picture in each band: ||P - T|| / ||T|| over the band's coefficients.

    0 for a band that is learned, 1 for one not begun. This is the two-dimensional form of
    Delta_F(k) = |h_k - f_k| / |f_k| [Xu et al. 2019, arXiv:1901.06523, sec. 2].

    Args:
        prediction, target: float [h, w, c].
        power: the target's `band_power`, if it is known already.

    Returns:
        float64 [bands]; nan where the target has no power.
    """
    power = band_power(target, edges) if power is None else power
    error = band_power(prediction - target, edges)
    # Below float32's rounding of the transform there is nothing to be relative to.
    return torch.where(power > 1e-13 * power.sum(), error / power, torch.nan).sqrt()


def radial_power(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean power of a picture's coefficients at each whole frequency, without the mean.

    Returns:
        frequencies [k] 1, 2, ..., in cycles over the longest side, and the mean of |F|^2 / n^2 of
        the coefficients nearest to each, float64 [k].
    """
    h, w, _ = values.shape
    n = max(h, w) // 2
    edges = torch.cat([torch.zeros(1), torch.arange(n + 1) + 0.5, torch.tensor([2.0 * n + 2])])
    counts = band_power(_impulse(h, w), edges) * (h * w)  # an impulse has the same power everywhere
    mean = band_power(values, edges) / counts
    return torch.arange(1, n + 1), mean[1 : n + 1]


def _impulse(height: int, width: int) -> Tensor:
    values = torch.zeros(height, width, 1)
    values[0, 0] = (height * width) ** 0.5
    return values
