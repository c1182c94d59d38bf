"""Fit the signed distance of a shape."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from ..field import Field
from ..kernels.draws import Source, in_order
from ..render import distance_in
from ..space import SIDE, cell_numbers
from .base import Task
from .objectives import Distances, Objective

POOL = 800_000  # places whose distance is known, in pairs
PROBES = 50_000  # more of them, to measure at
NEAR = 1.5, 4.0  # spreads of the places around the surface, in sizes of the detail
EXACT, AROUND = 0.2, 0.7  # shares of places on the surface and around it; the rest is anywhere
BITS = 10  # of each coordinate in the order of the places
VOXEL = 2 / 256  # what "near the surface" is measured in

Distance = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ShapeTask(Task):
    """The signed distance of a surface in the box [-1, 1]^3, negative inside.

    Attributes:
        places: float32 [n, 2, 3], pairs, from near to near.
        distances: float32 [n, 2].
        probes: float32 [m, 3], places near the surface that are not fitted.
        probed: float32 [m], their distances.
        points: float32 [p, 3], on the surface.
        normals: float32 [p, 3], outward there.
        detail: smallest size that the data can tell.
        distance: from any places [n, 3] on the CPU to the surface, [n].
        how: what the distances come from, in a sentence.
        objective: what is asked of the field.
    """

    places: Tensor
    distances: Tensor
    probes: Tensor
    probed: Tensor
    points: Tensor
    normals: Tensor
    detail: float
    distance: Distance
    how: str
    objective: Objective = Distances()

    @property
    def in_dim(self) -> int:
        return 3

    @property
    def out_dim(self) -> int:
        return 1

    def to(self, device: torch.device) -> Self:
        if device == self.places.device:
            return self
        names = ("places", "distances", "probes", "probed", "points", "normals")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def prepare(self, field: Field) -> None:
        """Centre the field on the mean distance, scaled to their spread."""
        self.objective.check(field)
        field.shift.copy_(self.distances.mean())
        field.scale.copy_(self.distances.std())

    @cached_property
    def cells(self) -> int:
        """How many cells as large as the detail the surface goes through."""
        return len(cell_numbers(self.points, self.detail).unique())

    def batches(self, n: int, rng: torch.Generator) -> Iterator[Any]:
        return self.objective.batches(self, n, rng)

    def loss(self, field: Field, batch: Any) -> Tensor:
        return self.objective.loss(field, batch)

    def source(self) -> Source | None:
        return self.objective.source(self)

    @property
    def derived(self) -> bool:
        return self.objective.derived

    def sample(self, heldout: bool, most: int) -> tuple[Tensor, Tensor] | None:
        """Probes if held out, else places, as `Task.sample` says."""
        if heldout:
            x, y = self.probes, self.probed
        else:
            x, y = self.places.flatten(0, 1), self.distances.flatten()
        step = max(1, -(-len(x) // most))
        return x[::step], y[::step, None]

    def evaluate(self, field: Field) -> dict[str, float]:
        """`distance_error`, the mean error at the probes in percent of the longest side, and
        `eikonal`, the mean of | |grad f| - 1 | at those within three voxels of the surface."""
        distance = distance_in(field)
        probes, probed = self.probes.cpu(), self.probed.cpu()
        error = distance(probes) - probed
        near = probes[probed.abs() < 3 * VOXEL]
        return {
            "distance_error": 100 / SIDE * float(error.abs().mean()),
            "eikonal": float((slope(distance, near) - 1).abs().mean()),
        }


def slope(distance: Distance, x: Tensor) -> Tensor:
    """|grad f| at places [n, 3] by central differences over a voxel: float32 [n]."""
    total = torch.zeros(len(x))
    for step in (VOXEL / 2) * torch.eye(3):
        total += ((distance(x + step) - distance(x - step)) / VOXEL).square()
    return total.sqrt()


def shape_task(
    points: Tensor,
    normals: Tensor,
    detail: float,
    distance: Distance,
    how: str,
    rng: torch.Generator,
    *,
    pool: int = POOL,
) -> ShapeTask:
    """The task of a surface known by points on it and by its signed distance anywhere.

    The places lie as in Müller et al. 2022 [arXiv:2201.05989, sec. 5.2]: on the surface, around it,
    and some anywhere.
    """
    first = _places(points, detail, pool // 2, rng)
    apart = torch.nn.functional.normalize(torch.randn(first.shape, generator=rng), dim=1)
    places = torch.stack([first, (first + detail * apart).clamp(-1, 1)], dim=1)
    probes = _around(points, detail, PROBES, rng)
    return ShapeTask(
        places,
        distance(places.flatten(0, 1)).view(-1, 2),
        probes,
        distance(probes),
        points,
        normals,
        detail,
        distance,
        how,
    )


def _places(points: Tensor, detail: float, n: int, rng: torch.Generator) -> Tensor:
    exact = points[torch.randint(len(points), (int(EXACT * n),), generator=rng)]
    around = _around(points, detail, int(AROUND * n), rng)
    anywhere = 2 * torch.rand(n - len(exact) - len(around), 3, generator=rng) - 1
    places = torch.cat([exact, around, anywhere])
    return places[in_order(places, BITS)]  # a stretch of them is a region, and shares cache lines


def _around(points: Tensor, detail: float, n: int, rng: torch.Generator) -> Tensor:
    """Places normally distributed around points of the surface, half of them closely."""
    centres = points[torch.randint(len(points), (n,), generator=rng)]
    spread = torch.full((n, 1), NEAR[1] * detail)
    spread[: n // 2] = NEAR[0] * detail
    return (centres + spread * torch.randn(n, 3, generator=rng)).clamp(-1, 1)
