"""The frequency at which what is left over at scattered points is largest."""

import math
from itertools import product

import torch
from torch import Tensor

from .checks import located
from .dft import amplitude
from .projection import nudft, principal_direction

CELLS = 2**22  # of the grid that points are spread on: 100 MB for one channel
SAMPLES = 2**16  # points that place the peak between half waves over the span
SIDE = 2.0  # the engine's coordinates run from -1 to 1


def dominant_frequency(x: Tensor, values: Tensor) -> float:
    """Where |g^_k| of the values without their mean is largest, in cycles a side.

    The f_d that sets the scale of the next stage of a multi-stage network [Wang & Lai 2024,
    arXiv:2307.08934]. For up to three coordinates it is the length of the frequency vector in
    whatever direction, searched up to half a cycle per mean distance of points. For more, the
    largest along the axes and the first principal direction.

    Args:
        x: real [n, d] in [-1, 1]^d, anywhere in it.
        values: real [n, c], e.g. a target minus a field; several channels count as their root mean
            square.

    Returns:
        Cycles a side; 0 for values that are all equal.
    """
    x, values = located(x, values)
    largest = values.abs().max()
    values = values - values.mean(0)
    if values.abs().max() <= 1e-14 * largest:
        return 0.0
    # An axis along which no two points differ says nothing of waves along it.
    x = x[:, (x.amax(0) - x.amin(0)) > 1e-12 * x.abs().max()]
    if not x.shape[1]:
        raise ValueError("x must hold different points to have frequencies, got equal ones.")
    if x.shape[1] <= 3:
        return SIDE * _peak(x, values)[0]
    places = [*x.T, x @ principal_direction(x)]
    return SIDE * max((_peak(p[:, None], values) for p in places), key=lambda found: found[1])[0]


def _peak(x: Tensor, values: Tensor) -> tuple[float, float]:
    """The length of the k with the largest |g^_k|, in cycles per unit of x, and that |g^_k|."""
    span = x.amax(0) - x.amin(0)  # [d]
    wave = _largest_half(x, values, span)
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:SAMPLES]
    x, values = x[chosen], values[chosen]
    best = 0.0
    for step in (0.5, 0.125):
        for axis in range(len(span)):
            near = wave.repeat(9, 1)
            near[:, axis] += step * torch.linspace(-1, 1, 9, dtype=torch.float64)
            found = amplitude(nudft(x, values, near / span))
            wave, best = near[found.argmax()], float(found.max())
    return float((wave / span).norm()), best


def _largest_half(x: Tensor, values: Tensor, span: Tensor) -> Tensor:
    """The numbers of waves over the spans, halves [d], at which the transform is largest.

    The points are spread on a grid of twice the spans, each over the cells it lies between, and the
    grid's fast transform is divided by that of the spreading: the non-uniform transform within a
    tenth, at the cost of a fast one [Dutt & Rokhlin 1993].
    """
    n, d = x.shape
    apart = float(span.prod() / min(n, CELLS / 4**d)) ** (1 / d)
    most = [max(2, 2 * math.ceil(s / (2 * apart)) - 2) for s in span.tolist()]  # halves
    cells = [4 * m for m in most]
    places = (x - x.amin(0)) / (2 * span) * torch.tensor(cells, dtype=torch.float64)
    grid = _spread(places, values, cells).view(*cells, -1)
    found = torch.fft.rfftn(grid, dim=tuple(range(d))).abs().square().sum(-1)
    halves = [torch.fft.fftfreq(c, 1 / c, dtype=torch.float64) for c in cells[:-1]]
    halves.append(torch.fft.rfftfreq(cells[-1], 1 / cells[-1], dtype=torch.float64))
    for axis, (half, c, m) in enumerate(zip(halves, cells, most, strict=True)):
        gain = torch.where(half.abs() <= m, torch.sinc(half / c) ** -4, 0.0)
        found *= gain.view(-1, *[1] * (d - 1 - axis))
    place = torch.unravel_index(found.argmax(), found.shape)
    return torch.stack([half[i] for half, i in zip(halves, place, strict=True)]) / 2


def _spread(places: Tensor, values: Tensor, cells: list[int]) -> Tensor:
    """Values at places [n, d], in cells, shared by the corners around each: [prod(cells), c].

    The grid comes around: its last cell neighbours its first.
    """
    grid = torch.zeros(math.prod(cells), values.shape[1], dtype=torch.float64)
    low = places.floor()
    part, low = places - low, low.long()
    for corner in product((0, 1), repeat=len(cells)):
        index, weight = torch.zeros(len(low), dtype=torch.int64), torch.ones(len(low), 1).double()
        for axis, (c, up) in enumerate(zip(cells, corner, strict=True)):
            index = index * c + (low[:, axis] + up) % c
            share = part[:, axis : axis + 1]
            weight = weight * (share if up else 1 - share)
        grid.index_add_(0, index, weight * values)
    return grid
