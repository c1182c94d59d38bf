"""What a shape's run leaves: how near it came, what was found of it, and the files to take away."""

from functools import partial
from typing import Any

import gradio as gr

from data import MESH_SUFFIXES

from . import shape_views
from .shape_run import ShapeRun
from .shape_server import ShapeServer
from .shell import PRIVATE, Update, plainly


class ShapeResults:
    """Components, and what they do by themselves.

    Attributes:
        flip: the button that begins the run again, inside out.
    """

    def __init__(self, server: ShapeServer, run: gr.BrowserState) -> None:
        self.server, self.run = server, run
        with gr.Column(visible=False, elem_classes="ff-panel", elem_id="shape-results") as self.box:
            self.about = gr.HTML(elem_id="shape-found")
            self.flip = gr.Button(
                "Inside out? Flip", size="sm", elem_id="shape-flip", elem_classes="ff-narrow-button"
            )
            self.table = gr.HTML(elem_id="shape-metrics")
            gr.HTML("<h3>Take away</h3>", elem_classes="ff-title")
            self.picker = gr.Radio([], show_label=False, elem_id="shape-picker")
            with gr.Row(elem_classes="ff-tools"):
                self.meshes = [
                    gr.Button(suffix[1:].upper(), size="sm", elem_id=f"shape-{suffix[1:]}")
                    for suffix in MESH_SUFFIXES
                ]
                self.field = gr.Button("Field", size="sm", elem_id="shape-field")
                self.report = gr.Button("Report", size="sm", elem_id="shape-report")
            self.file = gr.DownloadButton(visible="hidden", elem_id="shape-file")
        self.seen: list[Any] = [self.box, self.about, self.flip, self.table, self.picker]
        self._wire()

    def _wire(self) -> None:
        for button, suffix in zip(self.meshes, MESH_SUFFIXES, strict=True):
            self._give(button, partial(self._mesh, suffix))
        self._give(self.field, self._field)
        self._give(self.report, self._report)

    def _give(self, button: gr.Button, make: Any) -> None:
        """The button makes a file, and the browser then fetches it."""
        button.click(plainly(make), [self.run, self.picker], self.file, **PRIVATE).success(
            None, None, None, js=_DOWNLOAD, **PRIVATE
        )

    def show(self, id: str | None) -> Update:
        """The results of a run that is over; nothing of one that is not."""
        run = self.server.find(id)
        if run is None or not run.has_results:
            return {self.box: gr.update(visible=False)}
        return {
            self.box: gr.update(visible=True),
            self.about: shape_views.about(run),
            self.flip: gr.update(visible=run.cloud),
            self.table: shape_views.metrics(run),
            self.picker: gr.update(
                choices=run.methods, value=run.best, visible=len(run.methods) > 1
            ),
        }

    def _mesh(self, suffix: str, id: str | None, method: str) -> str:
        return str(self.server.mesh_file(self._found(id, method), method, suffix))

    def _field(self, id: str | None, method: str) -> str:
        return str(self.server.field_file(self._found(id, method), method))

    def _report(self, id: str | None, method: str) -> str:
        return str(self.server.report_file(self._found(id, method)))

    def _found(self, id: str | None, method: str) -> ShapeRun:
        run = self.server.find(id)
        if run is None or not run.has_results or method not in run.methods:
            raise ValueError("The server no longer has this run.")
        return run


_DOWNLOAD = "() => { document.querySelector('#shape-file').click(); }"
