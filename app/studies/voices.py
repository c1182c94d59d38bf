"""Signals of many voices, from slow to fast, as PhaseDNN and its studies take them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fields import MLP
from fields.activations import Tanh
from fields.spectrum import dft
from fields.tasks import SignalTask

from .base import Data
from .contest import Entry, adam, bare, value_lines
from .samples import middles, spaced
from .scene import Line, Lines

VOICES = (1, 3, 23, 137, 203)  # cycles a side: sin(k t) on t in [-pi, pi]
CLOSE = 200  # probes of the close look
MOST_CARRIERS = 128


@dataclass(frozen=True)
class Sampled:
    """A signal, to be fitted at the centres of the equal parts of its domain.

    Attributes:
        task: to fit its samples.
        probes: where a fit is compared with it, float64 [n, 1]: between the samples where it is a
            function, else at the samples.
        x: the probes in the signal's own units, float64 [n].
        truth: its values there, float64 [n, c].
        close: first probe of the close look.
    """

    task: SignalTask
    probes: Tensor
    x: Tensor
    truth: Tensor
    close: int

    @property
    def part(self) -> slice:
        """The probes of the close look."""
        return slice(self.close, self.close + CLOSE)

    @property
    def highest(self) -> int:
        """The highest frequency that its samples hold, in cycles a side."""
        return len(self.task.x) // 2


def pieces(t: Tensor) -> Tensor:
    """10 (sin t + sin 3t) left of 0, 10 (sin 23t + sin 137t + sin 203t) right of it."""
    slow = sum(torch.sin(k * t) for k in VOICES[:2])
    fast = sum(torch.sin(k * t) for k in VOICES[2:])
    return 10 * torch.where(t <= 0, slow, fast)


def chord(t: Tensor) -> Tensor:
    """sin t + sin 3t + sin 23t + sin 137t + sin 203t."""
    return torch.stack([torch.sin(k * t) for k in VOICES]).sum(0)


def sampled(data: Data | None, function: Callable[[Tensor], Tensor], samples: int) -> Sampled:
    """The signal given, or a function on [-pi, pi].

    Raises:
        ValueError: the signal's samples are too few or not evenly spaced.
    """
    if data is None:
        samples_at, probes = middles(samples), middles(samples) + 1 / samples
        task = SignalTask(samples_at, function(math.pi * samples_at))
        t = math.pi * probes
        return Sampled(task, probes, t[:, 0], function(t), samples * 9 // 16)
    signal = spaced(data)
    probes = middles(len(signal.x))
    task = SignalTask(probes, signal.values)
    return Sampled(task, probes, signal.x, signal.values, max(0, (len(signal.x) - CLOSE) // 2))


def plain(task: SignalTask, steps: int, seed: int) -> Entry:
    """A plain tanh network, to compare PhaseDNN with."""
    spec = bare(MLP(width=128, depth=4, activation=Tanh()))
    config = adam(spec, steps, 1e-3, batch=1000, seed=seed, fall=1e-3)
    return Entry("plain network", task, config)


def close_look(signal: Sampled, entries: list[Entry]) -> Lines:
    """A few values of the first channel, and what each field makes of them."""
    part = signal.part
    x = signal.x[part].tolist()
    truth = Line("signal", x, signal.truth[part, 0].tolist(), "currentColor")
    return Lines("A close look", [truth, *value_lines(entries, x, part)], "x", "value")


def spectra(signal: Sampled, entries: list[Entry], highest: int) -> Lines:
    """Amplitudes of the signal and of the fields up to a frequency."""
    ks = list(range(1, min(highest, signal.highest) + 1))
    lines = [Line("signal", ks, _amplitudes(signal.truth, ks), "currentColor")]
    for entry in entries:
        if entry.values is not None:
            lines.append(Line(entry.name, ks, _amplitudes(entry.values, ks)))
    return Lines("Spectrum", lines, "frequency k, cycles a side", "amplitude")


def _amplitudes(values: Tensor, ks: list[int]) -> list[float]:
    return dft(values).abs().mean(1)[ks].tolist()
