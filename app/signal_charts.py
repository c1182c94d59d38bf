"""The sections of a signal's report: frequencies and their errors, nearness, and complexity."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fields.record_signal import Sight, SignalSnapshot

from .charts import colour, error_map, final
from .figures import number
from .report import both, maps_section, nearness, over_time, section
from .studies.drawing import scene_svg
from .studies.scene import Line, Lines, Scene
from .trace import Trace

Span = tuple[float, float] | None  # seconds

SHOWN = 160  # points of a spectrum; of more, the highest of neighbours
FLOOR = 1e-4  # of the highest amplitude, where a spectrum is cut off
BEYOND = 4  # times the highest peak, where it ends
WIDE = 40  # cycles a side, beyond which their axis is logarithmic

PEAKS = (
    "Each row is a peak of the signal's spectrum, a number of cycles over the signal, low ones at "
    "the bottom; time runs to the right. <b>Pale</b> is not begun, <b>dark</b> is learned, and the "
    "white line marks when a frequency had lost half of its error. Where the dark climbs from row "
    "to row, low frequencies were learned first: this is the frequency principle."
)
SPECTRUM = (
    "How much of each frequency is in the signal, and how much in what each method made of it in "
    "the end. Where the two lines lie on each other, the frequency is learned, unless it is out of "
    "place, which the map above would show. The dashed lines mark the rows of that map."
)
COMPLEXITY = (
    "A fit begins with something simple. The <b>entropy</b> says how many different values the "
    "output takes, the <b>total variation</b> how far it goes up and down altogether; both grow "
    "towards those of the signal, the dashed lines. An entropy that rises above the line and falls "
    "back is compression: a signal of steps is first fitted by something continuous."
)
LOSS = "The mean squared error of the batches, which the fit makes small."


def signal_sections(order: Sequence[Trace], sight: Sight) -> list[str]:
    """The HTML of all sections, for fits in their order that were seen by this sight."""

    def peak_map(trace: Trace, *, span: Span, width: float) -> str:
        return error_map(
            trace,
            [number(k) for k in _cycles(sight, sight.peaks)],
            lambda snapshot: _seen(snapshot).peak_error,
            label=f"{trace.method}: error of each frequency over time",
            span=span,
            width=width,
        )

    loss = over_time(order, "loss", lambda snapshot: snapshot.loss, y_log=True)
    frequencies = []
    if len(sight.peaks):  # a constant has none
        scene = Scene((_spectrum(order, sight),), 1, "")
        spectrum = both(lambda width: scene_svg(scene, width), 1080)
        frequencies = [
            maps_section(order, PEAKS, peak_map),
            section("Its spectrum", SPECTRUM, f"<figure>{spectrum}</figure>"),
        ]
    return [
        *frequencies,
        f'<div class="pair">{nearness(order)}{section("The loss", LOSS, loss)}</div>',
        section("From simple to complex", COMPLEXITY, _complexity(order, sight)),
    ]


def _seen(snapshot: object) -> SignalSnapshot:
    assert isinstance(snapshot, SignalSnapshot)
    return snapshot


def _cycles(sight: Sight, k: Tensor) -> list[float]:
    """Whole frequencies as cycles a side."""
    return (k * sight.cycles).tolist()


def _spectrum(order: Sequence[Trace], sight: Sight) -> Lines:
    """Amplitudes of the signal and of each fit in the end."""
    last = min(len(sight.amplitude) - 1, max(16, BEYOND * int(sight.peaks.max())))
    shown = _thinned(sight.amplitude, last)
    top = float(sight.amplitude[1:].max())
    drawn = shown[1] >= FLOOR * top  # dots at the lower edge would say that something is there
    series = [_line("signal", "currentColor", sight, *shown)]
    if last <= WIDE:
        k, amplitudes = (part[drawn] for part in shown)
        series = [replace(_line("signal", "currentColor", sight, k, amplitudes), style="dots")]
    for trace in order:
        look = final(trace)
        if look is not None and len(_seen(look).amplitude):
            found = _thinned(_seen(look).amplitude.double(), last)
            series.append(_line(trace.method, colour(trace.method), sight, *found))
    peaks = _cycles(sight, sight.peaks)
    return Lines(
        "",
        series,
        x_label="cycles over the signal",
        y_label="amplitude",
        x_axis="log" if last > WIDE else "linear",
        y_axis="log",
        marks=[(k, number(k)) for k in peaks],
        y_span=(FLOOR * top, 2 * top),
    )


def _line(name: str, paint: str, sight: Sight, k: Tensor, amplitudes: Tensor) -> Line:
    return Line(name, _cycles(sight, k), amplitudes.tolist(), paint)


def _thinned(amplitudes: Tensor, last: int) -> tuple[Tensor, Tensor]:
    """Frequencies from 1 to `last` and their amplitudes, no more than can be told apart."""
    groups = torch.logspace(0, torch.tensor(last + 1.0).log10(), SHOWN).long().unique()
    ends = [*groups.tolist()[1:], last + 1]
    kept = [
        start + int(amplitudes[start:end].argmax())
        for start, end in zip(groups.tolist(), ends, strict=True)
        if start < end
    ]
    k = torch.tensor(kept)
    return k, amplitudes[k]


def _complexity(order: Sequence[Trace], sight: Sight) -> str:
    entropy = over_time(
        order, "entropy, bits", lambda s: s.metrics.get("entropy", math.nan), level=sight.entropy
    )
    variation = over_time(
        order,
        "total variation",
        lambda s: s.metrics.get("total_variation", math.nan),
        level=sight.variation,
    )
    return f'<div class="maps" style="--columns:2">{entropy}{variation}</div>'
