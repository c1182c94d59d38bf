"""The live figure of a race: output, spectrum, the error of each frequency, and how complex it is.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import torch

from fields import Snapshot
from fields.record_signal import Sight, SignalRecorder, SignalSnapshot
from fields.spectrum import entropy

from ..charts import band_names, colour
from ..figures import number
from ..race import Entrant
from ..signal_preparing import Units
from ..studies import Heat, Line, Lines, Panel, Pictures, Scene

POINTS = 380  # of a line
COLUMNS = 90  # of a map of errors
SPECTRUM_DEPTH = 1e-4  # of the highest amplitude, where the spectrum ends
SPECTRUM_REACH = 2.0  # times the highest peak, where it ends
FEWEST_WAVES = 12  # that it shows
GREYS = 1 / 64  # width of the bins of a photo's entropy
TARGET = "currentColor"
LEARNED, UNTOUCHED = 0.1, 1.0  # ends of the colours


def sight(entrant: Entrant) -> Sight:
    assert isinstance(entrant.recorder, SignalRecorder)
    return entrant.recorder.sight


def errors(snapshot: Snapshot) -> tuple[float, ...]:
    """Of each frequency that is followed."""
    return snapshot.peak_error if isinstance(snapshot, SignalSnapshot) else snapshot.band_error


def names(entrant: Entrant) -> list[str]:
    """Of the frequencies that are followed."""
    if isinstance(entrant.recorder, SignalRecorder):
        seen = entrant.recorder.sight
        return [number(float(k) * seen.cycles) for k in seen.peaks]
    return band_names(entrant.trace.edges)


# --- a signal ---


def signal_scene(entrants: Sequence[Entrant], units: Units, share: float) -> Scene:
    seen = sight(entrants[0])
    panels: list[Panel] = [
        _output(entrants, seen, units),
        *(_map(entrant) for entrant in entrants),
        _spectrum(entrants, seen),
        _over_time(
            "How far off", entrants, _metric("rel_l2"), "relative error", y_axis="log"
        ),
        _over_time("Entropy", entrants, _metric("entropy"), "bits", target=seen.entropy),
        _over_time(
            "Total variation", entrants, _metric("total_variation"), "sum of all ups and downs",
            target=seen.variation,
        ),
    ]  # fmt: skip
    return Scene(
        panels, share,
        "In the maps each row is a peak of the spectrum, the lowest frequency at the bottom. Blue "
        "is not begun, red is learned; the black line marks when. Where it leans to the right, low "
        "frequencies are learned first.",
    )  # fmt: skip


def _output(entrants: Sequence[Entrant], seen: Sight, units: Units) -> Lines:
    places = units.out_of(seen.x[:, 0])
    known = units.out_of(seen.known_x)
    thin = max(1, math.ceil(len(places) / POINTS))
    drawn = [Line("target", known.tolist(), seen.known.tolist(), TARGET, "thin")]
    for entrant in entrants:
        look = entrant.looked or entrant.trace.snapshots[-1]
        assert isinstance(look, SignalSnapshot)
        values = look.values[::thin].tolist()
        drawn.append(_line(entrant, places[::thin].tolist(), values))
    low, high = float(seen.known.min()), float(seen.known.max())
    room = 0.2 * (high - low) or 1.0
    low, high = low - room, high + room
    return Lines("Output against target", _held(drawn, low, high), "x", "value",
                 x_span=(units.low, units.high), y_span=(low, high))  # fmt: skip


def _held(lines: Sequence[Line], low: float, high: float) -> list[Line]:
    """Lines that stay inside the chart."""
    return [
        replace(line, ys=[min(high, max(low, v)) if math.isfinite(v) else v for v in line.ys])
        for line in lines
    ]


def _spectrum(entrants: Sequence[Entrant], seen: Sight) -> Lines:
    reach = SPECTRUM_REACH * float(seen.peaks.max()) if len(seen.peaks) else 0
    count = min(len(seen.amplitude), max(FEWEST_WAVES, round(reach)) + 1)
    at = (torch.arange(count) * seen.cycles).tolist()
    top = float(seen.amplitude[:count].max()) or 1.0
    drawn = [Line("target", at, seen.amplitude[:count].tolist(), TARGET)]
    for entrant in entrants:
        look = entrant.trace.snapshots[-1]
        assert isinstance(look, SignalSnapshot)
        drawn.append(_line(entrant, at[: len(look.amplitude)], look.amplitude[:count].tolist()))
    low, high = SPECTRUM_DEPTH * top, 2 * top
    peaks = [(float(k) * seen.cycles, number(float(k) * seen.cycles)) for k in seen.peaks]
    return Lines("Spectrum", _held(drawn, low, high), "cycles a side", "amplitude", y_axis="log",
                 marks=peaks, y_span=(low, high))  # fmt: skip


# --- a photo ---


class Frames:
    """How complex the frames of a race are. Each is measured once, which takes long beside drawing:
    every scene asks for all that there are.

    Attributes:
        target: what is learned, uint8 [h, w, c] as all frames.
    """

    def __init__(self, target: torch.Tensor) -> None:
        self.target = target
        # By the frame's id, and with the frame itself, so that no other can have its id.
        self._known: dict[int, tuple[torch.Tensor, float, float]] = {}

    def entropy(self, frame: torch.Tensor) -> float:
        """Of its brightness, in bits."""
        return self._measured(frame)[1]

    def variation(self, frame: torch.Tensor) -> float:
        """Mean difference of neighbours, of brightness from 0 to 1."""
        return self._measured(frame)[2]

    def _measured(self, frame: torch.Tensor) -> tuple[torch.Tensor, float, float]:
        if id(frame) not in self._known:
            grey = frame.float().mean(-1) / 255
            steps = float((grey.diff(dim=0).abs().mean() + grey.diff(dim=1).abs().mean()) / 2)
            self._known[id(frame)] = frame, entropy(grey.flatten()[:, None], GREYS), steps
        return self._known[id(frame)]


def photo_scene(entrants: Sequence[Entrant], frames: Frames, share: float) -> Scene:
    target = frames.target
    pictures = [(target, "photo")]
    for entrant in entrants:
        look = entrant.looked or entrant.trace.snapshots[-1]
        said = f"{entrant.trace.method}, {look.metrics['psnr']:.1f} dB"
        pictures.append((look.frame, said))
    panels: list[Panel] = [
        Pictures("What each has learned", pictures),
        *(_map(entrant) for entrant in entrants),
        _over_time("How close", entrants, _metric("psnr"), "PSNR, dB"),
        _over_time(
            "Entropy", entrants, lambda s: frames.entropy(s.frame), "bits",
            target=frames.entropy(target),
        ),
        _over_time(
            "Total variation", entrants, lambda s: frames.variation(s.frame),
            "mean step between neighbours", target=frames.variation(target),
        ),
    ]  # fmt: skip
    return Scene(
        panels, share,
        "In the maps each row is a band of frequencies, the coarsest at the bottom. Blue is not "
        "begun, red is learned; the black line marks when.",
    )  # fmt: skip


# --- over time ---


def _line(entrant: Entrant, xs: Sequence[float], ys: Sequence[float]) -> Line:
    method = entrant.trace.method
    return Line(method, xs, ys, colour(method))


def _looks(entrant: Entrant) -> list[Snapshot]:
    """Looks that have a place on a logarithmic axis of time, not too many."""
    looks = [s for s in entrant.trace.snapshots if s.seconds > 0]
    step = max(1, math.ceil(len(looks) / COLUMNS))
    return looks[::-step][::-1]


def _span(entrants: Sequence[Entrant]) -> tuple[float, float]:
    """Seconds from the first look at any to the last."""
    times = [s.seconds for e in entrants for s in _looks(e)] or [0.01]
    return min(times), max(max(times), 1.5 * min(times))


def _metric(key: str) -> Callable[[Snapshot], float]:
    return lambda snapshot: snapshot.metrics.get(key, math.nan)


def _over_time(
    title: str,
    entrants: Sequence[Entrant],
    value: Callable[[Snapshot], float],
    label: str,
    *,
    target: float | None = None,
    y_axis: Literal["linear", "log"] = "linear",
) -> Lines:
    """A quantity of each method over its own time.

    Args:
        target: what it is of the target.
    """
    drawn = []
    for entrant in entrants:
        looks = _looks(entrant)
        drawn.append(_line(entrant, [s.seconds for s in looks], [value(s) for s in looks]))
    levels = () if target is None else ((target, "target"),)
    return Lines(
        title, drawn, "seconds", label, x_axis="log", y_axis=y_axis, levels=levels,
        x_span=_span(entrants),
    )  # fmt: skip


def _map(entrant: Entrant) -> Heat:
    """The error of each frequency over time, and when it was first learned."""
    looks = _looks(entrant)
    rows = names(entrant)
    values = [[errors(s)[i] for s in looks] or [math.nan] for i in range(len(rows))]
    return Heat(
        f"{entrant.trace.method}: error of each frequency",
        values,
        rows,
        [s.seconds for s in looks] or [0.01],
        "seconds",
        "cycles a side",
        x_axis="log",
        low=LEARNED,
        high=UNTOUCHED,
        crossings=first_below(entrant, LEARNED),
    )


def first_below(entrant: Entrant, bound: float) -> list[float | None]:
    """Seconds after which the error of each frequency was first so small; None if it never was."""
    looks = [s for s in entrant.trace.snapshots if s.seconds > 0]
    return [
        next((s.seconds for s in looks if errors(s)[i] < bound), None)
        for i in range(len(names(entrant)))
    ]
