"""Nearest points by measuring all distances: the reference of `numba_neighbours`."""

import torch
from torch import Tensor

CHUNK = 1 << 22  # distances that are held at a time


def nearest(points: Tensor, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of the points to each query, nearest first.

    Args:
        points: float32 [n, 3] with n >= k.
        queries: float32 [m, 3].

    Returns:
        Distances float32 [m, k] and the points' numbers int64 [m, k].
    """
    found = [
        torch.linalg.vector_norm(some[:, None] - points, dim=-1).topk(k, largest=False)
        for some in queries.split(max(1, CHUNK // len(points)))
    ]
    if not found:
        return queries.new_empty(0, k), torch.empty(0, k, dtype=torch.long, device=queries.device)
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])
