"""Space-time Fourier features on the wave equation, with terms that learn equally fast."""

from collections.abc import Generator
from dataclasses import dataclass

from fields import MLP
from fields.activations import Tanh
from fields.networks import NetworkSpec, SharedTrunk
from fields.problems import wave
from fields.spec import Spec, knob
from fields.tasks import EquationTask

from .base import Data, Study, Verdict
from .contest import Entry, bare, falling
from .equations import lattice, maps, solved
from .scene import Scene

CAPTION = "Time upwards: the string swings in two notes, and only both cures together follow it."


@dataclass(frozen=True, kw_only=True)
class WavePinnKnobs(Spec):
    """The string, and how long the networks work on it."""

    speed: float = knob(5.0, "c: u_tt = c^2 u_xx", low=0.1, high=100)
    sigma: float = knob(0.55, "spread of the waves in x, in cycles a side", low=0.01, high=100)
    times: tuple[float, ...] = knob(
        (0.55, 3.0), "spreads of the waves in t, in cycles a side", low=0.01, high=100
    )
    width: int = knob(64, "units, and waves of each spread", low=2, high=2048)
    points: int = knob(120, "places a step", low=10, high=100_000)
    balance: int = knob(250, "steps between two balancings of the terms", low=1, high=10**6)
    steps: int = knob(5000, "steps of Adam with Fourier features", low=1, high=1_000_000)
    plain_steps: int = knob(300, "steps of Adam without", low=1, high=1_000_000)
    lr: float = knob(3e-3, "learning rate, which loses a tenth every 1000 steps", low=1e-6, high=1)
    seed: int = knob(0, "seed of the waves, the weights and the draws", low=0)
    bound: float = knob(0.1, "relative error that is to be reached", low=0.0)
    plain_bound: float = knob(0.7, "relative error that the others stay above", low=0.0)


class WavePinn(Study[WavePinnKnobs]):
    name = "wave-pinn"
    title = "Two cures at once, for a string in two notes"
    group = "cures"
    text = (
        "A string swings in two notes. The loss has four parts: the equation inside, the fixed "
        "ends, the shape at the start, and that it starts at rest. They learn at very different "
        "speeds: u_tt weighs fast waves so much that the equation drowns the others. The traces "
        "of the parts' tangent kernels say how fast each learns, and weights 'trace of all by own "
        "trace', renewed now and then, make them equal. Together with waves in t of two spreads "
        "that is enough; a plain tanh network fails, balanced too."
    )
    claim = (
        "For a wave speed of 5, space-time Fourier features with balanced terms reach a relative "
        "error of 0.1 or less, and a plain tanh network, balanced too, stays above 0.7."
    )
    source = "Wang, Wang, Perdikaris 2021, section 4.3, arXiv:2012.10047"
    full = WavePinnKnobs()
    quick = WavePinnKnobs(
        speed=1, times=(0.5, 1.0), width=40, points=64, balance=100, steps=200, plain_steps=30,
        lr=5e-3, bound=0.3,
    )  # fmt: skip

    def run(
        self, knobs: WavePinnKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        problem = wave(knobs.speed)
        entries = _entries(knobs, EquationTask(problem))
        places = lattice(1.0)
        yield from solved(
            problem, entries, lambda: maps(problem, entries, places), knobs.bound, CAPTION, places
        )
        fourier, plain = (e.error for e in entries)
        return Verdict(
            fourier <= knobs.bound and plain >= knobs.plain_bound,
            f"With Fourier features and balanced terms the relative error came to {fourier:.3f}, "
            f"with a plain network and balanced terms to {plain:.3f}.",
            {"fourier": fourier, "plain": plain},
        )


def _entries(knobs: WavePinnKnobs, task: EquationTask) -> list[Entry]:
    fourier = SharedTrunk(
        frequencies=max(1, knobs.width // 2), sigmas=(knobs.sigma,), time_sigmas=knobs.times,
        width=knobs.width, depth=2,
    )  # fmt: skip
    plain = MLP(width=knobs.width, depth=3, activation=Tanh())
    rounds: list[tuple[str, NetworkSpec, int]] = [
        ("Fourier features, balanced", fourier, knobs.steps),
        ("plain network, balanced", plain, knobs.plain_steps),
    ]
    return [
        Entry(
            name, task,
            falling(
                bare(network), steps, knobs.lr, batch=knobs.points, seed=knobs.seed,
                balance=knobs.balance,
            ),
        )
        for name, network, steps in rounds
    ]  # fmt: skip
