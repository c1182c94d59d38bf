"""Normals of a range scan from its grid: neighbours in the scan are neighbours on the surface."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_JUMP = 6.0  # edges longer than this many median edges lead from one surface to another


def grid_normals(points: Array, grid: Array) -> Array:
    """Unit normals [n, 3], float32, of the points of a range scan, towards the scanner.

    `grid` [rows, columns] holds the index of the point seen in each direction, -1 for none. A
    point has the mean of the triangles around it, weighted by area; 0 where there are none. The
    scanner of a Stanford scan looks along -z, so normals have positive z.
    """
    inside = np.where(grid < len(points), grid, -1)
    triangles = _triangles(inside)
    triangles = triangles[_short(points, triangles)]
    a, b, c = (points[triangles[:, n]] for n in range(3))
    across = np.cross(b - a, c - a)
    across[across[:, 2] < 0] *= -1
    normals = np.zeros_like(points)
    for n in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(triangles[:, n], across[:, axis], len(points))
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, lengths, out=normals, where=lengths > 0).astype(np.float32)


def _triangles(grid: Array) -> Array:
    """Two triangles for every cell of four points, [t, 3]."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    both = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3)
    return both[(both >= 0).all(axis=1)]


def _short(points: Array, triangles: Array) -> Array:
    """Which triangles have no edge that jumps from one surface to another, bool [t]."""
    corners = points[triangles]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    return edges.max(axis=1, initial=0) <= _JUMP * (np.median(edges) if edges.size else 0)
