"""Multi-scale Fourier features in a physics-informed network."""

from collections.abc import Generator
from dataclasses import dataclass

from fields import MLP
from fields.activations import Tanh
from fields.networks import SharedTrunk
from fields.problems import two_scales
from fields.spec import Spec, knob
from fields.tasks import EquationTask

from .base import Data, Study, Verdict
from .contest import Entry, bare, falling
from .equations import solutions, solved
from .scene import Scene

CAPTION = "One spread finds one of the two waves; two spreads find both."
LAST = 10  # reports of which the middle error counts, since every draw moves it


@dataclass(frozen=True, kw_only=True)
class FourierPinnKnobs(Spec):
    """The two waves of the solution, and how long the networks work on them."""

    low: int = knob(2, "slow wave of the solution, sin(low pi x)", low=1, high=100)
    high: int = knob(50, "fast wave of the solution, 0.1 sin(high pi x)", low=1, high=1000)
    sigmas: tuple[float, ...] = knob(
        (0.55, 5.5), "spreads of the waves, in cycles a side", low=0.01, high=1000
    )
    width: int = knob(100, "units, and waves of each spread", low=2, high=2048)
    points: int = knob(128, "places a step", low=10, high=100_000)
    steps: int = knob(14_000, "steps of Adam with the spreads", low=1, high=1_000_000)
    plain_steps: int = knob(3000, "steps of Adam without", low=1, high=1_000_000)
    lr: float = knob(1e-3, "learning rate, which loses a tenth every 1000 steps", low=1e-6, high=1)
    seed: int = knob(0, "seed of the waves, the weights and the draws", low=0)
    bound: float = knob(0.02, "relative error that is to be reached", low=0.0)
    plain_bound: float = knob(0.5, "relative error that the plain network stays above", low=0.0)


class FourierPinn(Study[FourierPinnKnobs]):
    name = "fourier-pinn"
    title = "An equation whose solution has a slow and a fast wave"
    group = "cures"
    text = (
        "A physics-informed network knows no values, only the equation u'' = f and the two ends. "
        "The solution is a slow wave with a small ripple 25 times as fast; but in u'' the ripple "
        "is 60 times as large as the slow wave. A plain tanh network gets neither. Here x first "
        "becomes random waves of two spreads, a slow one and a fast one. Each goes through the "
        "same layers, and only the last layer adds them up, so that the tangent kernel has "
        "eigenfunctions of both speeds."
    )
    claim = (
        "For u = sin(2 pi x) + 0.1 sin(50 pi x), Fourier features of two spreads reach a relative "
        "error of 0.02 or less in 14,000 steps, and a plain tanh network stays above 0.5."
    )
    source = "Wang, Wang, Perdikaris 2021, section 4.1, arXiv:2012.10047"
    full = FourierPinnKnobs()
    quick = FourierPinnKnobs(
        high=10, sigmas=(0.55, 2.0), width=40, points=64, steps=700, plain_steps=100, lr=1e-2,
        bound=0.2,
    )  # fmt: skip

    def run(
        self, knobs: FourierPinnKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        problem = two_scales(knobs.low, knobs.high)
        entries = _entries(knobs, EquationTask(problem, faces=2.0))
        yield from solved(
            problem, entries, lambda: solutions(problem, entries, high=-1 + 20 / knobs.high),
            knobs.bound, CAPTION,
        )  # fmt: skip
        found, plain = (sorted(e.errors[-LAST:])[len(e.errors[-LAST:]) // 2] for e in entries)
        return Verdict(
            found <= knobs.bound and plain >= knobs.plain_bound,
            f"Fourier features of the spreads {', '.join(f'{s:g}' for s in knobs.sigmas)} came to "
            f"a relative error of {found:.4f}, the plain network to {plain:.3f}.",
            {"fourier": found, "plain": plain, "fourier_least": min(entries[0].errors)},
        )


def _entries(knobs: FourierPinnKnobs, task: EquationTask) -> list[Entry]:
    fourier = SharedTrunk(
        frequencies=max(1, knobs.width // 2), sigmas=knobs.sigmas, width=knobs.width
    )
    plain = MLP(width=knobs.width, depth=2, activation=Tanh())
    return [
        Entry(
            name, task,
            falling(bare(network), steps, knobs.lr, batch=knobs.points, seed=knobs.seed),
        )
        for name, network, steps in (
            ("Fourier features", fourier, knobs.steps), ("plain network", plain, knobs.plain_steps)
        )
    ]  # fmt: skip
