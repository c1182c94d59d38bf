"""Multi-stage networks: each fits what the ones before left over, to the machine's precision."""

from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise

from fields.solvers import LBFGS, LevenbergMarquardt
from fields.spec import Spec, knob

from .base import Data, Study, Verdict, paced
from .scene import Scene
from .staged import followed, precise, signal_task, spec

CAPTION = (
    "Each stage begins where the last one stood still: its network is scaled to the size and the "
    "frequency of what is left."
)


@dataclass(frozen=True, kw_only=True)
class MultistageKnobs(Spec):
    """The networks, and what each stage must reach."""

    stages: int = knob(3, "networks, one after the other", low=1, high=6)
    width: int = knob(20, "units in each of two hidden layers, three from stage 3", low=2, high=40)
    iterations: int = knob(250, "of Levenberg-Marquardt in each stage", low=1, high=10_000)
    seed: int = knob(0, "seed of the initial weights", low=0)
    bounds: tuple[float, ...] = knob(
        (1e-4, 1e-9, 1e-12), "relative error that each stage must reach", low=0.0
    )


class Multistage(Study[MultistageKnobs]):
    name = "multistage"
    title = "Fit what is left over, again and again"
    group = "cures"
    text = (
        "However long a network is trained, its error stands still somewhere, and what is left is "
        "a fast, tiny wiggle: low frequencies were learned first. A second network can learn just "
        "that wiggle, once it is magnified to size 1 and the network's first weights are scaled to "
        "the wiggle's frequency. What it leaves is smaller and faster still, and so on. Each stage "
        "is a small tanh network in double precision, with sines in the first layer of later ones, "
        "fitted by Levenberg-Marquardt, which solves for all weights at once."
    )
    claim = (
        "On sin(2x + 1) + 0.2 exp(1.3x) three stages reach relative errors of 1e-4, 1e-9 and "
        "1e-12, near the precision of the machine."
    )
    source = "Wang, Lai 2024, arXiv:2307.08934"
    takes = "signal"
    full = MultistageKnobs()
    quick = MultistageKnobs(stages=2, width=12, iterations=40, bounds=(1e-2, 1e-6))

    def run(
        self, knobs: MultistageKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        stages = followed(signal_task(data))
        built = spec((knobs.width, knobs.width), knobs.stages, deepen=1)
        solver = LevenbergMarquardt(iterations=knobs.iterations)
        bounds = list(knobs.bounds[: knobs.stages])
        yield from paced(
            stages.follow(precise(built, solver, knobs.seed, 5)),
            lambda share: Scene(stages.panels(bounds), share, CAPTION),
        )
        errors = [end.error for end in stages.ends]
        return Verdict(
            all(e <= bound for e, bound in zip(errors, bounds, strict=False)),
            f"The relative error after each stage: {told(errors)}.",
            by_stage(errors),
        )


@dataclass(frozen=True, kw_only=True)
class GradientsKnobs(Spec):
    """The networks, and what each stage must gain."""

    stages: int = knob(3, "networks, one after the other", low=2, high=6)
    width: int = knob(20, "units in each of two hidden layers, three from stage 3", low=2, high=64)
    adam: int = knob(1000, "steps of Adam in each stage", low=0, high=100_000)
    iterations: int = knob(2000, "of L-BFGS in each stage", low=1, high=100_000)
    seed: int = knob(0, "seed of the initial weights", low=0)
    gain: float = knob(10.0, "by how much each stage must lessen the error", low=1.0)
    bound: float = knob(1e-7, "relative error that the last must reach", low=0.0)


class MultistageGradients(Study[GradientsKnobs]):
    name = "multistage-gradients"
    title = "The same with gradients alone"
    group = "cures"
    text = (
        "Larger networks cannot be solved for all weights at once. With Adam and then L-BFGS, "
        "which need gradients only, stages gain digits all the same, though fewer: what is left "
        "over by a stage is not only faster than what it learned, but also far below the error at "
        "which its own gradients stand still."
    )
    claim = (
        "With Adam and L-BFGS each stage lessens the error at least tenfold, and three stages "
        "reach a relative error of 1e-7 or less."
    )
    source = "Wang, Lai 2024, arXiv:2307.08934"
    takes = "signal"
    full = GradientsKnobs()
    quick = GradientsKnobs(stages=2, width=12, adam=150, iterations=120, gain=2.0, bound=1e-3)

    def run(
        self, knobs: GradientsKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        stages = followed(signal_task(data))
        built = spec((knobs.width, knobs.width), knobs.stages, deepen=1)
        solver = LBFGS(adam=knobs.adam, iterations=knobs.iterations, memory=100)
        yield from paced(
            stages.follow(precise(built, solver, knobs.seed, 20)),
            lambda share: Scene(stages.panels([knobs.bound]), share, CAPTION),
        )
        errors = [end.error for end in stages.ends]
        gains = [before / max(after, 1e-300) for before, after in pairwise(errors)]
        return Verdict(
            min(gains) >= knobs.gain and errors[-1] <= knobs.bound,
            f"The relative error after each stage: {told(errors)}; the smallest gain was "
            f"{min(gains):.0f}-fold.",
            {**by_stage(errors), "least_gain": min(gains)},
        )


def told(errors: list[float]) -> str:
    return ", ".join(f"{e:.1e}" for e in errors)


def by_stage(errors: list[float]) -> dict[str, float]:
    return {f"stage_{i + 1}": e for i, e in enumerate(errors)}
