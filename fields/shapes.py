"""The tasks of shapes: from surfels of a cloud, or from the triangles of a mesh."""

import torch
from torch import Tensor

from .distance import Triangles
from .mesh import Mesh
from .points.closing import closed
from .points.implicit import Implicit
from .points.surfels import Surfels
from .tasks.shape import POOL, ShapeTask, shape_task
from .winding import Winding

MESH_DETAIL = 2 / 320  # of a mesh, whose triangles have no spacing
SAMPLED = 200_000  # points on a mesh


def points_task(surfels: Surfels, seed: int = 0, *, pool: int = POOL) -> ShapeTask:
    """Fit the distance from a cloud's surface, whose holes are closed.

    Args:
        seed: of the places at which the distance is taken.
        pool: number of them.
    """
    roughness = surfels.noise / surfels.spacing
    distance = Implicit(*closed(surfels.points, surfels.normals), roughness)
    rng = torch.Generator().manual_seed(seed)
    return shape_task(
        surfels.points, surfels.normals, surfels.detail, distance, surfels.how, rng, pool=pool
    )


def mesh_task(vertices: Tensor, faces: Tensor, seed: int = 0, *, pool: int = POOL) -> ShapeTask:
    """Fit the distance from a mesh, negative where its winding number says inside.

    Args:
        vertices: float32 [v, 3], in the box, the longest side 1.8.
        faces: int64 [f, 3], counter-clockwise seen from outside.
    """
    mesh = Mesh(vertices, faces)
    triangles, winding = Triangles(vertices, faces), Winding.of_mesh(vertices, faces)
    outward = 1.0
    if mesh.watertight:
        how = "the mesh is closed; its distance is exact"
        if mesh.volume < 0:
            outward, how = -1.0, how + ", turned right side out"
    else:
        how = (
            "the mesh is open or not consistently oriented: its distance has the sign of the "
            "winding number, which closes holes as a soap film would"
        )

    def distance(x: Tensor) -> Tensor:
        found, _, _ = triangles.nearest(x)
        return torch.where(outward * winding.at(x) > 0.5, -found, found)

    rng = torch.Generator().manual_seed(seed)
    points, normals = mesh.sample(SAMPLED, rng)
    return shape_task(
        points, outward * normals, MESH_DETAIL, distance, how + ".", rng, pool=pool
    )
