"""Parity: a function of high frequency alone, which a network fits and does not generalise."""

from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fields import MLP, FitConfig
from fields.activations import Tanh
from fields.spec import Spec, knob
from fields.spectrum import nudft
from fields.tasks import TableTask

from .base import Data, Pace, Study, Verdict
from .scene import Line, Lines, Scene
from .watching import descent, outputs, thinned

SHOWN = 51  # frequencies of a spectrum, from 0 to a quarter
HIGHEST = 0.25  # cycles per unit: that of a wave that is 1, -1, 1, ... at neighbours 2 apart
SPREAD = 0.05  # of the first weights and biases


@dataclass(frozen=True, kw_only=True)
class ParityKnobs(Spec):
    """The questions, how many are answered for the network, and what is to be reached."""

    inputs: int = knob(10, "inputs, each of them 1 or -1", low=3, high=14)
    fitted: int = knob(200, "combinations of them that are fitted", low=4, high=8192)
    widths: tuple[int, ...] = knob(
        (500, 100), "units of the tanh network, layer by layer", low=1, high=2000
    )
    rate: float = knob(5e-4, "Adam's learning rate", low=1e-7, high=0.1)
    steps: int = knob(1000, "steps of Adam, each over all that is fitted", low=10, high=100_000)
    error: float = knob(1e-6, "mean squared error that the fit must reach", low=0.0)
    chance: float = knob(
        0.1, "how far from one half the right answers to parity may be, as a share",
        low=0.0, high=0.5,
    )  # fmt: skip
    majority: float = knob(
        0.95, "share of right answers that majority must reach", low=0.0, high=1.0
    )
    seed: int = knob(0, "seed of what is fitted and of the network's first weights", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fitted >= 2**self.inputs:
            raise ValueError(
                f"fitted must be below the {2**self.inputs} combinations of {self.inputs} inputs, "
                f"got {self.fitted}, so that some are left to ask."
            )


class Parity(Study[ParityKnobs]):
    name = "parity"
    title = "Where low frequencies first is the wrong guess"
    group = "limits"
    text = (
        "Ten inputs are 1 or -1; their parity is the product of all. Change any one of them and "
        "the answer turns around: there is no function of higher frequency. The network is given "
        "the answers for 200 of the 1024 combinations, learns them all without an error, and "
        "guesses the rest no better than a coin. Seen by frequency: parity has all its power "
        "around a quarter of a cycle per unit, but 200 samples of it look as if they had low "
        "frequencies too (aliasing), and those are what the network learns. Whether most of the "
        "inputs are 1, the majority, is a function of low frequency: the same network with as many "
        "samples gets nearly all of it right."
    )
    claim = (
        "With 200 of the 1024 combinations of ten inputs, a tanh network fits parity to a mean "
        "squared error below 1e-6 and answers between 40 and 60 % of the others rightly; for "
        "majority it answers at least 95 % rightly."
    )
    source = "Xu, Zhang, Luo, Xiao, Ma 2020, arXiv:1901.06523"
    full = ParityKnobs()
    quick = ParityKnobs(
        widths=(100, 50), rate=2e-3, steps=400, error=1e-3, chance=0.15, majority=0.85
    )

    def run(self, knobs: ParityKnobs, data: Data | None = None) -> Generator[Scene, None, Verdict]:
        x = combinations(knobs.inputs)
        rng = torch.Generator().manual_seed(knobs.seed)
        chosen = torch.randperm(len(x), generator=rng)[: knobs.fitted]
        questions = [
            Question("parity", x, x.prod(1, keepdim=True), chosen),
            Question("majority", x, (x.sum(1, keepdim=True) + 0.5).sign(), chosen),
        ]
        config, pace = _config(knobs), Pace()
        for number, question in enumerate(questions):
            for progress, values in outputs(question.task, config, x):
                question.look(progress.step, values)
                share = (number + progress.share) / len(questions)
                if share == 1 or pace.due():
                    yield _scene(knobs, questions, share)
        return _verdict(knobs, questions)


def combinations(inputs: int) -> Tensor:
    """All combinations of 1 and -1: float64 [2^inputs, inputs]."""
    bits = torch.arange(2**inputs)[:, None] >> torch.arange(inputs) & 1
    return 1.0 - 2.0 * bits.double()


@dataclass
class Question:
    """What is asked about all combinations, and how the network answers.

    Attributes:
        x: float64 [n, d].
        truth: 1 or -1, float64 [n, 1].
        chosen: int64, the rows that are fitted.
        errors: mean squared error on them, at each look.
        right: share of right answers among the others.
    """

    name: str
    x: Tensor
    truth: Tensor
    chosen: Tensor
    answer: Tensor = field(init=False)
    steps: list[int] = field(default_factory=list, init=False)
    errors: list[float] = field(default_factory=list, init=False)
    right: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.answer = torch.zeros_like(self.truth)

    @property
    def task(self) -> TableTask:
        return TableTask(self.x[self.chosen], self.truth[self.chosen])

    def look(self, step: int, answer: Tensor) -> None:
        self.answer = answer
        square = (answer - self.truth).square()
        others = torch.ones(len(self.x), dtype=torch.bool)
        others[self.chosen] = False
        self.steps.append(step)
        self.errors.append(float(square[self.chosen].mean()))
        agree = answer[others].sign() == self.truth[others]
        self.right.append(float(agree.double().mean()))


def _config(knobs: ParityKnobs) -> FitConfig:
    network = MLP(widths=knobs.widths, activation=Tanh(), init="normal", spread=SPREAD)
    return descent(network, steps=knobs.steps, rate=knobs.rate, seed=knobs.seed)


def _diagonal(x: Tensor, values: Tensor) -> Tensor:
    """|g^| at the frequencies k (1, ..., 1), k from 0 to a quarter: float64 [SHOWN].

    For the parity of d inputs it is |sin(2 pi k)|^d.
    """
    k = torch.linspace(0, HIGHEST, SHOWN, dtype=torch.float64)
    return nudft(x, values, k[:, None].expand(-1, x.shape[1])).abs()[:, 0]


def _verdict(knobs: ParityKnobs, questions: list[Question]) -> Verdict:
    parity, majority = questions
    error, right, control = parity.errors[-1], parity.right[-1], majority.right[-1]
    learned = float(_diagonal(parity.x, parity.answer)[-1])
    return Verdict(
        error < knobs.error and abs(right - 0.5) <= knobs.chance and control >= knobs.majority,
        f"Parity was fitted to a mean squared error of {error:.1e}, and {right:.1%} of the other "
        f"answers were right; for majority, {control:.1%}. At a quarter of a cycle parity has an "
        f"amplitude of 1, the network's answer {learned:.2f}.",
        {"error": error, "parity": right, "majority": control, "amplitude": learned},
    )


def _scene(knobs: ParityKnobs, questions: list[Question], share: float) -> Scene:
    errors, right = [], []
    for question in questions:
        kept = thinned(question.steps) if question.steps else []
        steps = [max(1, question.steps[i]) for i in kept]
        errors.append(Line(question.name, steps, [question.errors[i] for i in kept]))
        right.append(Line(question.name, steps, [question.right[i] for i in kept]))
    parity, span = questions[0], (10.0, float(knobs.steps))
    k = torch.linspace(0, HIGHEST, SHOWN).tolist()
    spectra = [
        Line("of all combinations", k, _diagonal(parity.x, parity.truth).tolist(), "currentColor"),
        Line("of those fitted", k,
             _diagonal(parity.x[parity.chosen], parity.truth[parity.chosen]).tolist(),
             style="dashed"),
        Line("of the network", k, _diagonal(parity.x, parity.answer).tolist()),
    ]  # fmt: skip
    return Scene(
        (
            Lines("Error on what is fitted", errors, "steps", "mean squared error", "log", "log",
                  x_span=span),
            Lines("Right answers to all others; a coin has half", right, "steps", "share", "log",
                  x_span=span, y_span=(0, 1.02), levels=[(0.5, "")]),
            Lines("Spectrum of parity", spectra, "frequency, cycles per unit", "amplitude",
                  y_span=(0, 1.02)),
        ),
        share,
        "Both are fitted without an error. The network's parity has low frequencies, which are "
        "those of its samples, and little at a quarter, where all of it should be.",
    )  # fmt: skip
