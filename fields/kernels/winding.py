"""How often a surface goes around a place, summed over all its parts: the reference of
`numba_winding`.

The winding number is the solid angle under which the surface is seen, over 4 pi: 1 inside a closed
surface whose triangles are counter-clockwise seen from outside, 0 outside of it, and in between
near the holes of one that is open [Jacobson, Kavan & Sorkine-Hornung 2013, "Robust inside-outside
segmentation using generalized winding numbers", ACM Trans. Graphics 32(4)].
"""

import math

import torch
from torch import Tensor

CHUNK = 1 << 20  # pairs of a query and a part that are held at a time


def of_triangles(corners: Tensor, queries: Tensor) -> Tensor:
    """The winding number of triangles, exactly [van Oosterom & Strackee 1983, eq. 8].

    Args:
        corners: float32 [f, 3, 3], a row a corner.
        queries: float32 [m, 3].

    Returns:
        float32 [m].
    """
    found = [
        _half_angles(corners - some[:, None, None]).sum(-1) / (2 * math.pi)
        for some in queries.split(max(1, CHUNK // len(corners)))
    ]
    return torch.cat(found)


def _half_angles(corners: Tensor) -> Tensor:
    """Half the solid angles of triangles seen from the origin: [..., 3, 3] -> [...]."""
    a, b, c = corners.unbind(-2)
    la, lb, lc = (torch.linalg.vector_norm(v, dim=-1) for v in (a, b, c))
    ab, bc, ca = ((v * w).sum(-1) for v, w in ((a, b), (b, c), (c, a)))
    volume = (a * torch.linalg.cross(b - a, c - a)).sum(-1)
    return torch.atan2(volume, la * lb * lc + ab * lc + bc * la + ca * lb)


def of_points(points: Tensor, areas: Tensor, queries: Tensor) -> Tensor:
    """The winding number of dipoles that stand for pieces of a surface [Barill et al. 2018, eq. 5].

    Args:
        points: float32 [n, 3]; one that a query lies on adds nothing to it.
        areas: float32 [n, 3], normals as long as the area of the piece around each point.
        queries: float32 [m, 3].

    Returns:
        float32 [m].
    """
    found = []
    for some in queries.split(max(1, CHUNK // len(points))):
        away = points - some[:, None]
        squared = away.square().sum(-1)
        part = (away * areas).sum(-1) / (4 * math.pi * squared * squared.sqrt())
        found.append(torch.where(squared > 0, part, 0).sum(-1))
    return torch.cat(found)
