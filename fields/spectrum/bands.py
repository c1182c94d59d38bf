"""Power and error in bands of radial frequency, on regular grids of any number of dimensions.

Frequencies are in cycles over the longest side of the picture, or of the box of a shape, as
everywhere in the project. `*size` is (samples,), (height, width) or (depth, height, width).
"""

import math
from functools import lru_cache

import torch
from torch import Tensor


def radii(*size: int) -> Tensor:
    """Radial frequency of each coefficient of `torch.fft.rfftn`: [*size[:-1], n // 2 + 1]."""
    longest = max(size)
    axes = [torch.fft.fftfreq(n, 1 / longest) for n in size[:-1]]
    axes.append(torch.fft.rfftfreq(size[-1], 1 / longest))
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(0).sqrt()


def bands(*size: int, per_octave: int = 1) -> Tensor:
    """Edges of frequency bands: 0, 1/2, 2, 4, 8 ... up to the corner of the spectrum.

    Band i holds the frequencies in [edge i, edge i+1): the first the mean of the picture alone, the
    last all that lies beyond the Nyquist frequency of the longest side, in the corners. A spectrum
    of one dimension has no corners, and nothing in its last band.

    Returns:
        float [bands + 1], ascending.
    """
    nyquist = max(size) / 2
    edges, edge = [0.0, 0.5], 2.0
    while edge < nyquist * 0.999:
        edges.append(edge)
        edge *= 2 ** (1 / per_octave)
    return torch.tensor([*edges, nyquist * 1.0001, nyquist * (max(len(size), 2) + 1) / 2])


def band_power(values: Tensor, edges: Tensor) -> Tensor:
    """Power of values in each band; the sum over bands is the mean of values^2 [Parseval].

    With F the discrete Fourier transform and n the number of pixels or voxels, sum |F|^2 / n^2 over
    the band's coefficients, the mean over channels.

    Args:
        values: float [*size, c].
        edges: float [bands + 1], as `bands` makes them.

    Returns:
        float64 [bands].
    """
    *size, c = values.shape
    band, share = _band_of(tuple(size), tuple(edges.tolist()))
    moved = values.movedim(-1, 0).contiguous()
    coefficients = torch.view_as_real(torch.fft.rfftn(moved, dim=tuple(range(1, moved.ndim))))
    power = coefficients.square().sum((0, -1)).flatten() * share
    found = torch.bincount(band, power.double(), minlength=len(edges) - 1)
    return found / (c * math.prod(size) ** 2)


@lru_cache(maxsize=8)
def _band_of(size: tuple[int, ...], edges: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """The band of each coefficient of `rfftn`, and how many of the full transform it stands for.

    rfftn keeps one of each conjugate pair; only columns 0 and, for even widths, w/2 are whole.
    """
    found = radii(*size)
    band = torch.bucketize(found, torch.tensor(edges), right=True) - 1
    share = torch.full(found.shape, 2.0)
    share[..., 0] = 1
    if size[-1] % 2 == 0:
        share[..., -1] = 1
    return band.flatten().clamp_(0, len(edges) - 2), share.flatten()


def band_error(
    prediction: Tensor, target: Tensor, edges: Tensor, power: Tensor | None = None
) -> Tensor:
    """Relative error of values in each band: ||P - T|| / ||T|| over the band's coefficients.

    0 for a band that is learned, 1 for one not begun. This is the form in more dimensions of
    Delta_F(k) = |h_k - f_k| / |f_k| [Xu et al. 2019, arXiv:1901.06523, sec. 2].

    Args:
        prediction, target: float [*size, c].
        power: the target's `band_power`, if it is known already.

    Returns:
        float64 [bands]; nan where the target has no power.
    """
    power = band_power(target, edges) if power is None else power
    error = band_power(prediction - target, edges)
    # Below float32's rounding of the transform there is nothing to be relative to.
    return torch.where(power > 1e-13 * power.sum(), error / power, torch.nan).sqrt()


def radial_power(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean power of the coefficients at each whole frequency, without the mean.

    Args:
        values: float [*size, c].

    Returns:
        frequencies [k] 1, 2, ..., in cycles over the longest side, and the mean of |F|^2 / n^2 of
        the coefficients nearest to each, float64 [k].
    """
    size = tuple(values.shape[:-1])
    n = max(size) // 2
    edges = torch.cat([torch.zeros(1), torch.arange(n + 1) + 0.5, torch.tensor([2.0 * n + 2])])
    # An impulse has the same power everywhere.
    counts = band_power(_impulse(size), edges) * math.prod(size)
    mean = band_power(values, edges) / counts
    return torch.arange(1, n + 1), mean[1 : n + 1]


def _impulse(size: tuple[int, ...]) -> Tensor:
    values = torch.zeros(*size, 1)
    values[(0,) * len(size)] = math.prod(size) ** 0.5
    return values
