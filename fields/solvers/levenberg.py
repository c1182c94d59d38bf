"""Levenberg-Marquardt: Gauss-Newton steps on every parameter at once, held back by a damping."""

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from .. import parallel
from ..field import Field
from ..spec import knob
from ..tasks import Task, Term
from .base import Solver, Step
from .flat import Flat
from .residual import Residual

MOST_PARAMETERS = 4000  # whose square is a matrix of 128 MB
PARTS = 4  # of the points, each a thread's
BLOCKS = 8  # of J^T J, of which the upper half is not computed
CHUNK = 2**24  # entries of the Jacobian that are held at once: 128 MB
HOPELESS = 1e14  # damping, relative to the first, at which nothing moves any more


@dataclass(frozen=True, kw_only=True)
class LevenbergMarquardt(Solver):
    """Levenberg's method on a loss that is a sum of squares, all of the data at once.

    (J^T J + damping I) step = -J^T r, the damping following the ratio of the gain to what was
    expected of it [Nielsen 1999, IMM-REP-1999-05, as in Madsen, Nielsen & Tingleff 2004, algorithm
    3.16]. The damping is Levenberg's identity, not Marquardt's diagonal, which overfits between
    the points. For small networks in float64: nothing else reaches the machine's precision.
    """

    adam: int = knob(0, "steps of Adam before it, in every stage", low=0, high=10**7)
    iterations: int = knob(300, "iterations at most, in every stage", low=1, high=10**6)
    damping: float = knob(
        1e-4, "the first, relative to the largest entry of J^T J", low=1e-12, high=1e6
    )

    @property
    def descent(self) -> int | None:
        return self.adam

    @property
    def minimises(self) -> bool:
        return True

    def check(self, task: Task, field: Field) -> None:
        count = Flat(field).count
        if count > MOST_PARAMETERS:
            raise ValueError(
                f"LevenbergMarquardt solves for all parameters at once, {MOST_PARAMETERS:,} at "
                f"most, and this field has {count:,}; make it smaller, or use LBFGS."
            )
        task.whole(0.0)  # now rather than after the steps of Adam

    def solve(self, task: Task, field: Field, frequency: float) -> Iterator[Step]:
        self.check(task, field)
        system = System(field, task.terms(field, task.whole(frequency)))
        at, value = system.flat.read(), system.value()
        yield Step(0.0, value)
        curvature, slope = system.normal()
        first = damping = self.damping * float(curvature.diagonal().max())
        growth = 2.0
        for i in range(self.iterations):
            step = _solved(curvature, slope, damping)
            new = math.inf
            if step is not None:
                system.flat.write(at + step)
                new = system.value()
            if step is not None and new < value:
                gain = (value - new) / max(float(step @ (damping * step - slope)), 1e-300)
                at, value = at + step, new
                damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                growth = 2.0
                curvature, slope = system.normal()
            else:
                system.flat.write(at)
                damping *= growth
                growth *= 2
            yield Step((i + 1) / self.iterations, value)
            if damping > HOPELESS * first or value == 0:
                return


def _solved(curvature: Tensor, slope: Tensor, damping: float) -> Tensor | None:
    """The step, [p]; None where the matrix is not positive."""
    damped = curvature.clone()
    damped.diagonal().add_(damping)
    factor, info = torch.linalg.cholesky_ex(damped)
    if int(info):
        return None
    return -torch.cholesky_solve(slope[:, None], factor)[:, 0]


def add_square(total: Tensor, rows: Tensor, weight: float) -> None:
    """Add weight rows^T rows [p, p] to the lower half of a matrix, block by block: the upper one
    would be the same numbers again."""
    p = rows.shape[1]
    edges = [p * i // BLOCKS for i in range(BLOCKS + 1)]

    def work(edge: tuple[int, int]) -> None:
        low, high = edge
        total[low:high, :high].addmm_(rows[:, low:high].T, rows[:, :high], alpha=weight)

    parallel.each(work, list(pairwise(edges))[::-1], grad=False)  # the longest first


class System:
    """The residuals of a field, point by point, and the normal equations of their squares."""

    def __init__(self, field: Field, terms: list[Term]) -> None:
        self.flat, self.terms = Flat(field), terms
        self.residuals = [Residual(field, term) for term in terms]
        # A Jacobian puts its own parameters into the module while it works, hence one a thread.
        copies = [deepcopy(field) for _ in range(PARTS)]
        self.copies = [[Residual(copy, term) for copy in copies] for term in terms]

    @torch.no_grad()
    def value(self) -> float:
        """The loss."""
        return float(
            sum(
                t.weight * residual(*t.points).square().mean()
                for t, residual in zip(self.terms, self.residuals, strict=True)
            )
        )

    def normal(self) -> tuple[Tensor, Tensor]:
        """J^T J [p, p] and J^T r [p], each residual weighted as in the loss."""
        p = self.flat.count
        some = next(iter(self.flat.named.values()))
        curvature, slope = some.new_zeros(p, p), some.new_zeros(p)
        for term, copies in zip(self.terms, self.copies, strict=True):
            weight = term.weight / len(term.points[0])
            rows = max(1, CHUNK // p)
            for points in zip(*(t.split(rows) for t in term.points), strict=True):
                jacobian, values = self._jacobian(copies, points)
                add_square(curvature, jacobian, weight)
                slope.addmv_(jacobian.T, values, alpha=weight)
        return curvature.tril() + curvature.tril(-1).T, slope

    def _jacobian(
        self, copies: list[Residual], points: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        """As `Residual.jacobian`, its rows shared out among threads."""
        parts = list(enumerate(zip(*(t.tensor_split(PARTS) for t in points), strict=True)))
        parts = [(i, part) for i, part in parts if len(part[0])]
        found: list[tuple[Tensor, Tensor]] = [(points[0], points[0])] * len(parts)

        def work(part: tuple[int, tuple[Tensor, ...]]) -> None:
            i, rows = part
            found[i] = copies[i].jacobian(self.flat, rows)

        parallel.each(work, parts, grad=True)
        return torch.cat([j for j, _ in found]), torch.cat([r for _, r in found])
