"""Queries that descend a tree together: sorted along a curve through space, and taken in packets.

A packet is tested against a box in a few vector instructions, and what the box holds is read once
for all of it. Every loop over a packet runs over all of its lanes, whether queries fill them or
not: loops of this fixed length become vector instructions, and shorter ones would not.
"""

import numpy as np

from . import threads
from .numba_tools import helper, kernel, take

LANES = 16  # queries in a packet
BATCH = 512  # queries a thread takes at a time, in whole packets
BITS = 63  # of a key that sorts queries
SAMPLE = 4096  # queries that show where most are


@helper
def _apart(cell):
    """The low 21 bits of a number, two zeros between each and the next."""
    v = np.uint64(cell)
    v = (v | v << np.uint64(32)) & np.uint64(0x1F00000000FFFF)
    v = (v | v << np.uint64(16)) & np.uint64(0x1F0000FF0000FF)
    v = (v | v << np.uint64(8)) & np.uint64(0x100F00F00F00F00F)
    v = (v | v << np.uint64(4)) & np.uint64(0x10C30C30C30C30C3)
    return (v | v << np.uint64(2)) & np.uint64(0x1249249249249249)


@kernel
def _keys(ticket, queries, low, scale, cells, bits, out):
    """Each query's place on a Z-shaped curve through cells, above `bits` bits for its number."""
    part = take(ticket)
    while part * BATCH < len(out):
        for i in range(part * BATCH, min(len(out), (part + 1) * BATCH)):
            place = np.uint64(0)
            for axis in range(3):
                cell = (np.float64(queries[i, axis]) - low[axis]) * scale
                place |= _apart(min(max(cell, 0.0), cells - 1.0)) << np.uint64(axis)
            out[i] = np.int64(place) << bits | i
        part = take(ticket)


def parts_of(queries: np.ndarray) -> int:
    """How many batches a kernel shares out."""
    return -(-len(queries) // BATCH)


def ranked(queries: np.ndarray) -> np.ndarray:
    """The queries' numbers int64 [m], so that those near each other in space follow each other.

    Morton 1966, "A computer oriented geodetic data base and a new technique in file sequencing",
    IBM. Key and number are one integer, which sorts several times as fast as a key with a number.
    Queries far from most others share the outermost cells: some outliers coarsen no other's order.

    Args:
        queries: float32 [m, 3], finite and not empty.
    """
    bits = (len(queries) - 1).bit_length()
    cells = 1 << (BITS - bits) // 3
    sample = np.sort(queries[:: 1 + len(queries) // SAMPLE], axis=0).astype(np.float64)
    tail = len(sample) // 64
    low, high = sample[tail], sample[-1 - tail]
    side = float((high - low).max())
    scale = cells / (2 * side) if side > 0 else 0.0
    keys = np.empty(len(queries), np.int64)
    args = queries, low - side / 2, scale, cells, bits, keys
    threads.share(_keys, *args, parts=parts_of(queries))
    keys.sort()
    keys &= (1 << bits) - 1
    return keys


@helper
def fill(packet, queries, rank, first):
    """Set packet [3, LANES] to queries in the order of rank; the last one fills what is left."""
    for s in range(LANES):
        q = rank[min(first + s, len(rank) - 1)]
        for axis in range(3):
            packet[axis, s] = queries[q, axis]


@helper
def box_distance(x, y, z, lower, upper, node):
    """Squared distance of a point to a node's box, 0 inside of it."""
    zero = np.float32(0)
    dx = max(max(lower[node, 0] - x, x - upper[node, 0]), zero)
    dy = max(max(lower[node, 1] - y, y - upper[node, 1]), zero)
    dz = max(max(lower[node, 2] - z, z - upper[node, 2]), zero)
    return dx * dx + dy * dy + dz * dz


@helper
def hopeful(packet, best, lower, upper, node):
    """How many queries are nearer to a node's box than their best yet, squared [LANES]."""
    count = np.int32(0)
    for s in range(LANES):
        gap = box_distance(packet[0, s], packet[1, s], packet[2, s], lower, upper, node)
        count += np.int32(gap < best[s])
    return count


@helper
def next_leaf(packet, best, lower, upper, leaves, stack, height):
    """The next leaf in which a query may find something nearer, and how many nodes still wait.

    Of two children the one nearer to the packet's middle is searched first: what is found there
    spares most of the rest.

    Args:
        stack: int64 [STACK], nodes that wait; `height` of them.

    Returns:
        A leaf's node and the new height; the node is 0 when there is none any more.
    """
    middle = LANES // 2
    x, y, z = packet[0, middle], packet[1, middle], packet[2, middle]
    while height:
        height -= 1
        node = stack[height]
        if hopeful(packet, best, lower, upper, node) == 0:
            continue
        if node >= leaves:
            return node, height
        left, right = 2 * node, 2 * node + 1
        if box_distance(x, y, z, lower, upper, left) > box_distance(x, y, z, lower, upper, right):
            left, right = right, left
        stack[height] = right
        stack[height + 1] = left
        height += 2
    return 0, 0
