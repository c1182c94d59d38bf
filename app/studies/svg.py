"""What scenes need beside the pieces of every chart: lines of words, and a matrix's colours."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from ..svg import FONT, GLYPH, text

Drawn = tuple[float, str]  # height in pixels, and SVG from (0, 0) down

ROW = FONT + 5.0  # pixels from one line of letters to the next
DECADES = 1e-16  # of the highest value, where a log axis ends

# Okabe & Ito (2008), visible on white and on black.
PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4bd6", "#a3764b",
)  # fmt: skip

# RdBu of ColorBrewer, from red over white to blue.
_RDBU = (
    (103, 0, 31), (178, 24, 43), (214, 96, 77), (244, 165, 130), (253, 219, 199), (247, 247, 247),
    (209, 229, 240), (146, 197, 222), (67, 147, 195), (33, 102, 172), (5, 48, 97),
)  # fmt: skip


def wide(words: str) -> float:
    """About how many pixels a text takes."""
    return GLYPH * len(words)


def wrapped(words: str, width: float) -> list[str]:
    """A text in lines no wider than this, as far as its words allow."""
    lines: list[str] = []
    for word in words.split():
        if lines and wide(lines[-1]) + GLYPH + wide(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def red_to_blue(share: float) -> str:
    """The colour `#rrggbb` from red at 0 to blue at 1, in 50 steps."""
    place = round(50 * min(1.0, max(0.0, share))) / 50 * (len(_RDBU) - 1)
    i = min(int(place), len(_RDBU) - 2)
    mixed = (p + (place - i) * (q - p) for p, q in zip(_RDBU[i], _RDBU[i + 1], strict=True))
    return "#" + "".join(f"{round(v):02x}" for v in mixed)


def span(values: Iterable[float], scale: Literal["linear", "log"]) -> tuple[float, float]:
    """The least and the greatest of the values that can be drawn, not equal."""
    drawn = [v for v in values if math.isfinite(v) and (v > 0 or scale == "linear")]
    low, high = (min(drawn), max(drawn)) if drawn else (1.0, 10.0)
    if scale == "log":
        low = max(low, high * DECADES)
        return (low, high) if high > low * (1 + 1e-9) else (low / 2, low * 2)
    room = max(abs(low), abs(high), 1e-300) * 1e-9
    return (low, high) if high - low > room else (low - 0.5, high + 0.5)


def side_by_side(widths: Sequence[float], width: float, gap: float) -> list[tuple[float, int]]:
    """Where things of these widths go, (x, row) each, in rows no wider than `width`."""
    places: list[tuple[float, int]] = []
    x, row = 0.0, 0
    for w in widths:
        if x > 0 and x + w > width:
            x, row = 0.0, row + 1
        places.append((x, row))
        x += w + gap
    return places


def title(words: str, width: float) -> Drawn:
    """A panel's title, over as many lines as it needs."""
    lines = wrapped(words, width)
    body = [text(0, 13 + ROW * i, line, extra='font-weight="600"') for i, line in enumerate(lines)]
    return 6 + ROW * len(lines), "".join(body)
