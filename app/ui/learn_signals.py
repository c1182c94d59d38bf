"""The signals that can be built on the page: each is a spec, whose knobs make its samples."""

import base64
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch

from data import Signal, parse_domain, parse_formula
from fields.spec import Spec, knob

from ..studies.samples import middles

MOST_SAMPLES = 2048  # of a signal that is raced on
MOST_WAVES = 12
DRAWN = 96  # points of a line that is drawn by hand
LEVELS = 4095  # values that each may have


@dataclass(frozen=True, kw_only=True)
class Built(Spec, ABC):
    """A signal that is built of knobs."""

    samples: int = knob(201, "places at which it is known", low=16, high=MOST_SAMPLES)

    @property
    @abstractmethod
    def text(self) -> str:
        """The formula of x, as it is typed."""

    @property
    def domain(self) -> str:
        """Where x lies, as `low,high`."""
        return "-pi,pi"

    def make(self) -> Signal:
        """The samples.

        Raises:
            ValueError: what was typed has no values there.
        """
        low, high = parse_domain(self.domain)
        return Signal.from_formula(parse_formula(self.text), low, high, self.samples)


@dataclass(frozen=True, kw_only=True)
class Sines(Built):
    """A sum of sine waves."""

    frequencies: tuple[int, ...] = knob((1, 3, 5), "cycles a side of each wave", low=1, high=1000)
    amplitudes: tuple[float, ...] = knob((1.0, 1.0, 1.0), "how strong each is", low=-10, high=10)

    def __post_init__(self) -> None:
        super().__post_init__()
        waves = len(self.frequencies)
        if waves != len(self.amplitudes) or not 1 <= waves <= MOST_WAVES:
            raise ValueError(
                f"frequencies and amplitudes must be as many, 1 to {MOST_WAVES}, got {waves} and "
                f"{len(self.amplitudes)}."
            )
        if 2 * max(self.frequencies) >= self.samples:
            raise ValueError(
                f"samples must be more than {2 * max(self.frequencies)}, two for each crest of the "
                f"fastest wave, got {self.samples}."
            )

    @property
    def text(self) -> str:
        waves = zip(self.amplitudes, self.frequencies, strict=True)
        return " + ".join(_wave(amplitude, f) for amplitude, f in waves).replace("+ -", "- ")


def _wave(amplitude: float, frequency: int) -> str:
    size = "" if amplitude == 1 else f"{amplitude:g}*"
    return f"{size}sin({'' if frequency == 1 else f'{frequency}*'}x)"


@dataclass(frozen=True, kw_only=True)
class Square(Built):
    """A square wave: odd frequencies alone, each weaker than the one before."""

    cycles: int = knob(2, "times up and down", low=1, high=32)

    @property
    def text(self) -> str:
        return f"square({self.cycles}*x)"


@dataclass(frozen=True, kw_only=True)
class Chirp(Built):
    """A wave that becomes ever faster."""

    fastest: float = knob(24.0, "frequency at the right end, in cycles a side", low=1, high=400)

    @property
    def text(self) -> str:
        return f"sin(2*pi*(x + {self.fastest / 2:g}*x^2))"

    @property
    def domain(self) -> str:
        return "0,1"


@dataclass(frozen=True, kw_only=True)
class Stairs(Built):
    """Steps, whose edges hold every frequency."""

    steps: int = knob(4, "of them", low=2, high=32)

    @property
    def text(self) -> str:
        return f"floor({self.steps / 2:g}*(x + 1))/{self.steps / 2:g}"

    @property
    def domain(self) -> str:
        return "-1,1"


@dataclass(frozen=True, kw_only=True)
class Typed(Built):
    """A formula of x, with sin, cos, exp, abs, where, square and others."""

    formula: str = knob("sin(x) + 0.3*sin(11*x)", "a formula of x")
    between: str = knob("-pi,pi", "where x begins and ends")

    @property
    def text(self) -> str:
        return self.formula

    @property
    def domain(self) -> str:
        return self.between


SIGNALS: dict[str, Built] = {
    "sines": Sines(),
    "square": Square(),
    "chirp": Chirp(samples=301),
    "stairs": Stairs(),
    "formula": Typed(),
}
OTHERS = ("drawn", "file", "photo")  # which are brought, not built
SOURCES = (*SIGNALS, *OTHERS)
TITLES = {
    "sines": "Sines", "square": "Square wave", "chirp": "Chirp", "stairs": "Stairs",
    "formula": "Formula", "drawn": "Draw it", "file": "Own file", "photo": "Photo",
}  # fmt: skip


# --- what is drawn by hand ---


def drawing(packed: str) -> Signal:
    """The signal that was drawn: x in [-1, 1].

    Args:
        packed: `DRAWN` values from -1 to 1 in `LEVELS` steps, two letters of base 64 each.

    Raises:
        ValueError: nothing was drawn, or it came damaged.
    """
    if not packed:
        raise ValueError("Draw a line across the field first.")
    try:
        bits = base64.urlsafe_b64decode("".join(f"{a}{b}AA" for a, b in _pairs(packed)))
        levels = np.frombuffer(bits, np.uint8).reshape(DRAWN, 3).astype(int)
    except ValueError:
        raise ValueError("The drawing came damaged; draw it once more.") from None
    values = ((levels[:, 0] << 4) | (levels[:, 1] >> 4)) / LEVELS * 2 - 1
    places = middles(DRAWN)[:, 0]
    return Signal(places, torch.from_numpy(values)[:, None].contiguous())


def _pairs(packed: str) -> list[str]:
    return [packed[i : i + 2] for i in range(0, len(packed), 2)]
