"""Marching cubes: the triangles of a lattice's cells [Lorensen & Cline 1987].

A corner of a cell is a number of three bits, its offsets along x, y and z; an edge is the corner it
begins at and the axis it runs along. The table of cases is derived from the cube: on each face of
it, every run of inside corners is cut off by one segment, whatever the other corners are. Two cells
that share a face so agree on its segments, the segments of a cell form closed loops, and the
surface closes by construction.
"""

from functools import cache
from itertools import pairwise

import numpy as np

CLEAR = 0.01  # of an edge: no vertex lies nearer to its ends, lest triangles shrink to nothing
EDGES = [(corner, axis) for axis in range(3) for corner in range(8) if not corner >> axis & 1]

Layers = np.ndarray  # float32 [layers, h, w], the signed distances at the lattice's vertices


def _rings() -> list[list[int]]:
    """The corners of the cube's six faces, counter-clockwise as seen from outside the cube."""
    found = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        ring = [0, u, u | v, v]
        found += [ring[::-1], [1 << axis | corner for corner in ring]]
    return found


def _edge(a: int, b: int) -> int:
    """The number of the edge between two corners."""
    return EDGES.index((a & b, (a ^ b).bit_length() - 1))


def _loops(inside: int) -> list[list[int]]:
    """The closed loops of edges in which the surface cuts a cell with the given corners inside."""
    following: dict[int, int] = {}
    for ring in _rings():
        for i in range(4):
            if inside >> ring[i - 1] & 1 or not inside >> ring[i] & 1:
                continue
            end = next(j for j in range(i, i + 4) if not inside >> ring[(j + 1) % 4] & 1)
            following[_edge(ring[i - 1], ring[i])] = _edge(ring[end % 4], ring[(end + 1) % 4])
    loops = []
    while following:
        loop = [min(following)]
        while (edge := following.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        loops.append(loop)
    return loops


def _in_one_face(a: int, b: int) -> bool:
    """Whether two edges bound a common face of the cube."""
    sides = [{_edge(ring[i - 1], ring[i]) for i in range(4)} for ring in _rings()]
    return any(a in side and b in side for side in sides)


def _fan(loop: list[int]) -> list[tuple[int, int, int]]:
    """The triangles of a loop, around a vertex from which no diagonal runs in a face of the cube.

    There the neighbouring cell might draw the same diagonal, and the edge would have four faces.
    """
    for i in range(len(loop)):
        apex, *rest = loop[i:] + loop[:i]
        if not any(_in_one_face(apex, other) for other in rest[1:-1]):
            return [(apex, b, c) for b, c in pairwise(rest)]
    raise AssertionError(f"no fan of {loop}")


@cache
def table() -> tuple[np.ndarray, np.ndarray]:
    """For each of the 256 sets of inside corners its triangles.

    Returns:
        (number of triangles, int64 [256]; their edges, int64 [256, most triangles, 3]).
    """
    cases = [[t for loop in _loops(case) for t in _fan(loop)] for case in range(256)]
    counts = np.array([len(case) for case in cases])
    edges = np.zeros((256, counts.max(), 3), np.int64)
    for number, case in enumerate(cases):
        edges[number, : len(case)] = np.array(case, np.int64).reshape(-1, 3)
    return counts, edges


def triangles(values: Layers) -> np.ndarray:
    """The triangles between a lattice's values below 0 and the others.

    Args:
        values: float32 [layers, h, w], along z, y and x.

    Returns:
        int64 [n, 3]: each vertex is the number of the lattice's edge it lies on, which is three
        times the row-major number of the vertex it begins at, plus the axis (x, y, z).
    """
    _, h, w = values.shape
    inside = values < 0
    cell = np.flatnonzero(_mixed(inside))
    layer, rest = np.divmod(cell, (h - 1) * (w - 1))
    y, x = np.divmod(rest, w - 1)
    first = (layer * h + y) * w + x
    offset = np.array([(c >> 2) * h * w + (c >> 1 & 1) * w + (c & 1) for c in range(8)])
    flat = inside.ravel()
    case = np.zeros(len(first), np.uint8)
    for corner in range(8):
        case |= flat[first + offset[corner]].view(np.uint8) << corner
    counts, edges = table()
    starts = np.array([3 * offset[corner] + axis for corner, axis in EDGES])
    found = starts[edges][case]
    found += 3 * first[:, None, None]
    return found[np.arange(edges.shape[1]) < counts[case][:, None]]


def _mixed(inside: np.ndarray) -> np.ndarray:
    """Cells with corners on both sides: bool [layers, h, w] -> [layers - 1, h - 1, w - 1]."""
    some = every = inside
    for axis in range(3):
        some = ends(some, axis, np.logical_or)
        every = ends(every, axis, np.logical_and)
    return some & ~every


def ends(values: np.ndarray, axis: int, join: np.ufunc) -> np.ndarray:
    """Neighbours along the axis (0 is x, the last of the array) joined: one fewer."""
    low = [slice(None)] * 3
    high = list(low)
    low[2 - axis], high[2 - axis] = slice(None, -1), slice(1, None)
    return join(values[tuple(low)], values[tuple(high)])


def cut(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where between 0 and 1 a line from a to b, of other signs, is 0; clear of both ends."""
    a, b = np.abs(a), np.abs(b)
    with np.errstate(invalid="ignore"):
        at = a / (a + b)
    return np.clip(np.nan_to_num(at, nan=0.5), CLEAR, 1 - CLEAR)
