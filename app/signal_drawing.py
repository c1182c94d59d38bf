"""Signals as drawings: what a fit had made of one, over the samples that it should go through."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from fields import Snapshot
from fields.record_signal import FRAME, Sight, SignalSnapshot

from .album import Drawing, embedded
from .charts import Axis, colour
from .signal_preparing import Units
from .svg import x_ticks, y_grid
from .trace import Trace

HEIGHT, WIDTH = FRAME  # pixels, as the frames have them: reports show both in the same place
FEW = 150  # samples that are drawn one by one
DIGITS = 1  # of a pixel

# Letters too small to be read are left out where the drawing is a thumbnail.
_STYLE = (
    "svg{color:#1c1d22;background:#fcfcfa;font:12px Inter,system-ui,-apple-system,'Segoe UI',"
    "Roboto,'Helvetica Neue',Arial,sans-serif}.fit{stroke-width:2}"
    "@media(prefers-color-scheme:dark){svg{color:#e6e5e1;background:#131418}}"
    "@media(max-width:260px){text{display:none}.fit{stroke-width:4}}"
)


@dataclass
class SignalDrawing(Drawing):
    """Draws the first channel of a signal, x in the person's units.

    Attributes:
        x_label: of the axis.
    """

    sight: Sight
    units: Units
    x_label: str = "x"

    def target(self, side: int) -> str:
        return embedded("svg+xml", self.svg(None, "").encode())

    def look(self, trace: Trace, snapshot: Snapshot, side: int) -> str:
        assert isinstance(snapshot, SignalSnapshot)
        return embedded("svg+xml", self.svg(snapshot.values, colour(trace.method)).encode())

    def svg(self, values: Tensor | None, paint: str) -> str:
        """A file with the samples and over them, in a colour, the values at the sight's x [m]."""
        x, y = self._axes
        body = [*y_grid(y, x), *x_ticks(x, y.start, self.x_label), self._samples]
        if values is not None:
            path = _path(zip(self._places, values.tolist(), strict=True), y)
            body.append(f'<path class="fit" d="{path}" stroke="{paint}" fill="none"/>')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" fill="currentColor"><style>{_STYLE}</style>'
            f"{''.join(body)}</svg>\n"
        )

    @cached_property
    def _axes(self) -> tuple[Axis, Axis]:
        places = self.units.out_of(self.sight.x[:, 0])
        low, high = self.sight.shown
        return (
            Axis(float(places[0]), float(places[-1]), 46, WIDTH - 12),
            Axis(low, high, HEIGHT - 42, 8),
        )

    @cached_property
    def _places(self) -> list[float]:
        """The sight's x in pixels."""
        x, _ = self._axes
        return [x(u) for u in self.units.out_of(self.sight.x[:, 0]).tolist()]

    @cached_property
    def _samples(self) -> str:
        x, y = self._axes
        known = self.units.out_of(self.sight.known_x).tolist()
        points = list(zip((x(u) for u in known), self.sight.known.tolist(), strict=True))
        if len(points) > FEW:
            return (
                f'<path d="{_path(points, y)}" stroke="currentColor" stroke-opacity=".4" '
                'stroke-width="2.4" fill="none" stroke-linejoin="round"/>'
            )
        dots = "".join(f'<circle cx="{u:.1f}" cy="{y(v):.1f}" r="2.4"/>' for u, v in points)
        return f'<g fill-opacity=".5">{dots}</g>'


def _path(points: Iterable[tuple[float, float]], y: Axis) -> str:
    """A line through points whose x is in pixels; where a value is no number, it is broken."""
    parts, pen = [], "M"
    for u, v in points:
        if v != v:
            pen = "M"
            continue
        parts.append(f"{pen}{u:.{DIGITS}f} {y(v):.{DIGITS}f}")
        pen = "L"
    return "".join(parts)
