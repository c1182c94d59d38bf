"""One signal learned in several ways: when each of its frequencies is learned in each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from fields import FitConfig
from fields.tasks import SignalTask

from .samples import middles
from .scene import Heat, Line, Lines
from .watching import Watch, outputs


@dataclass
class Racer:
    """A way of learning the signal, and what became of it so far.

    Attributes:
        fine: the output at all places that `race` looks at, float64 [between n, c]; None before it
            has begun.
    """

    name: str
    task: SignalTask
    config: FitConfig
    watch: Watch
    fine: Tensor | None = field(default=None, init=False)

    def learned(self, bound: float) -> dict[int, float]:
        """For each wave the first step with an error below the bound; that of the last look if
        there is none."""
        last = self.watch.steps[-1]
        found = self.watch.learned(bound)
        return {
            k: float(last if s is None else s) for k, s in zip(self.watch.waves, found, strict=True)
        }

    def done(self, bound: float) -> bool:
        """Whether every wave has been learned."""
        return bool(self.watch.steps) and None not in self.watch.learned(bound)


def race(racers: Sequence[Racer], bound: float, between: int = 1) -> Iterator[float]:
    """Fits one after the other, each until all is learned or its steps are over.

    Args:
        between: odd, places that are looked at for each sample, which is the middle one.

    Yields:
        The share of all the work that is done, after every look; 1 at the end alone.
    """
    for number, racer in enumerate(racers):
        places = middles(between * len(racer.watch.samples.values))
        for progress, values in outputs(racer.task, racer.config, places):
            racer.fine = values
            racer.watch.look(progress.step, values[between // 2 :: between])
            over = progress.end is not None or racer.done(bound)
            yield (number + (1.0 if over else progress.share)) / len(racers)
            if over:
                break


def told(racers: Sequence[Racer], bound: float) -> str:
    """When each wave was learned in each way, as a sentence."""
    waves = ", ".join(str(k) for k in racers[0].watch.waves)
    ways = []
    for racer in racers:
        steps = ["not yet" if s is None else str(s) for s in racer.watch.learned(bound)]
        ways.append(f"{racer.name}: {', '.join(steps)}")
    return f"Steps until Delta_F < {bound:g} at k = {waves}: {'; '.join(ways)}."


def order_panel(racers: Sequence[Racer], bound: float) -> Lines:
    """The step at which each frequency was learned, a line for each way that has begun."""
    lines = []
    for racer in racers:
        found = racer.watch.learned(bound) if racer.watch.steps else []
        reached = [
            (float(k), float(s))
            for k, s in zip(racer.watch.waves, found, strict=False)
            if s is not None
        ]
        lines.append(Line(racer.name, [k for k, _ in reached], [s for _, s in reached]))
    waves = racers[0].watch.waves
    first = racers[0].config
    return Lines(
        f"When Delta_F falls below {bound:g}", lines, "frequency, cycles a side", "steps",
        y_axis="log", x_span=(min(waves) - 0.3, max(waves) + 0.3),
        y_span=(first.report / 2, 2.0 * (first.steps or 1)),
    )  # fmt: skip


def heat(racer: Racer, bound: float) -> Heat:
    """The errors of a way of learning over its steps; empty before it has begun."""
    title = f"Delta_F, {racer.name}"
    steps = racer.config.steps or 1
    if racer.watch.steps:
        return racer.watch.heat(title, bound, steps)
    blank = [[float("nan")]] * len(racer.watch.waves)
    names = [f"k = {k}" for k in racer.watch.waves]
    return Heat(title, blank, names, [steps], "steps", "frequency", "log",
                x_span=(racer.config.report, steps))  # fmt: skip
