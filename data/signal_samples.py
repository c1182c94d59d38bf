"""Signals to try without having one: formulas with their domains, all computed here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .signal import Signal


@dataclass(frozen=True)
class SignalSample:
    """A signal by name: `formula` on `domain`, at `count` equally spaced places, with normal
    noise of deviation `noise`, the same each time."""

    name: str
    title: str
    formula: str
    domain: str = "-pi,pi"
    count: int = 201
    noise: float = 0.0

    def make(self) -> Signal:
        """The signal."""
        import torch

        from .formula import parse_domain, parse_formula
        from .signal import Signal

        low, high = parse_domain(self.domain)
        signal = Signal.from_formula(parse_formula(self.formula), low, high, self.count)
        rng = torch.Generator().manual_seed(0)
        drawn = torch.randn(signal.values.shape, generator=rng, dtype=torch.float64)
        return replace(signal, values=signal.values + self.noise * drawn)


def load_signal_sample(name: str) -> Signal:
    """The sample called `name`, a key of `SIGNAL_SAMPLES`; ValueError for another name."""
    if name not in SIGNAL_SAMPLES:
        raise ValueError(f"unknown sample {name!r}; choose from {', '.join(SIGNAL_SAMPLES)}.")
    return SIGNAL_SAMPLES[name].make()


SIGNAL_SAMPLES = {
    sample.name: sample
    for sample in (
        SignalSample("sines", "Three sines", "sin(x) + sin(3*x) + sin(5*x)"),
        SignalSample("square", "Square wave", "square(x)", "0,6*pi", 300),
        SignalSample("chirp", "Chirp: ever faster", "sin(2*pi*(x + 12*x^2))", "0,1", 400),
        SignalSample("steps", "Stairs", "round(2*x)/2", "-1,1", 301),
        SignalSample(
            "jump",
            "A jump between a slow and a fast wave [Jagtap et al. 2020]",
            "where(x <= 0, 0.2*sin(6*x), 1 + 0.1*x*cos(18*x))",
            "-3,3",
            300,
        ),
        SignalSample("noisy", "A sine in noise", "sin(x)", "-10,10", 101, noise=0.5),
        SignalSample(
            "voices",
            "Five sines, slow on the left, fast on the right [Cai et al. 2019]",
            "where(x < 0, 10*(sin(x) + sin(3*x)), 10*(sin(23*x) + sin(137*x) + sin(203*x)))",
            count=4096,
        ),
    )
}
