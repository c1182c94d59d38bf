"""Charts as inline SVG: pure functions from numbers to strings.

Lines and letters take the page's text colour (`currentColor`), so that one chart suits light and
dark pages. Nothing in a chart has an id, so that a page may show the same one twice.
"""

import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import escape
from itertools import pairwise

from torch import Tensor

from fields import Snapshot

from . import svg
from .figures import decibel, duration, number
from .measures import Measure
from .svg import Axis
from .trace import Trace

Series = tuple[str, str, Sequence[float], Sequence[float]]  # name, colour, xs, ys
Mark = tuple[float, float, str, str]  # x, y, colour, name

LEARNED = 0.5  # a band is learned below this relative error: three quarters of its power are there
DECADES = 1e-8  # of the highest value, where a log axis ends; what is below lies on its edge
PRECISE = 1e-32  # the same for errors, which doubles have down to 1e-16, and for their squares

# The palette of Okabe & Ito (2008) for the methods most often compared; the others take the gaps.
METHOD_COLOURS = {
    "auto": "#7a4bd6",
    "plain": "#d55e00",
    "positional": "#56b4e9",
    "fourier": "#e69f00",
    "multifourier": "#b3a125",
    "hash": "#0072b2",
    "dense": "#6f7fd8",
    "spline": "#3f9fa8",
    "siren": "#009e73",
    "wire": "#cc79a7",
    "finer": "#7fae3c",
    "adaptive": "#a3764b",
    "mscale1": "#9a63c4",
    "mscale2": "#c26fd1",
    "phase": "#c8506a",
    "multistage": "#7d8794",
}


def colour(method: str) -> str:
    """A method's own colour, `#rrggbb`: the same in every chart, visible on white and on black."""
    known = METHOD_COLOURS.get(method)
    if known is not None:
        return known
    palette = list(METHOD_COLOURS.values())
    return palette[zlib.crc32(method.encode()) % len(palette)]


def final(trace: Trace) -> Snapshot | None:
    """The snapshot that shows what was kept: a run that was lost goes back to its best."""
    if trace.end != "diverged" or not trace.snapshots:
        return trace.snapshots[-1] if trace.snapshots else None

    followed = trace.subject.followed

    def good(snapshot: Snapshot) -> float:
        value = snapshot.metrics.get(followed.key, math.nan)
        return followed.rank(value) if math.isfinite(value) else -math.inf

    return max(trace.snapshots, key=good)


# --- bands of frequencies ---


def band_names(edges: Tensor) -> list[str]:
    """Bands of frequencies in cycles per picture: `mean`, `1–2`, `2–4` ... and `> 384`.

    The last lies beyond what a row of pixels carries, in the corners of the spectrum.
    """
    spans = [_band(edges, i) for i in range(len(edges) - 1)]
    names = [f"{_cycles(low)}–{_cycles(high)}" if low else "mean" for low, high in spans]
    return [*names[:-1], f"> {_cycles(spans[-1][0])}"]


def _band(edges: Tensor, i: int) -> tuple[float, float]:
    """From where to where band i goes. The first edge above the mean's is half a cycle short."""
    low, high = float(edges[i]), float(edges[i + 1])
    return (2 * low if i == 1 and float(edges[0]) == 0 else low), high


def _cycles(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or abs(value - round(value)) < 0.05 else f"{value:.1f}"


# --- the colour ramp ---

# Pale sand over sea green and blue to night, in OKLab (L, a, b). Lightness falls in equal steps, so
# that equal differences look equal, in grey and to any kind of colour vision.
_RAMP = (
    (0.935, -0.004, 0.030),
    (0.765, -0.066, 0.012),
    (0.595, -0.070, -0.056),
    (0.425, -0.022, -0.110),
    (0.255, 0.012, -0.075),
)


@cache
def ramp(percent: int) -> str:
    """The heat map's colour, `#rrggbb`: dark at 0 % error (learned), pale at 100 % (not begun)."""
    place = (1 - percent / 100) * (len(_RAMP) - 1)
    i = min(int(place), len(_RAMP) - 2)
    lightness, a, b = (p + (place - i) * (q - p) for p, q in zip(*_RAMP[i : i + 2], strict=True))
    # OKLab to linear sRGB [Ottosson 2020].
    l3 = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m3 = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s3 = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
        -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
        -0.0041960863 * l3 - 0.7034186147 * m3 + 1.7076147010 * s3,
    )
    return "#" + "".join(f"{round(255 * _gamma(v)):02x}" for v in linear)


def _gamma(linear: float) -> float:
    v = min(1.0, max(0.0, linear))
    return 12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055


# --- axes and pieces of SVG ---


def _span(values: Iterable[float], *, log: bool) -> tuple[float, float]:
    """The least and the greatest of the values that can be drawn, not equal."""
    drawn = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    low, high = (min(drawn), max(drawn)) if drawn else (1.0, 10.0)
    if high > low * (1 + 1e-9) if log else high - low > 1e-9:
        return low, high
    return (low / 2, low * 2) if log else (low - 0.5, low + 0.5)


def _svg(width: float, height: float, label: str, body: Iterable[str], extra: str = "") -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{escape(label)}" '
        f'font-size="{svg.FONT}" fill="currentColor" {extra}'
        f'style="max-width:100%;height:auto;overflow:visible">{"".join(body)}</svg>'
    )


# The difference shows on pale and on dark alike.
_CURSOR = (
    '<path class="now" d="M0 {top:g}V{bottom:g}" stroke="#fff" style="mix-blend-mode:difference" '
    'visibility="hidden"/>'
)


def _time_data(axis: Axis) -> str:
    """What a page's script needs to find a time on this chart."""
    return f'data-time="{axis.low:.6g} {axis.high:.6g} {axis.start:g} {axis.end:g}" '


# --- lines ---


def curves(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    x_log: bool = False,
    y_log: bool = False,
    span: tuple[float, float] | None = None,
    x_ticks: Sequence[float] | None = None,
    marks: Sequence[Mark] = (),
    level: float | None = None,
    floor: float = DECADES,
    width: float = 720,
) -> str:
    """Lines, each with its name at its end, and its last value where the y axis is linear.

    Infinite values lie on the upper edge; nan, and what a log axis has no place for, is left out.

    Args:
        span: of the x axis; that of the data when None.
        x_ticks: where to put them; round values when None.
        marks: two points to ring at most, each with a line across the chart and its name on top.
        level: a value to draw a line across at.
        floor: of the highest value, where a log axis of y ends.
    """
    points = [_drawable(s, x_log, y_log) for s in series]
    labels = [name if y_log or not ys else f"{name} {decibel(ys[-1])}" for name, _, _, ys in points]
    right = 22 + svg.GLYPH * max((len(text) for text in labels), default=0)
    height = round(min(max(0.55 * width, 230), 360))
    low, high = span or _span((x for _, _, xs, _ in points for x in xs), log=x_log)
    x = Axis(low, high, 46, width - right, x_log)
    values = [v for _, _, _, ys in points for v in ys]
    y = _y_axis([*values, *([] if level is None else [level])], height, floor if y_log else 0)
    body = [*_y_grid(y, x, y_label), *_x_grid(x, y, x_label, x_ticks)]
    ends: list[tuple[float, float, str, str]] = []
    for (name, paint, xs, ys), text in zip(points, labels, strict=True):
        if not xs:
            continue
        body.append(_curve(name, paint, [(x(u), y(v)) for u, v in zip(xs, ys, strict=True)], text))
        ends.append((x(xs[-1]), y(ys[-1]), paint, text))
    if level is not None:
        body.append(svg.stroke(x.start, y(level), x.end, y(level), svg.DASHED))
    body += _marks(marks, x, y)
    body += _end_labels(ends, x.end + 12, y.end, y.start)
    extra = ""
    if x_log and x_label == "seconds":
        body.append(_CURSOR.format(top=y.end, bottom=y.start))
        extra = _time_data(x)
    return _svg(width, height, f"{y_label} over {x_label}", body, extra)


def _marks(marks: Sequence[Mark], x: Axis, y: Axis) -> list[str]:
    """At most two: the left one's name is to the left of its line, the right one's to the right."""
    body: list[str] = []
    anchors = ["middle"] if len(marks) == 1 else ["end", "start"]
    ordered = sorted(marks, key=lambda mark: mark[0])
    for (at, value, paint, text), anchor in zip(ordered, anchors, strict=False):
        u, v = x(at), y(value)
        body.append(svg.stroke(u, y.end, u, y.start, svg.DASHED))
        body.append(
            f'<circle class="mark" cx="{u:.1f}" cy="{v:.1f}" r="5" fill="none" stroke="{paint}" '
            f'stroke-width="2"><title>{escape(text)}</title></circle>'
        )
        shift = {"middle": 0, "end": 4, "start": -4}[anchor]
        body.append(svg.text(u + shift, y.end - 5, text, anchor=anchor))
    return body


def _drawable(series: Series, x_log: bool, y_log: bool) -> Series:
    name, paint, xs, ys = series
    kept = [
        (float(u), float(v))
        for u, v in zip(xs, ys, strict=True)
        if math.isfinite(u) and (u > 0 or not x_log)
        if not math.isnan(v) and (v > 0 or not y_log) and v != -math.inf
    ]
    return name, paint, [u for u, _ in kept], [v for _, v in kept]


def _y_axis(values: list[float], height: float, floor: float) -> Axis:
    """Linear if the floor is 0, else logarithmic from it on, as a share of the highest value."""
    low, high = _span(values, log=floor > 0)
    if floor:
        low = max(low, high * floor)
        return Axis(low / 1.5, high * 1.5, height - 42, 30, True)
    room = (high - low) / 12
    return Axis(low - room, high + room, height - 42, 30)


def _y_grid(y: Axis, x: Axis, label: str) -> list[str]:
    return [svg.text(0, 14, label, extra=svg.SOFT), *svg.y_grid(y, x)]


def _x_grid(x: Axis, y: Axis, label: str, ticks: Sequence[float] | None) -> list[str]:
    body = [svg.stroke(x.start, y.start, x.end, y.start, svg.FRAME)]
    last = -math.inf
    for tick in x.ticks(56) if ticks is None else ticks:
        if x.low * 0.999 <= tick <= x.high * 1.001 and x(tick) - last > 26:
            last = x(tick)
            body.append(svg.stroke(x(tick), y.start, x(tick), y.start + 4, svg.FRAME))
            extra = svg.SOFT
            body.append(svg.text(x(tick), y.start + 18, number(tick), anchor="middle", extra=extra))
    body.append(
        svg.text((x.start + x.end) / 2, y.start + 38, label, anchor="middle", extra=svg.SOFT)
    )
    return body


def _curve(name: str, paint: str, points: list[tuple[float, float]], text: str) -> str:
    step = max(1, len(points) // 400)
    shown = points[:-1:step] + points[-1:]
    path = "M" + "L".join(f"{u:.1f} {v:.1f}" for u, v in shown)
    u, v = points[-1]
    wide = 2.6 if paint == "currentColor" else 2
    return (
        f'<g class="curve" data-name="{escape(name)}" stroke="{paint}" fill="none" '
        f'stroke-linejoin="round"><title>{escape(text)}</title>'
        f'<path d="{path}" stroke-width="{wide}"/>'
        f'<path d="{path}" stroke-width="14" opacity="0"/>'
        f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3.2" fill="{paint}" stroke="none"/></g>'
    )


def _end_labels(
    ends: list[tuple[float, float, str, str]], x: float, top: float, bottom: float
) -> list[str]:
    """Names beside the lines' ends, moved apart where they would lie on each other."""
    ends = sorted(ends, key=lambda e: e[1])
    places = _apart([v for _, v, _, _ in ends], svg.FONT + 4, top, bottom)
    body = []
    for (u, v, paint, text), place in zip(ends, places, strict=True):
        if math.hypot(x - u, place - v) > 14:
            extra = 'stroke-opacity=".3" stroke-dasharray="1 3" stroke-linecap="round" fill="none"'
            body.append(svg.stroke(u + 6, v, x - 3, place, extra))
        # Mixed with the text's colour, thin letters keep the contrast that a thick line has.
        style = f'fill="{paint}" style="fill:color-mix(in oklab,{paint} 62%,currentColor)"'
        body.append(svg.text(x, place + 4, text, extra=f'{style} font-weight="600"'))
    return body


def _apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart, as near as can be to the ascending ones that are wanted.

    Neighbours that are too close become a group around the middle of what they want.
    """
    groups: list[list[float]] = []

    def start(group: list[float]) -> float:
        middle = sum(group) / len(group) - gap * (len(group) - 1) / 2
        return max(low, min(middle, high - gap * (len(group) - 1)))

    for value in wanted:
        groups.append([value])
        while len(groups) > 1 and start(groups[-2]) + gap * len(groups[-2]) > start(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [start(group) + gap * i for group in groups for i in range(len(group))]


# --- the stop ---

RULE_LABELS = {
    "heldout": "error on held-out pixels, of 255",
    "discrepancy": "what is left over, of 255",
    "variance": "movement of the picture, of 255",
}


NEAR = 1.5  # curves begin where they come within this factor of what was kept,
NEAR_DECIBELS = 5  # or so near to the best: before that they only fall or rise


def stop_curve(trace: Trace, *, width: float = 530) -> str:
    """What the stopping rule saw over the steps, as a root mean square, and the step it chose."""
    rule = trace.stop
    assert rule is not None
    assert rule.chosen is not None
    paint = colour(trace.method)
    seen = [(p.step, _of_255(p.value)) for p in rule.points]
    kept = rule.chosen
    near = NEAR * _of_255(kept.value)
    seen = seen[next((i for i, (_, v) in enumerate(seen) if v <= near), 0) :]
    mark = (kept.step, _of_255(kept.value), paint, f"kept: step {kept.step:,}")
    return curves(
        [(rule.name, paint, [s for s, _ in seen], [v for _, v in seen])],
        x_label="steps",
        y_label=RULE_LABELS[rule.name],
        x_log=True,
        marks=[mark] if math.isfinite(kept.value) else [],
        level=None if rule.limit is None else _of_255(rule.limit),
        width=width,
    )


def clean_curve(trace: Trace, *, width: float = 530) -> str:
    """PSNR against the clean picture over the steps; the step kept, and the best in hindsight."""
    paint = colour(trace.method)
    step, _, best = trace.oracle
    seen = trace.clean
    seen = seen[next(i for i, point in enumerate(seen) if point[2] >= best - NEAR_DECIBELS) :]
    marks: list[Mark] = [(step, best, "currentColor", f"best: step {step:,}")]
    if trace.stop is not None and trace.stop.chosen is not None:
        kept = trace.stop.chosen.step
        near = min(trace.clean, key=lambda point: abs(point[0] - kept))
        same = near[0] == step
        marks = [(near[0], near[2], paint, f"kept{' and best' if same else ''}: step {kept:,}")]
        if not same:
            marks.append((step, best, "currentColor", f"best: step {step:,}"))
    return curves(
        [(trace.method, paint, [s for s, _, _ in seen], [v for _, _, v in seen])],
        x_label="steps",
        y_label="PSNR to the clean picture, dB",
        x_log=True,
        marks=marks,
        width=width,
    )


def _of_255(mean_square: float) -> float:
    return 255 * math.sqrt(mean_square) if mean_square >= 0 else math.nan


# --- the heat map ---


def time_span(traces: Sequence[Trace]) -> tuple[float, float] | None:
    """A time axis (seconds) for all these fits, from before the first look; None without one."""
    times = [s.seconds for t in traces for s in t.snapshots if s.seconds > 0]
    if not times:
        return None
    low, high = _span(times, log=True)
    return max(low / 3, high / 1e4), high


def heat_map(trace: Trace, *, span: tuple[float, float] | None = None, width: float = 400) -> str:
    """The relative error of each frequency band over time: dark is learned, pale is not begun.

    Rows are bands, low frequencies at the bottom; each moment shows the snapshot nearest to it. A
    white line follows the time at which each band was learned.

    Args:
        span: seconds from and to; give several methods the same to compare them.
    """
    rows = [i for i, power in enumerate(trace.power.tolist()) if power > 0]
    names = band_names(trace.edges)
    return error_map(
        trace,
        [names[band] for band in rows],
        lambda snapshot: [snapshot.band_error[band] for band in rows],
        label=f"{trace.method}: error of each frequency band over time",
        span=span,
        width=width,
    )


def error_map(
    trace: Trace,
    names: Sequence[str],
    errors_of: Callable[[Snapshot], Sequence[float]],
    *,
    label: str,
    span: tuple[float, float] | None = None,
    width: float = 400,
) -> str:
    """Relative errors over time as `heat_map` has them, of whatever the rows are.

    Args:
        names: of the rows, from the bottom up.
        errors_of: a snapshot's errors, one a row.
    """
    known = span or time_span([trace])
    snapshots = sorted(trace.snapshots, key=lambda s: s.seconds)
    if not names or not snapshots:
        return _svg(width, 40, "no frequencies yet", [svg.text(0, 24, "Nothing to see yet.")])
    cell = 22.0
    top, left, right = 26.0, 62.0, width - 62
    bottom = top + cell * len(names)
    x = Axis(*(known or (1, 10)), left, right, log=True)
    edges = _column_edges([s.seconds for s in snapshots], x)
    columns = [list(errors_of(s)) for s in snapshots]
    body = [svg.text(0, 14, f"cycles per {trace.subject.word}", extra=svg.SOFT)]
    for row, name in enumerate(names):
        y = bottom - cell * (row + 1)
        body += _heat_row([column[row] for column in columns], edges, y, cell - 1)
        body.append(svg.text(left - 8, y + cell / 2 + 4, name, anchor="end", extra=svg.SOFT))
    if len(snapshots) > 2:
        body.append(_front(columns, edges, bottom, cell))
    body += _time_ticks(x, bottom) if known else []
    body += _columns(snapshots, names, columns, edges, top, bottom, trace.subject.followed)
    body += _colour_bar(right + 14, top, max(44.0, bottom - top - 1))
    body.append(_CURSOR.format(top=top - 4, bottom=bottom + 4))
    return _svg(width, bottom + 42, label, body, _time_data(x) if known else "")


def _column_edges(times: list[float], x: Axis) -> list[float]:
    """Where each snapshot begins to be the nearest one, and where the last ends, in pixels."""
    middles = [x((a + b) / 2) for a, b in pairwise(times)]
    return [x.start, *middles, max(x(times[-1]), x.start + 12)]


def _heat_row(errors: list[float], edges: list[float], y: float, height: float) -> list[str]:
    """Cells of one band, those of one colour in a row joined into one."""
    body: list[str] = []
    start = 0
    shades = [_percent(e) for e in errors]
    for i in range(1, len(shades) + 1):
        if i < len(shades) and shades[i] == shades[start]:
            continue
        x0, x1, shade = edges[start], edges[i], shades[start]
        start = i
        if x1 - x0 < 0.05:
            continue
        if shade is None:
            body.append(_hatched(x0, y, x1, y + height))
        else:
            # A little too wide, so that no gap shows where two cells meet.
            wide = x1 - x0 + (0.6 if i < len(shades) else 0)
            body.append(
                f'<rect x="{x0:.2f}" y="{y:.1f}" width="{wide:.2f}" height="{height:g}" '
                f'fill="{ramp(shade)}"/>'
            )
    return body


def _percent(error: float) -> int | None:
    return None if math.isnan(error) else round(100 * min(1.0, max(0.0, error)))


def _hatched(x0: float, y0: float, x1: float, y1: float) -> str:
    """Grey and hatched: there is nothing to measure here."""
    strokes, x = [], x0 - (y1 - y0)
    while x < x1:
        a, b = max(0.0, x0 - x), min(y1 - y0, x1 - x)
        if b > a:
            strokes.append(f"M{x + a:.1f} {y1 - a:.1f}L{x + b:.1f} {y1 - b:.1f}")
        x += 7
    return (
        f'<rect x="{x0:.2f}" y="{y0:.1f}" width="{x1 - x0:.2f}" height="{y1 - y0:g}" '
        f'class="nan" fill-opacity=".07"/>'
        f'<path d="{"".join(strokes)}" stroke="currentColor" stroke-opacity=".25"/>'
    )


def _front(columns: list[list[float]], edges: list[float], bottom: float, cell: float) -> str:
    """A line through the moments at which the rows were learned, as far as they were."""
    points: list[str] = []
    for row in range(len(columns[0])):
        y = bottom - cell * row
        first = next((i for i, column in enumerate(columns) if column[row] < LEARNED), None)
        if first is None:
            points.append(f"{edges[-1]:.1f} {y:.1f}")
            break
        points += [f"{edges[first]:.1f} {y:.1f}", f"{edges[first]:.1f} {y - cell:.1f}"]
    path = "M" + "L".join(points)
    return f'<path class="front" d="{path}" fill="none" stroke="#fff" stroke-width="1.6"/>'


def _time_ticks(x: Axis, bottom: float) -> list[str]:
    body = []
    for tick in x.ticks(38):
        body.append(svg.stroke(x(tick), bottom + 1, x(tick), bottom + 5, svg.FRAME))
        body.append(svg.text(x(tick), bottom + 19, number(tick), anchor="middle", extra=svg.SOFT))
    middle = (x.start + x.end) / 2
    body.append(svg.text(middle, bottom + 38, "seconds", anchor="middle", extra=svg.SOFT))
    return body


def _columns(
    snapshots: list[Snapshot],
    names: Sequence[str],
    columns: list[list[float]],
    edges: list[float],
    top: float,
    bottom: float,
    followed: Measure,
) -> list[str]:
    """An invisible layer that says what a column holds when the pointer rests on it."""
    body = []
    for i, s in enumerate(snapshots):
        if edges[i + 1] - edges[i] < 0.05:
            continue
        value = followed.text(s.metrics.get(followed.key, math.nan))
        figure = f"{followed.word} {value} {followed.unit}".strip()
        lines = [f"{duration(s.seconds)}, step {s.step:,}, {figure}"]
        for name, error in reversed(list(zip(names, columns[i], strict=True))):
            shade = _percent(error)
            lines.append(f"{name}: {'–' if shade is None else f'{shade} %'}")
        said = "\n".join(lines)
        body.append(
            f'<rect x="{edges[i]:.1f}" y="{top:g}" width="{edges[i + 1] - edges[i]:.1f}" '
            f'height="{bottom - top:g}" fill-opacity="0"><title>{said}</title></rect>'
        )
    return body


def _colour_bar(x: float, y: float, height: float) -> list[str]:
    n = 50
    step = height / n
    body = [svg.text(x, y - 12, "error", extra=svg.SOFT)]
    for i in range(n):
        tall = step + (0.5 if i < n - 1 else 0)
        body.append(
            f'<rect x="{x:.1f}" y="{y + i * step:.2f}" width="7" height="{tall:.2f}" '
            f'fill="{ramp(round(100 * (1 - i / (n - 1))))}"/>'
        )
    for share, text, shift in ((0.0, "0", 0), (0.5, "0.5", 4), (1.0, "1", 9)):
        body.append(svg.text(x + 11, y + height * (1 - share) + shift, text, extra=svg.SOFT))
    return body


# --- the spectrum ---


def spectrum(traces: Sequence[Trace], *, width: float = 720) -> str:
    """Power of the target in each band, and how much of it each fit still lacks.

    What a fit lacks in a band is its relative error squared, times the target's power there.
    """
    if not traces:
        return ""
    bands = _octaves(traces[0])
    centres = [math.sqrt(low * high) for _, low, high in bands]
    power, word = traces[0].power.tolist(), traces[0].subject.word
    series: list[Series] = [(word, "currentColor", centres, [power[i] for i, _, _ in bands])]
    for trace in traces:
        shown = final(trace)
        if shown is not None and len(trace.power) == len(power):
            errors = shown.band_error
            lacks = [min(errors[i], 1e6) ** 2 * power[i] for i, _, _ in bands]
            series.append((trace.method, colour(trace.method), centres, lacks))
    ends = [low for _, low, _ in bands] + [high for _, _, high in bands[-1:]]
    return curves(
        series,
        x_label=f"cycles per {word}",
        y_label="power in each band",
        x_log=True,
        y_log=True,
        span=(ends[0], ends[-1]) if bands else None,
        x_ticks=ends,
        width=width,
    )


def _octaves(trace: Trace) -> list[tuple[int, float, float]]:
    """The bands with power, without the mean and the corners of the spectrum."""
    found = []
    for i, power in enumerate(trace.power.tolist()[:-1]):
        low, high = _band(trace.edges, i)
        if power > 0 and low > 0:
            found.append((i, low, high))
    return found
