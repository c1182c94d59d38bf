"""PhaseDNN in its parallel form: each band of the spectrum fitted by itself."""

import math
from collections.abc import Generator
from dataclasses import dataclass, replace

import torch

from fields import FitConfig
from fields.networks import Phase
from fields.solvers import Bands
from fields.solvers.bands import bands, samples_of
from fields.spec import Spec, knob

from .base import Data, Study, Verdict, paced
from .contest import REPORTS, Entry, bare, contest, errors_panel
from .scene import Line, Lines, Scene
from .voices import MOST_CARRIERS, Sampled, chord, close_look, plain, sampled, spectra


@dataclass(frozen=True, kw_only=True)
class PhaseParallelKnobs(Spec):
    """How the spectrum is cut up, and how long the networks learn."""

    spacing: float = knob(5.0, "width of a band, in cycles a side", low=0.5, high=1000)
    highest: float = knob(205.0, "the highest carrier, in cycles a side", low=0, high=100_000)
    width: int = knob(12, "units per hidden layer of each small network", low=1, high=256)
    samples: int = knob(4096, "samples of the study's own signal", low=512, high=100_000)
    steps: int = knob(1500, "steps of Adam of PhaseDNN", low=1, high=100_000)
    lr: float = knob(5e-3, "its learning rate, which falls along a cosine", low=1e-6, high=1)
    plain_steps: int = knob(2000, "steps of the plain network", low=1, high=100_000)
    seed: int = knob(0, "seed of the initial weights and of the draws", low=0)
    bound: float = knob(0.1, "relative error that PhaseDNN must reach", low=0.0)
    plain_bound: float = knob(0.6, "relative error that the plain network stays above", low=0.0)


class PhaseParallel(Study[PhaseParallelKnobs]):
    name = "phase-parallel"
    title = "Cut the spectrum into bands, and learn them side by side"
    group = "cures"
    text = (
        "PhaseDNN's first form splits the signal itself. A Fourier transform cuts its spectrum "
        "into bands. Each band, multiplied by exp(-i w x), moves down to frequency 0 and becomes "
        "a slow, complex function, which a small network learns in no time. Multiplied back by "
        "exp(i w x), the networks' values add up to the signal. No network knows of the others, "
        "so that each could learn on a computer of its own. Look at one band before and after it "
        "is moved."
    )
    claim = (
        "On sin x + sin 3x + sin 23x + sin 137x + sin 203x, networks fitted to 42 bands by "
        "themselves add up to the signal with a relative error of 0.1 or less, and a plain tanh "
        "network stays above 0.6."
    )
    source = "Cai, Li, Liu 2020, section 2, arXiv:1909.11759"
    takes = "signal"
    full = PhaseParallelKnobs()
    quick = PhaseParallelKnobs(
        spacing=22.75, samples=1024, steps=150, lr=2e-2, plain_steps=50, bound=0.5
    )

    def run(
        self, knobs: PhaseParallelKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        signal = sampled(data, chord, knobs.samples)
        carriers = _carriers(signal, knobs)
        entries, band = _entries(signal, carriers, knobs), _band(signal, carriers)
        yield from paced(
            contest(entries, signal.probes, signal.truth),
            lambda share: _scene(signal, entries, band, carriers, knobs, share),
        )
        phase, single = (e.error for e in entries)
        return Verdict(
            phase <= knobs.bound and single >= knobs.plain_bound,
            f"{len(carriers)} bands, fitted by themselves, came to a relative error of "
            f"{phase:.3f} together, the plain network to {single:.3f}.",
            {"phase": phase, "plain": single, "carriers": float(len(carriers))},
        )


def _carriers(signal: Sampled, knobs: PhaseParallelKnobs) -> tuple[float, ...]:
    """Even carriers from 0 to the highest that is asked for and that the samples hold."""
    count = math.floor(min(knobs.highest, signal.highest) / knobs.spacing) + 1
    if count > MOST_CARRIERS:
        raise ValueError(
            f"spacing {knobs.spacing:g} makes {count} bands, more than {MOST_CARRIERS}; raise it."
        )
    return tuple(knobs.spacing * m for m in range(count))


def _entries(
    signal: Sampled, carriers: tuple[float, ...], knobs: PhaseParallelKnobs
) -> list[Entry]:
    config = FitConfig(
        field=bare(Phase(frequencies=carriers, width=knobs.width, depth=2)),
        solver=Bands(iterations=knobs.steps, lr=knobs.lr, seed=knobs.seed),
        steps=None, seed=knobs.seed, report=max(1, knobs.steps // REPORTS), precision="fp32",
        device="cpu", backend="torch",
    )  # fmt: skip
    return [
        Entry("PhaseDNN", signal.task, config),
        plain(signal.task, knobs.plain_steps, knobs.seed),
    ]


def _band(signal: Sampled, carriers: tuple[float, ...]) -> Lines:
    """The loudest band but the slowest, as it is and as its networks see it."""
    task = replace(signal.task, values=signal.task.values[:, :1])
    places = torch.tensor(carriers, dtype=torch.float64)[:, None]
    parts = bands(task.values, samples_of(task), places)[..., 0]  # [2 count, n]
    slow, turned = parts.unflatten(0, (2, -1))
    power = (slow.square() + turned.square()).mean(1)
    power[0] *= len(power) == 1
    loudest = int(power.argmax())
    turns = math.pi * carriers[loudest] * task.x[:, 0]
    fast = slow[loudest] * turns.cos() + turned[loudest] * turns.sin()
    part = signal.part
    x = signal.x[part].tolist()
    lines = [
        Line("its part of the signal", x, fast[part].tolist(), "#888888", "thin"),
        Line("shifted down, real part", x, (slow[loudest][part] / 2).tolist()),
        Line("shifted down, imaginary part", x, (-turned[loudest][part] / 2).tolist()),
    ]
    return Lines(f"The band of the carrier {carriers[loudest]:g}", lines, "x", "value")


def _scene(
    signal: Sampled,
    entries: list[Entry],
    band: Lines,
    carriers: tuple[float, ...],
    knobs: PhaseParallelKnobs,
    share: float,
) -> Scene:
    return Scene(
        (
            errors_panel("Error over the steps", entries, levels=((knobs.bound, "bound"),)),
            band,
            close_look(signal, entries),
            spectra(signal, entries, int(carriers[-1] + knobs.spacing)),
        ),
        share,
        "Shifted down, a fast band is slow, and every network has an easy task.",
    )
