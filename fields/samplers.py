"""Which cells of a grid each step looks at."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor


def strided(n: int, total: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless draws of n of range(total): spread evenly, and every cell in turn.

    The range is cut into n strata of nearly equal length K, and a draw takes one cell of each. From
    draw to draw every stratum goes through its cells, by a stride that scatters them and from a
    start of its own, so that K draws see every cell; then it starts anew. Compared with independent
    draws the mean over the grid has less variance, within a draw and over several, no cell is left
    out for long, and the cells come in ascending order, neighbours side by side in memory.

    Yields:
        int64 [min(n, total)], ascending.
    """
    n = min(n, total)
    device = rng.device
    # float64 holds every integer below 2^53, so that the strata stay exact for any picture.
    edges = (torch.arange(n + 1, dtype=torch.float64, device=device) * (total / n)).round().long()
    first, length = edges[:-1], edges.diff()
    longest = int(length.max())
    stride = _stride(longest)
    while True:
        start = torch.randint(2**31, (n,), generator=rng, device=device)
        for draw in range(longest):
            yield first + (start + draw * stride) % length


def _stride(length: int) -> int:
    """A step near the golden section of a length, with no divisor in common with it or the next.

    Strata are of two lengths, one apart: both must be gone through whole.
    """
    stride = max(1, round(length * (math.sqrt(5) - 1) / 2))
    while math.gcd(stride, length) > 1 or math.gcd(stride, max(1, length - 1)) > 1:
        stride -= 1  # ends at 1, if nowhere before
    return stride


def uniform(n: int, total: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless independent draws of n of range(total): int64 [n]."""
    while True:
        yield torch.randint(total, (n,), generator=rng, device=rng.device)


def scattered(n: int, d: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless sets of n places in [-1, 1]^d, each spread evenly, and moved at random as a whole.

    A Kronecker lattice, x_i = start + i alpha mod 1, with alpha from the root of t^(d+1) = t + 1
    [Roberts 2018, "The unreasonable effectiveness of quasirandom sequences"]. The mean over it has
    the right expectation, and far less variance than over independent places.

    Yields:
        float64 [n, d].
    """
    root = 2.0
    for _ in range(64):
        root = (1 + root) ** (1 / (d + 1))
    alpha = root ** -torch.arange(1, d + 1, dtype=torch.float64, device=rng.device)
    steps = torch.arange(n, dtype=torch.float64, device=rng.device)[:, None] * alpha
    while True:
        start = torch.rand(d, generator=rng, dtype=torch.float64, device=rng.device)
        yield 2 * ((start + steps) % 1) - 1


SAMPLERS = {"strided": strided, "uniform": uniform}
