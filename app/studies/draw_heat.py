"""Draws a matrix in colours."""

import math
from collections.abc import Sequence
from itertools import pairwise

from ..figures import number
from ..svg import SOFT, Axis, text, x_ticks
from .scene import Heat
from .svg import Drawn, red_to_blue, span, title, wide

COLUMNS = 240  # at most


def draw_heat(panel: Heat, width: float) -> Drawn:
    """A matrix in colours with its colour bar."""
    top, head = title(panel.title, width)
    left = 10 + max((wide(name) for name in panel.rows), default=0)
    cell = min(30.0, max(12.0, 200 / max(1, len(panel.rows))))
    upper = top + 24
    lower = upper + cell * len(panel.rows)
    skip = max(1, math.ceil(len(panel.columns) / COLUMNS))
    columns = panel.columns[::skip]
    ends = panel.x_span or span(columns, panel.x_axis)
    x = Axis(*ends, left, width - 46, panel.x_axis == "log")
    edges = _edges(columns, x)
    body = [head, text(0, top + 14, panel.y_label, extra=SOFT)]
    for i, (name, values) in enumerate(zip(panel.rows, panel.values, strict=True)):
        y = lower - cell * (i + 1)
        shares = [(v - panel.low) / (panel.high - panel.low) for v in values[::skip]]
        body += _cells(shares, edges, y, cell - 1)
        body.append(text(left - 8, y + cell / 2 + 4, name, "end", SOFT))
    body.append(_front(panel, x, lower, cell))
    body += x_ticks(x, lower + 2, panel.x_label)
    body += _colour_bar(panel, width - 34, upper, max(48.0, lower - upper - 1))
    return max(lower, upper + 48) + 46, "".join(body)


def _edges(columns: Sequence[float], x: Axis) -> list[float]:
    """Where each column begins to be the nearest one, and where the last ends, in pixels."""
    places = [x(c) for c in columns]
    if not places:
        return [x.start]
    middles = [(a + b) / 2 for a, b in pairwise(places)]
    last = 2 * places[-1] - middles[-1] if middles else x.end
    return [x.start, *middles, min(x.end, max(last, places[-1] + 1))]


def _cells(shares: Sequence[float], edges: Sequence[float], y: float, height: float) -> list[str]:
    """One row, with the neighbours of one colour joined into one cell."""
    paints = [None if math.isnan(s) else red_to_blue(s) for s in shares]
    body, start = [], 0
    for i in range(1, len(paints) + 1):
        if i < len(paints) and paints[i] == paints[start]:
            continue
        look = 'fill-opacity=".09"' if paints[start] is None else f'fill="{paints[start]}"'
        # A little too wide, so that no gap shows where two cells meet.
        across = edges[i] - edges[start] + (0.6 if i < len(paints) else 0)
        body.append(
            f'<rect x="{edges[start]:.2f}" y="{y:.1f}" width="{max(0.0, across):.2f}" '
            f'height="{height:.1f}" {look}/>'
        )
        start = i
    return body


def _front(panel: Heat, x: Axis, lower: float, cell: float) -> str:
    """A line through the moments from which on the rows are learned."""
    points = [
        f"{x(at):.1f} {lower - cell * j:.1f}"
        for i, at in enumerate(panel.crossings)
        if at is not None
        for j in (i, i + 1)
    ]
    if not points:
        return ""
    path = f'd="M{"L".join(points)}" fill="none" stroke-linejoin="round"'
    return (
        f'<path {path} stroke="#fff" stroke-width="4.5"/>'
        f'<path class="front" {path} stroke="#111" stroke-width="2"/>'
    )


def _colour_bar(panel: Heat, x: float, y: float, height: float) -> list[str]:
    n = 50
    step = height / n
    body = [
        f'<rect x="{x:.1f}" y="{y + i * step:.2f}" width="8" height="{step + 0.5:.2f}" '
        f'fill="{red_to_blue(1 - i / (n - 1))}"/>'
        for i in range(n)
    ]
    body.append(text(x + 12, y + 9, number(panel.high), extra=SOFT))
    body.append(text(x + 12, y + height, number(panel.low), extra=SOFT))
    return body
