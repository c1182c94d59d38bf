"""The frequency principle in many dimensions, along the direction of most spread."""

import math
from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fields import MLP
from fields.activations import Tanh
from fields.spec import Spec, knob
from fields.spectrum import principal_direction, project, projection_error, projection_peaks
from fields.spectrum.dft import amplitude
from fields.tasks import TableTask

from .base import Data, Pace, Study, Verdict
from .rows import Rows, table_rows
from .samples import TURN
from .scene import Heat, Line, Lines, Scene
from .watching import descent, outputs, thinned

EVERY = 5  # steps between two looks
SLOW, FAST = 2.0, 8.0  # of the study's own waves, in radians per unit
SHOWN = 20  # frequencies of a spectrum, as multiples of one over the span


@dataclass(frozen=True, kw_only=True)
class ProjectionKnobs(Spec):
    """The data, the network, and what is to be reached when."""

    points: int = knob(1500, "points that are fitted", low=20, high=20_000)
    dimensions: int = knob(8, "coordinates of the study's own points", low=2, high=100)
    widths: tuple[int, ...] = knob(
        (200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(1e-3, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(600, "steps of Adam, each over all points", low=10, high=100_000)
    moment: int = knob(100, "step at which the two frequencies are compared", low=5, high=100_000)
    learned: float = knob(0.3, "error that the low frequency has reached then", low=0.0, high=1.0)
    missing: float = knob(0.7, "error that the high one still has then", low=0.0, high=1.0)
    seed: int = knob(0, "seed of the points and of the network's first weights", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.moment > self.steps:
            raise ValueError(f"moment must be at most steps, {self.steps}, got {self.moment}.")


class Projection(Study[ProjectionKnobs]):
    name = "projection"
    title = "In many dimensions, seen along one direction"
    group = "order"
    text = (
        "Points in eight dimensions are spread most along one direction, and the function that is "
        "to be learned is a slow and a fast wave along it. Nobody tells the network which "
        "direction that is. To look at frequencies nonetheless, one direction is enough: the first "
        "principal component of the points. Along it the Fourier transform is a sum over the "
        "points, which need not lie on a grid, so that it works for any table of data. Again the "
        "low frequency is learned first."
    )
    claim = (
        "With sin 2s + sin 8s, s the place along the direction of most spread of 1500 points in 8 "
        "dimensions, Delta_F is below 0.3 at the low frequency and above 0.7 at the high one after "
        "100 steps."
    )
    source = "Xu, Zhang, Luo, Xiao, Ma 2020, section 3, arXiv:1901.06523"
    takes = "table"
    full = ProjectionKnobs()
    quick = ProjectionKnobs(points=500, steps=200)

    def run(
        self, knobs: ProjectionKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        rng = torch.Generator().manual_seed(knobs.seed)
        if data is None:
            rows = waves(knobs.points, knobs.dimensions, rng)
        else:
            rows = table_rows(data, knobs.points, rng)
        watch, pace = Along(rows), Pace()
        network = MLP(widths=knobs.widths, activation=Tanh(), first_gain=TURN)
        config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed, every=EVERY)
        for progress, values in outputs(TableTask(rows.x, rows.values), config, rows.x):
            watch.look(progress.step, values)
            if progress.end is not None or pace.due():
                yield _scene(knobs, watch, progress.share)
        return _verdict(knobs, watch, own=data is None)


def waves(n: int, d: int, rng: torch.Generator) -> Rows:
    """sin(2 s) + sin(8 s) at points of a cube that is stretched along a direction p; s = p.x.

    Cubes of side 2, moved along p by up to 2; then all is made as small as [-1, 1]^d wants.
    """
    x = 2 * torch.rand(n, d, generator=rng, dtype=torch.float64) - 1
    p = torch.randn(d, generator=rng, dtype=torch.float64)
    p = p / p.norm()
    x = x + 2 * (2 * torch.rand(n, 1, generator=rng, dtype=torch.float64) - 1) * p
    s = (x @ p)[:, None]
    values = torch.sin(SLOW * s) + torch.sin(FAST * s)
    return Rows(x / x.abs().max(), values - values.mean(0))


@dataclass
class Along:
    """The error of a few frequencies along the points' principal direction, look by look.

    Attributes:
        direction: float64 [d].
        k: the highest peaks of the values' spectrum along it, ascending, in cycles per unit.
    """

    rows: Rows
    direction: Tensor = field(init=False)
    k: Tensor = field(init=False)
    output: Tensor = field(init=False)
    steps: list[int] = field(default_factory=list, init=False)
    errors: list[list[float]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.direction = principal_direction(self.rows.x)
        self.k = projection_peaks(self.rows.x, self.rows.values, self.direction, count=2)
        self.output = torch.zeros_like(self.rows.values)
        if len(self.k) < 2:
            raise ValueError(
                "the table's values have fewer than two frequencies along the direction of most "
                "spread, and so no order; give others, or use the study filtering."
            )

    @property
    def span(self) -> float:
        """From the first point to the last along the direction."""
        places = self.rows.x @ self.direction
        return float(places.max() - places.min())

    @property
    def waves(self) -> list[float]:
        """The frequencies in cycles from the first to the last point."""
        return (self.k * self.span).tolist()

    def look(self, step: int, output: Tensor) -> None:
        self.output = output
        error = projection_error(self.rows.x, output, self.rows.values, self.k, self.direction)
        self.steps.append(step)
        self.errors.append(error.tolist())

    def at(self, step: int) -> list[float]:
        """The errors at the first look from a step on."""
        return next(e for s, e in zip(self.steps, self.errors, strict=True) if s >= step)

    def spectrum(self, values: Tensor) -> list[float]:
        """|g^_k| for 1, 2, ... cycles over the span."""
        k = torch.arange(1, SHOWN + 1, dtype=torch.float64) / self.span
        found = project(self.rows.x, values, k, self.direction)
        return amplitude(found).tolist()


def _verdict(knobs: ProjectionKnobs, watch: Along, own: bool) -> Verdict:
    """On a person's table the order alone counts."""
    low, high = watch.at(knobs.moment)
    last_low, last_high = watch.errors[-1]
    slow, fast = watch.waves
    apart = low < knobs.learned and high > knobs.missing
    return Verdict(
        low < high and (apart or not own),
        f"After {knobs.moment} steps Delta_F is {low:.2f} at {slow:.0f} cycles over the points' "
        f"spread and {high:.2f} at {fast:.0f}; after {knobs.steps} steps, {last_low:.2f} and "
        f"{last_high:.2f}.",
        {"low": low, "high": high, "last_low": last_low, "last_high": last_high},
    )


def _scene(knobs: ProjectionKnobs, watch: Along, share: float) -> Scene:
    chosen = thinned(watch.steps)
    steps = [max(1, watch.steps[i]) for i in chosen]
    names = [f"k = {k:.0f}" for k in watch.waves]
    rows = [[watch.errors[i][w] for i in chosen] for w in range(len(names))]
    span, ks = (float(EVERY), float(knobs.steps)), list(range(1, SHOWN + 1))
    s = watch.rows.x @ watch.direction
    order = s.argsort()[:: max(1, math.ceil(len(s) / 300))]
    return Scene(
        (
            Heat("Delta_F along the direction", rows, names, steps, "steps", "cycles", "log",
                 x_span=span),
            Lines(
                "Spectrum along the direction",
                [
                    Line("values", ks, watch.spectrum(watch.rows.values), "currentColor", "thin"),
                    Line("output", ks, watch.spectrum(watch.output)),
                ],
                "cycles over the points' spread", "amplitude",
                marks=[(w, n) for w, n in zip(watch.waves, names, strict=True)],
            ),
            Lines(
                "Values and output, seen from the side",
                [
                    Line("values", s[order].tolist(), watch.rows.values[order, 0].tolist(),
                         "currentColor", "thin"),
                    Line("output", s[order].tolist(), watch.output[order, 0].tolist()),
                ],
                "place along the direction", "value",
            ),
        ),
        share,
        "The output takes up the slow wave at once, and the fast one much later or never.",
    )  # fmt: skip
