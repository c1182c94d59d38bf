"""Scenes as SVG and HTML: the panels side by side where there is room, else below each other."""

from collections.abc import Sequence
from html import escape

from ..svg import FONT, SOFT, text
from .panels import drawn
from .scene import Panel, Scene
from .svg import ROW, Drawn, wrapped

ROOMY, TIGHT = 1080, 350  # pixels: the width of a scene on a wide page, and on a phone
GAP = 36.0  # pixels between panels
NARROWEST = 310.0  # pixels of a panel beside another

_STYLE = (
    "svg{color:#1c1d22;background:#fcfcfa;font-family:Inter,system-ui,-apple-system,'Segoe UI',"
    "Roboto,'Helvetica Neue',Arial,sans-serif}"
    "@media(prefers-color-scheme:dark){svg{color:#e6e5e1;background:#131418}}"
)


def scene_svg(scene: Scene, width: float = 720) -> str:
    """One SVG without the caption, in the text colour of the page that it is put in."""
    height, body = _laid_out(scene.panels, width)
    return _svg(width, height, 0, scene.caption, body)


def scene_html(scene: Scene) -> str:
    """A figure with its caption, for wide pages and, drawn again, for phones.

    The page's style shows `.roomy` or `.tight`.
    """
    return (
        f'<figure class="scene"><div class="roomy">{scene_svg(scene, ROOMY)}</div>'
        f'<div class="tight">{scene_svg(scene, TIGHT)}</div>'
        f"<figcaption>{escape(scene.caption)}</figcaption></figure>"
    )


def scene_file(scene: Scene, width: float = 960) -> str:
    """A whole SVG file with the caption and its own colours, light or dark as the viewer is."""
    height, body = _laid_out(scene.panels, width)
    lines = wrapped(scene.caption, width)
    caption = "".join(
        text(0, height + 22 + ROW * i, line, extra=SOFT) for i, line in enumerate(lines)
    )
    style = f"<style>{_STYLE}</style>"
    return _svg(width, height + 16 + ROW * len(lines), 20, scene.caption, style + body + caption)


def _svg(width: float, height: float, margin: float, label: str, body: str) -> str:
    whole_width, whole_height = width + 2 * margin, height + 2 * margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" '
        f'viewBox="{-margin:g} {-margin:g} {whole_width:g} {whole_height:g}" '
        f'width="{whole_width:g}" height="{whole_height:g}" role="img" '
        f'aria-label="{escape(label)}" font-size="{FONT}" fill="currentColor" '
        f'style="max-width:100%;height:auto;overflow:visible">{body}</svg>'
    )


def _laid_out(panels: Sequence[Panel], width: float) -> Drawn:
    """Rows of panels, as many in a row as there is room for; the last row fills the width."""
    most = max(1, int((width + GAP) // (NARROWEST + GAP)))
    rows = -(-len(panels) // most)
    body, y, start = [], 0.0, 0
    for row in range(rows):
        count = -(-(len(panels) - start) // (rows - row))
        each = (width - GAP * (count - 1)) / count
        made = [drawn(panel, each) for panel in panels[start : start + count]]
        for i, (_, svg) in enumerate(made):
            body.append(f'<g transform="translate({i * (each + GAP):.1f} {y:.1f})">{svg}</g>')
        y += max(height for height, _ in made) + 20
        start += count
    return max(1.0, y - 20), "".join(body)
