"""The output becomes more complex as training goes on, until it is as complex as the target."""

from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fields.spec import Spec, knob
from fields.spectrum import bandwidth, total_variation, turning_points

from .base import Data, Pace, Study, Verdict
from .samples import Samples, evenly, sines
from .scene import Line, Lines, Scene
from .watching import EVERY, descent, outputs, papers_network, thinned

BEGUN = 40  # step from which on the order of complexities counts


@dataclass(frozen=True, kw_only=True)
class ComplexityKnobs(Spec):
    """The signal, the network, and what is to be reached."""

    waves: tuple[int, ...] = knob(
        (1, 3, 5), "sines in the study's own signal, cycles a side", low=1, high=400
    )
    samples: int = knob(201, "samples of it", low=16, high=1000)
    widths: tuple[int, ...] = knob(
        (200, 200, 200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(1e-4, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(2500, "steps of Adam, each over all samples", low=100, high=100_000)
    order: float = knob(
        0.95, "rank correlation of steps and complexity that must be reached", low=0.0, high=1.0
    )
    near: float = knob(
        0.05, "how far the final complexity may be from the target's, as a share", low=0.0, high=1.0
    )
    seed: int = knob(0, "seed of the network's first weights", low=0)


class Complexity(Study[ComplexityKnobs]):
    name = "complexity"
    title = "The output grows more complex, step by step"
    group = "uses"
    text = (
        "If low frequencies come first, the output must begin simple and become more and more "
        "complex. There are many ways to measure that. The plainest is the total variation: how "
        "far the output goes up and down altogether. It grows until it is that of the target, and "
        "then stays. So the time at which training is stopped decides how complex the answer is, "
        "which is why a network with more weights than data need not overfit. The number of "
        "turning points and the bandwidth, the frequency below which 95 % of the power lies, tell "
        "the same story in coarser steps."
    )
    claim = (
        "While a tanh network learns sin x + sin 3x + sin 5x in 2500 steps, the total variation of "
        "its output grows with the steps (Spearman's rank correlation at least 0.95 from step 40 "
        "on), and ends within 5 % of the target's."
    )
    source = "Xu, Zhang, Luo 2022, arXiv:2201.07395"
    takes = "signal"
    full = ComplexityKnobs()
    quick = ComplexityKnobs(
        waves=(1, 2, 3), samples=101, widths=(80, 80, 80), rate=3e-3, steps=500, order=0.5, near=0.2
    )

    def run(
        self, knobs: ComplexityKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        samples = sines(knobs.waves, knobs.samples) if data is None else evenly(data)
        growth, pace = Growth(samples), Pace()
        network = papers_network(knobs.widths)
        config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed)
        for progress, values in outputs(samples.task, config, samples.x):
            growth.look(progress.step, values)
            if progress.end is not None or pace.due():
                yield _scene(knobs, growth, progress.share)
        return _verdict(knobs, growth)


@dataclass
class Growth:
    """Three measures of the output's complexity, look by look, as in `MEASURES`."""

    samples: Samples
    output: Tensor = field(init=False)
    steps: list[int] = field(default_factory=list, init=False)
    measured: list[list[float]] = field(default_factory=list, init=False)

    def look(self, step: int, output: Tensor) -> None:
        self.output = output
        self.steps.append(step)
        self.measured.append([measure(output) for measure, *_ in MEASURES])


MEASURES = (
    (total_variation, "Total variation", "value up and down"),
    (turning_points, "Turning points", "number"),
    (bandwidth, "Bandwidth", "cycles a side"),
)


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Spearman's: the correlation of the ranks of two quantities [n], from -1 to 1."""
    a, b = (_ranks(values) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    size = float(a.norm() * b.norm())
    return float(a @ b) / size if size > 0 else 0.0


def _ranks(values: Tensor) -> Tensor:
    """Of each value, with equal ones at the mean of theirs: float64 [n]."""
    _, which, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[which]


def _verdict(knobs: ComplexityKnobs, growth: Growth) -> Verdict:
    kept = [i for i, s in enumerate(growth.steps) if s >= BEGUN]
    steps = torch.tensor([growth.steps[i] for i in kept], dtype=torch.float64)
    variation = torch.tensor([growth.measured[i][0] for i in kept], dtype=torch.float64)
    order = rank_correlation(steps, variation)
    final, goal = float(variation[-1]), total_variation(growth.samples.values)
    return Verdict(
        order >= knobs.order and abs(final / goal - 1) <= knobs.near,
        f"From step {BEGUN} on the rank correlation of steps and total variation is {order:.3f}; "
        f"it ends at {final:.1f}, the target's is {goal:.1f}.",
        {"rank_correlation": order, "variation": final, "target": goal},
    )


def _scene(knobs: ComplexityKnobs, growth: Growth, share: float) -> Scene:
    chosen = thinned(growth.steps)
    steps = [max(1, growth.steps[i]) for i in chosen]
    panels = []
    for number, (measure, name, unit) in enumerate(MEASURES):
        goal = measure(growth.samples.values)
        line = Line("", steps, [growth.measured[i][number] for i in chosen])
        panels.append(
            Lines(name, [line], "steps", unit, "log", levels=[(goal, "of the target")],
                  x_span=(EVERY, knobs.steps))
        )  # fmt: skip
    places, target = growth.samples.places.tolist(), growth.samples.values[:, 0].tolist()
    shapes = [
        Line("target", places, target, "currentColor", "thin"),
        Line("output", places, growth.output[:, 0].tolist()),
    ]
    panels.insert(1, Lines(f"The output after {growth.steps[-1]:,} steps", shapes, "x", "value"))
    note = f" {growth.samples.note}" if growth.samples.note else ""
    return Scene(
        panels,
        share,
        "Each measure climbs to that of the target, in flights: one for each frequency that is "
        f"learned.{note}",
    )
