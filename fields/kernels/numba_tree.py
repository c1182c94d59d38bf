"""A balanced tree of boxes over items in space: points, or triangles by their centres.

Items are halved at the median along the longest side of what they span, over and over, until leaves
hold few enough: a k-d tree whose nodes need no pointers [Bentley 1975, "Multidimensional binary
search trees used for associative searching", Comm. ACM 18(9)]. Node i of level l holds the items
from `i * n >> l` to `(i + 1) * n >> l`; its number is 2^l + i, and its children's are the double of
that and the next. Row 0 of a table of nodes is unused.
"""

import numpy as np

from . import threads
from .numba_tools import helper, kernel, take

SHARED = 6  # levels whose nodes are shared out one by one; below them, whole subtrees are
STACK = 64  # nodes that can wait for a descent: at most one a level


@helper
def _swap(points, order, i, j):
    """Exchange two columns of points [3, n], and their numbers."""
    for axis in range(3):
        points[axis, i], points[axis, j] = points[axis, j], points[axis, i]
    order[i], order[j] = order[j], order[i]


@helper
def _longest(points, start, end):
    """The axis along which the points from `start` to `end` span most."""
    axis, longest = 0, np.float32(-1)
    for candidate in range(3):
        low, high = points[candidate, start], points[candidate, start]
        for i in range(start + 1, end):
            low = min(low, points[candidate, i])
            high = max(high, points[candidate, i])
        if high - low > longest:
            axis, longest = candidate, high - low
    return axis


@helper
def _halve(points, order, start, middle, end):
    """Order the points so that none before `middle` lies beyond it [Hoare 1961, "Find"]."""
    keys = points[_longest(points, start, end)]
    left, right = start, end - 1
    while left < right:
        pivot = keys[(left + right) >> 1]
        i, j = left, right
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while pivot < keys[j]:
                j -= 1
            if i <= j:
                _swap(points, order, i, j)
                i += 1
                j -= 1
        if j < middle:
            left = i
        if middle < i:
            right = j


@kernel
def _sort(ticket, points, order, first, last):
    """Halve the nodes of levels from `first` to before `last`, a part for each node of `first`."""
    n = len(order)
    part = take(ticket)
    while part < 1 << first:
        for level in range(first, last):
            below = level - first
            for node in range(part << below, (part + 1) << below):
                start, end = node * n >> level, (node + 1) * n >> level
                _halve(points, order, start, (2 * node + 1) * n >> (level + 1), end)
        part = take(ticket)


def sort(points: np.ndarray, leaf: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Points in the order of a tree's leaves.

    Args:
        points: float32 [n, 3], finite and not empty.
        leaf: how many of them a leaf may hold.

    Returns:
        float32 [3, n], the points' numbers int32 [n], and the depth of the leaves.
    """
    n = len(points)
    depth = (-(-n // leaf) - 1).bit_length()
    axes, order = np.array(points.T, order="C"), np.arange(n, dtype=np.int32)
    for level in range(min(SHARED, depth)):
        threads.share(_sort, axes, order, level, level + 1, parts=1 << level)
    if depth > SHARED:
        threads.share(_sort, axes, order, SHARED, depth, parts=1 << SHARED)
    return axes, order, depth


def boxes(lower: np.ndarray, upper: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of all nodes, from those of the items, float32 [3, n] in the order of the leaves.

    Returns:
        The least and the largest coordinates, float32 [nodes, 3].
    """
    leaves = 1 << depth
    starts = np.arange(leaves) * lower.shape[1] >> depth
    low, high = np.zeros((2, 2 * leaves, 3), np.float32)
    low[leaves:] = np.minimum.reduceat(lower, starts, axis=1).T
    high[leaves:] = np.maximum.reduceat(upper, starts, axis=1).T
    for level in range(depth - 1, -1, -1):
        nodes, children = slice(1 << level, 2 << level), slice(2 << level, 4 << level)
        low[nodes] = low[children].reshape(-1, 2, 3).min(axis=1)
        high[nodes] = high[children].reshape(-1, 2, 3).max(axis=1)
    return low, high
