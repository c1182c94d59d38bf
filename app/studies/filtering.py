"""The frequency principle in many dimensions, by filtering: the smooth part is learned first."""

from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fields import MLP
from fields.activations import Tanh
from fields.spec import Spec, knob
from fields.spectrum import Filter
from fields.tasks import TableTask

from .base import Data, Pace, Study, Verdict
from .rows import Rows, table_rows
from .scene import Heat, Line, Lines, Scene
from .watching import descent, outputs, thinned

CLUSTERS = 10
EVERY = 5  # steps between two looks


@dataclass(frozen=True, kw_only=True)
class FilteringKnobs(Spec):
    """The data, the network, and the filters that the output is seen through."""

    points: int = knob(1500, "points that are fitted and filtered", low=20, high=4000)
    dimensions: int = knob(64, "coordinates of the study's own points", low=2, high=1000)
    widths: tuple[int, ...] = knob(
        (200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    filters: tuple[float, ...] = knob(
        (0.05, 0.1, 0.3), "variances of the filters, as shares of the median squared distance",
        low=1e-3, high=10,
    )  # fmt: skip
    rate: float = knob(1e-3, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(300, "steps of Adam, each over all points", low=10, high=100_000)
    share: float = knob(0.95, "share of the looks at which the order must hold", low=0.0, high=1.0)
    seed: int = knob(0, "seed of the points and of the network's first weights", low=0)


class Filtering(Study[FilteringKnobs]):
    name = "filtering"
    title = "In many dimensions, the smooth part comes first"
    group = "order"
    text = (
        "A Fourier transform in 64 dimensions is out of reach, but a Gaussian filter is not. "
        "Replace each value by the mean over the neighbourhood of its point: what is left is the "
        "low-frequency part, and what was lost is the high-frequency part. The same is done to "
        "the network's output, and the two parts are compared. Here the points are ten clouds, and "
        "the network learns which cloud each belongs to, as for handwritten digits. Whatever "
        "the width of the filter, the error of the smooth part falls first."
    )
    claim = (
        "While a tanh network learns to tell ten clusters of 1500 points in 64 dimensions, the "
        "error of the low-frequency part is below that of the high-frequency part in at least 95 % "
        "of the looks, for filters of 0.05, 0.1 and 0.3 times the median squared distance."
    )
    source = "Xu, Zhang, Luo, Xiao, Ma 2020, section 4, arXiv:1901.06523"
    takes = "table"
    full = FilteringKnobs()
    quick = FilteringKnobs(points=400, steps=120)

    def run(
        self, knobs: FilteringKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        rng = torch.Generator().manual_seed(knobs.seed)
        if data is None:
            rows = clusters(knobs.points, knobs.dimensions, rng)
        else:
            rows = table_rows(data, knobs.points, rng)
        watch, pace = Parts(Filter(rows.x, knobs.filters, most=knobs.points), rows.values), Pace()
        network = MLP(widths=knobs.widths, activation=Tanh())
        config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed, every=EVERY)
        for progress, values in outputs(TableTask(rows.x, rows.values), config, rows.x):
            if progress.step:  # before, nothing is learned of either part
                watch.look(progress.step, values)
            if watch.steps and (progress.end is not None or pace.due()):
                yield _scene(knobs, watch, progress.share)
        return _verdict(knobs, watch)


def clusters(n: int, d: int, rng: torch.Generator) -> Rows:
    """Points of ten clouds, all stretched the same way, and the number of each's as ones and zeros.

    Each cloud lies around a centre from N(0, 1.2^2), eight directions of spread 0.6, and noise of
    spread 0.5 in every coordinate. The values have a mean of 0.
    """

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=rng, dtype=torch.float64)

    centres, directions = 1.2 * normal(CLUSTERS, d), 0.6 * normal(8, d)
    which = torch.randint(CLUSTERS, (n,), generator=rng)
    x = centres[which] + normal(n, 8) @ directions + 0.5 * normal(n, d)
    values = torch.nn.functional.one_hot(which, CLUSTERS).double()
    return Rows(x / x.abs().max(), values - values.mean(0))


@dataclass
class Parts:
    """The errors of the low and the high part for each filter, look by look."""

    filter: Filter
    target: Tensor
    steps: list[int] = field(default_factory=list, init=False)
    low: list[list[float]] = field(default_factory=list, init=False)
    high: list[list[float]] = field(default_factory=list, init=False)

    def look(self, step: int, output: Tensor) -> None:
        low, high = self.filter.errors(output, self.target)
        self.steps.append(step)
        self.low.append(low.tolist())
        self.high.append(high.tolist())

    def shares(self) -> list[float]:
        """For each filter, the share of the looks at which the low part was ahead."""
        ahead = torch.tensor(self.low) < torch.tensor(self.high)
        return ahead.double().mean(0).tolist()


def _verdict(knobs: FilteringKnobs, watch: Parts) -> Verdict:
    shares = watch.shares()
    told = ", ".join(f"{s:.0%} for {f:g}" for f, s in zip(knobs.filters, shares, strict=True))
    figures = {f"ahead_{i}": s for i, s in enumerate(shares, start=1)}
    figures |= {"low": watch.low[-1][0], "high": watch.high[-1][0]}
    return Verdict(
        min(shares) >= knobs.share,
        f"The low-frequency part was ahead in {told} times the median squared distance. After "
        f"{knobs.steps} steps and for the first filter its error is {watch.low[-1][0]:.2f}, that "
        f"of the high-frequency part {watch.high[-1][0]:.2f}.",
        figures,
    )


def _scene(knobs: FilteringKnobs, watch: Parts, share: float) -> Scene:
    chosen = thinned(watch.steps)
    steps = [watch.steps[i] for i in chosen]
    span = (float(EVERY), float(knobs.steps))
    rows, names = [], []
    title, series = "", list[Line]()
    for f, width in enumerate(knobs.filters):
        low, high = [[part[i][f] for i in chosen] for part in (watch.low, watch.high)]
        rows += [low, high]
        names += [f"low, {width:g}", f"high, {width:g}"]
        if f == len(knobs.filters) // 2:
            title = f"Error with the filter {width:g}"
            series = [
                Line("low-frequency part", steps, low),
                Line("high-frequency part", steps, high),
            ]
    return Scene(
        (
            Heat("Error of both parts, for each filter", rows, names, steps, "steps",
                 "part, width of the filter", "log", x_span=span),
            Lines(title, series, "steps", "relative error", "log", x_span=span),
        ),
        share,
        "In each pair of rows the lower, smooth part turns red before the upper, rough one.",
    )  # fmt: skip
