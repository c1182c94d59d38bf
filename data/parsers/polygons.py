"""Polygons and strips of any length as triangles."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def fans(corners: Array, counts: Array) -> Array:
    """Triangles [f, 3] of polygons: `corners` is their vertices one after another, `counts`
    how many each has. A polygon of n > 2 gives n - 2 that share its first corner, others none."""
    counts = counts.astype(np.int64)
    starts = np.cumsum(counts) - counts
    triangles = np.maximum(counts - 2, 0)
    first = np.repeat(starts, triangles)
    second = first + 1 + _places(triangles)
    return corners[np.stack([first, second, second + 1], axis=1)].astype(np.int64)


def strips(corners: Array) -> Array:
    """Triangles [f, 3] of triangle strips: three vertices in a row, -1 starts a new strip.

    Every second triangle of a strip is turned over, so that all face the same side.
    """
    corners = corners.astype(np.int64)
    rows = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)  # none if under three
    place = np.arange(len(corners))
    start = np.maximum.accumulate(np.where(corners == -1, place + 1, 0))
    odd = (place - start)[: len(rows)] % 2 == 1
    rows[odd] = rows[odd][:, [1, 0, 2]]
    return rows[(rows != -1).all(axis=1)]


def _places(counts: Array) -> Array:
    """0, 1, … counts[0] - 1, 0, 1, … counts[1] - 1, and so on."""
    total = int(counts.sum())
    return np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
