"""From a file or a formula to the task of a signal, whose x the engine has in [-1, 1]."""

import math
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from data import (
    SIGNAL_SAMPLES,
    Formula,
    Signal,
    load_signal_sample,
    parse_domain,
    parse_formula,
    read_signal,
)
from fields.tasks import SignalTask

from .options import SignalOptions
from .plans import refuse_flags

DOMAIN = "-pi,pi"  # of a formula, unless it is given
SAMPLES = 1024
MOST_SAMPLES = 1_000_000
FEWEST = 8  # samples that a fit makes sense with
_FILE = re.compile(r"[^()]*\.[A-Za-z]\w{0,7}")  # no formula ends so


@dataclass(frozen=True)
class Units:
    """Where the side [-1, 1] of the engine lies on the person's x axis: from `low` to `high`.

    Samples are the centres of equal parts of it, as pixels are of a picture: n samples that are
    equally spaced have whole numbers of cycles a side as the frequencies of their transform.
    """

    low: float
    high: float

    @classmethod
    def of(cls, signal: Signal) -> Self:
        half = signal.step / 2
        return cls(float(signal.x[0]) - half, float(signal.x[-1]) + half)

    @classmethod
    def of_info(cls, info: dict[str, Any]) -> Self:
        """Those that `info` was made of.

        Raises:
            ValueError: they are none.
        """
        try:
            low, high = float(info["low"]), float(info["high"])
        except (KeyError, TypeError, ValueError):
            raise ValueError("the field does not say where its x lie.") from None
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"the field's x run from {low} to {high}, which is no range.")
        return cls(low, high)

    def info(self) -> dict[str, float]:
        """What a field's file says of them."""
        return {"low": self.low, "high": self.high}

    def into(self, x: Tensor) -> Tensor:
        """The person's x [n] as the engine has it."""
        half = (self.high - self.low) / 2
        return ((x - self.low - half) / half).clamp(-1, 1)

    def out_of(self, x: Tensor) -> Tensor:
        """The engine's x [n] as the person has it."""
        return self.low + (x + 1) * ((self.high - self.low) / 2)


def centres(count: int) -> Tensor:
    """The engine's x of `count` equally spaced samples, float64 [n]."""
    return (2 * torch.arange(count, dtype=torch.float64) + 1 - count) / count


@dataclass(frozen=True, eq=False)
class PreparedSignal:
    """A signal that is ready to be fitted.

    Attributes:
        formula: it was sampled from; None for a file.
        notes: sentences on what was done.
        loading: seconds that it took to read.
    """

    name: str
    signal: Signal
    formula: Formula | None
    units: Units
    task: SignalTask
    loading: float
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The name without its folders, if it is a file's."""
        return Path(self.name).name if is_file(self.name) else self.name

    @property
    def stem(self) -> str:
        """The title without a file's ending."""
        return Path(self.name).stem if is_file(self.name) else self.name


def prepare_signal(
    text: str, options: SignalOptions, *, holdout: float | None = None, seed: int = 0
) -> PreparedSignal:
    """The task of a file, of a sample that is known by name, or of a formula of x.

    Args:
        holdout: share of the samples to keep out and measure on.

    Raises:
        ValueError: it cannot be read, or a flag is out of range.
    """
    tick = time.perf_counter()
    name, signal, formula = _opened(text, options)
    if len(signal.x) < FEWEST:
        raise ValueError(f"{name}: has {len(signal.x)} samples, and a fit needs at least {FEWEST}.")
    sobolev = options.sobolev or 0.0
    if sobolev < 0 or not math.isfinite(sobolev):
        raise ValueError(f"--sobolev must be 0 or more, got {sobolev:g}.")
    units, notes = Units.of(signal), []
    if signal.note:
        notes.append(f"{signal.note[:1].upper()}{signal.note[1:]}.")
    kept, hidden = _split(len(signal.x), holdout, seed)
    x = units.into(signal.x)[:, None]
    task = SignalTask(
        x[kept],
        signal.values[kept],
        x[hidden] if len(hidden) else None,
        signal.values[hidden] if len(hidden) else None,
        # A fit that may ask the formula anywhere would see what is held out.
        function=None if formula is None or len(hidden) else _in_engine(formula, units),
        sobolev=sobolev,
    )
    if len(hidden):
        notes.append(f"{len(hidden):,} of the samples were held out, and only measured against.")
    if len(signal.names) > 1:
        notes.append(f"Of the columns, the first, {signal.names[0]}, is drawn.")
    loading = time.perf_counter() - tick
    return PreparedSignal(name, signal, formula, units, task, loading, notes)


def is_file(text: str) -> bool:
    """Whether an input is the name of a file, there or not, rather than a formula."""
    # Unlike `Path.exists`, this takes a formula that is too long for a name.
    return os.path.exists(text) or _FILE.fullmatch(text) is not None


def _opened(text: str, options: SignalOptions) -> tuple[str, Signal, Formula | None]:
    """What it is called, its samples, and the formula that they are of."""
    if is_file(text):
        refuse_flags(options, ("domain", "samples"), f"is for formulas; {text} is a file")
        return text, read_signal(text, options.columns or ()), None
    if options.columns is not None:
        raise ValueError("--columns is for files; a formula has one.")
    sample = SIGNAL_SAMPLES.get(text)
    if sample is not None and options.domain is None and options.samples is None:
        formula = None if sample.noise else parse_formula(sample.formula)
        return text, load_signal_sample(text), formula
    formula = parse_formula(text if sample is None else sample.formula)
    samples = SAMPLES if options.samples is None else options.samples
    domain = DOMAIN if options.domain is None else options.domain
    return text, sampled(formula, domain, samples), formula


def sampled(formula: Formula, domain: str, samples: int) -> Signal:
    """A formula's values over a domain, `low,high`.

    Raises:
        ValueError: the domain or the number of samples makes no sense, or a value is not finite.
    """
    if not FEWEST <= samples <= MOST_SAMPLES:
        raise ValueError(f"--samples must be from {FEWEST} to {MOST_SAMPLES:,}, got {samples:,}.")
    low, high = parse_domain(domain)
    return Signal.from_formula(formula, low, high, samples)


def _in_engine(formula: Formula, units: Units) -> Any:
    """The formula as a function of the engine's x: [n, 1] -> [n, 1]."""
    return lambda x: formula(units.out_of(x[:, 0]))[:, None]


def _split(count: int, holdout: float | None, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers of the samples that are fitted, and of those that are held out, ascending."""
    if holdout is None:
        return torch.arange(count), torch.arange(0)
    hidden = math.floor(holdout * count) if 0 < holdout < 1 else 0
    if hidden < 1 or count - hidden < 2:
        raise ValueError(
            f"--holdout must be between 0 and 1, and leave samples to fit and to measure on, "
            f"got {holdout:g}."
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[hidden:].sort()[0], order[:hidden].sort()[0]
