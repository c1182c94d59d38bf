"""L-BFGS: Newton's method with curvature learned from the gradients of the last steps."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from ..field import Field
from ..spec import knob
from ..tasks import Task
from .base import Solver, Step
from .flat import Objective

ENOUGH, STEEP = 1e-4, 0.9  # Wolfe's conditions: the least decrease, and how flat it must become
TRIES = 25  # evaluations in a line search

Function = Callable[[Tensor], tuple[float, Tensor]]


@dataclass(frozen=True, kw_only=True)
class LBFGS(Solver):
    """Limited-memory BFGS on all of the data at once, after some steps of Adam.

    Liu & Nocedal 1989 [Mathematical Programming 45], with a line search to the strong Wolfe
    conditions [Nocedal & Wright 2006, algorithms 3.5 and 3.6]. It wants float64 (`--precision
    fp64`) to go far.
    """

    adam: int = knob(1000, "steps of Adam before it, in every stage", low=0, high=10**7)
    iterations: int = knob(3000, "iterations at most, in every stage", low=1, high=10**7)
    memory: int = knob(50, "pairs of steps and gradients it remembers", low=1, high=1000)

    @property
    def descent(self) -> int | None:
        return self.adam

    @property
    def minimises(self) -> bool:
        return True

    def check(self, task: Task, field: Field) -> None:
        if field.encoding.tables:
            raise ValueError("LBFGS is for networks; the tables of a grid want Descent.")
        task.whole(0.0)  # now rather than after the steps of Adam

    def solve(self, task: Task, field: Field, frequency: float) -> Iterator[Step]:
        self.check(task, field)
        function = Objective(task, field, task.whole(frequency))
        x = function.flat.read()
        found = minimise(function, x, memory=self.memory)
        for i, (value, x) in zip(range(self.iterations + 1), found, strict=False):
            function.flat.write(x)
            yield Step(i / self.iterations, value)


def minimise(function: Function, x: Tensor, *, memory: int) -> Iterator[tuple[float, Tensor]]:
    """Ever lower values of a function and where they are; ends where it finds no lower one.

    Args:
        function: x [p] -> its value and gradient [p].
        x: [p], the start, which is yielded first.
        memory: steps that are remembered.
    """
    value, gradient = function(x)
    yield value, x
    steps: deque[Tensor] = deque(maxlen=memory)
    changes: deque[Tensor] = deque(maxlen=memory)
    while float(gradient.abs().max()) > 0:
        direction = -_curved(gradient, steps, changes)
        slope = float(direction @ gradient)
        if not slope < 0:
            steps.clear()
            changes.clear()
            direction, slope = -gradient, -float(gradient @ gradient)
        first = 1.0 if steps else min(1.0, 1 / float(gradient.abs().sum()))
        found = _search(function, x, direction, value, slope, first)
        if found is None:
            if not steps:
                return
            steps.clear()  # the curvature misled it: begin anew
            changes.clear()
            continue
        length, lower, new = found
        step, change = length * direction, new - gradient
        if float(step @ change) > 1e-10 * float(step.norm() * change.norm()):
            steps.append(step)
            changes.append(change)
        x, value, gradient = x + step, lower, new
        yield value, x


def _curved(gradient: Tensor, steps: deque[Tensor], changes: deque[Tensor]) -> Tensor:
    """The inverse Hessian that the remembered steps tell of, times the gradient: two loops."""
    q = gradient.clone()
    weights: list[float] = []
    for s, y in zip(reversed(steps), reversed(changes), strict=True):
        weights.append(float(s @ q) / float(s @ y))
        q -= weights[-1] * y
    if steps:
        q *= float(steps[-1] @ changes[-1]) / float(changes[-1] @ changes[-1])
    for s, y, a in zip(steps, changes, reversed(weights), strict=True):
        q += (a - float(y @ q) / float(s @ y)) * s
    return q


def _search(
    function: Function, x: Tensor, direction: Tensor, value: float, slope: float, first: float
) -> tuple[float, float, Tensor] | None:
    """A length along a direction that meets the strong Wolfe conditions, or the best that was seen.

    Returns:
        The length, the value and the gradient there; None if no length lessens the value.
    """
    low, low_value, low_slope = 0.0, value, slope
    high, high_value, high_slope = math.inf, math.nan, math.nan
    length, best = first, None
    for _ in range(TRIES):
        new, gradient = function(x + length * direction)
        new_slope = float(gradient @ direction)
        finite = math.isfinite(new) and math.isfinite(new_slope)
        if finite and new < value and (best is None or new < best[1]):
            best = length, new, gradient
        if not finite or new > value + ENOUGH * length * slope or new >= low_value:
            high, high_value, high_slope = length, new, new_slope
        elif abs(new_slope) <= -STEEP * slope:
            return length, new, gradient
        elif new_slope * (high - low if math.isfinite(high) else 1.0) >= 0:
            high, high_value, high_slope = low, low_value, low_slope
            low, low_value, low_slope = length, new, new_slope
        else:
            low, low_value, low_slope = length, new, new_slope
        if not math.isfinite(high):
            length *= 2.5
            continue
        if abs(high - low) < 1e-14 * max(1.0, abs(low)):
            break
        length = _between(low, low_value, low_slope, high, high_value, high_slope)
    return best


def _between(
    a: float, value_a: float, slope_a: float, b: float, value_b: float, slope_b: float
) -> float:
    """Where the cubic through two points and their slopes is least, kept away from both."""
    least = 0.5 * (a + b)
    if math.isfinite(value_b) and math.isfinite(slope_b):
        d = slope_a + slope_b - 3 * (value_a - value_b) / (a - b)
        square = d * d - slope_a * slope_b
        if square >= 0:
            root = math.copysign(math.sqrt(square), b - a)
            below = slope_b - slope_a + 2 * root
            if below:
                least = b - (b - a) * (slope_b + root - d) / below
    margin = 0.1 * abs(b - a)
    return min(max(least, min(a, b) + margin), max(a, b) - margin)
