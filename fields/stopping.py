"""When to stop a fit before it learns the noise, from the noisy data alone."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from .field import Field
from .render import evaluate
from .tasks import Task

POINTS = 2**14  # that a rule looks at, at most
GROWTH = 1.08  # from one question to the next, the steps taken grow by this factor
PATIENCE = 1.6  # a run goes on until it is this much older than at its best,
LEAST = 50  # and by so many steps at least
TIE = 1.0  # standard errors of their difference, within which held-out errors count as equal
WINDOW, EVERY = 20, 10  # snapshots whose variance is asked for, and steps between two of them


@dataclass(frozen=True)
class Point:
    """What a rule saw after `step` steps and `seconds` of fitting."""

    step: int
    seconds: float
    value: float


class Stopping(ABC):
    """A rule that ends a run, and the best state that it has seen.

    It is asked on a grid of steps, not of seconds, so that equal configs give equal runs.

    Attributes:
        name: of the rule.
        points: what it saw, oldest first.
        chosen: the point whose state is kept; None before there is any.
        restless: whether it looks at the last state instead of the mean over several.
        limit: the value at which the run ends; None where there is no such value.
    """

    name: str
    restless = False

    def __init__(self, x: Tensor, values: Tensor, limit: float | None = None) -> None:
        self.x, self.target, self.limit = x, values, limit
        self.points: list[Point] = []
        self.chosen: Point | None = None
        self.next = 1
        self.best: dict[str, Tensor] = {}

    @property
    def asked(self) -> int:
        """The step at which the rule last looked; 0 before it did."""
        return self.points[-1].step if self.points else 0

    def due(self, step: int) -> bool:
        return step >= self.next

    def ask(self, step: int, seconds: float, field: Field, last: Field | None = None) -> bool:
        """Look at the field, keep its state if it is the best so far; whether to end the run.

        Args:
            last: the field as the last step left it, where `field` is a mean over steps.
        """
        self.next = self.after(step)
        seen = last if self.restless and last is not None else field
        values = evaluate(seen, self.x)[:, : self.target.shape[1]]
        point = Point(step, seconds, self.value(values))
        self.points.append(point)
        if self.better(point) or self.chosen is None:
            self.chosen = point
            self.keep(field)
        return self.over(point)

    def after(self, step: int) -> int:
        """The step at which to ask next."""
        return max(step + 1, math.ceil(step * GROWTH))

    @abstractmethod
    def value(self, values: Tensor) -> float:
        """What the rule watches, from the field's values [n, c] at its points."""

    def better(self, point: Point) -> bool:
        """Whether a point beats the one that is chosen, if there is one."""
        best = math.nan if self.chosen is None else self.chosen.value
        return point.value < best or not math.isfinite(best)

    def over(self, point: Point) -> bool:
        """Whether the best is so long ago that no better can be hoped for."""
        assert self.chosen is not None
        return point.step >= self.chosen.step * PATIENCE + LEAST

    @torch.no_grad()
    def keep(self, field: Field) -> None:
        for name, values in field.state_dict().items():
            if name in self.best:
                self.best[name].copy_(values)
            else:
                self.best[name] = values.clone()

    def restore(self, field: Field) -> None:
        """Put the best state back; nothing if there is none."""
        if self.best:
            field.load_state_dict(self.best)


class HeldOut(Stopping):
    """Lowest squared error on points that are not fitted.

    Their noise is independent of what is fitted, so that this error is the error against the clean
    data plus a constant, in expectation. It bottoms out a little before the error on the fitted
    points does, whose own detail is learned too: of the states that are as good as the best within
    one standard error, the last is kept. Over two grids, four pictures of Set12 and sigma 15, 25
    and 50 the distance to the best state is then 0.10 dB on the mean and 0.35 at most; without,
    0.13 and 0.68.
    """

    name = "heldout"

    def __init__(self, x: Tensor, values: Tensor, limit: float | None = None) -> None:
        super().__init__(x, values, limit)
        self.errors = self.least = torch.full((len(x),), math.inf, dtype=torch.float64)

    def value(self, values: Tensor) -> float:
        self.errors = (values - self.target).double().square().mean(1).cpu()
        return float(self.errors.mean())

    def better(self, point: Point) -> bool:
        if point.value < float(self.least.mean()):
            self.least = self.errors
        worse = self.errors - self.least
        return float(worse.mean()) <= TIE * float(worse.std(correction=0)) / math.sqrt(len(worse))


class Discrepancy(Stopping):
    """The residual on fitted points has fallen to the variance of the noise [Morozov 1966]."""

    name = "discrepancy"

    def value(self, values: Tensor) -> float:
        return _mean_square(values - self.target)

    def better(self, point: Point) -> bool:
        """The first one at or below the limit; until then, the last."""
        assert self.limit is not None
        open_still = self.chosen is None or self.chosen.value > self.limit
        return open_still and math.isfinite(point.value)

    def over(self, point: Point) -> bool:
        assert self.limit is not None
        return point.value <= self.limit


class Variance(Stopping):
    """Lowest variance of the last few states' values: ES-WMV.

    While a network learns the picture its values move, and they move again once it learns the
    noise; in between they rest [Wang et al., "Early Stopping for Deep Image Prior",
    arXiv:2112.06074].
    """

    name = "variance"
    restless = True

    def __init__(self, x: Tensor, values: Tensor, limit: float | None = None) -> None:
        super().__init__(x, values, limit)
        self.recent: list[Tensor] = []

    def after(self, step: int) -> int:
        return step + EVERY

    def value(self, values: Tensor) -> float:
        """The mean over the points of their variance over the window; nan until it is full."""
        self.recent = [*self.recent[-(WINDOW - 1) :], values]
        if len(self.recent) < WINDOW:
            return math.nan
        return float(torch.stack(self.recent).var(0, correction=0).double().mean())


RULES: dict[str, type[Stopping]] = {r.name: r for r in (HeldOut, Variance, Discrepancy)}


def stopping(name: str, task: Task, field: Field) -> Stopping | None:
    """The rule of a name for a task; None for `none`.

    Raises:
        ValueError: the rule needs something that the task lacks, or is not sound for this field.
    """
    if name == "none":
        return None
    if name == "heldout":
        found = task.sample(True, POINTS)
        if found is None:
            raise ValueError("stop heldout needs points that are held out; this task has none.")
        return HeldOut(*found)
    found = task.sample(False, POINTS)
    if found is None:
        raise ValueError(f"stop {name} cannot look at a {type(task).__name__}.")
    if name == "discrepancy":
        if not task.noise:
            raise ValueError("stop discrepancy needs the noise's standard deviation: give --sigma.")
        return Discrepancy(*found, limit=task.noise**2)
    if field.encoding.tables:
        raise ValueError(
            "stop variance is unsound for trained grids, whose values never rest; "
            "choose heldout or discrepancy, or another method."
        )
    return Variance(*found)


def _mean_square(values: Tensor) -> float:
    return float(values.double().square().mean())
