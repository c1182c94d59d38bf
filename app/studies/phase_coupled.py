"""PhaseDNN in its coupled form: slow networks on fast carriers, fitted together."""

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from fields.networks import Phase
from fields.spec import Spec, knob
from fields.spectrum import peaks

from .base import Data, Study, Verdict, paced
from .contest import Entry, adam, bare, contest, errors_panel
from .scene import Scene
from .voices import MOST_CARRIERS, Sampled, close_look, pieces, plain, sampled, spectra


@dataclass(frozen=True, kw_only=True)
class PhaseCoupledKnobs(Spec):
    """Where the carriers are, and how long both networks learn."""

    carriers: Literal["even", "peaks"] = knob(
        "even", "where the carriers are: evenly spaced, or at the peaks of the signal's spectrum"
    )
    spacing: float = knob(5.0, "between even carriers, in cycles a side", low=0.5, high=1000)
    floor: float = knob(0.3, "share of the largest amplitude that makes a peak", low=0, high=1)
    width: int = knob(16, "units per hidden layer of each small network", low=1, high=256)
    samples: int = knob(4096, "samples of the study's own signal", low=512, high=100_000)
    steps: int = knob(2000, "steps of Adam of PhaseDNN", low=1, high=100_000)
    lr: float = knob(5e-3, "its learning rate, which falls along a cosine", low=1e-6, high=1)
    plain_steps: int = knob(3000, "steps of the plain network", low=1, high=100_000)
    seed: int = knob(0, "seed of the initial weights and of the draws", low=0)
    bound: float = knob(0.06, "relative error that PhaseDNN must reach", low=0.0)
    plain_bound: float = knob(0.6, "relative error that the plain network stays above", low=0.0)


class PhaseCoupled(Study[PhaseCoupledKnobs]):
    name = "phase-coupled"
    title = "Shift every band down to where learning is fast"
    group = "cures"
    text = (
        "A wave sin(203 x) is hard to learn. But sin(203 x) = A cos(200 x) + B sin(200 x), where "
        "A and B have frequency 3 only. PhaseDNN gives each carrier frequency two small networks, "
        "A(x) and B(x), and fits the sum of all A cos + B sin at once. Every network then only "
        "sees what is slow next to its own carrier. The carriers stand evenly over the spectrum, "
        "or where the signal's spectrum has its peaks. A plain network with as much time learns "
        "the slow left half, and nothing of the right."
    )
    claim = (
        "On 10 (sin x + sin 3x) left and 10 (sin 23x + sin 137x + sin 203x) right of 0, PhaseDNN "
        "with 42 carriers reaches a relative error of 0.06 or less, and a plain tanh network in "
        "the same time stays above 0.6."
    )
    source = "Cai, Li, Liu 2020, arXiv:1909.11759"
    takes = "signal"
    full = PhaseCoupledKnobs()
    quick = PhaseCoupledKnobs(
        carriers="peaks", samples=2048, steps=150, lr=1e-2, plain_steps=60, bound=0.3
    )

    def run(
        self, knobs: PhaseCoupledKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        signal = sampled(data, pieces, knobs.samples)
        carriers = placed(signal, knobs)
        entries = _entries(signal, carriers, knobs)
        yield from paced(
            contest(entries, signal.probes, signal.truth),
            lambda share: _scene(signal, entries, carriers, knobs, share),
        )
        phase, single = (e.error for e in entries)
        return Verdict(
            phase <= knobs.bound and single >= knobs.plain_bound,
            f"PhaseDNN with {len(carriers)} carriers came to a relative error of {phase:.3f}, the "
            f"plain network to {single:.3f}.",
            {"phase": phase, "plain": single, "carriers": float(len(carriers))},
        )


def placed(signal: Sampled, knobs: PhaseCoupledKnobs) -> tuple[float, ...]:
    """The carriers for a signal, in cycles a side, 0 among them.

    Raises:
        ValueError: there would be too many.
    """
    found = peaks(signal.task.values, signal.highest, knobs.floor).tolist() or [1]
    if knobs.carriers == "even":
        count = math.ceil(found[-1] / knobs.spacing)
        found = [knobs.spacing * m for m in range(1, count + 1)]
    if len(found) + 1 > MOST_CARRIERS:
        raise ValueError(
            f"the signal wants {len(found) + 1} carriers, more than {MOST_CARRIERS}; raise spacing "
            "or, with carriers peaks, floor."
        )
    return (0.0, *map(float, found))


def _entries(
    signal: Sampled, carriers: tuple[float, ...], knobs: PhaseCoupledKnobs
) -> list[Entry]:
    phase = bare(Phase(frequencies=carriers, width=knobs.width, depth=2))
    config = adam(phase, knobs.steps, knobs.lr, batch=500, seed=knobs.seed, fall=1e-3)
    return [
        Entry("PhaseDNN", signal.task, config),
        plain(signal.task, knobs.plain_steps, knobs.seed),
    ]


def _scene(
    signal: Sampled,
    entries: list[Entry],
    carriers: tuple[float, ...],
    knobs: PhaseCoupledKnobs,
    share: float,
) -> Scene:
    return Scene(
        (
            errors_panel("Error over the steps", entries, levels=((knobs.bound, "bound"),)),
            close_look(signal, entries),
            spectra(signal, entries, int(carriers[-1]) + 10),
        ),
        share,
        "PhaseDNN learns all voices at once; the plain network has only the slow ones.",
    )
