"""Solve a differential equation: fit a field to what it says, with no values given."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor

from ..field import Field
from ..jets import jet, slope
from ..problems import Condition, Problem
from ..samplers import scattered
from ..spectrum import dominant_frequency
from .base import Leftover, Task, Term, total
from .signal import EDGE, PER_WAVE
from .table import evaluated, relative

Form = Literal["strong", "ritz"]
Batch = tuple[Tensor, tuple[Tensor, ...]]  # places inside, and on the face of each condition

FEWEST = 201  # places that stand for the box along one axis
PROBES = 4001, 201, 41  # places along each axis at which a solution of 1, 2, 3 axes is measured


@dataclass(frozen=True)
class EquationTask(Task):
    """Make a field solve a problem, by its residuals or by its energy.

    The strong form is a physics-informed network's: the mean square of the equation's residual
    inside and of each condition's on the faces [Raissi, Perdikaris & Karniadakis 2019]. Ritz's form
    minimises the energy 1/2 sum -second[a] u_a^2 + 1/2 zeroth u^2 - source u instead, which has
    first derivatives alone [E & Yu 2018, arXiv:1710.00211].

    Attributes:
        inside: weight of the equation.
        faces: weight of the conditions.
        edge: places on each face in a draw, where a face is more than a point.
        device: that the places are drawn on.

    Raises:
        ValueError: the problem has no energy, or a number is out of range.
    """

    problem: Problem
    form: Form = "strong"
    inside: float = 1.0
    faces: float = 1.0
    edge: int = 64
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        if self.form == "ritz" and not self.problem.has_energy:
            raise ValueError(f"{self.problem.name} minimises no energy; use the strong form.")
        for name in ("inside", "faces"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}.")
        if self.edge < 1:
            raise ValueError(f"edge must be at least 1, got {self.edge}.")

    @property
    def in_dim(self) -> int:
        return self.problem.dim

    @property
    def out_dim(self) -> int:
        return 1

    @property
    def in_pieces(self) -> bool:
        return False

    def to(self, device: torch.device) -> Self:
        return self if device == self.device else type(self)(
            self.problem, self.form, self.inside, self.faces, self.edge, device
        )

    def prepare(self, field: Field) -> None:
        """A field starts as it is built: what it is to be is not known."""

    def batches(self, n: int, rng: torch.Generator) -> Iterator[Batch]:
        """n places inside and `edge` on each face, new ones each time, evenly spread."""
        inside = scattered(n, self.in_dim, rng)
        on_faces = scattered(self.edge, self.in_dim, rng)
        for x in inside:
            yield x, tuple(self._on_face(c, next(on_faces)) for c in self.problem.conditions)

    def _on_face(self, condition: Condition, x: Tensor) -> Tensor:
        """Places of the box moved onto a face; of one axis, the one place it is."""
        x = x[:1] if self.in_dim == 1 else x
        x = x.clone()
        x[:, condition.axis] = 1.0 if condition.upper else -1.0
        return x

    def whole(self, frequency: float) -> Batch:
        """A lattice, denser at the ends, with `PER_WAVE` places a wave where there is one axis."""
        n = max(FEWEST, math.ceil(PER_WAVE * frequency))
        if self.in_dim > 1:
            n = min(n, int(2 ** (16 / self.in_dim)))
        u = torch.linspace(-1, 1, n, dtype=torch.float64, device=self.device)
        axis = EDGE * torch.sin(math.pi / 2 * u) + (1 - EDGE) * u
        x = torch.cartesian_prod(*[axis] * self.in_dim).view(-1, self.in_dim)
        faces = x[:: n ** (self.in_dim - 1)] if self.in_dim > 1 else x
        if self.in_dim > 1:
            rest = torch.cartesian_prod(*[axis] * (self.in_dim - 1)).view(-1, self.in_dim - 1)
            faces = torch.cat([rest, rest[:, :1]], dim=1)
        return x, tuple(self._on_face(c, _turned(faces, c.axis)) for c in self.problem.conditions)

    @property
    def derived(self) -> bool:
        return True

    def loss(self, field: Field, batch: Batch) -> Tensor:
        if self.form == "strong":
            return total(field, self.terms(field, batch), {})
        return self.inside * self._energy(field, batch[0]) + total(
            field, self._on_faces(batch), {}
        )

    def terms(self, field: Field, batch: Batch) -> list[Term]:
        """The equation's residual, and one for the conditions of each name."""
        if self.form == "ritz":
            return super().terms(field, batch)
        x = batch[0].to(field.shift.dtype)
        source = self.problem.source(self.problem.places(x))
        return [Term("equation", self.inside, (x, source), self._residual), *self._on_faces(batch)]

    def _on_faces(self, batch: Batch) -> list[Term]:
        """Each condition's residual; those of one name share its weight."""
        conditions = self.problem.conditions
        names = [c.name for c in conditions]
        found = []
        for condition, x in zip(conditions, batch[1], strict=True):
            target = condition.target(self.problem.places(x))
            weight = self.faces / names.count(condition.name)
            found.append(Term(condition.name, weight, (x, target), self._held(condition)))
        return found

    def _held(self, condition: Condition) -> Callable[..., Tensor]:
        def residual(field: Field, x: Tensor, target: Tensor) -> Tensor:
            if not condition.slope:
                return field(x)[..., 0] - target
            stretch = self.problem.stretch(condition.axis)
            return slope(field, x, condition.axis).first[..., 0] * stretch - target

        return residual

    def _residual(self, field: Field, x: Tensor, source: Tensor) -> Tensor:
        """L u - source, [n]."""
        problem = self.problem
        found = -source
        value: Tensor | None = None
        for axis in range(self.in_dim):
            first, second = problem.first[axis], problem.second[axis]
            stretch = problem.stretch(axis)
            if second:
                at = jet(field, x, axis)
                found = found + second * stretch**2 * at.second[..., 0]
            elif first:
                at = slope(field, x, axis)
            else:
                continue
            if first:
                found = found + first * stretch * at.first[..., 0]
            value = at.value
        if problem.zeroth:
            found = found + problem.zeroth * (field(x) if value is None else value)[..., 0]
        return found

    def _energy(self, field: Field, x: Tensor) -> Tensor:
        """The mean density of the energy, []."""
        problem = self.problem
        x = x.to(field.shift.dtype)
        density, value = x.new_zeros(len(x)), None
        for axis in range(self.in_dim):
            at = slope(field, x, axis)
            bend = problem.second[axis] * problem.stretch(axis) ** 2
            density = density - bend / 2 * at.first[:, 0].square()
            value = at.value[:, 0]
        assert value is not None
        density = density + problem.zeroth / 2 * value.square()
        return (density - problem.source(problem.places(x)) * value).mean()

    def leftover(self, field: Field) -> Leftover:
        """What the field's residual tells of its error [Wang & Lai 2024, sec. 4.2].

        A residual of size R at frequency f comes of an error of R / (2 pi f)^m, where m is the
        order of the equation.
        """
        x, _ = self.whole(PROBES[0] / PER_WAVE)
        x = x.to(field.shift.dtype)
        with torch.no_grad():
            residual = self._residual(field, x, self.problem.source(self.problem.places(x)))
        frequency = float(dominant_frequency(x.double(), residual.double()[:, None]))
        size = float(residual.double().square().mean().sqrt())
        return Leftover(size / (self.problem.symbol(frequency) or 1.0), frequency)

    def evaluate(self, field: Field) -> dict[str, float]:
        """`rel_l2` and `max_error` against the exact solution, on a lattice."""
        x = self.probes.to(field.shift.device)
        exact = self.problem.solution(self.problem.places(x))
        error = evaluated(field, x)[:, 0] - exact
        return {"rel_l2": relative(error, exact), "max_error": float(error.abs().max())}

    @property
    def probes(self) -> Tensor:
        """Where solutions are measured: float64 [n, d]."""
        n = PROBES[min(self.in_dim, len(PROBES)) - 1]
        axis = torch.linspace(-1, 1, n, dtype=torch.float64)
        return torch.cartesian_prod(*[axis] * self.in_dim).view(-1, self.in_dim)


def _turned(faces: Tensor, axis: int) -> Tensor:
    """Places on a face whose last coordinate is free, with that coordinate at an axis."""
    order = [*range(faces.shape[1] - 1)]
    order.insert(axis, faces.shape[1] - 1)
    return faces[:, order]
