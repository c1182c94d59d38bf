"""PhaseDNN on Helmholtz's equation at a high wave number."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from math import pi

from fields import MLP
from fields.activations import Tanh
from fields.networks import Phase
from fields.problems import helmholtz
from fields.solvers import LBFGS
from fields.spec import Spec, knob
from fields.tasks import EquationTask

from .base import Data, Study, Verdict
from .contest import REPORTS, Entry, adam, bare
from .equations import solutions, solved
from .scene import Scene

CAPTION = "The plain network misses the fast wave, which only the two ends decide on."


@dataclass(frozen=True, kw_only=True)
class HelmholtzKnobs(Spec):
    """The equation, and how long both networks work on it."""

    wave_number: float = knob(205.0, "k: u'' + k^2 u = sin(turn x)", low=1, high=2000)
    turn: float = knob(3.0, "wave number of the source, radians a unit", low=0, high=2000)
    width: int = knob(20, "units per hidden layer of each small network", low=1, high=256)
    inside: float = knob(400.0, "weight of the equation beside the ends", low=1e-3, high=1e6)
    adam: int = knob(300, "steps of Adam before L-BFGS", low=0, high=100_000)
    iterations: int = knob(1200, "iterations of L-BFGS of PhaseDNN", low=1, high=100_000)
    plain_iterations: int = knob(300, "the plain network's", low=1, high=100_000)
    seed: int = knob(0, "seed of the initial weights and of the draws", low=0)
    bound: float = knob(1e-3, "relative error that PhaseDNN must reach", low=0.0)
    plain_bound: float = knob(0.15, "relative error that the plain network stays above", low=0.0)


class Helmholtz(Study[HelmholtzKnobs]):
    name = "helmholtz"
    title = "A wave equation, solved by a network that knows its frequency"
    group = "cures"
    text = (
        "u'' + k^2 u = sin(3x) with u = 0 at both ends describes a string that is shaken slowly, "
        "and answers with its own fast wave sin(kx). Inside, this wave costs nothing: it solves "
        "the equation with 0 on the right. Only the values at the two ends fix how large it is, "
        "so that a plain network leaves it out. PhaseDNN with the carriers 0, 3 and k has it from "
        "the start, since the frequency stands in the equation. The steps are Adam's at first and "
        "then L-BFGS's, in double precision."
    )
    claim = (
        "For k = 205, PhaseDNN with carriers 0, 3 and 205 solves the equation with a relative "
        "error of 0.001 or less, where a plain tanh network stays above 0.15."
    )
    source = "Cai, Li, Liu 2020, section 4.2, arXiv:1909.11759"
    full = HelmholtzKnobs()
    quick = HelmholtzKnobs(
        wave_number=30, width=6, adam=30, iterations=120, plain_iterations=20, bound=0.1
    )

    def run(
        self, knobs: HelmholtzKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        problem = helmholtz(knobs.wave_number, knobs.turn)
        entries = _entries(knobs, EquationTask(problem, inside=knobs.inside))
        high = -1 + 40 / knobs.wave_number  # the first six waves
        yield from solved(
            problem, entries, lambda: solutions(problem, entries, high=min(1.0, high)),
            knobs.bound, CAPTION,
        )  # fmt: skip
        phase, plain = (e.error for e in entries)
        return Verdict(
            phase <= knobs.bound and plain >= knobs.plain_bound,
            f"PhaseDNN came to a relative error of {phase:.1e}, the plain network to {plain:.3f}.",
            {"phase": phase, "plain": plain},
        )


def _entries(knobs: HelmholtzKnobs, task: EquationTask) -> list[Entry]:
    carriers = (0.0, knobs.turn, knobs.wave_number)  # radians a unit
    phase = Phase(
        frequencies=tuple(c / pi for c in carriers), width=knobs.width, depth=2, stretch=1.0
    )
    plain = MLP(width=64, depth=3, activation=Tanh())
    entries = []
    for name, network, iterations in (
        ("PhaseDNN", phase, knobs.iterations),
        ("plain network", plain, knobs.plain_iterations),
    ):
        config = replace(
            adam(bare(network), 1, 5e-3, batch=600, seed=knobs.seed, precision="fp64"),
            solver=LBFGS(adam=knobs.adam, iterations=iterations), steps=None,
            report=max(1, (knobs.adam + iterations) // REPORTS),
        )  # fmt: skip
        entries.append(Entry(name, task, config))
    return entries
