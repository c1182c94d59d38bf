"""A component to draw a signal by hand, with the mouse or a finger."""

from pathlib import Path

import gradio as gr

from .learn_signals import DRAWN, LEVELS

SCRIPT = Path(__file__).with_name("learn_draw.js")


def draw_pad(elem_id: str) -> gr.HTML:
    """The component; its value is the line as `drawing` reads it, "" before there is one."""
    return gr.HTML(
        "",
        html_template=(
            f'<div class="ff-pad" data-points="{DRAWN}" data-levels="{LEVELS}">'
            '<canvas width="384" height="160" tabindex="0" role="img" '
            'aria-label="Draw a signal here, from left to right"></canvas>'
            '<span data-part="hint">Draw a line here, from left to right</span>'
            '<button type="button" data-part="clear">Clear</button></div>'
        ),
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )
