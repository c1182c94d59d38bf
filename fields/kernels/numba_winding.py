"""Fast winding numbers on the CPU: what is far away is seen as one dipole.

Barill, Dickson, Schmidt, Levin & Jacobson 2018, "Fast winding numbers for soups and clouds", ACM
Trans. Graphics 37(4), with the first term of their expansion: in the same time, a larger `beta`
gains as much as the second term does. A node is far from a query when it is more than `beta` of its
radii away; the leaves that are near are summed as `winding` sums them.

Whether a node is far is decided for each lane of a packet by itself, and sums run in the order of
the tree: what is found for a query does not depend on the others.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import threads
from .numba_packets import BATCH, LANES, fill, parts_of, ranked
from .numba_tools import helper, kernel, take
from .numba_tree import STACK, boxes, sort

LEAF = 4  # triangles or points
ROUND = np.float32(1 / (4 * math.pi))
# atan x = x (1 + ... x^16) on [0, 1], to 2e-8 [Abramowitz & Stegun 1964, eq. 4.4.49].
ATAN = (-0.3333314528, 0.1999355085, -0.1420889944, 0.1065626393, -0.0752896400, 0.0429096138,
        -0.0161657367, 0.0028662257)  # fmt: skip
TINY = np.float32(1e-37)


class Surface(NamedTuple):
    """Parts of a surface in the order of a tree's leaves, and the tree's dipoles."""

    parts: np.ndarray  # float32 [n, 12], a, b, c and (b - a) x (c - a); or [n, 6], point and area
    dipoles: np.ndarray  # float32 [nodes, 7], see `_dipoles`
    depth: int


def of_triangles(corners: Tensor) -> Surface:
    """What `at_triangles` sums, of triangles float32 [f, 3, 3] on the CPU."""
    centres = corners.mean(1)
    _, order, depth = sort(centres.numpy(), LEAF)
    ordered = corners[torch.from_numpy(order)]
    a, b, c = ordered.unbind(1)
    cross = torch.linalg.cross(b - a, c - a)
    low, high = ordered.amin(1), ordered.amax(1)
    parts = torch.cat([a, b, c, cross], dim=1).numpy()
    return Surface(parts, _dipoles(ordered.mean(1), cross / 2, low, high, depth), depth)


def of_points(points: Tensor, areas: Tensor) -> Surface:
    """What `at_points` sums, of points and areas float32 [n, 3] on the CPU."""
    _, order, depth = sort(points.numpy(), LEAF)
    at = torch.from_numpy(order)
    points, areas = points[at], areas[at]
    parts = torch.cat([points, areas], dim=1).numpy()
    return Surface(parts, _dipoles(points, areas, points, points, depth), depth)


def _dipoles(centres: Tensor, areas: Tensor, low: Tensor, high: Tensor, depth: int) -> np.ndarray:
    """What each node is seen as from far away: float32 [nodes, 7].

    They are the mean place of its parts, weighted by the size of their areas; the sum of the areas;
    and the squared distance from that place to the far corner of the node's box.

    Args:
        centres: float32 [n, 3], in the order of the leaves.
        areas: float32 [n, 3], vectors.
        low, high: float32 [n, 3], the parts' boxes.
    """
    area = areas.double()
    weight = torch.linalg.vector_norm(area, dim=1, keepdim=True)
    weight += weight.mean() * 1e-6 + 1e-300  # so that parts without area have a place, too
    parts = torch.cat([centres * weight, weight, area], dim=1)
    sums = _sums(parts.numpy(), depth)
    where = sums[:, :3] / sums[:, 3:4]
    lower, upper = boxes(low.T.contiguous().numpy(), high.T.contiguous().numpy(), depth)
    radius = np.square(np.maximum(upper - where, where - lower)).sum(axis=1, keepdims=True)
    return np.concatenate([where, sums[:, 4:], radius], axis=1).astype(np.float32)


def _sums(parts: np.ndarray, depth: int) -> np.ndarray:
    """The sum over every node's parts, in the order of the leaves: [n, c] -> [nodes, c]."""
    leaves = 1 << depth
    sums = np.ones((2 * leaves, parts.shape[1]))
    sums[leaves:] = np.add.reduceat(parts, np.arange(leaves) * len(parts) >> depth, axis=0)
    for level in range(depth - 1, -1, -1):
        pairs = sums[2 << level : 4 << level].reshape(1 << level, 2, -1)
        sums[1 << level : 2 << level] = pairs.sum(axis=1)
    return sums


@helper
def _from_far(packet, dipoles, node, beta, active, near, total):
    """Add a dipole where it is far, and mark the lanes in which it is near; how many these are."""
    px, py, pz = dipoles[node, 0], dipoles[node, 1], dipoles[node, 2]
    nx, ny, nz = dipoles[node, 3], dipoles[node, 4], dipoles[node, 5]
    limit = beta * beta * dipoles[node, 6]
    count, zero = np.int32(0), np.float32(0)
    for s in range(LANES):
        x, y, z = px - packet[0, s], py - packet[1, s], pz - packet[2, s]
        squared = x * x + y * y + z * z
        here = active[s] != 0
        close = here & (squared <= limit)
        part = (x * nx + y * ny + z * nz) / (squared * np.sqrt(squared))
        total[s] += part if here & (squared > limit) else zero
        near[s] = np.int32(close)
        count += np.int32(close)
    return count


@helper
def _after(node, level):
    """The node that follows all those below `node`, and its level; 0 after the last one."""
    while node & 1:
        node >>= 1
        level -= 1
    return node + (node > 0), level


@helper
def _near_leaf(packet, surface, beta, masks, total, node, level):
    """The next leaf, from `node` on, that is near in some lane, and its level; 0 if none is.

    Args:
        masks: int32 [STACK, LANES]: row `level` holds the lanes in which a node of that level is
            to be added, the next the lanes in which it is near.
    """
    while node:
        active, close = masks[level], masks[level + 1]
        if _from_far(packet, surface.dipoles, node, beta, active, close, total) == 0:
            node, level = _after(node, level)
        elif node < 1 << surface.depth:
            node, level = 2 * node, level + 1
        else:
            break
    return node, level


@helper
def _add_triangle(packet, parts, i, near, total):
    """Add a triangle's solid angle in the lanes in which it is near."""
    ax, ay, az, bx, by, bz, cx, cy, cz = (
        parts[i, 0], parts[i, 1], parts[i, 2], parts[i, 3], parts[i, 4], parts[i, 5],
        parts[i, 6], parts[i, 7], parts[i, 8],
    )  # fmt: skip
    nx, ny, nz = parts[i, 9], parts[i, 10], parts[i, 11]
    zero, half, whole = np.float32(0), np.float32(np.pi / 2), np.float32(np.pi)
    for s in range(LANES):
        x, y, z = packet[0, s], packet[1, s], packet[2, s]
        px, py, pz = ax - x, ay - y, az - z
        qx, qy, qz = bx - x, by - y, bz - z
        rx, ry, rz = cx - x, cy - y, cz - z
        p = np.sqrt(px * px + py * py + pz * pz)
        q = np.sqrt(qx * qx + qy * qy + qz * qz)
        r = np.sqrt(rx * rx + ry * ry + rz * rz)
        over = px * nx + py * ny + pz * nz
        under = p * q * r + (px * qx + py * qy + pz * qz) * r
        under += (qx * rx + qy * ry + qz * rz) * p + (rx * px + ry * py + rz * pz) * q
        a, b = abs(over), abs(under)
        t = min(a, b) / (max(a, b) + TINY)
        u = t * t
        angle = np.float32(ATAN[7])
        angle = angle * u + np.float32(ATAN[6])
        angle = angle * u + np.float32(ATAN[5])
        angle = angle * u + np.float32(ATAN[4])
        angle = angle * u + np.float32(ATAN[3])
        angle = angle * u + np.float32(ATAN[2])
        angle = angle * u + np.float32(ATAN[1])
        angle = angle * u + np.float32(ATAN[0])
        angle = angle * u * t + t
        angle = half - angle if a > b else angle
        angle = whole - angle if under < zero else angle
        angle = -angle if over < zero else angle
        total[s] += angle + angle if near[s] != 0 else zero


@helper
def _add_point(packet, parts, i, near, total):
    """Add a point's dipole in the lanes in which it is near."""
    px, py, pz = parts[i, 0], parts[i, 1], parts[i, 2]
    nx, ny, nz = parts[i, 3], parts[i, 4], parts[i, 5]
    zero = np.float32(0)
    for s in range(LANES):
        x, y, z = px - packet[0, s], py - packet[1, s], pz - packet[2, s]
        squared = x * x + y * y + z * z
        part = (x * nx + y * ny + z * nz) / (squared * np.sqrt(squared))
        total[s] += part if (near[s] != 0) & (squared > zero) else zero


@helper
def _sum(ticket, queries, rank, surface, beta, add, out):
    """The sums of a batch's packets; `add` adds one part of a leaf."""
    m, n, depth = len(rank), len(surface.parts), surface.depth
    packet, total = np.empty((3, LANES), np.float32), np.empty(LANES, np.float32)
    masks = np.ones((STACK, LANES), np.int32)
    part = take(ticket)
    while part * BATCH < m:
        for first in range(part * BATCH, min(m, (part + 1) * BATCH), LANES):
            fill(packet, queries, rank, first)
            total[:] = 0
            node, level = _near_leaf(packet, surface, beta, masks, total, 1, 0)
            while node:
                leaf = node - (1 << depth)
                for i in range(leaf * n >> depth, (leaf + 1) * n >> depth):
                    add(packet, surface.parts, i, masks[level + 1], total)
                node, level = _after(node, level)
                node, level = _near_leaf(packet, surface, beta, masks, total, node, level)
            for s in range(min(LANES, m - first)):
                out[rank[first + s]] = total[s] * ROUND
        part = take(ticket)


@kernel
def _triangles(ticket, queries, rank, surface, beta, out):
    _sum(ticket, queries, rank, surface, beta, _add_triangle, out)


@kernel
def _points(ticket, queries, rank, surface, beta, out):
    _sum(ticket, queries, rank, surface, beta, _add_point, out)


def at_triangles(surface: Surface, beta: float, queries: Tensor) -> Tensor:
    """`winding.of_triangles` to the accuracy of `beta`, for float32 on the CPU."""
    out = torch.empty(len(queries))
    if len(queries):
        at = queries.detach().contiguous().numpy()
        args = at, ranked(at), surface, np.float32(beta), out.numpy()
        threads.share(_triangles, *args, parts=parts_of(at))
    return out


def at_points(surface: Surface, beta: float, queries: Tensor) -> Tensor:
    """`winding.of_points` to the accuracy of `beta`, for float32 on the CPU."""
    out = torch.empty(len(queries))
    if len(queries):
        at = queries.detach().contiguous().numpy()
        args = at, ranked(at), surface, np.float32(beta), out.numpy()
        threads.share(_points, *args, parts=parts_of(at))
    return out
