"""The spectrum of values that are known at scattered points, along one direction.

Frequencies k are in cycles per unit of the points' coordinates. In the engine's coordinates a side
is 2 units long: 2 k is in cycles a side.
"""

import torch
from torch import Tensor

from .checks import located, pair, rows
from .dft import Form, amplitude, local_maxima, relative_difference

PHASES = 2**20  # waves times points at once: 24 MB of phases, cosines and sines


def principal_direction(x: Tensor) -> Tensor:
    """The unit vector along which points vary most: their first principal component.

    Args:
        x: real [n, d].

    Returns:
        float64 [d]; of the two signs, that whose largest entry is positive.
    """
    x = rows(x, "x")
    centred = x - x.mean(0)
    if not centred.abs().max() > 1e-12 * x.abs().max():
        raise ValueError("x must hold different points to have a direction, got equal ones.")
    n, d = x.shape
    if d <= n:
        direction = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -1]
    else:  # the smaller matrix has the same spread
        direction = centred.T @ torch.linalg.eigh(centred @ centred.T).eigenvectors[:, -1]
    direction = direction / direction.norm()
    return direction * direction[direction.abs().argmax()].sign()


def nudft(x: Tensor, values: Tensor, k: Tensor) -> Tensor:
    """g^_k = (1/n) sum_i g(x_i) e^(-2 pi i k.x_i), the non-uniform discrete Fourier transform.

    [Xu et al. 2019, arXiv:1901.06523, sec. 3]. Compare two functions at the same points alone: the
    spectrum is that of the function times the density of the points. Takes n m operations.

    Args:
        x: real [n, d].
        values: real [n, c].
        k: frequency vectors, real [m, d].

    Returns:
        complex128 [m, c].
    """
    x, values = located(x, values)
    if k.ndim != 2 or k.shape[1] != x.shape[1]:
        raise ValueError(
            f"k must be [m, {x.shape[1]}] for points of {x.shape[1]} coordinates, "
            f"got {list(k.shape)}; give one row a frequency vector."
        )
    waves = -2 * torch.pi * k.detach().cpu().double()
    found = torch.zeros(len(k), values.shape[1], dtype=torch.complex128)
    step = max(1, PHASES // len(x))
    for first in range(0, len(k), step):
        for start in range(0, len(x), PHASES):
            phase = waves[first : first + step] @ x[start : start + PHASES].T
            some = values[start : start + PHASES]
            found[first : first + step] += torch.complex(phase.cos() @ some, phase.sin() @ some)
    return found / len(x)


def project(x: Tensor, values: Tensor, k: Tensor, direction: Tensor | None = None) -> Tensor:
    """g^_k = (1/n) sum_i g(x_i) e^(-2 pi i k p.x_i), frequencies along one direction p.

    [Xu et al. 2019, arXiv:1901.06523, sec. 3.1].

    Args:
        x: real [n, d].
        values: real [n, c].
        k: frequencies, real [m].
        direction: unit vector p, real [d]; None for the `principal_direction` of x, which is worth
            finding once where many functions are looked at.

    Returns:
        complex128 [m, c].
    """
    return nudft(along(x, direction), values, k[:, None])


def along(x: Tensor, direction: Tensor | None = None) -> Tensor:
    """Where points [n, d] lie along a unit vector [d], by default the principal one: [n, 1]."""
    x = rows(x, "x")
    direction = principal_direction(x) if direction is None else direction.detach().cpu().double()
    if direction.shape != x.shape[1:] or abs(float(direction.norm()) - 1) > 1e-6:
        raise ValueError(
            f"direction must be a unit vector [{x.shape[1]}], got {list(direction.shape)} of "
            f"length {float(direction.norm()):.6g}; divide it by its length."
        )
    return (x @ direction)[:, None]


def projection_error(
    x: Tensor,
    prediction: Tensor,
    target: Tensor,
    k: Tensor,
    direction: Tensor | None = None,
    form: Form = "complex",
) -> Tensor:
    """Delta_F(k) along one direction, relative as in `dft.relative_error`: float64 [m].

    Args:
        x: real [n, d].
        prediction, target: real [n, c].
        k: frequencies, real [m].
        direction: as in `project`.
    """
    prediction, target = pair(prediction, target)
    both = project(x, torch.cat([prediction, target], 1), k, direction)
    found, wanted = both.chunk(2, 1)
    return relative_difference(found, wanted, target, form)


def projection_peaks(
    x: Tensor,
    values: Tensor,
    direction: Tensor | None = None,
    *,
    most: int = 40,
    count: int = 5,
) -> Tensor:
    """The frequencies along one direction at which |g^_k| is large: float64 [<= count], ascending.

    They are multiples of 1 / span, the shortest interval that holds the points along it, below
    `most` of them; and of those above both their neighbours, the `count` largest.

    Args:
        x: real [n, d].
        values: real [n, c]; with several channels, their `amplitude` counts.
    """
    places = along(x, direction)
    span = float(places.max() - places.min())
    if not span > 0:
        raise ValueError("x must hold different points along the direction; choose another one.")
    k = torch.arange(most, dtype=torch.float64) / span
    found = amplitude(project(places, values, k, torch.ones(1)))
    highest = local_maxima(found, 1e-6)
    order = found[highest].argsort(descending=True)[:count]
    return k[highest[order]].sort().values
