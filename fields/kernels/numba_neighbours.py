"""Nearest points on the CPU: `neighbours.nearest` by a tree of boxes around the points."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import threads
from .numba_packets import BATCH, LANES, box_distance, fill, next_leaf, parts_of, ranked
from .numba_tools import helper, kernel, take
from .numba_tree import STACK, boxes, sort

LEAF = 16  # points, which are measured together; the array of them ends with as many to spare
FEW = 8  # neighbours that are found a packet at a time
GAPS = (701, 301, 132, 57, 23, 10, 4, 1)  # of Shell's sort [Ciura 2001]
SLACK = np.float32(1 + 1e-5)  # on a bound, more than float32's rounding
LEAST = np.float32(1e-37)  # a bound that points at no distance are below


class Cloud(NamedTuple):
    """Points in the order of a tree's leaves, and the tree."""

    points: np.ndarray  # float32 [3, n + LEAF]
    order: np.ndarray  # int32 [n], the points' numbers
    lower: np.ndarray  # float32 [nodes, 3]
    upper: np.ndarray  # float32 [nodes, 3]
    depth: int


def cloud_of(points: Tensor) -> Cloud:
    """What `nearest` searches, of points float32 [n, 3] on the CPU."""
    axes, order, depth = sort(points.detach().numpy(), LEAF)
    padded = np.zeros((3, len(points) + LEAF), np.float32)
    padded[:, : len(points)] = axes
    return Cloud(padded, order, *boxes(axes, axes, depth), depth)


@helper
def _insert(squared, place, best, where):
    """Put each lane's point among its best yet, rows of [k, LANES] in ascending order.

    What is pushed out of a row moves on to the next.
    """
    for j in range(len(best)):
        for s in range(LANES):
            here, there = squared[s], best[j, s]
            point, other = place[s], where[j, s]
            nearer = here < there
            best[j, s] = here if nearer else there
            squared[s] = there if nearer else here
            where[j, s] = point if nearer else other
            place[s] = other if nearer else point


@kernel
def _nearest_few(ticket, queries, rank, k, cloud, distance, index):
    """A packet at a time; a point is put among the best of all lanes in a few instructions."""
    m, n, depth = len(rank), len(cloud.order), cloud.depth
    points, lower, upper, leaves = cloud.points, cloud.lower, cloud.upper, 1 << cloud.depth
    packet = np.empty((3, LANES), np.float32)
    squared, place = np.empty(LANES, np.float32), np.empty(LANES, np.int32)
    best, where = np.empty((k, LANES), np.float32), np.empty((k, LANES), np.int32)
    stack = np.empty(STACK, np.int64)
    part = take(ticket)
    while part * BATCH < m:
        for first in range(part * BATCH, min(m, (part + 1) * BATCH), LANES):
            fill(packet, queries, rank, first)
            best[:] = np.inf
            where[:] = 0
            worst = best[k - 1]
            stack[0] = 1
            node, height = next_leaf(packet, worst, lower, upper, leaves, stack, 1)
            while node:
                leaf = node - leaves
                for i in range(leaf * n >> depth, (leaf + 1) * n >> depth):
                    x, y, z = points[0, i], points[1, i], points[2, i]
                    nearer = np.int32(0)
                    for s in range(LANES):
                        dx, dy, dz = packet[0, s] - x, packet[1, s] - y, packet[2, s] - z
                        d = dx * dx + dy * dy + dz * dz
                        squared[s] = d
                        nearer += np.int32(d < worst[s])
                    if nearer:
                        place[:] = i
                        _insert(squared, place, best, where)
                node, height = next_leaf(packet, worst, lower, upper, leaves, stack, height)
            for s in range(min(LANES, m - first)):
                q = rank[first + s]
                for j in range(k):
                    distance[q, j] = np.sqrt(best[j, s])
                    index[q, j] = cloud.order[where[j, s]]
        part = take(ticket)


@helper
def _select(keys, count, k):
    """Order the first `count` keys so that the k least come first, the k-th at its place."""
    left, right = 0, count - 1
    while left < right:
        pivot = keys[(left + right) >> 1]
        i, j = left, right
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while pivot < keys[j]:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if j < k - 1:
            left = i
        if k - 1 < i:
            right = j


@helper
def _ascend(keys, k):
    """Sort the first k keys [Shell 1959]."""
    for gap in GAPS:
        for i in range(gap, k):
            key, j = keys[i], i
            while j >= gap and keys[j - gap] > key:
                keys[j] = keys[j - gap]
                j -= gap
            keys[j] = key


@helper
def _collect(x, y, z, k, bound, cloud, stack, squared, bits, keys):
    """The points of a squared distance below `bound`, or the k nearest if there are more.

    A key is a squared distance, whose bits as an integer keep their order, above a point's place.

    Args:
        squared, bits: the same scratch memory, float32 and int32 [LEAF].
        keys: int64 [2 k + 2 LEAF], of which the first become the points found.

    Returns:
        How many there are.
    """
    n, depth, leaves = len(cloud.order), cloud.depth, 1 << cloud.depth
    points, lower, upper = cloud.points, cloud.lower, cloud.upper
    count, height = 0, 1
    stack[0] = 1
    while height:
        height -= 1
        node = stack[height]
        if box_distance(x, y, z, lower, upper, node) >= bound:
            continue
        if node < leaves:
            a = box_distance(x, y, z, lower, upper, 2 * node)
            b = box_distance(x, y, z, lower, upper, 2 * node + 1)
            stack[height] = 2 * node + (a <= b)
            stack[height + 1] = 2 * node + (a > b)
            height += 2
            continue
        start, end = (node - leaves) * n >> depth, (node - leaves + 1) * n >> depth
        for i in range(LEAF):
            at = start + i
            dx, dy, dz = points[0, at] - x, points[1, at] - y, points[2, at] - z
            squared[i] = dx * dx + dy * dy + dz * dz
        for i in range(end - start):
            keys[count] = np.int64(bits[i]) << 32 | (start + i)
            count += squared[i] < bound
        if count > len(keys) - LEAF:
            _select(keys, count, k)
            count = k
            bits[0] = keys[k - 1] >> 32
            bound = squared[0]
    if count > k:
        _select(keys, count, k)
        count = k
    return count


@kernel
def _nearest_many(ticket, queries, rank, k, cloud, distance, index):
    """A query at a time; how far the last one had to look bounds how far the next one has to."""
    m = len(rank)
    stack = np.empty(STACK, np.int64)
    squared = np.empty(LEAF, np.float32)
    bits = squared.view(np.int32)
    keys = np.empty(2 * k + 2 * LEAF, np.int64)
    part = take(ticket)
    while part * BATCH < m:
        reach = np.float32(np.inf)
        before = queries[rank[part * BATCH]]
        for i in range(part * BATCH, min(m, (part + 1) * BATCH)):
            q = rank[i]
            x, y, z = queries[q, 0], queries[q, 1], queries[q, 2]
            dx, dy, dz = x - before[0], y - before[1], z - before[2]
            reach = (reach + np.sqrt(dx * dx + dy * dy + dz * dz)) * SLACK
            bound = reach * reach + LEAST
            count = _collect(x, y, z, k, bound, cloud, stack, squared, bits, keys)
            if count < k:  # what is too small to be squared has no slack
                bound = np.float32(np.inf)
                count = _collect(x, y, z, k, bound, cloud, stack, squared, bits, keys)
            _ascend(keys, k)
            for j in range(k):
                bits[0] = keys[j] >> 32
                distance[q, j] = np.sqrt(squared[0])
                index[q, j] = cloud.order[keys[j] & 0xFFFFFFFF]
            reach, before = distance[q, k - 1], queries[q]
        part = take(ticket)


def nearest(cloud: Cloud, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`neighbours.nearest`, for float32 on the CPU: float32 and int64 [m, k]."""
    distance, index = torch.empty(len(queries), k), torch.empty(len(queries), k, dtype=torch.long)
    if not len(queries):
        return distance, index
    at = queries.detach().contiguous().numpy()
    found = distance.numpy(), index.numpy()
    kernel = _nearest_few if k <= FEW else _nearest_many
    threads.share(kernel, at, ranked(at), k, cloud, *found, parts=parts_of(at))
    return distance, index
