"""The linear frequency principle: which curve a wide ReLU network draws through a few points."""

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from data import Signal
from fields.spec import Spec, knob

from .base import Data, Pace, Study, Verdict
from .scene import Line, Lines, Scene
from .splines import interpolant, natural_cubic, piecewise_linear

# The five points of the authors' own figure.
POINTS = ((-0.8, 0.25), (-0.6, -0.25), (-0.3, -0.07), (-0.06, 0.15), (0.1, -0.05))
MOST = 12  # points taken of a person's own signal
SPREAD = 3.0  # standard deviation of the network's biases: its kinks reach well beyond the data
BATCH = 4000  # neurons at a time
DRAWN = 200  # points at which curves are drawn and compared


@dataclass(frozen=True, kw_only=True)
class SplineLimitsKnobs(Spec):
    """How exactly the variational problem is solved, and how wide the network beside it is."""

    period: float = knob(8.0, "length of the periodic box around the data", low=2.0, high=64.0)
    modes: int = knob(4000, "frequencies that the problem is solved in", low=100, high=20_000)
    frames: int = knob(33, "blends from one limit to the other", low=3, high=200)
    neurons: int = knob(100_000, "random neurons of the network", low=1000, high=10**6)
    seed: int = knob(0, "seed of the random neurons", low=0)
    cubic_bound: float = knob(0.005, "largest distance from the cubic spline", low=0.0)
    linear_bound: float = knob(0.001, "largest distance from straight lines", low=0.0)
    network_bound: float = knob(0.01, "largest distance of the network from both", low=0.0)


class SplineLimits(Study[SplineLimitsKnobs]):
    name = "spline-limits"
    title = "A wide network draws a spline"
    group = "theory"
    text = (
        "Of all curves through the data, which one does a network choose? For a wide two-layer "
        "ReLU network the answer is known: the one with the least high frequencies, where a "
        "frequency ξ costs 1 / (A ξ⁻⁴ + B ξ⁻²). The first term comes from training the outer "
        "weights and makes a natural cubic spline, the second from training the inner weights "
        "and biases and makes straight lines from point to point. Watch the curve go from one to "
        "the other as A grows, and see that a network of random neurons, of which only one kind "
        "of weights is trained, draws the same curves."
    )
    claim = (
        "Through five points, the minimiser for ξ⁻⁴ is within 0.005 (rms) of the natural cubic "
        "spline, that for ξ⁻² within 0.001 of straight lines, and a network of 100,000 neurons "
        "within 0.01 of both."
    )
    source = "Zhang, Xu, Luo, Ma 2019, arXiv:1905.10264; Luo, Ma, Xu, Zhang 2020, arXiv:2010.08153"
    takes = "signal"
    full = SplineLimitsKnobs()
    quick = SplineLimitsKnobs(modes=2000, frames=9, neurons=20_000, network_bound=0.02)

    def run(
        self, knobs: SplineLimitsKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        x, y = _points(data)
        at = torch.linspace(float(x[0]), float(x[-1]), DRAWN, dtype=torch.float64)
        curves = _Curves(x, y, at, natural_cubic(x, y, at), piecewise_linear(x, y, at))
        four, two = (_spectral(knobs, x, at, power) for power in (4, 2))
        for i in range(knobs.frames):
            ratio = 10 ** (-3 + 6 * i / (knobs.frames - 1))
            curves.blend(ratio, ratio * four + two)
            yield curves.scene(0.5 * (i + 1) / knobs.frames)
        curves.limits = {"cubic": curves.through(four), "linear": curves.through(two)}
        sums = torch.zeros(2, len(x) + DRAWN, len(x), dtype=torch.float64)
        rng, pace = torch.Generator().manual_seed(knobs.seed), Pace()
        for start in range(0, knobs.neurons, BATCH):
            count = min(BATCH, knobs.neurons - start)
            sums += _network_kernels(torch.cat([x, at]), len(x), count, rng)
            if pace.due():
                yield curves.scene(0.5 + 0.49 * (start + count) / knobs.neurons)
        outer, inner = sums / knobs.neurons
        curves.network = {"cubic": curves.through(outer), "linear": curves.through(inner)}
        yield curves.scene(1.0)
        return _verdict(knobs, curves)


def _points(data: Data | None) -> tuple[Tensor, Tensor]:
    """The points, scaled to where the authors' five lie: x in [-0.8, 0.1], y half a unit high.

    Raises:
        ValueError: the signal has fewer than three points, or is constant.
    """
    if data is None:
        x, y = zip(*POINTS, strict=True)
        return torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    assert isinstance(data, Signal)
    n = len(data.x)
    kept = torch.linspace(0, n - 1, min(n, MOST)).round().long()
    x, y = data.x[kept], data.values[kept, 0]
    height = float(y.max() - y.min())
    if n < 3 or height == 0:
        raise ValueError("spline-limits needs at least three samples that are not all equal.")
    return 0.9 * (x - x[0]) / (x[-1] - x[0]) - 0.8, 0.5 * (y - y.mean()) / height


def _spectral(knobs: SplineLimitsKnobs, x: Tensor, at: Tensor, power: int) -> Tensor:
    """The kernel sum of xi^-power cos(2 pi xi (u - x)) over xi = k / period: [n + m, n]."""
    xi = torch.arange(1, knobs.modes + 1, dtype=torch.float64) / knobs.period
    u = torch.cat([x, at])
    columns = [torch.cos(2 * math.pi * (u - v)[:, None] * xi) @ xi**-power for v in x]
    return torch.stack(columns, dim=1) / knobs.period


def _network_kernels(u: Tensor, n: int, neurons: int, rng: torch.Generator) -> Tensor:
    """Sums over random neurons a ReLU(w x + b): of the kernel of the outer weights a, and of that
    of the inner weights and biases, between all points [m] and the first n: [2, m, n]."""
    w, b = torch.randn(2, neurons, 1, generator=rng, dtype=torch.float64)
    z = w * u + SPREAD * b
    values, on = z.clamp(min=0), (z > 0).double()
    outer = values.T @ values[:, :n]
    return torch.stack([outer, (on.T @ on[:, :n]) * (1 + u[:, None] * u[:n])])


class _Curves:
    """The data, both splines, and what has been found so far; curves are float64 [m]."""

    def __init__(self, x: Tensor, y: Tensor, at: Tensor, cubic: Tensor, linear: Tensor) -> None:
        self.x, self.y, self.at = x, y, at
        self.splines = {"cubic": cubic, "linear": linear}
        self.limits: dict[str, Tensor] = {}
        self.network: dict[str, Tensor] = {}
        self.now = linear
        self.ratios: list[float] = []
        self.distances: dict[str, list[float]] = {"cubic": [], "linear": []}

    def through(self, kernel: Tensor) -> Tensor:
        """The curve through the data that a kernel [n + m, n] gives."""
        n = len(self.x)
        return interpolant(kernel[:n], kernel[n:], self.y)

    def blend(self, ratio: float, kernel: Tensor) -> None:
        self.now = self.through(kernel)
        self.ratios.append(ratio)
        for name, spline in self.splines.items():
            self.distances[name].append(distance(self.now, spline))

    def scene(self, share: float) -> Scene:
        at = self.at.tolist()
        points = Line("data", self.x.tolist(), self.y.tolist(), "currentColor", "dots")
        cubic = Line("cubic spline", at, self.splines["cubic"].tolist(), "#888888", "thin")
        linear = Line("straight lines", at, self.splines["linear"].tolist(), "#888888", "dashed")
        span = (self._middle - 0.45, self._middle + 0.45)
        shown = self.limits or {"now": self.now}
        names = {
            "cubic": ("for ξ⁻⁴", "#0072b2"),
            "linear": ("for ξ⁻²", "#d55e00"),
            "now": (f"for A/B = {self.ratios[-1]:.2g}", "#7a4bd6"),
        }
        made = [Line(names[k][0], at, v.tolist(), names[k][1]) for k, v in shown.items()]
        trained = {"cubic": ("outer weights trained", "#0072b2"),
                   "linear": ("inner weights trained", "#d55e00")}  # fmt: skip
        wide = [Line(trained[k][0], at, v.tolist(), trained[k][1]) for k, v in self.network.items()]
        paints = {"cubic": "#0072b2", "linear": "#d55e00"}
        gaps = [
            Line(f"from the {'cubic spline' if k == 'cubic' else 'straight lines'}",
                 self.ratios, v, paints[k])
            for k, v in self.distances.items()
        ]  # fmt: skip
        return Scene(
            (
                Lines("The curve of least high frequencies", [cubic, linear, *made, points], "x",
                      "y", y_span=span),
                Lines("Its distance from both splines", gaps,
                      "A / B, weight of ξ⁻⁴ to that of ξ⁻²", "root mean square", "log", "log",
                      x_span=(1e-3, 1e3), y_span=(1e-4, 0.2)),
                Lines("A network of random neurons", [cubic, linear, *wide, points], "x", "y",
                      y_span=span),
            ),
            share,
            "Training the outer weights gives the cubic spline, training the inner ones straight "
            "lines; in between lies whatever is weighted more.",
        )  # fmt: skip

    @property
    def _middle(self) -> float:
        return float(self.y.max() + self.y.min()) / 2


def distance(a: Tensor, b: Tensor) -> float:
    """The root of the mean squared difference."""
    return float((a - b).square().mean().sqrt())


def _verdict(knobs: SplineLimitsKnobs, curves: _Curves) -> Verdict:
    figures = {
        f"{name}_{of}": distance(found[name], curves.splines[name])
        for of, found in (("minimiser", curves.limits), ("network", curves.network))
        for name in ("cubic", "linear")
    }
    held = (
        figures["cubic_minimiser"] <= knobs.cubic_bound
        and figures["linear_minimiser"] <= knobs.linear_bound
        and max(figures["cubic_network"], figures["linear_network"]) <= knobs.network_bound
    )
    return Verdict(
        held,
        f"The minimiser for ξ⁻⁴ is {figures['cubic_minimiser']:.4f} from the cubic spline, that "
        f"for ξ⁻² {figures['linear_minimiser']:.4f} from straight lines; the network of "
        f"{knobs.neurons:,} neurons is {figures['cubic_network']:.4f} and "
        f"{figures['linear_network']:.4f} away.",
        figures,
    )
