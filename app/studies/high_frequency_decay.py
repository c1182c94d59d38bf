"""The share of the loss's decrease that comes from high frequencies."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fields.spec import knob

from .base import Data, Pace, Study, Verdict
from .circle import NAMES, POWERS, power_law
from .kernel_spectrum import KernelSpectrumKnobs, measured
from .scene import Line, Lines, Scene, Text

FRAMES = 24  # moments of the training that are shown
COMPARED = ("relu", "relu2", "relu3")


@dataclass(frozen=True, kw_only=True)
class HighFrequencyDecayKnobs(KernelSpectrumKnobs):
    """Which networks are looked at, how exactly, and over which frequencies."""

    activation: Literal["all", "relu", "relu2", "relu3"] = knob(
        "all", "the neurons' function, a power of the ReLU; all compares them"
    )
    bound: float = knob(0.3, "how far a slope may be from the theory", low=0.0, high=2.0)


class HighFrequencyDecay(Study[HighFrequencyDecayKnobs]):
    name = "high-frequency-decay"
    title = "High frequencies hardly move the loss"
    group = "theory"
    text = (
        "Split the loss at a frequency η into a low and a high part. How much of its decrease, "
        "at any moment, is due to the high part? Luo et al. prove that the share is at most "
        "C η⁻ʳ, where r grows with the smoothness of the activation. With the kernel's "
        "eigenvalues λ_k measured and a target that holds all frequencies alike, the share "
        "is R(η) = sum of lambda_k over k > η, divided by the sum over all k. While the "
        "network learns, the low part is used up and the share of what is left slowly rises: the "
        "moving line."
    )
    claim = (
        "For a flat target, R(η) between η = 8 and 64 falls as η^-(2p-1) for neurons that "
        "are the p-th power of a ReLU, p = 1, 2, 3: exponents -1, -3 and -5 to within 0.3."
    )
    source = "Luo, Ma, Xu, Zhang 2021, arXiv:1906.09235"
    full = HighFrequencyDecayKnobs()
    quick = HighFrequencyDecayKnobs(neurons=3000)

    def run(
        self, knobs: HighFrequencyDecayKnobs, data: Data | None = None
    ) -> Generator[Scene, None, Verdict]:
        found: dict[str, Tensor] = {}
        pace = Pace()
        for share in measured(knobs, COMPARED, found):
            if pace.due():
                yield _scene(knobs, found, 0.0, 0.9 * share)
        for frame in range(FRAMES):
            share = (frame + 1) / FRAMES
            yield _scene(knobs, found, 10 ** (4 * share), 0.9 + 0.1 * share)
        return _verdict(knobs, found)


def decrease_beyond(values: Tensor, time: float) -> Tensor:
    """R(η) for eta = 0, 1, ...: the share of the loss's decrease from frequencies above eta.

    A mode that begins at 1 is exp(-λ_k t) at time t, so its loss falls at the rate
    2 lambda_k exp(-2 lambda_k t).

    Args:
        values: lambda_k, float64 [k]; the waves at k > 0 are two each.
    """
    rates = values * torch.exp(-2 * values * time)
    rates[1:] *= 2
    beyond = rates.flip(0).cumsum(0).flip(0)
    return beyond[1:] / beyond[0]


def _verdict(knobs: HighFrequencyDecayKnobs, found: Mapping[str, Tensor]) -> Verdict:
    slopes = {
        name: power_law(decrease_beyond(v, 0.0), knobs.low, knobs.high)[0]
        for name, v in found.items()
    }
    held = all(abs(s + 2 * POWERS[n] - 1) <= knobs.bound for n, s in slopes.items())
    told = ", ".join(
        f"{s:.2f} for {NAMES[n]} (theory {1 - 2 * POWERS[n]})" for n, s in slopes.items()
    )
    return Verdict(
        held,
        f"Between η = {knobs.low} and {knobs.high} the exponent of R(η) is {told}.",
        {f"slope_{name}": slope for name, slope in slopes.items()},
    )


def _scene(
    knobs: HighFrequencyDecayKnobs, found: Mapping[str, Tensor], time: float, share: float
) -> Scene:
    starts, laters, rows = [], [], []
    for name, values in found.items():
        # Time in units in which the first wave falls to 1/e at time 1.
        begun = decrease_beyond(values, 0.0)
        later = decrease_beyond(values, time / float(values[1]))
        etas = list(range(1, len(begun) // 2))
        starts.append(Line(NAMES[name], etas, begun[1 : len(begun) // 2].tolist()))
        laters.append(Line(NAMES[name], etas, later[1 : len(begun) // 2].tolist()))
        slope = power_law(begun, knobs.low, knobs.high)[0]
        wanted = 1 - 2 * POWERS[name]
        rows.append((NAMES[name], f"{slope:.2f} (theory {wanted})".replace("-", "−")))
    label = "share of the decrease from above η"
    moment = "at the start" if time == 0 else f"at time {time:,.0f}"
    return Scene(
        (
            Lines(
                "R(η) at the start", starts, "η, cycles a turn", label, "log", "log",
                marks=((knobs.low, "from"), (knobs.high, "to")), y_span=(1e-12, 2.0),
            ),
            Lines(
                f"R(η) {moment}", laters, "η, cycles a turn", label, "log", "log",
                y_span=(1e-12, 2.0),
            ),
            Text("Exponent between the marks", rows),
        ),
        share,
        "What lies above η adds ever less to the decrease of the loss. Only once the low "
        "frequencies are used up, to the right, does the front move to higher ones. "
        "Time is in units in which the first wave falls to 1/e.",
    )  # fmt: skip
