"""Nearest points of triangles by measuring them all: the reference of `numba_distance`."""

import torch
from torch import Tensor

CHUNK = 1 << 20  # pairs of a query and a triangle that are held at a time


def closest(queries: Tensor, corners: Tensor) -> Tensor:
    """The point of a triangle that is nearest to a query.

    It is the query's foot on the plane where that lies in the triangle, and else on one of the
    edges [Ericson 2004, "Real-Time Collision Detection", sec. 5.1]. A triangle may be degenerate.

    Args:
        queries: [..., 3].
        corners: [..., 3, 3], a row a corner; the leading axes are broadcast.

    Returns:
        [..., 3].
    """
    a, b, c = corners.unbind(-2)
    u, v, p = b - a, c - a, queries - a
    uu, uv, vv = ((s * t).sum(-1, keepdim=True) for s, t in ((u, u), (u, v), (v, v)))
    pu, pv = (p * u).sum(-1, keepdim=True), (p * v).sum(-1, keepdim=True)
    area = uu * vv - uv * uv
    s, t = _quotient(vv * pu - uv * pv, area), _quotient(uu * pv - uv * pu, area)
    inside = (s >= 0) & (t >= 0) & (s + t <= 1)
    ab = _quotient(pu, uu).clamp(0, 1) * u
    ac = _quotient(pv, vv).clamp(0, 1) * v
    bc = u + _quotient(pv - pu + uu - uv, uu - 2 * uv + vv).clamp(0, 1) * (v - u)
    feet = torch.stack([torch.where(inside, s * u + t * v, ab), ab, ac, bc])
    nearest = (p - feet).square().sum(-1, keepdim=True).argmin(0, keepdim=True)
    return a + feet.take_along_dim(nearest, 0)[0]


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is not positive."""
    return torch.where(b > 0, a / b, torch.zeros_like(a))


def nearest(corners: Tensor, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The triangle nearest to each query.

    Args:
        corners: float32 [f, 3, 3], a row a corner, with f > 0.
        queries: float32 [m, 3].

    Returns:
        Distances float32 [m], triangles' numbers int64 [m], nearest points float32 [m, 3].
    """
    distance = queries.new_empty(len(queries))
    index = torch.empty(len(queries), dtype=torch.long, device=queries.device)
    point = torch.empty_like(queries)
    size, exact = max(1, CHUNK // len(corners)), corners.double()  # as slivers need
    for start in range(0, len(queries), size):
        some = slice(start, start + size)
        feet = closest(queries[some, None].double(), exact)
        least = torch.linalg.vector_norm(queries[some, None] - feet, dim=-1).min(dim=1)
        distance[some], index[some] = least.values.float(), least.indices
        point[some] = feet.take_along_dim(index[some, None, None], 1)[:, 0].float()
    return distance, index, point
