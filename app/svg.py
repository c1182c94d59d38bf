"""The pieces that every chart is drawn of: axes with their ticks, letters and strokes.

Lines and letters take the page's text colour (`currentColor`).
"""

import math
from dataclasses import dataclass
from html import escape

from .figures import number, raised

FONT = 12  # pixels, of a chart that is shown at its own width
GLYPH = 6.4  # width of a letter at that size, on average

SOFT = 'fill-opacity=".66"'
GRID = 'stroke-opacity=".13"'
FRAME = 'stroke-opacity=".45"'
DASHED = 'stroke-opacity=".5" stroke-dasharray="3 3"'


@dataclass(frozen=True)
class Axis:
    """A map from values in [low, high] to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        return self.start + self.share(value) * (self.end - self.start)

    def share(self, value: float) -> float:
        """Of the way from low to high, 0 to 1; values beyond are taken to the nearer end."""
        value = min(self.high, max(self.low, value))
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, spacing: float) -> list[float]:
        """Round values about `spacing` pixels apart, at least."""
        most = max(2.0, abs(self.end - self.start) / spacing)
        if self.log:
            return _log_ticks(self.low, self.high, most)
        return _linear_ticks(self.low, self.high, most)


def _linear_ticks(low: float, high: float, most: float) -> list[float]:
    rough = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: float) -> list[float]:
    a, b = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [f * 10.0**p for p in range(a, b + 1) for f in factors]
        found = [v for v in found if low * 0.999 <= v <= high * 1.001]
        if len(found) <= most:
            return found if len(found) > 1 else _linear_ticks(low, high, most)
    skip = math.ceil((b - a) / most)
    return [10.0**p for p in range(a, b + 1) if p % skip == 0 and low <= 10.0**p <= high]


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


def stroke(x0: float, y0: float, x1: float, y1: float, extra: str = "") -> str:
    return f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" stroke="currentColor" {extra}/>'


def y_grid(y: Axis, x: Axis) -> list[str]:
    """Lines across the chart with their values on the left."""
    body = []
    many = y.log and y.high > 1e4 * y.low
    for tick in y.ticks(30):
        body.append(stroke(x.start, y(tick), x.end, y(tick), GRID))
        words = "10" + raised(round(math.log10(tick))) if many else number(tick)
        body.append(text(x.start - 8, y(tick) + 4, words, "end", SOFT))
    return body


def x_ticks(x: Axis, y: float, label: str) -> list[str]:
    """An axis at this height, with its values and its name below; it takes 42 pixels."""
    body = [stroke(x.start, y, x.end, y, FRAME)]
    many = x.log and x.high > 1e4 * x.low
    for tick in x.ticks(52):
        body.append(stroke(x(tick), y, x(tick), y + 4, FRAME))
        words = "10" + raised(round(math.log10(tick))) if many else number(tick)
        body.append(text(x(tick), y + 18, words, "middle", SOFT))
    body.append(text((x.start + x.end) / 2, y + 37, label, "middle", SOFT))
    return body
