"""A fit of a small network, and how much of each frequency it has learned at any moment."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fields import MLP, FieldSpec, FitConfig, Progress, fit
from fields.activations import Activation, Tanh
from fields.encodings import Identity
from fields.spectrum import dft, relative_error
from fields.spectrum.dft import amplitude
from fields.tasks import Task
from fields.tasks.table import evaluated

from .samples import TURN, Samples
from .scene import Heat, Line, Lines

EVERY = 10  # steps between two looks
FLOOR = 1e-4  # of the highest peak, below which a spectrum is not drawn
TANH = Tanh()
FEWEST = 40  # frequencies that a spectrum shows, if it has so many


def papers_network(
    widths: Sequence[int],
    activation: Activation = TANH,
    *,
    gain: float = 1.0,
    turn: float = TURN,
    antisymmetric: bool = False,
) -> MLP:
    """The network of Xu's papers: all weights and biases from N(0, gain^2 / first width).

    Args:
        turn: half the domain that the network is to see, as `TURN`.
    """
    return MLP(
        widths=tuple(widths),
        activation=activation,
        init="normal",
        gain=gain,
        first_gain=turn,
        antisymmetric=antisymmetric,
    )


def descent(
    network: MLP, *, steps: int, rate: float, seed: int, batch: int = 2**24, every: int = EVERY
) -> FitConfig:
    """Adam as the papers use it: all samples in every step, and one learning rate.

    On the CPU and in single precision, so that the figures are the same on every machine.
    """
    return FitConfig(
        field=FieldSpec(encoding=Identity(), network=network),
        steps=steps,
        batch=batch,
        lr=rate,
        beta2=0.999,
        eps=1e-8,
        schedule="constant",
        precision="fp32",
        report=every,
        seed=seed,
        device="cpu",
        backend="torch",
    )


def outputs(task: Task, config: FitConfig, x: Tensor) -> Iterator[tuple[Progress, Tensor]]:
    """The reports of a fit, each with the field's values at points [n, d]: float64 [n, c]."""
    with closing(fit(task, config)) as run:
        for progress in run:
            yield progress, evaluated(progress.field, x)


@dataclass
class Watch:
    """What a fit has left to learn of each frequency, look by look.

    Attributes:
        samples: what is fitted.
        waves: the frequencies that are looked at, in cycles a side.
        values: the output at the last look, float64 [n, c].
        errors: at each look Delta_F(k) = |h^_k - f^_k| / |f^_k| of each wave.
    """

    samples: Samples
    waves: Sequence[int]
    values: Tensor = field(init=False)
    steps: list[int] = field(default_factory=list, init=False)
    errors: list[list[float]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.values = torch.zeros_like(self.samples.values)

    def look(self, step: int, values: Tensor) -> None:
        self.values = values
        self.steps.append(step)
        self.errors.append(relative_error(values, self.samples.values, self.waves).tolist())

    def learned(self, bound: float) -> list[int | None]:
        """For each wave, the first step looked at with an error below the bound."""
        return [
            next((s for s, e in zip(self.steps, column, strict=True) if e < bound), None)
            for column in zip(*self.errors, strict=True)
        ]

    def heat(self, title: str, bound: float, steps: int) -> Heat:
        """The matrix of errors over a run of so many steps, and when each fell below the bound.

        Over steps as a log axis shows them, which has no place for step 0.
        """
        columns = thinned(self.steps)
        rows = [[self.errors[i][w] for i in columns] for w in range(len(self.waves))]
        crossings = [None if s is None else max(s, 1) for s in self.learned(bound)]
        names = [f"k = {k}" for k in self.waves]
        shown = [max(1, self.steps[i]) for i in columns]
        span = (min(EVERY, steps / 2), steps)
        return Heat(
            title, rows, names, shown, "steps", "frequency", "log",
            crossings=crossings, x_span=span,
        )  # fmt: skip

    def shape(self, title: str) -> Lines:
        """The output over the signal, of its first column."""
        places = self.samples.places.tolist()
        return Lines(
            title,
            [
                Line("target", places, self.samples.values[:, 0].tolist(), "currentColor", "thin"),
                Line("output", places, self.values[:, 0].tolist()),
            ],
            "x",
            "value",
        )

    def spectrum(self, title: str) -> Lines:
        """|f^_k| and |h^_k|, as far as a little beyond the last of the waves."""
        last = max(2 * max(self.waves), FEWEST)
        wanted, found = amplitudes(self.samples.values, last), amplitudes(self.values, last)
        least = FLOOR * max(wanted)
        k = list(range(1, len(wanted) + 1))
        return Lines(
            title,
            [
                Line("target", k, [max(a, least) for a in wanted], "currentColor", "thin"),
                Line("output", k, [max(a, least) for a in found]),
            ],
            "frequency, cycles a side",
            "amplitude",
            y_axis="log",
            marks=[(w, f"k = {w}") for w in self.waves],
            y_span=(least, 3 * max(wanted)),
        )


def amplitudes(values: Tensor, last: int) -> list[float]:
    """|f^_k| for k = 1 to `last`, or as far as there are any; the root mean square over c."""
    return amplitude(dft(values))[1 : last + 1].tolist()


def thinned(steps: Sequence[int], most: int = 160) -> list[int]:
    """Which of ascending steps to show on a log axis: those that lie apart there.

    From 0 only the start is left out where there is anything else.
    """
    last = max(steps[-1], 2)
    apart, kept, shown = last ** (1 / most), list[int](), 0.0
    for i, step in enumerate(steps):
        if step >= shown and (step > 0 or len(steps) == 1):
            kept.append(i)
            shown = step * apart
    return kept
