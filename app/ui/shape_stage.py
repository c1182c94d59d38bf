"""Where the run of a shape is seen: shaded pictures while it is fitted, then meshes to turn."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ..charts import colour
from . import shape_views, views
from .previews import data_uri
from .run import Moment
from .shape_run import ShapeRun
from .shell import Update
from .stage import PLACES, Stage
from .viewer import View, shown, viewer


class ShapeStage(Stage[ShapeRun]):
    """The methods' shapes, beside what was given."""

    kind = ShapeRun
    empty = shape_views.EMPTY

    def build_view(self) -> list[Any]:
        with gr.Column(visible=False, elem_classes="ff-plain") as self.turned:
            self.viewer = viewer(f"{self._prefix}viewer")
        return [self.turned, self.viewer]

    @property
    def scrubbed(self) -> list[Any]:
        return [self.viewer]

    def show(self, run: ShapeRun) -> Update:
        return {
            self.tiles: gr.update(visible=False),
            self.turned: gr.update(visible=True),
            self.viewer: beside(run, run.now),
        }

    def show_past(self, run: ShapeRun, place: int) -> Update:
        moments, at = views.past(run, place, PLACES)
        return {self.viewer: beside(run, moments, at)}

    def target(self, run: ShapeRun) -> str:
        """It is seen beside them."""
        return ""


def beside(run: ShapeRun, moments: Sequence[Moment], at: float | None = None) -> str:
    """The viewer's value: what was given, and beside it the methods' shapes.

    Args:
        at: the time in seconds that is looked back to; None for the latest.
    """
    first = views.leader(moments)
    given = View(
        "given",
        "your points" if run.cloud else "your mesh",
        run.name,
        run.given,
        run.zoom,
        still=data_uri(run.before),
    )
    fitting = not run.over
    each = (_view(m, run.zoom, leads=m is first, fitting=fitting) for m in moments)
    return shown([given, *each], at)


def _view(moment: Moment, zoom: float, *, leads: bool, fitting: bool) -> View:
    still = "" if moment.frame is None else moment.frame.uri
    return View(
        moment.method,
        views.caption(moment) + (" · best" if leads else ""),
        views.detail(moment),
        moment.scene,
        zoom,
        colour(moment.method),
        still if fitting or moment.scene else "",
        "" if fitting else "No surface yet",
        moment.share,
        moment.step,
    )
