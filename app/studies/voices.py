"""Signals of many voices, from slow to fast, as PhaseDNN and its studies take them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fields.spectrum import dft
from fields.tasks import SignalTask

from .base import Data
from .contest import Entry
from .samples import middles
from .scene import Line, Lines

VOICES = (1, 3, 23, 137, 203)  # cycles a side: sin(k t) on t in [-pi, pi]
CLOSE = 200  # probes of the close look
FEWEST = 16


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


def sampled(
    data: Data | None, function: Callable[[Tensor], Tensor], samples: int
) -> Sampled:
    """The signal given, or a function on [-pi, pi].

    Raises:
        ValueError: the signal's samples are too few or not evenly spaced.
    """
    from data import Signal

    if data is None:
        samples_at, probes = middles(samples), middles(samples) + 1 / samples
        task = SignalTask(samples_at, function(math.pi * samples_at))
        t = math.pi * probes
        return Sampled(task, probes, t[:, 0], function(t), samples * 9 // 16)
    assert isinstance(data, Signal)
    if len(data.x) < FEWEST:
        raise ValueError(f"the signal must have {FEWEST} samples at least, got {len(data.x)}.")
    if not data.even:
        raise ValueError("the signal's samples must be evenly spaced; resample it.")
    probes = middles(len(data.x))
    task = SignalTask(probes, data.values)
    return Sampled(task, probes, data.x, data.values, max(0, (len(data.x) - CLOSE) // 2))


def close_look(signal: Sampled, entries: list[Entry]) -> Lines:
    """A few values of the first channel, and what each field makes of them."""
    part = slice(signal.close, signal.close + CLOSE)
    x = signal.x[part].tolist()
    lines = [Line("signal", x, signal.truth[part, 0].tolist(), "currentColor")]
    for entry in entries:
        if entry.values is not None:
            lines.append(Line(entry.name, x, entry.values[part, 0].tolist(), entry.colour))
    return Lines("A close look", lines, "x", "value")


def spectra(signal: Sampled, entries: list[Entry], highest: int) -> Lines:
    """Amplitudes of the signal and of the fields up to a frequency."""
    ks = list(range(1, min(highest, signal.highest) + 1))
    lines = [Line("signal", ks, _amplitudes(signal.truth, ks), "currentColor")]
    for entry in entries:
        if entry.values is not None:
            lines.append(Line(entry.name, ks, _amplitudes(entry.values, ks), entry.colour))
    return Lines("Spectrum", lines, "frequency k, cycles a side", "amplitude")


def _amplitudes(values: Tensor, ks: list[int]) -> list[float]:
    return dft(values).abs().mean(1)[ks].tolist()
