"""Draws a panel of a scene: pictures and words here, lines and matrices in files of their own."""

from ..svg import SOFT, stroke, text
from .draw_heat import draw_heat
from .draw_lines import draw_lines
from .scene import Heat, Lines, Panel, Pictures, Text
from .svg import ROW, Drawn, title, wide, wrapped

PICTURE = 640  # pixels along the longest side, at most
CRISP = 128  # pixels; smaller pictures are shown pixel by pixel


def drawn(panel: Panel, width: float) -> Drawn:
    """A panel of any kind."""
    match panel:
        case Lines():
            return draw_lines(panel, width)
        case Heat():
            return draw_heat(panel, width)
        case Pictures():
            return _pictures(panel, width)
        case Text():
            return _rows(panel, width)


def _pictures(panel: Pictures, width: float) -> Drawn:
    from ..album import data_uri

    top, head = title(panel.title, width)
    body, gap = [head], 10.0
    across = max(1, min(len(panel.pictures), int(width // 150)))
    side = (width - gap * (across - 1)) / across
    bottom = top + 4
    for start in range(0, len(panel.pictures), across):
        upper = bottom
        for i, (frame, caption) in enumerate(panel.pictures[start : start + across]):
            tall, x = side * frame.shape[0] / frame.shape[1], i * (side + gap)
            look = 'style="image-rendering:pixelated"' if max(frame.shape[:2]) <= CRISP else ""
            body.append(
                f'<image x="{x:.1f}" y="{upper:.1f}" width="{side:.1f}" height="{tall:.1f}" '
                f'href="{data_uri(frame, PICTURE)}" {look}/>'
            )
            lines = wrapped(caption, side)
            body += [text(x, upper + tall + 15 + ROW * j, w) for j, w in enumerate(lines)]
            bottom = max(bottom, upper + tall + ROW * len(lines) + 12)
    return bottom, "".join(body)


def _rows(panel: Text, width: float) -> Drawn:
    y, head = title(panel.title, width)
    body = [head]
    for name, value in panel.rows:
        y += ROW + 3
        body.append(stroke(0, y - 15, width, y - 15, 'stroke-opacity=".13"'))
        if wide(name) + wide(value) + 16 <= width:
            body.append(text(0, y, name, extra=SOFT))
            body.append(text(width, y, value, "end"))
            continue
        for line, look in [*((n, SOFT) for n in wrapped(name, width)),
                           *((v, "") for v in wrapped(value, width))]:  # fmt: skip
            body.append(text(0, y, line, extra=look))
            y += ROW
        y -= ROW
    return y + 10, "".join(body)
