"""Fits side by side: several fields or tasks, one after the other, and what each showed."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor

from fields import FieldSpec, FitConfig, fit
from fields.encodings import Identity
from fields.networks import NetworkSpec
from fields.tasks import Task
from fields.tasks.table import evaluated, relative

from .scene import Line, Lines, Text

REPORTS = 50  # moments of a fit that are measured
LOST = 1e6  # the error of a fit that went to infinity


@dataclass
class Entry:
    """One fit of a contest.

    Attributes:
        steps, errors: when it was looked at, and its relative error then.
        values: of the field at the probes as it is now, float64 [n, c]; None before its turn.
        drawn: the same at the places of `contest` that are only shown.
    """

    name: str
    task: Task
    config: FitConfig
    steps: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    values: Tensor | None = None
    drawn: Tensor | None = None

    @property
    def error(self) -> float:
        """The last one."""
        return self.errors[-1]


def contest(
    entries: Sequence[Entry], probes: Tensor, truth: Tensor, shown: Tensor | None = None
) -> Iterator[float]:
    """Fits each entry in turn; yields the share of all the work that is done, at every report.

    Args:
        probes: float64 [n, d] in [-1, 1], where the fields are compared with the truth.
        truth: float64 [n, c].
        shown: float64 [m, d], places that are looked at but do not count.
    """
    for number, entry in enumerate(entries):
        with closing(fit(entry.task, entry.config)) as run:
            for progress in run:
                entry.values = evaluated(progress.field, probes)
                if shown is not None:
                    entry.drawn = evaluated(progress.field, shown)
                error = relative(entry.values - truth, truth)
                entry.steps.append(progress.step)
                entry.errors.append(error if math.isfinite(error) else LOST)
                yield (number + progress.share) / len(entries)


def adam(
    spec: FieldSpec,
    steps: int,
    lr: float,
    *,
    batch: int,
    seed: int,
    fall: float = 1.0,
    precision: Literal["fp32", "fp64"] = "fp32",
) -> FitConfig:
    """Adam as the papers have it, on the processor, so that figures are everyone's.

    Args:
        batch: points a step; all of the data where there are no more.
        fall: share of the learning rate that is left at the end, along a cosine.
    """
    return FitConfig(
        field=spec, steps=steps, lr=lr, batch=batch, seed=seed, beta2=0.999, eps=1e-8,
        schedule="constant" if fall == 1 else "cosine", decay=fall, precision=precision,
        report=max(1, steps // REPORTS), device="cpu", backend="torch",
    )  # fmt: skip


def falling(
    spec: FieldSpec, steps: int, lr: float, *, batch: int, seed: int, balance: int = 0
) -> FitConfig:
    """Adam as `adam`, with a learning rate that loses a tenth every 1000 steps.

    Args:
        balance: steps between two balancings of the loss's terms; 0 is never.
    """
    config = adam(spec, steps, lr, batch=batch, seed=seed)
    return replace(
        config, schedule="exponential", decay=max(1e-6, 0.9 ** (steps / 1000)), balance=balance
    )


def bare(network: NetworkSpec) -> FieldSpec:
    """A network of the coordinates themselves."""
    return FieldSpec(encoding=Identity(), network=network)


def errors_panel(
    title: str,
    entries: Sequence[Entry],
    y_label: str = "relative error",
    levels: Sequence[tuple[float, str]] = (),
) -> Lines:
    """The errors of all entries over the steps."""
    lines = [Line(e.name, e.steps, e.errors) for e in entries]
    return Lines(title, lines, "steps", y_label, y_axis="log", levels=levels)


def value_lines(
    entries: Sequence[Entry], places: Sequence[float], chosen: slice | Tensor = slice(None)
) -> list[Line]:
    """The first channel of every field that has begun, at the probes that are chosen.

    Args:
        places: of the chosen probes, in the units of the chart.
    """
    return [
        Line(e.name, places, e.values[chosen, 0].tolist()) for e in entries if e.values is not None
    ]


def figures(entries: Sequence[Entry], digits: str = ".3g") -> Text:
    """The errors so far, in rows."""
    rows = [(e.name, f"{e.error:{digits}}" if e.errors else "not begun") for e in entries]
    return Text("Relative error", rows)
