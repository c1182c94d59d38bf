"""Space-time Fourier features on a heat equation with very fine waves."""

from collections.abc import Generator
from dataclasses import dataclass

from fields import MLP
from fields.activations import Tanh
from fields.networks import SharedTrunk
from fields.problems import heat
from fields.spec import Spec, knob
from fields.tasks import EquationTask

from .base import Data, Study, Verdict
from .contest import Entry, bare, falling
from .equations import lattice, maps, solved
from .scene import Scene

CAPTION = "A small part of the rod: only the network that was told the scale sees its waves."


@dataclass(frozen=True, kw_only=True)
class HeatPinnKnobs(Spec):
    """The waves along the rod, and how long the networks work on them."""

    waves: int = knob(500, "u = exp(-t) sin(waves pi x)", low=1, high=5000)
    share: float = knob(
        0.55, "spread of the waves in x, of `waves`, in cycles a side", low=0.01, high=10
    )
    time: float = knob(0.55, "spread of the waves in t, in cycles a side", low=0.01, high=100)
    width: int = knob(100, "units, and waves of each spread", low=2, high=2048)
    points: int = knob(128, "places a step", low=10, high=100_000)
    steps: int = knob(4000, "steps of Adam with Fourier features", low=1, high=1_000_000)
    plain_steps: int = knob(1000, "steps of Adam without", low=1, high=1_000_000)
    lr: float = knob(1e-3, "learning rate, which loses a tenth every 1000 steps", low=1e-6, high=1)
    seed: int = knob(0, "seed of the waves, the weights and the draws", low=0)
    bound: float = knob(0.1, "relative error that is to be reached", low=0.0)
    plain_bound: float = knob(0.9, "relative error that the plain network stays above", low=0.0)


class HeatPinn(Study[HeatPinnKnobs]):
    name = "heat-pinn"
    title = "Space and time have waves of their own"
    group = "cures"
    text = (
        "A rod is heated in 250 fine stripes that fade slowly: u = exp(-t) sin(500 pi x). In x the "
        "solution is very fast, in t it is slow. So x and t are encoded apart, with waves of a "
        "large spread and of a small one; both go through the same layers, and the two results "
        "are multiplied. The equation has no values inside, only those at the start and at the "
        "ends. A plain tanh network finds u = 0, which solves the equation too and misses only "
        "the start."
    )
    claim = (
        "For u = exp(-t) sin(500 pi x), space-time Fourier features reach a relative error of 0.1 "
        "or less, and a plain tanh network stays above 0.9."
    )
    source = "Wang, Wang, Perdikaris 2021, section 4.2, arXiv:2012.10047"
    full = HeatPinnKnobs()
    quick = HeatPinnKnobs(
        waves=10, width=40, points=64, steps=250, plain_steps=60, lr=5e-3, bound=0.3
    )

    def run(
        self, knobs: HeatPinnKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        problem = heat(knobs.waves)
        entries = _entries(knobs, EquationTask(problem))
        places = lattice(min(1.0, 12 / knobs.waves))
        yield from solved(
            problem, entries, lambda: maps(problem, entries, places), knobs.bound, CAPTION, places
        )
        fourier, plain = (e.error for e in entries)
        return Verdict(
            fourier <= knobs.bound and plain >= knobs.plain_bound,
            f"Space-time Fourier features came to a relative error of {fourier:.3f}, the plain "
            f"network to {plain:.3f}.",
            {"fourier": fourier, "plain": plain},
        )


def _entries(knobs: HeatPinnKnobs, task: EquationTask) -> list[Entry]:
    fourier = SharedTrunk(
        frequencies=max(1, knobs.width // 2), sigmas=(knobs.share * knobs.waves,),
        time_sigmas=(knobs.time,), width=knobs.width, depth=2,
    )  # fmt: skip
    plain = MLP(width=knobs.width, depth=3, activation=Tanh())
    return [
        Entry(
            name, task,
            falling(bare(network), steps, knobs.lr, batch=knobs.points, seed=knobs.seed),
        )
        for name, network, steps in (
            ("Fourier features", fourier, knobs.steps), ("plain network", plain, knobs.plain_steps)
        )
    ]  # fmt: skip
