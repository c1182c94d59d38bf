"""The surface of a signed distance field, as a mesh that closes.

The field is sampled at the vertices of a lattice over [-1, 1]^3: at all of a coarse one, then level
by level at those of the next finer one that lie in blocks which may hold the surface. The others
take over the value of a corner of their block. Each vertex so has one value, and whatever the field
does, marching cubes closes around the negative ones. The lattice is gone through from bottom to
top, a few layers at a time.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from .kernels.marching import CLEAR, cut, ends, triangles
from .mesh import Mesh

COARSE = 64  # cells along an axis of the coarse lattice, at least
BATCH = 2**18  # points asked for at once
ROOM = 2**22  # vertices of the fine lattice held at once, or a layer of coarse cells if more
MOST = 2**24  # triangles: a smooth shape at 1024 cells has a quarter of that
FAR = 4.0  # no distance within the box is larger; stands for what is not a number as well


def extract(
    values: Callable[[Tensor], Tensor],
    resolution: int,
    *,
    near: Tensor | None = None,
    lipschitz: float = 2.0,
    share: Callable[[float], None] = lambda done: None,
) -> tuple[Mesh, int]:
    """The zero level set of a signed distance field, negative inside, over [-1, 1]^3.

    What lies outside the box counts as outside: a surface that leaves the box is capped there.

    Args:
        values: float32 [n, 3] -> [n], on the CPU; what is not a number counts as outside.
        resolution: cells along each axis.
        near: points [n, 3] about which the surface is looked for whatever the field says.
        lipschitz: the most by which the field changes over a unit of length. More finds what a
            field that is far from a distance hides, and evaluates it more often.
        share: told the share of the work that is done, in [0, 1]; may raise to stop.

    Returns:
        (the mesh, which is closed and may be empty; how many times the field was evaluated).

    Raises:
        ValueError: the resolution is not positive, or there would be more than `MOST` triangles.
    """
    if resolution < 1:
        raise ValueError(f"resolution must be at least 1, got {resolution}.")
    lattice = _Lattice(values, resolution, near, lipschitz)
    top, edges, points, corners = 0, [], [], []
    last = np.empty((0, lattice.side, lattice.side), np.float32)
    for chunk in lattice.layers():
        layers = np.concatenate([last, chunk])
        found = triangles(layers)
        edge = _distinct(found[found < 3 * layers[:-1].size])
        points.append(_placed(lattice, layers, edge, top))
        start = 3 * top * lattice.side**2
        edges.append(edge + start)
        corners.append(found + start)
        top, last = top + len(layers) - 1, layers[-1:]
        if sum(map(len, corners)) > MOST:
            raise ValueError(
                f"the field's surface would have more than {MOST:,} triangles, as noise has; fit "
                f"it longer, or ask for fewer than {resolution} cells."
            )
        share(top / (lattice.side - 1))
    # Edges are numbered from bottom to top, and each chunk's are sorted.
    faces = np.searchsorted(np.concatenate(edges), np.concatenate(corners))
    return Mesh(torch.cat(points), torch.from_numpy(faces)), lattice.evaluations


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """The sorted numbers without repetition."""
    ordered = np.sort(numbers, axis=None)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)]]


def _placed(lattice: "_Lattice", layers: np.ndarray, edge: np.ndarray, top: int) -> Tensor:
    """Where on the given edges the surface runs: float32 [n, 3]."""
    begin, axis = np.divmod(edge, 3)
    step = np.array([1, lattice.side, lattice.side**2])[axis]
    flat = layers.ravel()
    a, b = flat[begin], flat[begin + step]
    origin, direction = lattice.index(begin, top), np.eye(3)[axis]
    at = cut(a, b)
    # A field is seldom linear along an edge: one step of regula falsi.
    here = lattice.sampled(origin + at[:, None] * direction)
    beyond = (here < 0) == (a < 0)
    rest = np.where(beyond, cut(here, b) * (1 - at), cut(a, here) * at)
    at = np.clip(np.where(beyond, at + rest, rest), CLEAR, 1 - CLEAR)
    return lattice.place(origin + at[:, None] * direction)


class _Lattice:
    """The values of a field at the vertices of a lattice, as far as they matter.

    Attributes:
        block: cells along an edge of the coarse lattice's.
        side: vertices along an axis: enough for whole blocks of the coarsest level, and those
            beyond the box lie on its face.
        near: places about which the surface is looked for, in cells, from bottom to top: [n, 3].
        evaluations: of the field so far.
    """

    def __init__(
        self,
        values: Callable[[Tensor], Tensor],
        resolution: int,
        near: Tensor | None,
        lipschitz: float,
    ) -> None:
        self.values, self.resolution, self.lipschitz = values, resolution, lipschitz
        self.block = 1 << int(math.log2(max(1, resolution / COARSE)))
        self.side = -(-resolution // self.block) * self.block + 1
        points = torch.zeros(0, 3) if near is None else near[near.abs().amax(1) < 1].cpu()
        places = (points.double().numpy() + 1) * (resolution / 2)
        self.near = places[np.argsort(places[:, 2])]
        self.evaluations = 0

    def layers(self) -> Iterator[np.ndarray]:
        """float32 [n, side, side] a few layers at a time, along z, y and x."""
        found, spacing = self._coarse(), self.block
        while spacing > 1:
            found, spacing = self._refined(found, spacing), spacing // 2
        return found

    def index(self, vertex: np.ndarray, top: int, spacing: int = 1) -> np.ndarray:
        """The place in the fine lattice, as (x, y, z), of vertices numbered from a layer on."""
        side = (self.side - 1) // spacing + 1
        rest, x = np.divmod(vertex, side)
        z, y = np.divmod(rest, side)
        return np.stack([x, y, z + top], axis=1) * spacing

    def place(self, index: np.ndarray) -> Tensor:
        """Coordinates of places in the fine lattice: [n, 3] -> float32 [n, 3] in [-1, 1]."""
        x = np.minimum(index * (2 / self.resolution) - 1, 1)
        return torch.from_numpy(x.astype(np.float32))

    def sampled(self, index: np.ndarray) -> np.ndarray:
        """The field's values at places in the fine lattice, float32 [n]."""
        self.evaluations += len(index)
        out = np.empty(len(index), np.float32)
        for start in range(0, len(index), BATCH):
            part = slice(start, start + BATCH)
            found = self.values(self.place(index[part])).detach().float().cpu()
            out[part] = found.nan_to_num(FAR, FAR, -FAR).clamp(-FAR, FAR).numpy()
        return out

    def _vertices(self, vertex: np.ndarray, top: int, spacing: int) -> np.ndarray:
        """Values of a level's vertices. Those on the box's faces are never inside."""
        index = self.index(vertex, top, spacing)
        values = self.sampled(index)
        outermost = ((index == 0) | (index >= self.resolution)).any(1)
        return np.where(outermost, np.maximum(values, 0), values)

    def _coarse(self) -> Iterator[np.ndarray]:
        """All values of the coarsest level."""
        side = (self.side - 1) // self.block + 1
        n = max(1, ROOM // (self.side**2 * self.block))
        for top in range(0, side, n):
            count = min(n, side - top)
            values = self._vertices(np.arange(count * side**2), top, self.block)
            yield values.reshape(count, side, side)

    def _refined(self, coarser: Iterator[np.ndarray], spacing: int) -> Iterator[np.ndarray]:
        """The layers of the level below one of a given spacing, in fine cells.

        A layer is finished only when the blocks on both its sides have been judged.
        """
        side = (self.side - 1) // spacing + 1
        last = np.empty((0, side, side), np.float32)
        below = np.zeros((1, side - 1, side - 1), bool)
        top = 0
        for chunk in coarser:
            layers = np.concatenate([last, chunk])
            active = self._active(layers, top, spacing)
            judged = np.concatenate([below, active])
            if len(active):
                yield self._split(layers[:-1], judged, top, spacing)
            top, last, below = top + len(active), layers[-1:], judged[-1:]
        judged = np.concatenate([below, np.zeros_like(below)])
        yield self._split(last, judged, top, spacing)[:1]

    def _active(self, layers: np.ndarray, top: int, spacing: int) -> np.ndarray:
        """The blocks between layers that may hold the surface, bool [layers - 1, n, n].

        No point of a block is further from its nearest corner than half its diagonal.
        """
        reach = self.lipschitz * spacing * math.sqrt(3) / self.resolution
        low = high = layers
        for axis in range(3):
            low, high = ends(low, axis, np.minimum), ends(high, axis, np.maximum)
        active = (low <= reach) & (high >= -reach)
        first, end = np.searchsorted(
            self.near[:, 2], (top * spacing, (top + len(active)) * spacing)
        )
        x, y, z = (self.near[first:end] / spacing).astype(np.int64).T
        active[z - top, y, x] = True
        return active

    def _split(self, layers: np.ndarray, judged: np.ndarray, top: int, spacing: int) -> np.ndarray:
        """Layers of twice as many vertices along each axis.

        Args:
            layers: [n, side, side].
            judged: the blocks below the first layer and above each, bool [n + 1, ...].

        Returns:
            float32 [2 n, 2 side - 1, 2 side - 1].
        """
        wanted = _spread(_spread(_spread(judged, 2), 1), 0)[2:-1]
        wanted[::2, ::2, ::2] = False
        rows = np.empty((*layers.shape[:2], wanted.shape[2]), np.float32)
        rows[:, :, ::2], rows[:, :, 1::2] = layers, layers[:, :, :-1]
        z, y = (np.arange(n) // 2 for n in wanted.shape[:2])
        values = rows[z[:, None], y]
        vertex = np.flatnonzero(wanted)
        values.reshape(-1)[vertex] = self._vertices(vertex, 2 * top, spacing // 2)
        return values


def _spread(blocks: np.ndarray, axis: int) -> np.ndarray:
    """Along an axis, which of the 2 n + 1 halfway vertices belong to a marked one of n blocks."""
    shape = list(blocks.shape)
    shape[axis] = 2 * shape[axis] + 1
    out = np.zeros(shape, bool)
    found, blocks = np.moveaxis(out, axis, 0), np.moveaxis(blocks, axis, 0)
    found[1::2] = blocks
    found[:-1:2] = blocks
    found[2::2] |= blocks
    return out
