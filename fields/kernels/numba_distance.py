"""Nearest points of triangles on the CPU: `distance.nearest` by a tree of boxes around them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import threads
from .numba_packets import BATCH, LANES, fill, next_leaf, parts_of, ranked
from .numba_tools import helper, kernel, take
from .numba_tree import STACK, boxes, sort

LEAF = 4  # triangles
EDGES = ((0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0), (1.0, 0.0, -1.0, 1.0))  # see `_foot`


class Mesh(NamedTuple):
    """Triangles in the order of a tree's leaves, and the tree."""

    shapes: np.ndarray  # float32 [f, 16], see `_shapes`
    order: np.ndarray  # int32 [f], the triangles' numbers
    lower: np.ndarray  # float32 [nodes, 3]
    upper: np.ndarray  # float32 [nodes, 3]
    depth: int


def mesh_of(corners: Tensor) -> Mesh:
    """What `nearest` searches, of triangles float32 [f, 3, 3] on the CPU."""
    _, order, depth = sort(corners.mean(1).numpy(), LEAF)
    ordered = corners[torch.from_numpy(order)]
    low, high = ordered.amin(1).T, ordered.amax(1).T
    return Mesh(_shapes(ordered), order, *boxes(low.numpy(), high.numpy(), depth), depth)


def _shapes(corners: Tensor) -> np.ndarray:
    """What the kernel needs of each triangle a, b, c, in one line of the cache: float32 [f, 16].

    The corner a, u = b - a and v = c - a, the products uu, uv and vv, and the reciprocals of uu,
    vv, |v - u|^2 and uu vv - uv^2; that of 0 is 0.
    """
    a, b, c = corners.double().unbind(1)
    u, v = b - a, c - a
    uu, uv, vv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1)
    squares = torch.stack([uu, vv, (v - u).square().sum(1), uu * vv - uv * uv], dim=1)
    inverse = torch.where(squares > 0, 1 / squares, 0).nan_to_num(0, 0, 0)
    inverse = torch.where(inverse.float().isfinite(), inverse, 0)
    return torch.cat([a, u, v, torch.stack([uu, uv, vv], 1), inverse], 1).float().numpy()


@helper
def _clamp(value):
    """A number's nearest in [0, 1]."""
    return min(max(value, np.float32(0)), np.float32(1))


@helper
def _measure(packet, shapes, i, best, where):
    """See which queries are nearer to triangle i than to their best yet; squared [LANES].

    The distance is the least of those to the three edges and, where the foot on the plane lies in
    the triangle, to that: so rounding can make a distance a little too long, but not too short.
    """
    ax, ay, az, ux, uy, uz = (
        shapes[i, 0], shapes[i, 1], shapes[i, 2], shapes[i, 3], shapes[i, 4], shapes[i, 5]
    )  # fmt: skip
    vx, vy, vz, uu, uv, vv = (
        shapes[i, 6], shapes[i, 7], shapes[i, 8], shapes[i, 9], shapes[i, 10], shapes[i, 11]
    )  # fmt: skip
    per_uu, per_vv, per_ww, per_area = shapes[i, 12], shapes[i, 13], shapes[i, 14], shapes[i, 15]
    wx, wy, wz = vx - ux, vy - uy, vz - uz
    zero, one = np.float32(0), np.float32(1)
    for lane in range(LANES):
        x, y, z = packet[0, lane] - ax, packet[1, lane] - ay, packet[2, lane] - az
        pu, pv = x * ux + y * uy + z * uz, x * vx + y * vy + z * vz
        t = _clamp(pu * per_uu)
        dx, dy, dz = x - t * ux, y - t * uy, z - t * uz
        squared = dx * dx + dy * dy + dz * dz
        t = _clamp(pv * per_vv)
        dx, dy, dz = x - t * vx, y - t * vy, z - t * vz
        squared = min(squared, dx * dx + dy * dy + dz * dz)
        t = _clamp((pv - pu + uu - uv) * per_ww)
        dx, dy, dz = x - ux - t * wx, y - uy - t * wy, z - uz - t * wz
        squared = min(squared, dx * dx + dy * dy + dz * dz)
        s, t = (vv * pu - uv * pv) * per_area, (uu * pv - uv * pu) * per_area
        dx, dy, dz = x - s * ux - t * vx, y - s * uy - t * vy, z - s * uz - t * vz
        foot = dx * dx + dy * dy + dz * dz
        inside = (s >= zero) & (t >= zero) & (s + t <= one) & (foot < squared)
        squared = foot if inside else squared
        nearer = squared < best[lane]
        best[lane] = squared if nearer else best[lane]
        where[lane] = np.int32(i) if nearer else where[lane]


@helper
def _foot(uu, uv, vv, pu, pv):
    """The place (s, t) of a triangle's point a + s u + t v that is nearest to a + p.

    An edge is start and way in these coordinates. In float64, like all that leads here.
    """
    s, t, least = 0.0, 0.0, np.inf
    for at_s, at_t, by_s, by_t in EDGES:
        along = by_s * (pu - at_s * uu - at_t * uv) + by_t * (pv - at_s * uv - at_t * vv)
        square = by_s * by_s * uu + 2 * by_s * by_t * uv + by_t * by_t * vv
        k = min(max(along / square, 0.0), 1.0) if square > 0 else 0.0
        a, b = at_s + k * by_s, at_t + k * by_t
        more = a * (a * uu + 2 * b * uv - 2 * pu) + b * (b * vv - 2 * pv)  # than |p|^2
        if more < least:
            s, t, least = a, b, more
    area = uu * vv - uv * uv
    if area > 0:
        a, b = (vv * pu - uv * pv) / area, (uu * pv - uv * pu) / area
        more = a * (a * uu + 2 * b * uv - 2 * pu) + b * (b * vv - 2 * pv)
        if a >= 0 and b >= 0 and a + b <= 1 and more < least:
            s, t = a, b
    return s, t


@helper
def _settle(query, shape, point):
    """Set `point` [3] to the triangle's nearest to a query; returns the distance."""
    ax, ay, az = np.float64(shape[0]), np.float64(shape[1]), np.float64(shape[2])
    ux, uy, uz = np.float64(shape[3]), np.float64(shape[4]), np.float64(shape[5])
    vx, vy, vz = np.float64(shape[6]), np.float64(shape[7]), np.float64(shape[8])
    x, y, z = query[0] - ax, query[1] - ay, query[2] - az
    uu, vv = ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz
    uv = ux * vx + uy * vy + uz * vz
    s, t = _foot(uu, uv, vv, x * ux + y * uy + z * uz, x * vx + y * vy + z * vz)
    dx, dy, dz = s * ux + t * vx, s * uy + t * vy, s * uz + t * vz
    point[0], point[1], point[2] = ax + dx, ay + dy, az + dz
    return np.sqrt((x - dx) ** 2 + (y - dy) ** 2 + (z - dz) ** 2)


@kernel
def _nearest(ticket, queries, rank, mesh, distance, index, point):
    """A packet at a time; the nearest points themselves are then found in float64."""
    m, n, depth = len(rank), len(mesh.order), mesh.depth
    shapes, lower, upper, leaves = mesh.shapes, mesh.lower, mesh.upper, 1 << mesh.depth
    packet = np.empty((3, LANES), np.float32)
    best, where = np.empty(LANES, np.float32), np.empty(LANES, np.int32)
    stack = np.empty(STACK, np.int64)
    part = take(ticket)
    while part * BATCH < m:
        for first in range(part * BATCH, min(m, (part + 1) * BATCH), LANES):
            fill(packet, queries, rank, first)
            best[:] = np.inf
            where[:] = 0
            stack[0] = 1
            node, height = next_leaf(packet, best, lower, upper, leaves, stack, 1)
            while node:
                leaf = node - leaves
                for i in range(leaf * n >> depth, (leaf + 1) * n >> depth):
                    _measure(packet, shapes, i, best, where)
                node, height = next_leaf(packet, best, lower, upper, leaves, stack, height)
            for s in range(min(LANES, m - first)):
                q = rank[first + s]
                index[q] = mesh.order[where[s]]
                distance[q] = _settle(queries[q], shapes[where[s]], point[q])
        part = take(ticket)


def nearest(mesh: Mesh, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`distance.nearest`, for float32 on the CPU."""
    distance, index = torch.empty(len(queries)), torch.empty(len(queries), dtype=torch.long)
    point = torch.empty(len(queries), 3)
    if len(queries):
        at = queries.detach().contiguous().numpy()
        found = distance.numpy(), index.numpy(), point.numpy()
        threads.share(_nearest, at, ranked(at), mesh, *found, parts=parts_of(at))
    return distance, index, point
