"""What a shape's mesh is measured against: the points or the mesh that were given."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fields import Mesh
from fields.shape_metrics import iou, surface_metrics
from fields.space import SIDE

SAMPLES = 200_000  # on each surface, drawn with the same seed every time
PLACES = 2**18  # in the box around a shape, for `iou`
MARGIN = 0.05  # units of the box, around the shape

Values = Callable[[Tensor], Tensor]  # of a field at places: [n, 3] -> [n]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points that a surface should pass through, in the box.

    Attributes:
        points: float32 [n, 3].
        normals: float32 [n, 3], or None where the file had none: ours would flatter ourselves.
        prefix: of its metrics' names.
    """

    points: Tensor
    normals: Tensor | None
    prefix: str = ""

    def measure(self, mesh: Mesh) -> dict[str, float]:
        """How near a mesh with at least one face is to them."""
        points, normals = sampled(mesh)
        found = surface_metrics(points, normals, self.points, self.normals, SIDE)
        return {f"{self.prefix}{name}": value for name, value in found.items()}


@dataclass(frozen=True, eq=False)
class Solid:
    """A mesh that a surface should be, in the box.

    Attributes:
        distance: its signed distance at places.
    """

    mesh: Mesh
    distance: Values

    @cached_property
    def samples(self) -> tuple[Tensor, Tensor]:
        return sampled(self.mesh)

    @cached_property
    def places(self) -> tuple[Tensor, Tensor]:
        """Places around it, float32 [n, 3], and whether they are inside, bool [n]."""
        low, high = self.mesh.vertices.aminmax(dim=0)
        rng = torch.Generator().manual_seed(0)
        share = torch.rand(PLACES, 3, generator=rng)
        x = low - MARGIN + share * (high - low + 2 * MARGIN)
        return x, self.distance(x) < 0

    def measure(self, mesh: Mesh) -> dict[str, float]:
        """How near a mesh with at least one face is to it."""
        points, normals = sampled(mesh)
        return surface_metrics(points, normals, *self.samples, SIDE)

    def iou(self, values: Values) -> float:
        """How much of a field's inside is its inside."""
        places, inside = self.places
        return iou(values(places) < 0, inside)


def sampled(mesh: Mesh) -> tuple[Tensor, Tensor]:
    """`SAMPLES` points of a mesh and their normals, the same every time."""
    return mesh.sample(SAMPLES, torch.Generator().manual_seed(0))
