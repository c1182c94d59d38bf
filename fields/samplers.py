"""Which cells of a grid a step looks at."""

import torch
from torch import Tensor


def stratified(n: int, total: int, rng: torch.Generator) -> Tensor:
    """One random index from each of n equal strata of range(total), in ascending order.

    Compared with independent draws, no cell comes twice, the estimate of a mean over the grid has
    less variance, and neighbouring samples lie next to each other in memory.

    Returns:
        int64 [min(n, total)].
    """
    n = min(n, total)
    # float64 holds every integer below 2^53, so that the strata stay exact for any picture.
    jitter = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
    edges = torch.arange(n, device=rng.device, dtype=torch.float64)
    return ((edges + jitter) * (total / n)).long().clamp_(max=total - 1)


def uniform(n: int, total: int, rng: torch.Generator) -> Tensor:
    """n independent indices from range(total): int64 [n]."""
    return torch.randint(total, (n,), generator=rng, device=rng.device)


SAMPLERS = {"stratified": stratified, "uniform": uniform}
