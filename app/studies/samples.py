"""A signal for the studies: equally spaced, where the engine's coordinates run from -1 to 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fields.spectrum import dft, peaks
from fields.spectrum.dft import amplitude
from fields.tasks.signal import SignalTask

from .base import Data

if TYPE_CHECKING:
    from data.signals import Signal

LEAST, MOST = 16, 1000  # samples that a study fits
# The papers' networks see x from -pi to pi, where the engine has -1 to 1: with the weights that x
# meets as much larger, a network starts as theirs.
TURN = math.pi


@dataclass(frozen=True)
class Samples:
    """Samples of a signal, each the middle of one of n equal parts of its domain.

    So their Fourier coefficient k is that of k cycles a side.

    Attributes:
        places: float64 [n], where they are in the person's units.
        values: float64 [n, c].
        note: a sentence on what was done to them, or "".
    """

    places: Tensor
    values: Tensor
    note: str = ""

    @property
    def x(self) -> Tensor:
        """Where they are for the engine: float64 [n, 1]."""
        return middles(len(self.values))

    @property
    def task(self) -> SignalTask:
        return SignalTask(self.x, self.values)

    def peaks(self, count: int) -> list[int]:
        """The `count` highest peaks of the spectrum, in cycles a side, ascending.

        Raises:
            ValueError: there are fewer than two, and so no order to look for.
        """
        found = peaks(self.values, len(self.values) // 2)
        height = amplitude(dft(self.values))[found]
        chosen = found[height.argsort(descending=True)[:count]].sort().values.tolist()
        if len(chosen) < 2:
            raise ValueError(
                f"the signal's spectrum must have at least two peaks, got {len(chosen)}; give one "
                "with a slow and a fast part."
            )
        return chosen


def middles(n: int) -> Tensor:
    """The middles of n equal parts of [-1, 1]: float64 [n, 1]."""
    return ((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1)[:, None]


def sines(waves: Sequence[int], n: int) -> Samples:
    """n samples of the sum of sin(k x) over the waves k, x from -pi to pi.

    Raises:
        ValueError: a wave is too fast for so few samples.
    """
    if max(waves) >= n / 2:
        raise ValueError(
            f"waves must be below half the {n} samples, got {max(waves)}; raise samples."
        )
    places = math.pi * middles(n)[:, 0]
    values = torch.stack([torch.sin(k * places) for k in waves]).sum(0)
    return Samples(places, values[:, None])


def long_enough(data: Data) -> "Signal":
    """A person's signal; ValueError if it has fewer than `LEAST` samples."""
    from data import Signal

    assert isinstance(data, Signal)
    if len(data.x) < LEAST:
        raise ValueError(
            f"the signal must have {LEAST} samples at least, got {len(data.x)}; give more."
        )
    return data


def spaced(data: Data) -> "Signal":
    """The same; ValueError too if its samples are not evenly spaced."""
    signal = long_enough(data)
    if not signal.even:
        raise ValueError(
            "the signal's samples must be evenly spaced, or it has no spectrum; resample it first."
        )
    return signal


def evenly(data: Data, most: int = MOST) -> Samples:
    """A person's signal; a long one averaged over stretches until it has `most` samples at most.

    Raises:
        ValueError: it is too short, level, or not evenly spaced.
    """
    signal = spaced(data)
    n = len(signal.x)
    if not (signal.values - signal.values.mean(0)).abs().max() > 0:
        raise ValueError("the signal is level, and so has no frequencies; give one that changes.")
    stretch = math.ceil(n / most)
    kept = n // stretch * stretch
    places = signal.x[:kept].view(-1, stretch).mean(1)
    values = signal.values[:kept].view(-1, stretch, signal.values.shape[1]).mean(1)
    note = f"Each sample is the mean of {stretch} of the signal's." if stretch > 1 else ""
    return Samples(places, values, note)
