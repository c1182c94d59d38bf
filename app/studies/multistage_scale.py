"""The scale of a later stage: what its size, its frequency and its sines are each worth."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from math import pi

from torch import Tensor

from fields import MLP, Field, SignalTask, fit
from fields.activations import Tanh
from fields.fit import FASTER
from fields.solvers import LevenbergMarquardt
from fields.spec import Spec, knob
from fields.spectrum import sign_changes
from fields.tasks.table import evaluated, relative

from .base import Data, Pace, Study, Verdict
from .contest import bare
from .scene import Line, Lines, Scene, Text
from .staged import FLOOR, followed, precise, signal_task, spec

PER_CROSSING = 3.0  # kappa of Wang & Lai's code, for each change of sign
CAPTION = "Only a network of sines, scaled to the frequency and size of what is left, gains digits."


@dataclass(frozen=True, kw_only=True)
class MultistageScaleKnobs(Spec):
    """The first stage, and how long each kind of second stage is fitted."""

    width: int = knob(20, "units in each of two hidden layers", low=2, high=40)
    first: int = knob(150, "iterations of the first stage", low=1, high=10_000)
    iterations: int = knob(150, "iterations of each second stage", low=1, high=10_000)
    seed: int = knob(0, "seed of the initial weights", low=0)
    near: float = knob(0.35, "how far apart the two rules for kappa may be", low=0.0)
    worth: float = knob(20.0, "how many times better than kappa = 1 the rule must be", low=1.0)


class _Unscaled(SignalTask):
    """A signal whose field keeps the size it is built with."""

    def prepare(self, field: Field) -> None:
        return None


class MultistageScale(Study[MultistageScaleKnobs]):
    name = "multistage-scale"
    title = "Why a later stage must know what it is for"
    group = "cures"
    text = (
        "The second network learns the wiggle that the first one left. Its first weights are "
        "multiplied by kappa = 1.2 pi f / spread, where f is the wiggle's frequency, and what it "
        "fits is divided by the wiggle's size. Here the second stage is fitted again without each "
        "of these. With kappa = 1 it is an ordinary network, and faces the frequency principle "
        "anew. The authors' code counts changes of sign instead of taking a spectrum, and comes "
        "to nearly the same kappa."
    )
    claim = (
        "Kappa by the spectrum and by three times the changes of sign agree within 35 %, and a "
        "second stage with sines and kappa ends at least 20 times nearer than with kappa = 1."
    )
    source = "Wang, Lai 2024, section 3.2, arXiv:2307.08934"
    takes = "signal"
    full = MultistageScaleKnobs()
    quick = MultistageScaleKnobs(width=12, first=40, iterations=30, near=0.6, worth=2.0)

    def run(
        self, knobs: MultistageScaleKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        task, pace = signal_task(data), Pace()
        solver = LevenbergMarquardt(iterations=knobs.first)
        first = spec((knobs.width, knobs.width), 1)
        with closing(fit(task, precise(first, solver, knobs.seed, 10))) as run:
            progress = next(run)
            for progress in run:
                if pace.due():
                    yield _scene({}, 0.2 * progress.share, "The first stage is fitted.")
        base, stages = progress.field, followed(task)
        probes, truth = stages.probes, stages.truth
        before = evaluated(base, probes)
        over = task.leftover(base)
        spread = (2 / (1 + knobs.width)) ** 0.5
        kappa = FASTER * pi * over.frequency / spread
        counted = PER_CROSSING * sign_changes((truth - before)[:, :1])
        courses: dict[str, list[tuple[int, float]]] = {}
        kinds = _kinds(kappa, knobs.width)
        for number, (name, (network, scaled)) in enumerate(kinds.items()):
            courses[name] = []
            config = precise(
                bare(network), LevenbergMarquardt(iterations=knobs.iterations), knobs.seed + 1, 5
            )
            size = over.size if scaled else 1.0
            rest = _rest(task, base, size, scaled)
            with closing(fit(rest, config)) as run:
                for progress in run:
                    found = before + size * evaluated(progress.field, probes)
                    error = max(relative(found - truth, truth), FLOOR)
                    courses[name].append((progress.step, error))
                    if pace.due():
                        share = 0.2 + 0.8 * (number + progress.share) / len(kinds)
                        yield _scene(courses, min(share, 0.999), CAPTION)
        yield _scene(courses, 1.0, CAPTION)
        return _verdict(knobs, courses, kappa, counted)


def _verdict(
    knobs: MultistageScaleKnobs,
    courses: dict[str, list[tuple[int, float]]],
    kappa: float,
    counted: float,
) -> Verdict:
    errors = {name: course[-1][1] for name, course in courses.items()}
    apart = abs(kappa - counted) / max(kappa, counted, 1e-300)
    worth = errors["kappa = 1"] / errors["sines and kappa"]
    return Verdict(
        apart <= knobs.near and worth >= knobs.worth,
        f"Kappa is {kappa:.0f} by the spectrum and {counted:.0f} by changes of sign, {apart:.0%} "
        f"apart. The relative error with sines and kappa is {errors['sines and kappa']:.1e}, "
        f"{worth:.0f} times less than with kappa = 1; with tanh instead of sines "
        f"{errors['tanh and kappa']:.1e}, without the size {errors['no size']:.1e}.",
        {
            "kappa": kappa, "kappa_by_signs": counted, "apart": apart, "worth": worth,
            "error": errors["sines and kappa"], "error_kappa_1": errors["kappa = 1"],
            "error_tanh": errors["tanh and kappa"], "error_no_size": errors["no size"],
        },
    )  # fmt: skip


def _kinds(kappa: float, width: int) -> dict[str, tuple[MLP, bool]]:
    """The second stages: their networks, and whether what they fit is scaled to size 1."""
    plain = MLP(widths=(width, width), activation=Tanh())
    sines = replace(plain, first="sine")
    return {
        "sines and kappa": (replace(sines, first_gain=kappa), True),
        "kappa = 1": (sines, True),
        "tanh and kappa": (replace(plain, first_gain=kappa), True),
        "no size": (replace(sines, first_gain=kappa), False),
    }


def _rest(task: SignalTask, base: Field, size: float, scaled: bool) -> SignalTask:
    """The task of what a field left over, divided by a size."""

    def left(x: Tensor) -> Tensor:
        assert task.function is not None
        return (task.function(x) - evaluated(base, x)) / size

    values = (task.values - evaluated(base, task.x)) / size
    kind = SignalTask if scaled else _Unscaled
    return kind(task.x, values, function=left if task.function is not None else None)


def _scene(
    courses: dict[str, list[tuple[int, float]]], share: float, caption: str
) -> Scene:
    lines = [
        Line(name, [s for s, _ in course], [e for _, e in course])
        for name, course in courses.items()
    ]
    rows = [(name, f"{course[-1][1]:.1e}") for name, course in courses.items() if course]
    return Scene(
        (
            Lines(
                "Relative error of both stages", lines or [Line("", [0.0], [1.0])], "iterations",
                "relative error", y_axis="log",
            ),
            Text("Relative error", rows or [("first stage", "being fitted")]),
        ),
        share,
        caption,
    )  # fmt: skip
