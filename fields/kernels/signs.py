"""Agreeing on signs over a graph: a minimum spanning forest whose edges say alike or opposite."""

import numpy as np


def spread(order: np.ndarray, ends: np.ndarray, alike: np.ndarray, parent: np.ndarray,
           turned: np.ndarray) -> None:
    """Kruskal's forest, with the sign of each node relative to its root kept along.

    Args:
        order: int64 [edges], cheapest first.
        ends: int64 [edges, 2].
        alike: bool [edges], whether the two have the same sign.
        parent: int64 [nodes], each its own at first; then the root of its tree.
        turned: bool [nodes], False at first; then whether its sign is not its root's.
    """
    for e in order:
        a, flip_a = _root(parent, turned, ends[e, 0])
        b, flip_b = _root(parent, turned, ends[e, 1])
        if a != b:
            parent[b] = a
            turned[b] = (flip_a != flip_b) == alike[e]
    for i in range(len(parent)):
        _root(parent, turned, i)


def _root(parent: np.ndarray, turned: np.ndarray, i: int) -> tuple[int, bool]:
    """The root of a node, and whether its sign is not the root's; the way there is shortened."""
    root, flip = i, False
    while parent[root] != root:
        flip ^= turned[root]
        root = parent[root]
    whole = flip
    while parent[i] != root and parent[i] != i:
        above, step = parent[i], turned[i]
        parent[i], turned[i] = root, flip
        flip ^= step
        i = above
    return root, whole
