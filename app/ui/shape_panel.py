"""Where a shape comes in, is seen, and is told what it is."""

from typing import Any

import gradio as gr

from data import SHAPE_SAMPLES

from . import shape_views, views
from .shape_original import ShapeOriginal
from .shape_server import SHAPE_KINDS, ShapeServer
from .shell import PRIVATE, Update, plainly
from .viewer import View, shown, viewer


class ShapePanel:
    """Components, and what they do by themselves.

    Args:
        original: the id of the shape, which survives a reload.

    Attributes:
        is_mesh: whether it has faces.
    """

    def __init__(self, server: ShapeServer, original: gr.BrowserState) -> None:
        self.server, self.original = server, original
        self.is_mesh = gr.State(False)
        with gr.Column(elem_classes="ff-panel"):
            with gr.Column(elem_classes="ff-bring") as self.bring:
                self.upload = gr.File(
                    label="Shape",
                    show_label=False,
                    file_types=list(SHAPE_KINDS),
                    height=150,
                    elem_id="shape-upload",
                    elem_classes="ff-upload",
                )
                self.samples = gr.HTML(
                    views.sample_buttons(_thumbnails(server)), js_on_load=views.pick("sample"),
                    elem_id="shape-samples",
                )  # fmt: skip
            with gr.Column(visible=False, elem_classes="ff-plain") as self.seen:
                self.viewer = viewer("shape-given")
                self.about = gr.HTML(elem_id="shape-about")
            self.change = gr.Button("Another shape", size="sm", visible=False)
        self.shown: list[Any] = [
            self.original, self.is_mesh, self.upload, self.bring, self.seen, self.viewer,
            self.about, self.change,
        ]  # fmt: skip
        self._wire()

    def _wire(self) -> None:
        taken = plainly(lambda path: self.show(self.server.take(path)))
        self.upload.upload(taken, self.upload, self.shown, **PRIVATE).failure(
            lambda: None, None, self.upload, **PRIVATE
        )  # so that another can be dropped
        self.samples.click(plainly(self._take_sample), None, self.shown, **PRIVATE)
        self.change.click(self._ask_again, None, self.shown, **PRIVATE)

    def _take_sample(self, event: gr.EventData) -> Update:
        return self.show(self.server.take_sample(str(event.sample)))

    def show(self, original: ShapeOriginal) -> Update:
        """A shape has come."""
        view = View("input", original.name, "", original.shown, original.zoom)
        return {
            self.original: original.id,
            self.is_mesh: original.shape.is_mesh,
            self.upload: None,
            self.bring: gr.update(visible=False),
            self.seen: gr.update(visible=True),
            self.viewer: shown([view]),
            self.about: shape_views.described(original.shape),
            self.change: gr.update(visible=True),
        }

    def _ask_again(self) -> Update:
        hidden = gr.update(visible=False)
        return {
            self.original: None,
            self.is_mesh: False,
            self.bring: gr.update(visible=True),
            self.seen: hidden,
            self.change: hidden,
        }


def _thumbnails(server: ShapeServer) -> list[tuple[str, str, bytes]]:
    """The samples that can be made here."""
    found = []
    for sample in SHAPE_SAMPLES.values():
        try:
            found.append((sample.name, sample.title, server.thumbnail(sample.name)))
        except ImportError:  # of what makes it
            continue
    return found
