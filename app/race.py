"""Methods racing on one input: each advances in turn, and each is timed by its own clock."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fields import (
    Descent,
    Field,
    FitConfig,
    ImageTask,
    Progress,
    Recorder,
    Snapshot,
    fit,
    method_config,
    recorder,
)
from fields.tasks import Task

from .clean import Clean, Follower
from .measures import PICTURE, Subject
from .trace import Trace


@dataclass(frozen=True)
class Plan:
    """A method to be fitted, with its settings and in one sentence why it is there."""

    method: str
    config: FitConfig
    why: str


def plan(method: str, task: Task) -> Plan:
    """A named method's plan for a task.

    Raises:
        ValueError: there is no such method.
    """
    config, why = method_config(method, task)
    return Plan(method, config, why)


class Entrant:
    """One method in the race.

    Args:
        clean: a picture to measure against.
        subject: what the task is about.
        points: that making the result will ask the field for; of a picture, its pixels.

    Attributes:
        trace: the record of it.
        progress: the latest report; None before the first.
        looked: the latest look at the field; None if the last advance took none.
        drawn: share of the result that is made, once the fit is over.
        left: seconds until it is, at the pace so far.
    """

    def __init__(
        self,
        task: Task,
        plan: Plan,
        clean: Clean | None = None,
        *,
        subject: Subject = PICTURE,
        points: float = math.nan,
    ) -> None:
        self.points = math.prod(task.drawn) if isinstance(task, ImageTask) else points
        self.follower = None if clean is None else Follower(clean)
        descends = isinstance(plan.config.solver, Descent)
        self.recorder = recorder(task, remember=descends)
        self.trace = Trace(
            plan.method,
            plan.why,
            plan.config,
            self.recorder.edges,
            self.recorder.power(),
            subject=subject,
        )
        self.trace.snapshots = self.recorder.snapshots
        if self.follower is not None:
            self.trace.clean = self.follower.points
        self.run = self.recorder.watch(fit(task, plan.config))
        self.progress: Progress | None = None
        self.looked: Snapshot | None = None
        self.drawn = 0.0
        self.left = math.nan

    def draw(self, share: float, seconds: float) -> None:
        """So much of the result is made, which took so long."""
        self.drawn, self.left = share, seconds * (1 - share) / share

    @property
    def drawing(self) -> float:
        """Seconds that making the result will take, by the last look."""
        rate = self.recorder.rate
        return self.points / rate if rate else math.nan

    @property
    def done(self) -> bool:
        return self.progress is not None and self.progress.end is not None

    @property
    def field(self) -> Field:
        assert self.progress is not None, "the race has not begun"
        return self.progress.field

    def advance(self) -> None:
        """Fit until the next report."""
        self.progress, self.looked = next(self.run)
        trace = self.trace
        trace.steps, trace.seconds = self.progress.step, self.progress.seconds
        trace.device, trace.backend = self.progress.device, self.progress.backend
        trace.how, trace.end = self.progress.how, self.progress.end or ""
        trace.parameters = self.progress.field.parameter_count
        trace.stop = self.progress.stop
        if self.follower is not None:
            assert isinstance(self.recorder, Recorder), "only pictures have a clean one"
            self.follower.see(self.progress, self.looked, self.recorder.view)

    def close(self) -> None:
        """End the run where it is, and go back to the best state known if the last is worse.

        A run that came to its own end keeps its last state, so that equal configs give equal runs.
        Where a stopping rule says which state is the best, nobody else does.
        """
        self.run.close()
        trace = self.trace
        if self.progress is None:
            return
        if trace.stop is not None:
            if not trace.end:
                trace.stop.restore(self.field)
                self.recorder.look(self.progress)
                trace.end = "interrupted"
            return
        lost = trace.end == "diverged"
        if not trace.end:
            self._look_again()
            trace.end = "interrupted"
        best, followed = self.recorder.best, trace.subject.followed
        if best is None:
            return
        seen = trace.snapshots[-1].metrics if trace.snapshots else {}
        worse = followed.behind(seen.get(followed.key, math.nan), followed.of_rank(best[0]))
        fits = best[1].keys() == self.field.state_dict().keys()  # else it is an earlier stage's
        if fits and (lost or (trace.end == "interrupted" and worse)):
            self.field.load_state_dict(best[1])

    def _look_again(self) -> None:
        assert self.progress is not None
        if not self.trace.snapshots or self.trace.snapshots[-1].step != self.progress.step:
            self.recorder.look(self.progress)


def race(
    task: Task,
    plans: Sequence[Plan],
    clean: Clean | None = None,
    *,
    subject: Subject = PICTURE,
    points: float = math.nan,
) -> Generator[Entrant, None, list[Entrant]]:
    """Fit several methods to one input, the one furthest behind its budget advancing next.

    A clean picture is only measured against.

    Args:
        subject: what the task is about.
        points: that making a result will ask a field for.

    Yields the entrant that has just advanced; the list of all is the generator's return value, and
    closing it early ends them all where they are.
    """
    entrants = [Entrant(task, plan, clean, subject=subject, points=points) for plan in plans]
    try:
        for entrant in entrants:  # all show themselves before any gets ahead
            entrant.advance()
            yield entrant
        while running := [e for e in entrants if not e.done]:
            entrant = min(running, key=lambda e: e.progress.share if e.progress else 0.0)
            entrant.advance()
            yield entrant
    finally:
        for entrant in entrants:
            entrant.close()
    return entrants


def to_uint8(values: Tensor) -> Tensor:
    """Values in [0, 1], clamped and rounded to the nearest of 256 levels."""
    return (values.clamp(0, 1) * 255).round().nan_to_num().to(torch.uint8)
