"""`signs.spread`, compiled."""

from . import signs
from .numba_tools import helper, kernel

_root = helper(signs._root)


@kernel
def spread(order, ends, alike, parent, turned):
    for e in order:
        a, flip_a = _root(parent, turned, ends[e, 0])
        b, flip_b = _root(parent, turned, ends[e, 1])
        if a != b:
            parent[b] = a
            turned[b] = (flip_a != flip_b) == alike[e]
    for i in range(len(parent)):
        _root(parent, turned, i)
