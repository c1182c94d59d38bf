"""The Shape tab: bring a scan or a mesh, watch methods learn it, turn it, take a mesh away."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from .shape_choices import ShapeChoices
from .shape_panel import ShapePanel
from .shape_results import ShapeResults
from .shape_server import ShapeServer
from .shape_stage import ShapeStage
from .shell import PRIVATE, Shell, Update, plainly, show_stage

ID = "shape"
TITLE = "Shape"


def build(shell: Shell) -> None:
    """The tab's contents; call it inside its `gr.Tab`."""
    ShapeTab(shell)


class ShapeTab:
    """Puts the panels together: which acts on which."""

    def __init__(self, shell: Shell) -> None:
        self.shell, self.look = shell, shell.looks[ID]
        self.server = ShapeServer(shell.server)
        with gr.Row(elem_classes="ff-columns"):
            with gr.Column(scale=5, min_width=320):
                self.shape = ShapePanel(self.server, self.look.original)
                with gr.Column(elem_classes="ff-panel"):
                    self.choices = ShapeChoices(shell.server.limits, self.shape.is_mesh)
                    self.fit = self.choices.build_fit()
            with gr.Column(scale=8, min_width=320, elem_classes="ff-work"):
                self.stage = ShapeStage(shell.server, self.look.run, "shape-")
                self.results = ShapeResults(self.server, self.look.run)
                self.stage.build_charts()
        self._wire()

    def _wire(self) -> None:
        run, shape = self.look.run, self.shape
        begun = self.fit.click(
            plainly(self._begin), [shape.original, *self.choices.all], run, **PRIVATE
        )
        flipped = self.results.flip.click(
            plainly(self._flip), run, [run, self.choices.flip], **PRIVATE
        )
        for event in (begun, flipped):
            event.success(None, None, None, js=show_stage("shape-tiles"), **PRIVATE)
        kept = [*shape.shown, *self.choices.all]
        loaded = self.shell.page.load(self._restore, [run, shape.original], kept, **PRIVATE)
        opened = self.look.opened.change(self._reopen, run, kept, **PRIVATE)
        for ready in (begun.success, flipped.success, loaded.then, opened.then):
            # As in the Image tab: any number of pages may watch, and turn to another run.
            ready(
                self._watch, run, [self.results.box, *self.stage.seen], concurrency_limit=None,
                trigger_mode="multiple", **PRIVATE,
            ).then(plainly(self.results.show), run, self.results.seen, **PRIVATE)  # fmt: skip
        self.shell.page.unload(self.stage.leave)

    def _watch(self, id: str | None, request: gr.Request) -> Iterator[Update]:
        yield {self.results.box: gr.update(visible=False)}
        yield from self.stage.watch(id, request)

    def _begin(self, id: str | None, *choices: Any) -> str:
        original = self.server.originals.get(id)
        return self.server.begin(original, self.choices.read(*choices)).id

    def _flip(self, id: str | None) -> Update:
        """The same run again, with outside and inside changed."""
        run = self.server.find(id)
        if run is None:
            raise ValueError("The server no longer has this run.")
        original = self.server.originals.get(run.original)
        settings = replace(run.settings, flip=not run.settings.flip)
        return {
            self.look.run: self.server.begin(original, settings).id,
            self.choices.flip: settings.flip,
        }

    def _restore(self, id: str | None, original: str | None) -> Update:
        """After a reload: the shape as it was, and the controls as the run was begun."""
        update: Update = {self.shape.original: gr.skip()}
        run, found = self.server.find(id), self.server.originals.find(original)
        if run is not None:
            update |= self.choices.show(run.settings)
        if found is not None:
            update |= self.shape.show(found)
        return update

    def _reopen(self, id: str | None) -> Update:
        """A run was opened from another tab."""
        run = self.server.find(id)
        return self._restore(id, run.original if run else None)
