"""From a shape as it was read to a task: placed in the box, oriented, and with what it is measured
against.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from data import Shape
from fields import Mesh, ShapeTask, mesh_task, points_task
from fields.points.surfels import Surfels, surfels

from .placement import Placement
from .truth import Cloud, Solid

FEWEST = 50  # points that a surface can be fitted to


@dataclass(frozen=True, eq=False)
class Prepared:
    """A shape that is ready to be fitted.

    Attributes:
        shape: as it was read.
        points: its points in the box, float32 [n, 3], with those that are held out.
        truths: what a result is measured against.
        solid: the mesh that was given, if it was one.
        surfels: what became of a cloud; None of a mesh.
        notes: sentences on what was done.
    """

    shape: Shape
    placement: Placement
    points: Tensor
    task: ShapeTask
    truths: tuple[Cloud | Solid, ...]
    solid: Solid | None = None
    surfels: Surfels | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def how(self) -> str:
        """What was done about normals and noise, or about holes, in a sentence or two."""
        return self.task.how if self.surfels is None else self.surfels.how


def prepare_points(
    shape: Shape,
    *,
    flip: bool = False,
    scanner: tuple[float, float, float] | None = None,
    holdout: float | None = None,
    seed: int = 0,
) -> Prepared:
    """The task of a cloud of points; of a mesh its vertices are taken.

    Args:
        scanner: where it was seen from, in its coordinates.
        holdout: share of the points to keep out and measure on.

    Raises:
        ValueError: the share is not between 0 and 1, or leaves too little.
    """
    notes = []
    if shape.is_mesh:
        notes.append("Of the mesh only the vertices are used; `fieldfit mesh` takes its faces.")
        shape = replace(shape, faces=None)
    if len(shape.points) < FEWEST:
        raise ValueError(
            f"{shape.name}: has {len(shape.points)} points, and a surface needs at least {FEWEST}."
        )
    placement = Placement.of(shape)
    points = placement.into(shape.points)
    normals = None if shape.normals is None else torch.from_numpy(shape.normals)
    kept, hidden = split(len(points), holdout, seed)
    truths = [Cloud(points[kept], _at(normals, kept))]
    if holdout is not None:
        truths.append(Cloud(points[hidden], _at(normals, hidden), "heldout_"))
        notes.append(f"{len(hidden):,} of the points were held out, and are only measured against.")
    eye = None if scanner is None else placement.into(np.array([scanner]))[0]
    found = surfels(points[kept], _at(normals, kept), flip=flip, scanner=eye)
    task = points_task(found, seed=seed)
    return Prepared(shape, placement, points, task, tuple(truths), None, found, notes)


def prepare_mesh(shape: Shape, *, seed: int = 0) -> Prepared:
    """The task of a mesh.

    Raises:
        ValueError: it is a cloud of points.
    """
    if shape.faces is None:
        raise ValueError(f"{shape.name}: is a cloud of points; use fieldfit points.")
    placement = Placement.of(shape)
    points, faces = placement.into(shape.points), torch.from_numpy(shape.faces)
    task = mesh_task(points, faces, seed=seed)
    solid = Solid(Mesh(points, faces), task.distance)
    return Prepared(shape, placement, points, task, (solid,), solid)


def split(count: int, holdout: float | None, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers of the points that are fitted, and of those that are held out."""
    if holdout is None:
        return torch.arange(count), torch.arange(0)
    if not 0 < holdout < 1:
        raise ValueError(f"--holdout must be between 0 and 1, got {holdout}.")
    hidden = math.floor(holdout * count)
    if hidden < 1 or count - hidden < FEWEST:
        raise ValueError(
            f"--holdout {holdout} leaves {count - hidden} points to fit and {hidden} to measure on;"
            f" at least {FEWEST} and 1 are needed. Use another share."
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[hidden:].sort()[0], order[:hidden].sort()[0]


def _at(values: Tensor | None, chosen: Tensor) -> Tensor | None:
    return None if values is None else values[chosen]
