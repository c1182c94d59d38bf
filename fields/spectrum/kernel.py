"""The neural tangent kernel: what a field will learn first, from where its parameters stand now.

Under a small step of gradient descent on a mean squared error the output u at n points follows
du/dt = -(2 / n) K (u - y) with K = J J^T [Jacot, Gabriel & Hongler 2018, arXiv:1806.07572]: the
error along an eigenvector falls at the rate of its eigenvalue. A regular K has eigenvalues that
fall with frequency, and so low frequencies are learned first [Xu et al. 2019, arXiv:1901.06523].
"""

import math
from functools import reduce
from typing import Literal

import torch
from torch import Tensor, nn

from .checks import rows

MAX_VALUES = 2**27  # of a Jacobian: 512 MB of float32
PIECE = 2**22  # of them that are turned into float64 at once
Boundary = Literal["periodic", "plain"]


def ntk(field: nn.Module, x: Tensor, output: int | None = None) -> Tensor:
    """K_ij = sum over trained parameters of du(x_i)/dtheta du(x_j)/dtheta.

    Args:
        field: maps [n, d] to [n, c], each point by itself; it is left as it is.
        x: real [n, d].
        output: the one of the c values that counts; None adds up the kernels of all.

    Returns:
        float64 [n, n], symmetric and never negative: the derivatives are taken in the field's own
        precision, their products in float64.
    """
    found = jacobian(field, x, output).flatten(1)  # [n, outputs * parameters]
    kernel = torch.zeros(len(x), len(x), dtype=torch.float64)
    for piece in found.split(max(1, PIECE // len(x)), 1):
        part = piece.double()
        kernel += (part @ part.T).cpu()
    kernel = (kernel + kernel.T) / 2
    if not torch.isfinite(kernel).all():
        raise ValueError("the field's derivatives are not finite; lower the fit's learning rate.")
    return kernel


def jacobian(field: nn.Module, x: Tensor, output: int | None = None) -> Tensor:
    """du(x_i)/dtheta of all trained parameters: [n, outputs, parameters] in the field's precision.

    Point by point, which every field can do: some kernels cannot be differentiated in batches.

    Args:
        field, x, output: as in `ntk`.

    Raises:
        ValueError: it would hold more than `MAX_VALUES`.
    """
    trained = [p for p in field.parameters() if p.requires_grad]
    if not trained:
        raise ValueError("the field has no trained parameters; set requires_grad on some.")
    places = rows(x, "x").to(trained[0])
    with torch.no_grad():
        outputs = range(field(places[:1]).shape[-1])
    chosen = outputs if output is None else [output]
    if output is not None and output not in outputs:
        raise ValueError(f"output must lie from 0 to {len(outputs) - 1}, got {output}.")
    count = sum(p.numel() for p in trained)
    if len(x) * len(chosen) * count > MAX_VALUES:
        most = MAX_VALUES // (len(chosen) * count)
        raise ValueError(
            f"the Jacobian of {len(x):,} points, {len(chosen)} values and {count:,} parameters "
            f"would hold more than {MAX_VALUES:,} numbers; take at most {most:,} points, "
            "or a smaller field."
        )
    found = places.new_zeros(len(x), len(chosen), count)
    for i, place in enumerate(places):
        for row, number in zip(found[i], chosen, strict=True):
            with torch.enable_grad():
                value = field(place[None])[0, number]
            _derive(row, value, trained)
    return found


def _derive(row: Tensor, value: Tensor, trained: list[nn.Parameter]) -> None:
    """Put a value's derivatives side by side in a row; 0 of parameters that do not take part."""
    parts = torch.autograd.grad(value, trained, allow_unused=True)
    first = 0
    for part, parameter in zip(parts, trained, strict=True):
        if part is not None:
            row[first : first + part.numel()] = part.flatten()
        first += parameter.numel()


def eigenmodes(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues of a symmetric kernel and its eigenvectors, the largest first.

    Args:
        kernel: [n, n].

    Returns:
        float64 [n], none below 0 since the kernel is a square; and float64 [n, n], a column each.
    """
    values, vectors = torch.linalg.eigh(_checked(kernel))
    return values.flip(0).clamp_min(0), vectors.flip(1)


def mode_power(vectors: Tensor, *size: int, boundary: Boundary = "plain") -> tuple[Tensor, Tensor]:
    """The share of each vector's power at each frequency, for points on a regular grid.

    Args:
        vectors: [n, m], n = the product of `size`, row by row as `pixel_centres` lists points; a
            column each.
        size: points along the axes, e.g. height and width.
        boundary: "periodic" for grids that come around: waves of whole cycles. "plain" for grids
            with ends, the centres of equal cells: cosines of half cycles, as seen in a mirror at
            either end [discrete cosine transform].

    Returns:
        Frequencies [f] from 0, in cycles over the longest side, a step of 1 or a half apart; and
        shares float64 [f, m] whose columns sum to 1. Between two frequencies the nearer counts.
    """
    vectors = rows(vectors, "vectors")
    waves, number = _waves(size, boundary, len(vectors))
    power = (waves @ vectors.to(waves)).abs().square()
    found = torch.zeros(int(number.max()) + 1, vectors.shape[1], dtype=torch.float64)
    found.index_add_(0, number, power)
    return _frequencies(number, boundary), found / found.sum(0)


def kernel_spectrum(
    kernel: Tensor, *size: int, boundary: Boundary = "plain"
) -> tuple[Tensor, Tensor]:
    """lambda_k = v_k^* K v_k with v_k the wave of frequency k, of length 1: how fast it is learned.

    The eigenvalues themselves if the kernel depends on the distance of points alone on a periodic
    grid; elsewhere the mean rate at which a wave begins to be learned.

    Args:
        kernel: [n, n], n = the product of `size`.
        size, boundary: as in `mode_power`.

    Returns:
        Frequencies [f] as in `mode_power`, and the mean of lambda over the waves nearest to each,
        float64 [f]; nan where there is none.
    """
    kernel = _checked(kernel)
    waves, number = _waves(size, boundary, len(kernel))
    found = ((waves @ kernel.to(waves)) * waves.conj()).sum(1).real
    total = torch.bincount(number, found)
    return _frequencies(number, boundary), total / torch.bincount(number)


def _checked(kernel: Tensor) -> Tensor:
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1]:
        raise ValueError(
            f"kernel must be square [n, n], got {list(kernel.shape)}; take what ntk gives."
        )
    return rows(kernel, "kernel")


def _frequencies(number: Tensor, boundary: Boundary) -> Tensor:
    step = 1.0 if boundary == "periodic" else 0.5
    return torch.arange(int(number.max()) + 1, dtype=torch.float64) * step


def _waves(size: tuple[int, ...], boundary: Boundary, n: int) -> tuple[Tensor, Tensor]:
    """All waves of a grid as rows of a unitary matrix [n, n], and the number of each's frequency.

    Frequencies are numbered from 0 in whole cycles over the longest side if periodic, in half
    cycles if plain.
    """
    if not size or math.prod(size) != n:
        raise ValueError(
            f"size must name a grid of {n} points, got {size}; give its points along each axis."
        )
    if boundary not in ("periodic", "plain"):
        raise ValueError(f"boundary must be periodic or plain, got {boundary!r}.")
    axis = _periodic if boundary == "periodic" else _plain
    matrix = reduce(torch.kron, [axis(m) for m in size])
    longest = max(size)
    ranges = [_order(m, boundary) * (longest / m) for m in size]
    radius = torch.stack(torch.meshgrid(*ranges, indexing="ij")).square().sum(0).sqrt()
    return matrix, radius.flatten().round().long()


def _order(n: int, boundary: Boundary) -> Tensor:
    """The number of each wave along an axis, of cycles if periodic, of half cycles if plain."""
    order = torch.arange(n, dtype=torch.float64)
    return torch.minimum(order, n - order) if boundary == "periodic" else order


def _periodic(n: int) -> Tensor:
    """The discrete Fourier transform, unitary: complex128 [n, n]."""
    turns = torch.arange(n)[:, None] * torch.arange(n) % n  # exact, whatever n
    return torch.polar(
        torch.tensor(n**-0.5).double().expand(n, n), -2 * torch.pi / n * turns.double()
    )


def _plain(n: int) -> Tensor:
    """The discrete cosine transform II, orthogonal: float64 [n, n]."""
    order = torch.arange(n, dtype=torch.float64)
    found = torch.cos(torch.pi / n * order[:, None] * (order + 0.5)) * (2 / n) ** 0.5
    found[0] /= 2**0.5
    return found
