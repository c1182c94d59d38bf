"""A multi-stage network for a differential equation."""

from collections.abc import Generator
from dataclasses import dataclass

from fields.problems import growth
from fields.solvers import LevenbergMarquardt
from fields.spec import Spec, knob
from fields.tasks import EquationTask

from .base import Data, Study, Verdict, paced
from .equations import exact, probes
from .multistage import by_stage, told
from .scene import Scene
from .staged import Stages, precise, spec

CAPTION = "The equation's residual tells how large and how fast the error is, without the solution."


@dataclass(frozen=True, kw_only=True)
class MultistagePinnKnobs(Spec):
    """The networks, and what the last must reach."""

    stages: int = knob(2, "networks, one after the other", low=1, high=6)
    width: int = knob(20, "units in each of two hidden layers, three from stage 3", low=2, high=40)
    iterations: int = knob(200, "of Levenberg-Marquardt in each stage", low=1, high=10_000)
    seed: int = knob(0, "seed of the initial weights", low=0)
    bound: float = knob(1e-8, "relative error that the last stage must reach", low=0.0)


class MultistagePinn(Study[MultistagePinnKnobs]):
    name = "multistage-pinn"
    title = "Solving an equation to ten digits"
    group = "cures"
    text = (
        "A physics-informed network is fitted to an equation, here u' = u + x, without knowing its "
        "solution. What a stage leaves over cannot be seen then, but the equation's residual can: "
        "a residual of size R at frequency f comes of an error of about R / (2 pi f), since a "
        "derivative magnifies a wave by its frequency. With this size and frequency the next stage "
        "begins. The solution e^x - x - 1 is used for the figures alone."
    )
    claim = "Two stages solve u' = u + x with a relative error of 1e-8 or less."
    source = "Wang, Lai 2024, section 4, arXiv:2307.08934"
    full = MultistagePinnKnobs()
    quick = MultistagePinnKnobs(width=12, iterations=40, bound=1e-5)

    def run(
        self, knobs: MultistagePinnKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        problem = growth()
        stages = Stages(EquationTask(problem), probes(problem), exact(problem))
        built = spec((knobs.width, knobs.width), knobs.stages, deepen=1)
        solver = LevenbergMarquardt(iterations=knobs.iterations)
        yield from paced(
            stages.follow(precise(built, solver, knobs.seed, 5)),
            lambda share: Scene(stages.panels([knobs.bound]), share, CAPTION),
        )
        errors = [end.error for end in stages.ends]
        return Verdict(
            errors[-1] <= knobs.bound,
            f"The relative error after each stage: {told(errors)}.",
            by_stage(errors),
        )
