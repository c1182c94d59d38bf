"""How far places are from a triangle mesh, and on which side."""

import torch
from torch import Tensor

from .kernels import distance
from .kernels.backends import choose
from .space import check_points, check_triangles
from .winding import Winding


class Triangles:
    """A mesh made ready for the search of its nearest points.

    Args:
        vertices: float32 [n, 3].
        faces: int64 [f, 3], f > 0; a triangle without area is searched like any other.
        backend: "torch" measures every triangle, "numba" searches a tree; "auto" takes the faster.
    """

    def __init__(self, vertices: Tensor, faces: Tensor, *, backend: str = "auto") -> None:
        check_triangles(vertices, faces)
        self.corners = vertices.detach()[faces]  # [f, 3, 3], a row a corner
        self._mesh = None
        if choose(backend, vertices.device)[0] == "numba":
            from .kernels import numba_distance

            self._mesh = numba_distance.mesh_of(self.corners)

    def nearest(self, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The nearest point of the mesh to each query, float32 [m, 3].

        Returns:
            Distances float32 [m], never negative; the numbers of the faces that the nearest points
            lie on, int64 [m], any of those that share it; and these points, float32 [m, 3].
        """
        check_points(queries, "queries")
        if self._mesh is None:
            return distance.nearest(self.corners, queries.detach())
        from .kernels import numba_distance

        return numba_distance.nearest(self._mesh, queries)


def signed_distance(
    vertices: Tensor, faces: Tensor, queries: Tensor, *, backend: str = "auto"
) -> Tensor:
    """The distance of places to a mesh, negative inside: float32 [m].

    Inside is where the mesh goes around more than half: its holes are taken as closed.

    Args:
        vertices: float32 [n, 3].
        faces: int64 [f, 3], counter-clockwise seen from outside.
        queries: float32 [m, 3].
    """
    far, _, _ = Triangles(vertices, faces, backend=backend).nearest(queries)
    inside = Winding.of_mesh(vertices, faces, backend=backend).at(queries) > 0.5
    return torch.where(inside, -far, far)
