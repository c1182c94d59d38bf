"""What is asked of a shape's field: its distances, or the derivatives that a distance has."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..encodings.grids import GridEncoding
from ..encodings.spline import SplineEncoding
from ..field import Field
from ..kernels.draws import Rows
from ..samplers import strided, uniform

if TYPE_CHECKING:
    from .shape import ShapeTask

SOFT = 2.0  # details: the distance from which on errors count relative to it
DIVERGED = 4  # one in so many places has its divergence taken, which costs three times a slope
SLOPES = 16.0  # weight of the error of a pair's difference, beside the errors of its two


class Objective(ABC):
    """Draws of a shape's data, and the loss on one."""

    derived: ClassVar[bool] = False  # whether the loss takes derivatives in the coordinates

    def source(self, task: "ShapeTask") -> Rows | None:
        """As `Task.source`."""
        return None

    @abstractmethod
    def check(self, field: Field) -> None:
        """That the field can be asked for it.

        Raises:
            ValueError: it cannot.
        """

    @abstractmethod
    def batches(self, task: "ShapeTask", n: int, rng: torch.Generator) -> Iterator[Any]:
        """As `Task.batches`."""

    @abstractmethod
    def loss(self, field: Field, batch: Any) -> Tensor:
        """As `Task.loss`."""


@dataclass(frozen=True)
class Distances(Objective):
    """The distance at places, relative to itself, and its difference within pairs of them.

    Errors count relative to the distance, as in Müller et al. 2022 [arXiv:2201.05989, sec. 5.2], so
    that the surface is what matters most. Places come in pairs, a detail apart in any direction,
    and the difference between the two counts as well: a slope by finite differences, as Li et al.
    2023 take it [arXiv:2306.03092, eq. 4], which asks for the surface's normals and for a gradient
    of length 1 at once, of any encoding and without second derivatives.
    """

    def check(self, field: Field) -> None:
        """Any can."""

    def batches(
        self, task: "ShapeTask", n: int, rng: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """n/2 pairs of places [n/2, 2, 3], their distances and weights [n/2, 2]."""
        for draw in strided(max(1, n // 2), len(task.places), rng):
            distance = task.distances[draw]
            yield task.places[draw], distance, self._weight(task, distance)

    def source(self, task: "ShapeTask") -> Rows:
        weight = self._weight(task, task.distances)
        return Rows(task.places, task.distances[..., None], weight, paired=SLOPES)

    def _weight(self, task: "ShapeTask", distance: Tensor) -> Tensor:
        soft = SOFT * task.detail
        return (soft / (soft + distance.abs())).square()

    def loss(self, field: Field, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Mean weighted square of the errors and of the pairs' differences."""
        places, distances, weight = batch
        x, target = places.flatten(0, 1), distances.view(-1, 1)
        return field.squared_error(x, target, weight.flatten(), paired=SLOPES)


@dataclass(frozen=True)
class Derivatives(Objective):
    """f = 0 and grad f = normal on the surface, |grad f| = 1 everywhere, by exact derivatives.

    SIREN's loss [Sitzmann et al. 2020, arXiv:2006.09661, eq. 6, with the weights of its code]. With
    normals of no known side it is DiGS's [Ben-Shabat et al. 2022, arXiv:2106.10811, eq. 7-9], which
    asks for little divergence at first instead.

    Attributes:
        oriented: whether the normals count.
        guided: draws until the divergence no longer counts.
    """

    oriented: bool = True
    guided: int = 2000
    derived: ClassVar[bool] = True

    def check(self, field: Field) -> None:
        encoding = field.encoding
        lacking = {GridEncoding: ("tinycudann",), SplineEncoding: ("numba",)}
        if isinstance(encoding, GridEncoding | SplineEncoding) and (
            encoding.backend in lacking[type(encoding)]
        ):
            raise ValueError(
                f"the objective derivatives takes second derivatives, which backend "
                f"{encoding.backend} does not have here; use --backend torch."
            )

    def batches(
        self, task: "ShapeTask", n: int, rng: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Points and normals [n, 3] of the surface, other places [n, 3], and a weight [n, 1]."""
        size = min(n, len(task.points))
        flat = task.places.view(-1, 3)
        draws = zip(
            strided(size, len(task.points), rng), uniform(size, len(flat), rng), strict=True
        )
        for number, (on, off) in enumerate(draws):
            left = max(0.0, 1 - number / self.guided)
            yield task.points[on], task.normals[on], flat[off], flat.new_full((size, 1), left)

    def loss(self, field: Field, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        on, normals, off, left = batch
        x = torch.cat([on, off]).requires_grad_()
        value = field(x)[:, 0]
        slope = _gradient(value.sum(), x)
        there, elsewhere = value[: len(on)], value[len(on) :]
        total = 3e3 * there.abs().mean() + 1e2 * torch.exp(-1e2 * elsewhere.abs()).mean()
        total = total + 5e1 * (slope.norm(dim=1) - 1).abs().mean()
        if self.oriented:
            cosine = torch.nn.functional.cosine_similarity(slope[: len(on)], normals)
            return total + 1e2 * (1 - cosine).mean()
        if not bool(left.any()):
            return total
        some = off[: -(-len(off) // DIVERGED)].detach().requires_grad_()
        slope = _gradient(field(some).sum(), some)
        divergence = torch.zeros(len(some), device=some.device)
        for axis in range(3):
            divergence = divergence + _gradient(slope[:, axis].sum(), some)[:, axis]
        return total + 1e2 * (left[: len(some), 0] * divergence.abs().clamp(0.1, 50)).mean()


def _gradient(total: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(total, x, create_graph=True)[0]
