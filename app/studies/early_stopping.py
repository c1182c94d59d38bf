"""Early stopping: the signal is learned before the noise."""

import math
from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fields import Progress
from fields.spec import Spec, knob
from fields.stopping import HeldOut
from fields.tasks import SignalTask
from fields.tasks.table import evaluated

from .base import Data, Pace, Study, Verdict
from .samples import LEAST, evenly, middles
from .scene import Line, Lines, Scene
from .watching import EVERY, amplitudes, descent, outputs, papers_network, thinned

TURNS = 3  # periods of the study's own sine
ONE_IN = 4  # one sample in so many is held out
BETWEEN = 1001  # places at which the output is compared with the clean signal
SHOWN = 40  # frequencies of a spectrum
DEPTH = 3e-3  # of the highest peak, below which it is not drawn


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingKnobs(Spec):
    """The noise, the network, and what is to be reached."""

    sigma: float = knob(0.5, "standard deviation of the noise in the study's own signal", low=0.0)
    samples: int = knob(135, "samples of it, a quarter of them held out", low=LEAST, high=1000)
    widths: tuple[int, ...] = knob(
        (200, 200, 200, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(1e-4, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(6000, "steps of Adam, each over all fitted samples", low=100, high=100_000)
    gain: float = knob(
        3.0, "how many times larger the error must be in the end than at its best", low=1.0
    )
    clean: float = knob(
        0.25, "error that the best state must reach, as a share of the noise's variance", low=0.0
    )
    seed: int = knob(0, "seed of the noise and of the network's first weights", low=0)


class EarlyStopping(Study[EarlyStoppingKnobs]):
    name = "early-stopping"
    title = "Stopped in time, a fit removes noise"
    group = "uses"
    text = (
        "Noise is spread over all frequencies, while most signals live at low ones. Since low "
        "frequencies are learned first, there is a moment at which the output has the signal but "
        "not yet the noise. The error on the fitted samples does not show it: it falls all the "
        "time. The error against the clean signal falls and then rises. Nobody has the clean "
        "signal, but samples that are kept out of the fit will do: their error turns at about the "
        "same time, and a rule that watches it can stop the run. Look at the spectrum: at the best "
        "moment the output is the clean signal at low frequencies, and has little of the noise at "
        "high ones."
    )
    claim = (
        "For a sine of three periods with noise of standard deviation 0.5, the mean squared error "
        "against the clean signal has a minimum of at most a quarter of the noise's variance, and "
        "is at least 3 times larger after 6000 steps."
    )
    source = "Xu, Zhang, Luo 2022, arXiv:2201.07395; Prechelt 1998, Neural Networks 11"
    takes = "signal"
    full = EarlyStoppingKnobs()
    quick = EarlyStoppingKnobs(
        samples=81, widths=(100, 100, 100), rate=4e-3, steps=600, gain=1.5, clean=0.6
    )

    def run(
        self, knobs: EarlyStoppingKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        noisy = _noisy(knobs) if data is None else _given(data)
        course, pace = Course(noisy), Pace()
        network = papers_network(knobs.widths, turn=math.pi * TURNS)
        config = descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed)
        task = SignalTask(noisy.x[noisy.fitted], noisy.values[noisy.fitted])
        for progress, values in outputs(task, config, noisy.x):
            course.look(progress, values)
            if progress.end is not None or pace.due():
                yield _scene(knobs, course, progress.share)
        return _verdict(knobs, course)


@dataclass(frozen=True)
class Noisy:
    """Noisy samples, some of which are fitted and the others held out.

    Attributes:
        places: float64 [n], for a person.
        x: float64 [n, 1], for the engine.
        values: float64 [n, c].
        clean: the signal without noise at x, float64 [n, c]; None if nobody knows it.
        note: a sentence on what was done to the samples, or "".
    """

    places: Tensor
    x: Tensor
    values: Tensor
    clean: Tensor | None = None
    note: str = ""

    @property
    def fitted(self) -> Tensor:
        """bool [n]; the ends are fitted, since nothing is known beyond them."""
        return torch.arange(len(self.x)) % ONE_IN != ONE_IN // 2


@dataclass
class Course:
    """The errors of a fit over its steps.

    Attributes:
        fitted, heldout: mean squared errors on the fitted samples and on the others.
        clean: against the clean signal, between the samples too; that on the held-out samples
            where nobody knows it.
        best, last: the output at the step of the least clean error, and the last.
        rule: what stops a run by the held-out samples; it goes on here, to see what it misses.
        stopped: the step at which the rule would have ended the run; None before.
    """

    noisy: Noisy
    rule: HeldOut = field(init=False)
    steps: list[int] = field(default_factory=list, init=False)
    fitted: list[float] = field(default_factory=list, init=False)
    heldout: list[float] = field(default_factory=list, init=False)
    clean: list[float] = field(default_factory=list, init=False)
    best: Tensor = field(init=False)
    last: Tensor = field(init=False)
    stopped: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        out = ~self.noisy.fitted
        self.rule = HeldOut(self.noisy.x[out], self.noisy.values[out])

    def look(self, progress: Progress, output: Tensor) -> None:
        noisy = self.noisy
        errors = (output - noisy.values).square().mean(1)
        self.steps.append(progress.step)
        self.fitted.append(float(errors[noisy.fitted].mean()))
        self.heldout.append(float(errors[~noisy.fitted].mean()))
        self.clean.append(self.heldout[-1] if noisy.clean is None else _against_clean(progress))
        self.last = output
        if self.clean[-1] == min(self.clean):
            self.best = output
        if self.stopped is None and self.rule.due(progress.step):
            if self.rule.ask(progress.step, progress.seconds, progress.field):
                self.stopped = progress.step

    @property
    def lowest(self) -> int:
        """The look with the least clean error."""
        return self.clean.index(min(self.clean))

    @property
    def chosen(self) -> int:
        """The look whose state the rule keeps; the first before it has seen any."""
        point = self.rule.chosen
        return 0 if point is None else self.steps.index(point.step)


def _noisy(knobs: EarlyStoppingKnobs) -> Noisy:
    rng = torch.Generator().manual_seed(knobs.seed)
    x = middles(knobs.samples)
    clean = _wave(x)
    noise = knobs.sigma * torch.randn(clean.shape, generator=rng, dtype=torch.float64)
    return Noisy(TURNS * math.pi * x[:, 0], x, clean + noise, clean)


def _given(data: Data) -> Noisy:
    samples = evenly(data)
    return Noisy(samples.places, samples.x, samples.values, note=samples.note)


def _wave(x: Tensor) -> Tensor:
    return torch.sin(TURNS * math.pi * x)


def _against_clean(progress: Progress) -> float:
    places = middles(BETWEEN)
    return float((evaluated(progress.field, places) - _wave(places)).square().mean())


def _verdict(knobs: EarlyStoppingKnobs, course: Course) -> Verdict:
    """Where the clean signal is not known, its error is that on the held-out samples, noise
    included: that it rises at all is what can be shown."""
    best, final, chosen = course.clean[course.lowest], course.clean[-1], course.clean[course.chosen]
    ratio = final / best if best > 0 else 1.0
    own = course.noisy.clean is None
    bound = knobs.clean * knobs.sigma**2
    told = "on the held-out samples" if own else "against the clean signal"
    stopped = "no stop by then" if course.stopped is None else f"stopping at step {course.stopped}"
    return Verdict(
        ratio > 1.05 if own else ratio >= knobs.gain and best <= bound,
        f"The mean squared error {told} was least at step {course.steps[course.lowest]}, "
        f"{best:.3g}, and {ratio:.1f} times that in the end, {final:.3g}. The rule that watches "
        f"the held-out samples keeps step {course.steps[course.chosen]} ({stopped}), with "
        f"{chosen:.3g}.",
        {
            "best_step": float(course.steps[course.lowest]),
            "best": best,
            "final": final,
            "ratio": ratio,
            "chosen_step": float(course.steps[course.chosen]),
            "chosen": chosen,
        },
    )


def _scene(knobs: EarlyStoppingKnobs, course: Course, share: float) -> Scene:
    note = f" {course.noisy.note}" if course.noisy.note else ""
    return Scene(
        (_errors(knobs, course), _shapes(course), _spectra(course)),
        share,
        "The error on the fitted samples falls on and on, the true error turns: what is learned "
        f"after the best step is noise.{note}",
    )


def _errors(knobs: EarlyStoppingKnobs, course: Course) -> Lines:
    kept = thinned(course.steps)
    steps = [max(1, course.steps[i]) for i in kept]
    lines = [
        Line("fitted samples", steps, [course.fitted[i] for i in kept]),
        Line("held-out samples", steps, [course.heldout[i] for i in kept]),
    ]
    if course.noisy.clean is not None:
        lines.append(Line("clean signal", steps, [course.clean[i] for i in kept], "currentColor"))
    marks = [(max(1, course.steps[course.lowest]), "best")]
    if course.stopped is not None:
        marks.append((max(1, course.steps[course.chosen]), "chosen by the rule"))
    return Lines(
        "Mean squared error", lines, "steps", "error", "log", "log",
        marks=marks, x_span=(EVERY, knobs.steps),
    )  # fmt: skip


def _shapes(course: Course) -> Lines:
    noisy = course.noisy
    places, fitted = noisy.places.tolist(), noisy.fitted
    lines = [
        Line("fitted", noisy.places[fitted].tolist(), noisy.values[fitted, 0].tolist(),
             "#8a8a8a", "dots"),
        Line("at its best", places, course.best[:, 0].tolist()),
        Line("in the end", places, course.last[:, 0].tolist(), style="thin"),
    ]  # fmt: skip
    if noisy.clean is not None:
        lines.append(Line("clean", places, noisy.clean[:, 0].tolist(), "currentColor", "dashed"))
    return Lines(
        f"The output at step {course.steps[course.lowest]:,} and step {course.steps[-1]:,}",
        lines, "x", "value",
    )  # fmt: skip


def _spectra(course: Course) -> Lines:
    last = min(SHOWN, len(course.noisy.x) // 2)
    k = list(range(1, last + 1))
    highest = max(amplitudes(course.noisy.values, last))
    least = DEPTH * highest

    def line(name: str, values: Tensor, colour: str = "") -> Line:
        return Line(name, k, [max(a, least) for a in amplitudes(values, last)], colour)

    lines = [
        line("noisy samples", course.noisy.values, "#8a8a8a"),
        line("at its best", course.best),
        line("in the end", course.last),
    ]
    if course.noisy.clean is not None:
        found = dict(zip(k, amplitudes(course.noisy.clean, last), strict=True))
        there = {wave: a for wave, a in found.items() if a > least}
        lines.append(Line("clean", list(there), list(there.values()), "currentColor", "dots"))
    return Lines("Spectra", lines, "frequency, cycles a side", "amplitude", y_axis="log",
                 y_span=(least, 2 * highest))  # fmt: skip
