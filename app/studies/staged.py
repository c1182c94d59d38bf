"""Fits in stages: what each stage reached, and what it left over for the next."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from fields import MLP, Field, FieldSpec, FitConfig, SignalTask, fit
from fields.activations import Tanh
from fields.solvers import Solver
from fields.tasks import Leftover, Task
from fields.tasks.table import evaluated, relative

from .base import Data
from .contest import bare
from .samples import evenly, middles
from .scene import Line, Lines, Text

PROBES = 8000  # of one variable, where fields are compared with the truth
SHOWN = 500  # of them in a chart
SAMPLES = 2001  # that stand for the formula where its spectrum is asked for
FLOOR = 1e-17  # below every error of double precision


def target(x: Tensor) -> Tensor:
    """sin(2x + 1) + 0.2 e^(1.3 x), the second function of Wang & Lai's code."""
    return torch.sin(2 * x + 1) + 0.2 * torch.exp(1.3 * x)


def formula() -> SignalTask:
    """The target on [-1, 1]."""
    x = torch.linspace(-1, 1, SAMPLES, dtype=torch.float64)[:, None]
    return SignalTask(x, target(x), function=target)


def signal_task(data: Data | None) -> SignalTask:
    """The task of a person's samples, or of the study's own formula."""
    if data is None:
        return formula()
    samples = evenly(data)
    return SignalTask(middles(len(samples.values)), samples.values)


def spec(widths: tuple[int, ...], stages: int, deepen: int = 0) -> FieldSpec:
    """Tanh networks of bare coordinates, one after the other."""
    return replace(
        bare(MLP(widths=widths, activation=Tanh())), stages=stages, deepen=deepen
    )


def precise(spec: FieldSpec, solver: Solver, seed: int, report: int) -> FitConfig:
    """A fit in double precision."""
    return FitConfig(
        field=spec, solver=solver, steps=None, precision="fp64", lr=1e-3, batch=2**20,
        beta2=0.999, eps=1e-15, schedule="constant", report=report, seed=seed,
        device="cpu", backend="torch",
    )  # fmt: skip


@dataclass(frozen=True)
class Reached:
    """What the field was when a stage ended.

    Attributes:
        error: relative, against the truth.
        left: truth minus field at the probes, float64 [n].
        over: its size and frequency, as the task sees them.
    """

    error: float
    left: Tensor
    over: Leftover


@dataclass
class Stages:
    """A fit in stages, as it is followed.

    Attributes:
        probes: float64 [n, 1], ascending, and the truth there, float64 [n, 1].
        steps, errors: relative errors over the run.
        starts: steps at which a stage after the first began.
        ends: what each stage that is over reached.
    """

    task: Task
    probes: Tensor
    truth: Tensor
    steps: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[Reached] = field(default_factory=list)

    def follow(self, config: FitConfig) -> Iterator[float]:
        """Fit, and yield the share of it that is done."""
        stages = 1
        with closing(fit(self.task, config)) as run:
            for progress in run:
                if progress.field.stages > stages:
                    assert progress.field.earlier is not None
                    self.ends.append(self._reached(progress.field.earlier))
                    self.starts.append(progress.step)
                    stages = progress.field.stages
                left = evaluated(progress.field, self.probes) - self.truth
                self.steps.append(progress.step)
                self.errors.append(max(relative(left, self.truth), FLOOR))
                if progress.end:
                    self.ends.append(self._reached(progress.field))
                yield progress.share

    def _reached(self, model: Field) -> Reached:
        left = self.truth - evaluated(model, self.probes)
        return Reached(
            relative(left, self.truth), left[:, 0], self.task.leftover(model)
        )

    def panels(self, bounds: list[float]) -> tuple[Lines, Lines, Text]:
        """Errors over the steps, what each stage left over, and both in numbers."""
        marks = [(step, f"stage {i + 2}") for i, step in enumerate(self.starts)]
        levels = [(bound, "bound") for bound in bounds[-1:]]
        course = Lines(
            "Relative error over the steps", [Line("error", self.steps, self.errors)],
            "steps", "relative error", y_axis="log", marks=marks, levels=levels,
        )  # fmt: skip
        return course, self._leftovers(), self._numbers()

    def _leftovers(self) -> Lines:
        """What each stage left over, each at its own scale, below one another."""
        step = max(1, len(self.probes) // SHOWN)
        places = self.probes[::step, 0].tolist()
        lines = []
        for i, end in enumerate(self.ends):
            size = float(end.left.abs().max()) or 1.0
            shown = (0.45 * end.left[::step] / size - i).tolist()
            lines.append(Line(f"after stage {i + 1}, ×{1 / size:.0e}", places, shown))
        if not lines:
            lines = [Line("", places, [0.0] * len(places), "currentColor", "thin")]
        return Lines("What each stage left over, magnified", lines, "x", "")

    def _numbers(self) -> Text:
        rows = [
            (f"stage {i + 1}", f"error {e.error:.1e}, {e.over.frequency:.1f} cycles a side left")
            for i, e in enumerate(self.ends)
        ]
        return Text("Stage by stage", rows or [("stage 1", "begun")])


def followed(task: SignalTask) -> Stages:
    """Of a formula, probes between its points; of samples, the samples themselves."""
    if task.function is None:
        return Stages(task, task.x, task.values)
    x = torch.linspace(-1, 1, PROBES, dtype=torch.float64)[:, None]
    return Stages(task, x, task.function(x))
