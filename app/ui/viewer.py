"""A component that shows points and meshes, to be turned with the mouse; it fetches nothing from
elsewhere.

gradio's own viewer draws points as single pixels, forgets the camera with each new value, and takes
megabytes of script.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import gradio as gr

SCRIPT = Path(__file__).with_name("viewer.js")
FETCHED = "gradio_api/file="  # before the path of a file in the private directory


@dataclass(frozen=True)
class View:
    """One shape, and what is written below it.

    Attributes:
        name: what it is known by: a view of the same name keeps its place.
        scene: file with what `Scene.encode` made; None if there is nothing to see.
        zoom: at which it fills the view, as `Camera.framing` finds it.
        paint: colour of its dot.
        still: data URI of a picture, for while there is no scene and for browsers without WebGL.
        nothing: what is said where there is neither.
        share: of the fit that is done; None if it is not fitted.
        step: of it.
    """

    name: str
    title: str
    detail: str
    scene: Path | None
    zoom: float
    paint: str = "currentColor"
    still: str = ""
    nothing: str = "No surface yet"
    share: float | None = None
    step: int = 0


def viewer(elem_id: str) -> gr.HTML:
    """The component; its value is what `shown` makes."""
    return gr.HTML(
        shown([]),
        html_template=_TEMPLATE,
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def shown(views: Sequence[View], at: float | None = None) -> str:
    """The viewer's value.

    Args:
        at: the time in seconds that is looked back to; None for the latest.
    """
    listed = []
    for view in views:
        entry = asdict(view)
        scene = entry.pop("scene")
        listed.append(entry | {"src": "" if scene is None else f"{FETCHED}{scene.as_posix()}"})
    return json.dumps({"views": listed, "at": at})


_TEMPLATE = """
<div class="ff-viewer">
  <div class="ff-tiles" data-part="views"></div>
  <div class="ff-turns">
    <span>Drag to turn; click, then scroll to come nearer.</span>
    <button type="button" data-part="up" title="Which axis points up: y or z">Tip over</button>
    <button type="button" data-part="begin" title="As it was at first">Begin again</button>
  </div>
</div>
"""
