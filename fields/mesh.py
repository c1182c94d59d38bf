"""Triangle meshes: what they measure, whether they close, and their pieces."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

SMALL = 0.05  # of the largest component's area: less is a speck


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles over shared vertices.

    Attributes:
        vertices: float32 [v, 3].
        faces: int64 [f, 3], the numbers of each triangle's vertices, counter-clockwise as seen from
            outside.

    Raises:
        ValueError: the shapes are others, or a face names a vertex that is not there.
    """

    vertices: Tensor
    faces: Tensor

    def __post_init__(self) -> None:
        for name, tensor in (("vertices", self.vertices), ("faces", self.faces)):
            if tensor.ndim != 2 or tensor.shape[1] != 3:
                raise ValueError(f"{name} must be [n, 3], got {tuple(tensor.shape)}.")
        if len(self.faces):
            low, high = int(self.faces.min()), int(self.faces.max())
            if low < 0 or high >= len(self.vertices):
                raise ValueError(
                    f"faces must name vertices 0 to {len(self.vertices) - 1}, got {low} to {high}."
                )

    def face_areas(self) -> Tensor:
        """float32 [f]."""
        return self._crosses().norm(dim=1) / 2

    def face_normals(self) -> Tensor:
        """Unit vectors that point outside, float32 [f, 3]; zero for a face without an area."""
        return normalize(self._crosses(), dim=1, eps=1e-30)

    def vertex_normals(self) -> Tensor:
        """Unit means of the faces' normals around each vertex, weighted by area: float32 [v, 3]."""
        total = torch.zeros_like(self.vertices)
        crosses = self._crosses()
        for corner in self.faces.unbind(1):
            total.index_add_(0, corner, crosses)
        return normalize(total, dim=1, eps=1e-30)

    def sample(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Points drawn evenly by area, and the normals of their faces: float32 [n, 3] twice.

        Raises:
            ValueError: the mesh has no area.
        """
        reach = self.face_areas().double().cumsum(0)
        if not len(reach) or not float(reach[-1]) > 0:
            raise ValueError("the mesh has no area to draw points from; give one with triangles.")
        drawn = torch.rand(n, generator=rng, dtype=torch.float64) * reach[-1]
        face = torch.searchsorted(reach, drawn, right=True).clamp_(max=len(reach) - 1)
        root, along = torch.rand(n, 2, generator=rng).unbind(1)
        root = root.sqrt()
        weights = torch.stack([1 - root, root * (1 - along), root * along], dim=1)
        chosen = self.faces[face]
        points = (weights[:, :, None] * self.vertices[chosen]).sum(1)
        return points, Mesh(self.vertices, chosen).face_normals()

    @property
    def volume(self) -> float:
        """What a closed mesh encloses, positive if its faces point outside."""
        if not len(self.faces):
            return 0.0
        a, b, c = (self.vertices - self.vertices.mean(0)).double()[self.faces].unbind(1)
        return float((a * b.cross(c, dim=1)).sum() / 6)

    @property
    def watertight(self) -> bool:
        """Whether each edge has one face on either side and all faces agree on what is outside."""
        a, b = self._edges()
        n = len(self.vertices)
        there, back = np.sort(a * n + b), np.sort(b * n + a)
        alone = bool((there[1:] != there[:-1]).all())
        return len(there) > 0 and alone and bool(np.array_equal(there, back))

    @property
    def euler(self) -> int:
        """Vertices in use - edges + faces: 2 for a sphere, less 2 for each handle."""
        a, b = self._edges()
        edges = np.sort(np.minimum(a, b) * len(self.vertices) + np.maximum(a, b))
        used = int(torch.bincount(self.faces.flatten(), minlength=1).count_nonzero())
        count = int((edges[1:] != edges[:-1]).sum()) + min(len(edges), 1)
        return used - count + len(self.faces)

    def components(self) -> Tensor:
        """For each face the number of its piece, int64 [f] from 0 up.

        Faces that share a vertex are in one piece. Every vertex takes over the least number it can
        see, and the numbers' numbers: FastSV of Zhang, Azad & Hu 2020.
        """
        corners, (a, b, c) = self.faces.flatten(), self.faces.unbind(1)
        label = torch.arange(len(self.vertices))
        while True:
            parent = label[label]
            least = torch.minimum(torch.minimum(parent[a], parent[b]), parent[c])
            least = least.repeat_interleave(3)
            found = label.scatter_reduce(0, label[corners], least, "amin")
            found = torch.minimum(found.scatter_reduce(0, corners, least, "amin"), parent)
            if torch.equal(found, label):
                return torch.unique(label[self.faces[:, 0]], return_inverse=True)[1]
            label = found

    def keep(self, chosen: Tensor) -> "Mesh":
        """The faces that a bool [f] marks, and only the vertices they use."""
        faces = self.faces[chosen]
        used = torch.zeros(len(self.vertices), dtype=torch.bool)
        used[faces] = True
        number = used.cumsum(0) - 1
        return Mesh(self.vertices[used], number[faces])

    def without_small(self, share: float = SMALL) -> "Mesh":
        """The mesh without pieces of an area below a share of the largest one's."""
        if not len(self.faces):
            return self
        piece = self.components()
        areas = torch.bincount(piece, weights=self.face_areas().double())
        large = areas >= share * areas.max()
        return self if bool(large.all()) else self.keep(large[piece])

    def _crosses(self) -> Tensor:
        """Normals of the faces, of twice their area's length: float32 [f, 3]."""
        a, b, c = (self.vertices[corner] for corner in self.faces.unbind(1))
        return (b - a).cross(c - a, dim=1)

    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the faces' directed edges begin and end: int64 [3 f] twice."""
        faces = self.faces.numpy()
        return faces.ravel(), faces[:, [1, 2, 0]].ravel()
