"""MscaleDNN on the Poisson-Boltzmann equation."""

from collections.abc import Generator
from dataclasses import dataclass

from fields.networks.mscale import OCTAVES
from fields.problems import poisson_boltzmann
from fields.spec import Spec, knob
from fields.tasks import EquationTask

from .base import Data, Study, Verdict, paced
from .contest import contest
from .equations import exact, probes
from .scales import pair, scene, settled
from .scene import Scene

CAPTION = "MscaleDNN follows all waves; the plain network stays near 0."


@dataclass(frozen=True, kw_only=True)
class MscalePoissonBoltzmannKnobs(Spec):
    """The equation, and how long both networks work on it."""

    screening: float = knob(20.0, "screening: -u'' + screening^2 u = f", low=1e-3, high=100)
    turn: float = knob(50.0, "wave number of the solution, radians a unit", low=1, high=500)
    scales: tuple[float, ...] = knob(OCTAVES, "the scales of MscaleDNN", low=1e-3, high=65536)
    width: int = knob(180, "units per hidden layer, all scales", low=6, high=4096)
    points: int = knob(500, "places a step", low=10, high=100_000)
    faces: float = knob(500.0, "weight of the values at both ends", low=1e-3, high=1e6)
    steps: int = knob(1500, "steps of Adam of each network", low=1, high=100_000)
    lr: float = knob(2e-3, "learning rate, which falls along a cosine", low=1e-6, high=1)
    seed: int = knob(0, "seed of the initial weights and of the draws", low=0)
    bound: float = knob(0.3, "relative error that MscaleDNN must reach", low=0.0)
    plain_bound: float = knob(0.95, "relative error that the plain network stays above", low=0.0)


class MscalePoissonBoltzmann(Study[MscalePoissonBoltzmannKnobs]):
    name = "mscale-poisson-boltzmann"
    title = "An electrolyte with a fast wave"
    group = "cures"
    text = (
        "The Poisson-Boltzmann equation, -u'' + lambda^2 u = f, gives the potential of charges in "
        "a salt solution. Here its solution swings fast, as sin(50 x) does, and the energy of "
        "Ritz's form is minimised. A plain network sees almost no slope in the energy that would "
        "lead it towards so fast a wave. In MscaleDNN the networks of the larger scales see the "
        "wave stretched, and begin at once."
    )
    claim = (
        "For lambda = 20 and waves sin(50 x), MscaleDNN with sines and scales 1 to 32 reaches a "
        "relative error of 0.3 or less, where a plain network of as many units stays above 0.95."
    )
    source = "Liu, Cai, Xu 2020, section 4.2, arXiv:2007.11207"
    full = MscalePoissonBoltzmannKnobs()
    quick = MscalePoissonBoltzmannKnobs(
        screening=5, turn=20, width=60, points=100, steps=200, lr=5e-3, bound=0.5, plain_bound=0.9
    )

    def run(
        self, knobs: MscalePoissonBoltzmannKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        problem = poisson_boltzmann(knobs.screening, knobs.turn)
        task = EquationTask(problem, form="ritz", faces=knobs.faces)
        entries = pair(
            task, knobs.scales, knobs.width, knobs.steps, knobs.lr, knobs.points, knobs.seed
        )
        yield from paced(
            contest(entries, probes(problem), exact(problem)),
            lambda share: scene(problem, entries, share, CAPTION),
        )
        mscale, plain = (settled(e) for e in entries)
        return Verdict(
            mscale <= knobs.bound and plain >= knobs.plain_bound,
            f"MscaleDNN came to a relative error of {mscale:.3f}, the plain network to "
            f"{plain:.3f}.",
            {"mscale": mscale, "plain": plain},
        )
