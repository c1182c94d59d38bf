"""MscaleDNN on Ritz's form of an equation: several scales against one."""

from collections.abc import Generator
from dataclasses import dataclass

from fields.networks.mscale import OCTAVES
from fields.problems import poisson
from fields.spec import Spec, knob
from fields.tasks import EquationTask

from .base import Data, Study, Verdict, paced
from .contest import contest
from .equations import exact, probes
from .scales import pair, scene, settled
from .scene import Scene

CAPTION = "MscaleDNN finds the wave; the plain network stays flat."


@dataclass(frozen=True, kw_only=True)
class MscaleRitzKnobs(Spec):
    """The wave to be found, and how long both networks look for it."""

    waves: int = knob(6, "the solution is sin(waves pi x)", low=1, high=100)
    scales: tuple[float, ...] = knob(OCTAVES, "the scales of MscaleDNN", low=1e-3, high=65536)
    width: int = knob(180, "units per hidden layer, all scales", low=6, high=4096)
    points: int = knob(500, "places a step", low=10, high=100_000)
    faces: float = knob(500.0, "weight of the values at both ends", low=1e-3, high=1e6)
    steps: int = knob(1200, "steps of Adam of each network", low=1, high=100_000)
    lr: float = knob(2e-3, "learning rate, which falls along a cosine", low=1e-6, high=1)
    seed: int = knob(0, "seed of the initial weights and of the draws", low=0)
    bound: float = knob(0.1, "twice the squared error that MscaleDNN must reach", low=0.0)
    plain_bound: float = knob(0.9, "the same, that the plain network stays above", low=0.0)


class MscaleRitz(Study[MscaleRitzKnobs]):
    name = "mscale-ritz"
    title = "Look at the coordinates through several magnifying glasses"
    group = "cures"
    text = (
        "A fast wave is a slow one once x is stretched: sin(32 x) as a function of 32 x is just "
        "sin. MscaleDNN adds up small networks f(x), f(2x), ..., f(32x), so that for every part "
        "of the spectrum one of them sees something slow. Here both solve -u'' = f with "
        "u = sin(6 pi x) by minimising the energy of Ritz's form, at new random places in every "
        "step. The plain network of as many units finds u = 0, and stays there."
    )
    claim = (
        "For u = sin(6 pi x) on [-1, 1], MscaleDNN brings twice the mean squared error below 0.1, "
        "where a plain sine network of the same width stays above 0.9, next to the 1 of u = 0."
    )
    source = "Liu, Cai, Xu 2020, arXiv:2007.11207"
    full = MscaleRitzKnobs()
    quick = MscaleRitzKnobs(waves=4, width=60, points=100, steps=200, lr=5e-3, bound=0.3)

    def run(
        self, knobs: MscaleRitzKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        problem = poisson(knobs.waves)
        task = EquationTask(problem, form="ritz", faces=knobs.faces)
        entries = pair(
            task, knobs.scales, knobs.width, knobs.steps, knobs.lr, knobs.points, knobs.seed
        )
        truth = exact(problem)
        size = 2 * float(truth.square().mean())
        yield from paced(
            contest(entries, probes(problem), truth),
            lambda share: scene(problem, entries, share, CAPTION),
        )
        mscale, plain = (size * settled(e) ** 2 for e in entries)
        return Verdict(
            mscale <= knobs.bound and plain >= knobs.plain_bound,
            f"Twice the mean squared error came to {mscale:.3g} with scales "
            f"{', '.join(f'{s:g}' for s in knobs.scales)}, and to {plain:.3g} without.",
            {"mscale": mscale, "plain": plain},
        )
