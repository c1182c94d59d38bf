"""Draws a chart of lines."""

import math
from collections.abc import Sequence
from html import escape

from ..svg import DASHED, SOFT, Axis, stroke, text, x_ticks, y_grid
from .scene import Line, Lines
from .svg import PALETTE, ROW, Drawn, side_by_side, span, title, wide

POINTS = 400  # of a line, at most


def draw_lines(panel: Lines, width: float) -> Drawn:
    """A chart of lines with its legend on top."""
    top, head = title(panel.title, width)
    colours = _colours(panel.series)
    legend_height, legend = _legend(panel.series, colours, width, top)
    kept = [_points(line, panel) for line in panel.series]
    x = _x_axis(panel, kept, width)
    rows = _mark_rows(panel, x)
    label_at = top + legend_height + 14
    plot_top = label_at + 12 + ROW * max((row + 1 for row in rows), default=0)
    plot_bottom = plot_top + min(max(0.46 * width, 140), 230)
    y = _y_axis(panel, kept, plot_top, plot_bottom)
    body = [head, legend, text(0, label_at, panel.y_label, extra=SOFT)]
    body += [*y_grid(y, x), *x_ticks(x, y.start, panel.x_label)]
    body += _marks(panel, x, y, rows)
    for line, paint, points in zip(panel.series, colours, kept, strict=True):
        for run in _within(points, y):
            body.append(_curve(line, paint, [(x(u), y(v)) for u, v in run]))
    body += _levels(panel, x, y)
    return plot_bottom + 44, "".join(body)


def _colours(series: Sequence[Line]) -> list[str]:
    """Each line's own colour, or the next of the palette."""
    palette = [c for c in PALETTE if c not in {line.colour for line in series}]
    free = iter(palette * (1 + len(series)))
    return [line.colour or next(free) for line in series]


def _legend(series: Sequence[Line], colours: Sequence[str], width: float, top: float) -> Drawn:
    named = [(s, c) for s, c in zip(series, colours, strict=True) if s.name]
    places = side_by_side([26 + wide(s.name) for s, _ in named], width, 14)
    body = []
    for (line, paint), (x, row) in zip(named, places, strict=True):
        y = top + 13 + ROW * row
        body.append(_sample(line, paint, x, y - 4))
        style = f'style="fill:color-mix(in oklab,{paint} 55%,currentColor)"'
        body.append(text(x + 24, y, line.name, extra=style))
    rows = max((row + 1 for _, row in places), default=0)
    return ROW * rows + (4 if rows else 0), "".join(body)


def _sample(line: Line, paint: str, x: float, y: float) -> str:
    if line.style == "dots":
        return f'<circle cx="{x + 9:.1f}" cy="{y:.1f}" r="3" fill="{paint}"/>'
    return f'<path d="M{x:.1f} {y:.1f}h18" {_pen(line, paint)}/>'


def _pen(line: Line, paint: str) -> str:
    pens = {
        "line": 'stroke-width="2"',
        "dashed": 'stroke-width="2" stroke-dasharray="5 4"',
        "thin": 'stroke-width="1.2" stroke-opacity=".75"',
        "dots": "",
    }
    return f'stroke="{paint}" fill="none" stroke-linejoin="round" {pens[line.style]}'


def _points(line: Line, panel: Lines) -> list[tuple[float, float]]:
    """The points that can be drawn, within the span of the x axis."""
    low, high = panel.x_span or (-math.inf, math.inf)
    return [
        (float(u), float(v))
        for u, v in zip(line.xs, line.ys, strict=True)
        if low <= u <= high
        if math.isfinite(u) and (u > 0 or panel.x_axis == "linear")
        if math.isfinite(v) and (v > 0 or panel.y_axis == "linear")
    ]


def _x_axis(panel: Lines, kept: list[list[tuple[float, float]]], width: float) -> Axis:
    marked = [at for at, _ in panel.marks]
    found = [u for points in kept for u, _ in points]
    low, high = panel.x_span or span([*found, *marked], panel.x_axis)
    return Axis(low, high, 46, width - 12, panel.x_axis == "log")


def _y_axis(panel: Lines, kept: list[list[tuple[float, float]]], top: float, bottom: float) -> Axis:
    if panel.y_span is not None:
        return Axis(*panel.y_span, bottom, top, panel.y_axis == "log")
    found = [v for points in kept for _, v in points] + [v for v, _ in panel.levels]
    low, high = span(found, panel.y_axis)
    if panel.y_axis == "log":
        return Axis(low / 1.5, high * 1.5, bottom, top, True)
    room = (high - low) / 12
    return Axis(low - room, high + room, bottom, top)


def _within(points: list[tuple[float, float]], y: Axis) -> list[list[tuple[float, float]]]:
    """The runs of points that lie within the axis, each up to where the line leaves it."""
    runs: list[list[tuple[float, float]]] = [[]]
    before: tuple[float, float] | None = None
    for point in points:
        inside = y.low <= point[1] <= y.high
        if before is not None and inside != (y.low <= before[1] <= y.high):
            runs[-1].append(_edge(before, point, y))
            if not inside:
                runs.append([])
        if inside:
            runs[-1].append(point)
        before = point
    return [run for run in runs if run]


def _edge(a: tuple[float, float], b: tuple[float, float], y: Axis) -> tuple[float, float]:
    """Where the line from a to b crosses the axis's end."""
    end = y.high if max(a[1], b[1]) > y.high else y.low
    u, v, w = (math.log(value) if y.log else value for value in (a[1], end, b[1]))
    return a[0] + (b[0] - a[0]) * (v - u) / (w - u), end


def _curve(line: Line, paint: str, points: list[tuple[float, float]]) -> str:
    step = max(1, len(points) // POINTS)
    shown = points[:-1:step] + points[-1:]
    if line.style == "dots":
        dots = "".join(f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3"/>' for u, v in shown)
        return f'<g fill="{paint}"><title>{escape(line.name)}</title>{dots}</g>'
    path = "M" + "L".join(f"{u:.1f} {v:.1f}" for u, v in shown)
    return f'<path d="{path}" {_pen(line, paint)}><title>{escape(line.name)}</title></path>'


def _mark_rows(panel: Lines, x: Axis) -> list[int]:
    """The row above the chart, 0 the lowest, where each mark has its name to the right of its line.

    Names of marks further left are higher, so that no line goes through a name.
    """
    rows = [0] * len(panel.marks)
    ordered = sorted(range(len(rows)), key=lambda i: -panel.marks[i][0])
    for place, i in enumerate(ordered):
        at, words = panel.marks[i]
        end = x(at) + wide(words) + 10
        rows[i] = max(
            (rows[j] + 1 for j in ordered[:place] if x(panel.marks[j][0]) < end), default=0
        )
    return rows


def _marks(panel: Lines, x: Axis, y: Axis, rows: list[int]) -> list[str]:
    body = []
    for (at, words), row in zip(panel.marks, rows, strict=True):
        top = y.end - 4 - ROW * row
        body.append(stroke(x(at), top - 9, x(at), y.start, DASHED))
        if x(at) + wide(words) + 4 <= x.end + 12:
            body.append(text(x(at) + 4, top, words))
        else:
            body.append(text(x(at) - 4, top, words, "end"))
    return body


def _levels(panel: Lines, x: Axis, y: Axis) -> list[str]:
    body = []
    for value, words in panel.levels:
        body.append(stroke(x.start, y(value), x.end, y(value), DASHED))
        body.append(text(x.end, y(value) - 4, words, "end", SOFT))
    return body
