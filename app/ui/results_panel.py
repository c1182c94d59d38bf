"""What a run leaves: before and after, and the files to take away."""

from typing import Any

import gradio as gr

from . import views
from .picture_run import PictureRun
from .previews import SHOWN_SIDE
from .server import Server
from .shell import LATEST, Update, plainly


class ResultsPanel:
    """Components, and what they do by themselves."""

    def __init__(self, server: Server, run: gr.BrowserState) -> None:
        self.server, self.run = server, run
        with gr.Column(visible=False, elem_classes="ff-panel", elem_id="results") as self.box:
            self.picker = gr.Radio(
                [], label="Before and after", info="Drag the line across the picture.",
                elem_id="picker",
            )  # fmt: skip
            self.about = gr.HTML(elem_id="about", visible=False)
            self.slider = gr.ImageSlider(
                interactive=False, show_label=False, format="jpeg", buttons=["fullscreen"],
                elem_id="slider",
            )  # fmt: skip
            with gr.Row(elem_classes="ff-tools"):
                self.picture = gr.DownloadButton("Download picture", size="sm", elem_id="picture")
                self.field = gr.DownloadButton("Download field", size="sm", elem_id="field")
                self.report = gr.DownloadButton("Download report", size="sm", elem_id="report")
        self.files: list[Any] = [self.about, self.slider, self.picture, self.field, self.report]
        self.picker.input(plainly(self._pick), [run, self.picker], self.files, **LATEST)

    @property
    def seen(self) -> list[Any]:
        return [self.box, self.picker, *self.files]

    def show(self, id: str | None) -> Update:
        """The results of a run that is over; nothing of one that is not."""
        run = self.server.runs.find(id, PictureRun)
        if run is None or not run.has_results:
            return {self.box: gr.update(visible=False)}
        best = run.best
        return {
            self.box: gr.update(visible=True),
            self.picker: gr.update(
                choices=run.methods, value=best, info=views.sides(run, SHOWN_SIDE)
            ),
            **self._pick(id, best),
        }

    def _pick(self, id: str | None, method: str | None) -> Update:
        run = self.server.runs.find(id, PictureRun)
        if run is None or not run.has_results or method not in run.methods:
            return {self.slider: gr.skip()}
        taken = self.server.taken(run, method)
        about = views.about(run, method)
        return {
            self.about: gr.update(value=about, visible=bool(about)),
            self.slider: (str(taken.before), str(taken.after)),
            self.picture: str(taken.picture),
            self.field: str(taken.field),
            self.report: str(taken.report),
        }
