"""A component to paint a mask: the picture and one canvas, so that a stroke costs next to nothing.

gradio's own editor sends the picture, the layer, and both together to the server with every frame
that the page shows during a fit; this one sends the mask alone, with the events that ask for it.
"""

from pathlib import Path

import gradio as gr

from .painter_value import PAINT

SCRIPT = Path(__file__).with_name("painter.js")
ICONS = {  # strokes on a field of 16 by 16
    "undo": "M6 3 2.5 6.5 6 10M3 6.5h6.5a4 4 0 0 1 0 8H7",
    "redo": "M10 3l3.5 3.5L10 10M13 6.5H6.5a4 4 0 0 0 0 8H9",
    "large": "M9.5 2H14v4.5M14 2 9.5 6.5M6.5 14H2V9.5M2 14l4.5-4.5",
}


def painter(elem_id: str) -> gr.HTML:
    """The component; its value is the mask as `encode` writes it, its picture a data URI."""
    return gr.HTML(
        "",
        html_template=_template(),
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        picture="",
    )


def _template() -> str:
    tools = "".join(
        f'<button type="button" data-part="{part}" title="{title}" aria-label="{title}">'
        f'<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" '
        f'stroke="currentColor" stroke-width="1.5" stroke-linecap="round" '
        f'stroke-linejoin="round"><path d="{ICONS[part]}"/></svg></button>'
        for part, title in (
            ("undo", "Undo (Ctrl-Z)"),
            ("redo", "Redo (Ctrl-Shift-Z)"),
            ("large", "Fill the screen"),
        )
    )
    return (
        '<div class="ff-painter" data-part="all">'
        f'<div class="ff-sheet" data-part="sheet" data-paint="{PAINT}" tabindex="0" role="img" '
        'aria-label="Your picture: paint over what should be filled">'
        '<img data-part="under" alt=""><canvas data-part="canvas"></canvas>'
        '<i data-part="ring"></i></div>'
        '<div class="ff-brushes" role="toolbar" aria-label="Brush">'
        '<button type="button" data-part="paint">Paint</button>'
        '<button type="button" data-part="erase">Erase</button>'
        '<label>Size <input type="range" data-part="size" min="2" max="120" value="28" '
        'title="Size of the brush; the keys [ and ] change it too"></label>'
        f"{tools}</div></div>"
    )
