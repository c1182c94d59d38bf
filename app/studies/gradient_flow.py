"""Gradient descent on a wide network as an integral equation for its error."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from fields.spec import Spec, knob

from .base import Data, Pace, Study, Verdict
from .circle import ACTIVATIONS, angles, spectra
from .scene import Heat, Line, Lines, Scene
from .svg import PALETTE

LEARNED = 0.5  # of its first amplitude: below it a wave counts as learned
RECORDS = 120  # moments kept of the run
KERNEL_NEURONS = 8_000  # that the integral equation's kernel is averaged over
KERNEL_SEED = 1_000_003  # apart from the network's own draws


@dataclass(frozen=True, kw_only=True)
class GradientFlowKnobs(Spec):
    """The network, what it learns, and for how long."""

    activation: Literal["relu", "relu2", "tanh", "sine", "gauss"] = knob(
        "relu", "the neurons' function"
    )
    neurons: int = knob(2000, "neurons of the trained network", low=10, high=20_000)
    wider: int = knob(4, "a second network has so many times the neurons", low=2, high=16)
    points: int = knob(64, "training points on the circle", low=32, high=1024)
    waves: tuple[int, ...] = knob((1, 2, 3, 5), "frequencies of the target", low=0, high=100)
    time: float = knob(400.0, "length of the gradient flow", low=1.0, high=100_000.0)
    rate: float = knob(0.5, "step of gradient descent, in units of time", low=1e-3, high=1.0)
    seed: int = knob(0, "seed of the network's weights", low=0)
    bound: float = knob(0.15, "largest distance from the integral equation", low=0.0)


class GradientFlow(Study[GradientFlowKnobs]):
    name = "gradient-flow"
    title = "A wide network solves an integral equation"
    group = "theory"
    text = (
        "E, Ma and Wu look at a network as the continuous limit of infinitely many neurons. Its "
        "error u = h - f then follows an integral equation, u_t(x) = -∫ K(x, x') u(x') dx': each "
        "moment, every point corrects its neighbours as far as the kernel K reaches. On the "
        "circle the equation falls apart into waves, each of which decays as exp(-λ_k t), "
        "and since K is smooth, λ_k falls with k. The dashed lines solve the equation "
        "exactly; the full lines are a real network, trained beside it. The more neurons, the "
        "nearer it comes to the equation."
    )
    claim = (
        "A ReLU network of 2,000 neurons stays within 15 % of the exact solution of the integral "
        "equation during the whole training and one of 8,000 nearer still, and both learn the "
        "waves of their target in the order of the kernel's eigenvalues."
    )
    source = "E, Ma, Wu 2020, arXiv:1912.12777"
    full = GradientFlowKnobs()
    quick = GradientFlowKnobs(neurons=500, points=32, time=120.0, waves=(1, 2, 3))

    def run(
        self, knobs: GradientFlowKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        if max(knobs.waves) > knobs.points // 4:
            raise ValueError(
                f"{knobs.points} points do not carry wave {max(knobs.waves)}; raise points."
            )
        rng = torch.Generator().manual_seed(KERNEL_SEED)
        *_, values = spectra(knobs.activation, KERNEL_NEURONS, 256, rng)
        steps = max(1, round(knobs.time / knobs.rate))
        every, pace = max(1, steps // RECORDS), Pace()
        flows: list[_Flow] = []
        for i, neurons in enumerate((knobs.neurons, knobs.neurons * knobs.wider)):
            flow = _Flow(knobs, neurons, values)
            flows.append(flow)
            for step in range(steps + 1):
                if step % every == 0 or step == steps:
                    flow.record(step * knobs.rate)
                    if pace.due():
                        yield _scene(knobs, flows, (i + step / steps) / 2)
                flow.descend()
        yield _scene(knobs, flows, 1.0)
        return _verdict(knobs, flows)


class _Flow:
    """A two-layer network in training, h(x) = sum_j c_j sigma(w_j.x + b_j) / sqrt(m), with what it
    was at the start taken off, so that it begins at 0."""

    def __init__(self, knobs: GradientFlowKnobs, neurons: int, values: Tensor) -> None:
        self.knobs, self.neurons, self.values = knobs, neurons, values
        rng = torch.Generator().manual_seed(knobs.seed)
        m, t = neurons, angles(knobs.points).float()
        self.inner = torch.randn(m, 3, generator=rng)  # two weights and the bias
        self.outer = torch.randn(m, generator=rng)
        self.inputs = torch.stack([t.cos(), t.sin(), torch.ones_like(t)])  # [3, n]
        self.target = torch.stack([torch.cos(k * t) for k in knobs.waves]).sum(0)
        self.sigma, self.slope = ACTIVATIONS[knobs.activation]
        self.start = torch.zeros_like(t)
        self.start = self.output()
        self.times: list[float] = []
        self.left: list[list[float]] = []  # of each wave of the target, by moment
        self.exact: list[list[float]] = []
        self.apart: list[float] = []  # distance from the exact error, of the first error

    def output(self) -> Tensor:
        """What has been learned at the training points: float [n]."""
        values = self.outer @ self.sigma(self.inner @ self.inputs)
        return values / math.sqrt(self.neurons) - self.start

    def descend(self) -> None:
        """One step of gradient descent on half the mean squared error, by hand."""
        m, n = self.neurons, self.knobs.points
        z = self.inner @ self.inputs  # [m, n]
        values = self.sigma(z)
        error = (self.outer @ values) / math.sqrt(m) - self.start - self.target
        step = self.knobs.rate * error / (n * math.sqrt(m))  # [n]
        back = self.outer[:, None] * (self.slope(z) * step)
        self.outer -= values @ step
        self.inner -= back @ self.inputs.T

    def solution(self, time: float) -> Tensor:
        """What the integral equation's network has learned by then: float64 [n]."""
        waves = list(self.knobs.waves)
        learned = 1 - torch.exp(-self.values[waves] * time)
        t = angles(self.knobs.points)
        return (learned[:, None] * torch.cos(torch.tensor(waves)[:, None] * t)).sum(0)

    def record(self, time: float) -> None:
        waves = list(self.knobs.waves)
        error = torch.fft.rfft(self.output() - self.target)[waves]
        first = torch.fft.rfft(self.target)[waves]
        apart = self.output() - self.solution(time)
        self.times.append(time)
        self.left.append((error / first).abs().tolist())
        self.exact.append(torch.exp(-self.values[waves] * time).tolist())
        self.apart.append(float(apart.norm() / self.target.norm()))

    def crossings(self) -> list[float | None]:
        """When each wave is first below `LEARNED`, None if never."""
        return [
            next((t for t, m in zip(self.times, self.left, strict=True) if m[i] < LEARNED), None)
            for i in range(len(self.knobs.waves))
        ]

    def ordered(self) -> bool:
        """Whether the waves were learned in the order of the kernel's eigenvalues."""
        times = [math.inf if t is None else t for t in self.crossings()]
        waves = self.knobs.waves
        by_kernel = sorted(range(len(waves)), key=lambda i: -float(self.values[waves[i]]))
        return all(times[a] <= times[b] for a, b in pairwise(by_kernel))


def _scene(knobs: GradientFlowKnobs, flows: Sequence[_Flow], share: float) -> Scene:
    flow = flows[-1]
    t, span = angles(knobs.points).tolist(), 1.25 * len(knobs.waves)
    curves = [
        Line("target", t, flow.target.tolist(), "#888888"),
        Line("network", t, flow.output().tolist(), "#0072b2"),
        Line("integral equation", t, flow.solution(flow.times[-1]).tolist(), "#d55e00", "dashed"),
    ]
    distances = [Line(f"{f.neurons:,} neurons", f.times, f.apart) for f in flows]
    return Scene(
        (
            Lines(f"What is left of each wave, {flow.neurons:,} neurons", _decays(flow), "time",
                  "share of its amplitude", x_span=(0, knobs.time), y_span=(0, 1.1)),
            Lines("What has been learned", curves, "angle", "value", y_span=(-span, span)),
            Lines("Distance from the integral equation", distances, "time", "share of the target",
                  x_span=(0, knobs.time), y_span=(0, 1.2 * knobs.bound),
                  levels=((knobs.bound, "bound"),)),
            Heat("Error of each wave over time", list(zip(*flow.left, strict=True)),
                 [str(k) for k in knobs.waves], flow.times, "time", "wave",
                 crossings=flow.crossings(), x_span=(0, knobs.time)),
        ),
        share,
        "Full lines are the network, dashed ones the integral equation, solved without any "
        "network.",
    )  # fmt: skip


def _decays(flow: _Flow) -> list[Line]:
    """Two lines for each wave in one colour: of the network, and dashed of the equation."""
    lines: list[Line] = []
    for i, k in enumerate(flow.knobs.waves):
        paint = PALETTE[i % len(PALETTE)]
        lines.append(Line(f"wave {k}", flow.times, [m[i] for m in flow.left], paint))
        lines.append(Line("", flow.times, [m[i] for m in flow.exact], paint, "dashed"))
    return lines


def _verdict(knobs: GradientFlowKnobs, flows: Sequence[_Flow]) -> Verdict:
    narrow, wide = (max(flow.apart) for flow in flows)
    ordered = all(flow.ordered() for flow in flows)
    halves = zip(knobs.waves, flows[-1].crossings(), strict=True)
    learned = {k: t for k, t in halves if t is not None}
    told = ", ".join(f"wave {k} at {t:.0f}" for k, t in learned.items()) or "no wave"
    order = "in the kernel's order" if ordered else "not in the kernel's order"
    return Verdict(
        narrow <= knobs.bound and wide < narrow and ordered and bool(learned),
        f"The network of {flows[0].neurons:,} neurons was at most {100 * narrow:.1f} % of the "
        f"target away from the integral equation, that of {flows[1].neurons:,} "
        f"{100 * wide:.1f} %, which learned half of {told}: {order}.",
        {"distance": narrow, "distance_wide": wide, "ordered": float(ordered)}
        | {f"half_{k}": t for k, t in learned.items()}
        | {f"lambda_{k}": float(flows[0].values[k]) for k in knobs.waves},
    )
